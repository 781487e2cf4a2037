//! The clients of a story: probes that it sends, and their answers.

use std::time::Duration;

use histories::{Term, Value};

use super::look::leader_among;
use super::probes::{answer, ok_value};
use super::record::Read;
use super::scene::{Miss, Scene, Told};
use crate::effect::{Effect, NodeId, ProbeId, ProbeOp};
use crate::view::ProbeState;

/// A probe that is to be answered at once.
pub const PROMPT: Duration = Duration::from_secs(1);
/// No probe is waited for longer than this: whoever sent it has given it up long before.
const LONGEST_PROBE: Duration = Duration::from_secs(20);
/// How long an election may take: several rounds of it.
const ELECTION: Duration = Duration::from_secs(4);

/// A probe that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Its number.
    pub probe: ProbeId,
    /// Whom it asks.
    pub node: NodeId,
    /// For which key.
    pub key: Value,
    /// The fresh value that it writes; null of a read.
    pub value: Value,
}

impl Scene {
    fn send(&self, node: NodeId, key: Value, op: ProbeOp, value: Value, timeout: Duration) -> Sent {
        let mut board = self.board();
        let (probe, effect) = board.probes.send(node, &key, op, timeout.as_millis() as u64);
        board.outbox.push(effect);
        Sent {
            probe,
            node,
            key,
            value,
        }
    }

    /// A value that nobody has written.
    pub fn fresh_value(&self) -> Value {
        let mut board = self.board();
        board.last_value += 1;
        Value::Int(board.last_value)
    }

    /// Write a fresh value to `key` at `node`.
    pub fn write(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        let value = self.fresh_value();
        self.note_written(key);
        self.send(node, key.clone(), ProbeOp::Write(value.clone()), value, timeout)
    }

    /// Write a fresh value to `key` at `node`, and wait until it is acknowledged; anything else is a miss.
    pub async fn write_acknowledged(&self, node: NodeId, key: &Value, otherwise: &str) -> Told<Sent> {
        let sent = self.write(node, key, PROMPT);
        self.acknowledged(&sent, otherwise).await?;
        Ok(sent)
    }

    /// The same with another value where one is not acknowledged: who has just taken over may still lose its clients.
    pub async fn write_until_acknowledged(&self, node: NodeId, key: &Value, otherwise: &str) -> Told<Sent> {
        let began = self.now();
        loop {
            match self.write_acknowledged(node, key, otherwise).await {
                Err(_) if self.now().since(began) < PROMPT => {}
                told => return told,
            }
        }
    }

    /// As [`Scene::write`]; a follower hands it to its leader.
    pub fn write_forwarded(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        let value = self.fresh_value();
        self.note_written(key);
        let op = ProbeOp::WriteForwarded(value.clone());
        self.send(node, key.clone(), op, value, timeout)
    }

    /// Write a fresh value as a client that asks again where the outcome is unknown, by [`Scene::retry`].
    pub fn write_held(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        let value = self.fresh_value();
        self.note_written(key);
        let mut board = self.board();
        let op = ProbeOp::Write(value.clone());
        let mut probe = board.probes.probe(node, key, op, timeout.as_millis() as u64);
        probe.held = true;
        let id = probe.id;
        board.outbox.push(Effect::Probe(probe));
        Sent {
            probe: id,
            node,
            key: key.clone(),
            value,
        }
    }

    /// Ask another node for the same operation, in the same session.
    pub fn retry(&self, sent: &Sent, node: NodeId, timeout: Duration) -> Sent {
        let op = ProbeOp::Retry(sent.probe);
        self.send(node, sent.key.clone(), op, sent.value.clone(), timeout)
    }

    /// Write a value of so many letters to a key of its own at `node`: its entry is what counts, and nobody reads it.
    pub fn fill(&self, node: NodeId, letters: u64, timeout: Duration) -> Sent {
        let key = self.key_beside("filler");
        self.send(node, key, ProbeOp::Fill(letters), Value::Null, timeout)
    }

    fn note_written(&self, key: &Value) {
        let mut board = self.board();
        if !board.written.contains(key) {
            board.written.push(key.clone());
        }
    }

    /// Read `key` at `node`, as leader.
    pub fn read(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        self.send(node, key.clone(), ProbeOp::Read, Value::Null, timeout)
    }

    /// Read `key` at `node`; a follower asks its leader.
    pub fn read_forwarded(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        self.send(node, key.clone(), ProbeOp::ReadForwarded, Value::Null, timeout)
    }

    /// What came of a probe so far.
    pub fn state(&self, sent: &Sent) -> ProbeState {
        answer(&self.view(), sent.probe).clone()
    }

    /// Wait until nobody waits for the probe any more.
    pub async fn answer(&self, sent: &Sent) -> ProbeState {
        let began = self.now();
        loop {
            // A probe that was sent just now is not in the view yet.
            self.next_view().await;
            let state = self.state(sent);
            if state != ProbeState::Pending || self.now().since(began) > LONGEST_PROBE {
                return state;
            }
        }
    }

    /// Wait until the probe is acknowledged; anything else is a miss.
    pub async fn acknowledged(&self, sent: &Sent, otherwise: &str) -> Told<()> {
        match self.answer(sent).await {
            ProbeState::Ok { .. } => Ok(()),
            ProbeState::Fail { code } | ProbeState::Info { code } => {
                Err(Miss::with(otherwise, format!("{code} at {}", sent.node)))
            }
            ProbeState::Pending => Err(Miss::with(otherwise, format!("no answer of {}", sent.node))),
        }
    }

    /// Wait for the answers of all, and tell them for the record.
    pub async fn answers(&self, sent: &[Sent]) -> String {
        let mut answers = Vec::new();
        for sent in sent {
            answers.push(told(sent, &self.answer(sent).await));
        }
        answers.join(", ")
    }

    /// Wait for the answers of all, as evidence.
    pub async fn reads(&self, sent: &[Sent]) -> Vec<Read> {
        let began = self.now();
        loop {
            self.next_view().await;
            let is_over = |sent: &Sent| self.state(sent) != ProbeState::Pending;
            if sent.iter().all(is_over) || self.now().since(began) > LONGEST_PROBE {
                return sent.iter().map(|sent| self.read_so_far(sent)).collect();
            }
        }
    }

    /// What came of a read so far, as evidence.
    pub fn read_so_far(&self, sent: &Sent) -> Read {
        let (node, key) = (sent.node, sent.key.clone());
        let value = ok_value(&self.view(), sent.probe);
        Read { node, key, value }
    }

    /// Somebody of `among` is elected in a later term than `after`.
    pub async fn elected(&self, among: &[NodeId], after: Term, otherwise: &str) -> Told<(NodeId, Term)> {
        let limit = self.at_least(ELECTION, 3);
        self.until(limit, otherwise, |view| leader_among(view, among, after))
            .await
    }

    /// A leader that has just been elected commits an entry of its own term, so that it knows what is committed (Raft
    /// section 8), and is asked for these keys.
    pub async fn ask_new_leader(&self, leader: NodeId, keys: &[Value]) -> Told<String> {
        self.write_acknowledged(
            leader,
            &self.key_beside("z"),
            "the new leader acknowledged nothing",
        )
        .await?;
        let reads: Vec<Sent> = keys.iter().map(|key| self.read(leader, key, PROMPT)).collect();
        Ok(self.answers(&reads).await)
    }
}

/// What a probe came to, for the record: `n3 answered 12`.
fn told(sent: &Sent, state: &ProbeState) -> String {
    let Sent { node, key, .. } = sent;
    match state {
        ProbeState::Pending => format!("{node} did not answer"),
        ProbeState::Ok { value, .. } => format!("{node} answered {key} = {value}"),
        ProbeState::Fail { code } => format!("{node} refused ({code})"),
        ProbeState::Info { code } => format!("{node} gave no answer ({code})"),
    }
}
