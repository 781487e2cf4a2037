//! The network of nodes that speak in lines (Maelstrom's doc/protocol.md): each prints messages on its standard output, JSON
//! with `src`, `dest` and `body`, and gets those for it on its standard input. The harness carries each by itself.
//!
//! ```text
//!   n1's output ──▶ a thread reads ──▶ gate of n1→n2 ──▶ mailbox of n2 ──▶ a thread writes ──▶ n2's input
//!                                  └─▶ to nobody of the nodes: whoever listens outside
//! ```
//!
//! A message is delivered when its node's writing thread takes it, under the lock of its link's gate. What a node that does
//! not read has in its pipe by then is as good as read: it came before whatever cut follows.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::clock::{Clock, micros};
use super::command::{NodeCommand, append_to};
use super::exit::{self, Breach, Unexpected};
use super::gate::Gate;
use super::latency::Latency;
use super::life::Doing;
use super::links::Links;
use super::logs::Lengths;
use super::mailbox::{Letter, Mailbox, Passage};
use crate::effect::{ClientRule, FrameKind, Link, LinkRule, NodeId, Outcome};
use crate::evidence::{Count, Traffic, installed, skipped};
use crate::fault::Need;
use crate::faults::{ClientRuleEnded, ClientRulesSet, RulesSet};

/// A message is a line no longer than this many bytes.
const LONGEST: u64 = 1 << 24;
/// A node whose output has ended is given so long to end as well.
const LAST_BREATH: Duration = Duration::from_secs(1);
/// As many characters of a line as an error shows.
const SHOWN: usize = 200;

/// What a node has printed.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// Whom it says that it comes from.
    pub src: String,
    /// Whom it is for.
    pub dest: String,
    /// What it says.
    pub body: serde_json::Map<String, serde_json::Value>,
}

/// Gets a node's messages that are for none of the nodes; an error is what the node did wrong by it.
pub type Outside = Box<dyn Fn(&Messages, NodeId, Message) -> Result<(), String> + Send + Sync>;

/// See the module. A clone is another handle of the same.
#[derive(Clone)]
pub struct Messages {
    owned: Arc<Owned>,
}

struct Owned {
    peers: BTreeMap<Link, Arc<Gate>>,
    parties: Vec<Party>,
    outside: OnceLock<Outside>,
    latency: OnceLock<Latency>,
    /// Which messages are lost, repeated and late.
    lots: Mutex<ChaCha8Rng>,
    unexpected: mpsc::UnboundedSender<Unexpected>,
}

/// What there is of one node.
struct Party {
    mailbox: Mailbox,
    clients: Gate,
    traces: Mutex<Traces>,
}

/// What is known of a node's present incarnation.
#[derive(Default)]
struct Traces {
    /// Where it writes its standard error, and how long that was before.
    stderr: Option<(PathBuf, u64)>,
    /// What it did that it may not.
    breach: Option<Breach>,
    /// How many answers of services it was sent.
    served: u64,
    /// When the last message of each peer is due, and how often the link had been cut by then: a link keeps its order.
    due: HashMap<NodeId, (u64, Instant)>,
}

/// What becomes of a message.
struct Fate {
    lost: bool,
    again: bool,
    later: Later,
}

/// How much later a message is due.
enum Later {
    /// And not before those that were sent before it.
    InOrder(Duration),
    /// Whatever comes before it then.
    AnyOrder(Duration),
}

impl Party {
    fn lock(&self) -> MutexGuard<'_, Traces> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Messages {
    /// For so many nodes. What breaks the protocol is told to `unexpected`.
    pub(super) fn new(nodes: usize, clock: Clock, unexpected: mpsc::UnboundedSender<Unexpected>) -> Self {
        let party = |_| Party {
            mailbox: Mailbox::new(),
            clients: Gate::new(clock),
            traces: Mutex::default(),
        };
        Messages {
            owned: Arc::new(Owned {
                peers: Link::all(nodes)
                    .map(|link| (link, Arc::new(Gate::new(clock))))
                    .collect(),
                parties: (0..nodes).map(party).collect(),
                outside: OnceLock::new(),
                latency: OnceLock::new(),
                // Which messages meet these lots is for the nodes to decide, so a seed would repeat nothing.
                lots: Mutex::new(ChaCha8Rng::seed_from_u64(0)),
                unexpected,
            }),
        }
    }

    /// Who gets what is for none of the nodes. Whoever is named first stays.
    pub fn listen(&self, outside: Outside) {
        let _ = self.owned.outside.set(outside);
    }

    /// What a message between nodes, or between a node and a service, takes. Whatever is said first stays.
    pub fn take(&self, latency: Latency) {
        let _ = self.owned.latency.set(latency);
    }

    fn latency(&self) -> Latency {
        self.owned.latency.get().copied().unwrap_or_default()
    }

    /// Hand a node this line before anything that its peers and clients send it.
    pub fn begin(&self, node: NodeId, line: String) {
        if let Some(party) = self.owned.parties.get(node.0) {
            party.mailbox.first(ended(line.into_bytes()));
        }
    }

    /// The node may be sent messages from now on.
    pub fn open(&self, node: NodeId) {
        if let Some(party) = self.owned.parties.get(node.0) {
            party.mailbox.open();
        }
    }

    /// Send a node this line, past all links.
    pub fn send(&self, node: NodeId, line: String) {
        if let Some(party) = self.owned.parties.get(node.0) {
            let line = ended(line.into_bytes());
            party.mailbox.put(Letter { line, over: None }, Instant::now());
        }
    }

    /// Send a node this line of a service, past all links: when its request and this have come their way.
    pub fn serve(&self, node: NodeId, line: String) {
        if let Some(party) = self.owned.parties.get(node.0) {
            let mut traces = party.lock();
            traces.served += 1;
            let later = self.latency().there_and_back(node.0, traces.served);
            drop(traces);
            let line = ended(line.into_bytes());
            party
                .mailbox
                .put(Letter { line, over: None }, Instant::now() + later);
        }
    }

    /// Send a node this line of a client of its.
    pub fn request(&self, node: NodeId, line: String) {
        if self.passes_to_clients(node, ClientRule::CutRequests, line.len()) {
            self.send(node, line);
        }
    }

    /// Whether an answer of this many bytes reaches the node's client.
    pub fn answers(&self, node: NodeId, bytes: usize) -> bool {
        self.passes_to_clients(node, ClientRule::CutReplies, bytes)
    }

    fn passes_to_clients(&self, node: NodeId, cut: ClientRule, bytes: usize) -> bool {
        let Some(party) = self.owned.parties.get(node.0) else {
            return false;
        };
        let (mut gate, bytes) = (party.clients.lock(), bytes as u64);
        let passes = gate.client_rule != cut;
        gate.traffic.offered.add(Count::frame(bytes));
        match passes {
            true => gate.traffic.delivered.add(Count::frame(bytes)),
            false => {
                gate.traffic.dropped.add(Count::frame(bytes));
                gate.drop_of_client(bytes);
            }
        }
        passes
    }

    /// Whether any message between nodes was handed on a second time.
    pub fn has_repeated(&self) -> bool {
        let mut gates = self.owned.peers.values();
        gates.any(|gate| gate.lock().traffic.repeated > 0)
    }

    /// The node did what it may not: a run of it means nothing from here on.
    pub fn breach(&self, node: NodeId, what: String) {
        let Some(party) = self.owned.parties.get(node.0) else {
            return;
        };
        let mut traces = party.lock();
        if traces.breach.is_some() {
            return;
        }
        let stderr = traces.stderr.as_ref();
        let breach = Breach {
            node,
            what,
            stderr: stderr.map_or_else(Vec::new, |(path, from)| exit::last_lines(path, *from)),
        };
        traces.breach = Some(breach.clone());
        let _ = self.owned.unexpected.send(Unexpected::Breach(breach));
    }

    /// What the node's present incarnation did that it may not, in a sentence.
    pub fn breach_of(&self, node: NodeId) -> Option<String> {
        let party = self.owned.parties.get(node.0)?;
        party.lock().breach.as_ref().map(|breach| breach.what.clone())
    }

    /// Carry what this process says, and is told, from now on.
    pub(super) fn connect(
        &self,
        node: NodeId,
        child: &mut Child,
        command: &NodeCommand,
        before: Lengths,
    ) -> io::Result<()> {
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        let log = append_to(&command.stdout)?;
        let party = &self.owned.parties[node.0];
        *party.lock() = Traces {
            stderr: Some((command.stderr.clone(), before.stderr)),
            ..Traces::default()
        };
        let incarnation = party.mailbox.begin();
        let (reader, writer) = (self.clone(), self.clone());
        let thread = |name: &str| thread::Builder::new().name(format!("{name}-{node}"));
        thread("hear").spawn(move || reader.hear(node, incarnation, output, log))?;
        thread("tell").spawn(move || writer.tell(node, incarnation, input))?;
        Ok(())
    }

    /// The process has ended.
    pub(super) fn disconnect(&self, node: NodeId) {
        self.owned.parties[node.0].mailbox.end();
    }

    /// Hand the node what is for it, until it ends.
    fn tell(&self, node: NodeId, incarnation: u64, mut input: ChildStdin) {
        let mailbox = &self.owned.parties[node.0].mailbox;
        while let Some(line) = mailbox.next(incarnation) {
            // A node that does not listen any more ends, or answers nothing.
            if input.write_all(&line).is_err() {
                return;
            }
        }
    }

    /// Carry what the node prints, until it ends.
    fn hear(&self, node: NodeId, incarnation: u64, output: ChildStdout, mut log: File) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut output).take(LONGEST).read_until(b'\n', &mut line);
            // For people; the run does not rest on it.
            let _ = log.write_all(&line);
            let heard = match read {
                Ok(_) if line.ends_with(b"\n") => self.offer(node, &line),
                Ok(length) if length as u64 == LONGEST => {
                    Err(format!("printed a line longer than {LONGEST} bytes"))
                }
                // Half a line was never said.
                Ok(_) | Err(_) => return self.ended(node, incarnation, &line),
            };
            if let Err(what) = heard {
                return self.breach(node, what);
            }
        }
    }

    /// Its output has ended. With the process, or the process will never answer.
    fn ended(&self, node: NodeId, incarnation: u64, rest: &[u8]) {
        thread::sleep(LAST_BREATH);
        if self.owned.parties[node.0].mailbox.is(incarnation) {
            let rest = match rest.is_empty() {
                true => String::new(),
                false => format!(" in the middle of a line: {}", shown(rest)),
            };
            self.breach(node, format!("has closed its standard output{rest}"));
        }
    }

    /// A line that the node has printed.
    fn offer(&self, node: NodeId, line: &[u8]) -> Result<(), String> {
        let message: Message = serde_json::from_slice(line.trim_ascii_end()).map_err(|error| {
            format!(
                "printed what is no message ({error}): {}\n  a message is a line of JSON: {{\"src\":\"{node}\",\"dest\":…,\"body\":{{…}}}}; what is for people goes to standard error",
                shown(line)
            )
        })?;
        match NodeId::from_name(&message.dest).filter(|to| to.0 < self.owned.parties.len()) {
            Some(to) => self.carry(Link(node, to), line.to_vec()),
            None => {
                let Some(outside) = self.owned.outside.get() else {
                    return Err(format!("sent a message to {}, which is nobody", message.dest));
                };
                outside(self, node, message)?;
            }
        }
        Ok(())
    }

    /// Send a message over a link, under its rule.
    fn carry(&self, link: Link, line: Vec<u8>) {
        let party = &self.owned.parties[link.1.0];
        // What a node sends to itself goes over no link.
        let Some(gate) = self.owned.peers.get(&link) else {
            return party.mailbox.put(Letter { line, over: None }, Instant::now());
        };
        let count = Count::frame(line.len() as u64);
        let mut shared = gate.lock();
        shared.traffic.offered.add(count);
        let fate = self.fate(shared.rule);
        if shared.is_cut() || fate.lost {
            shared.traffic.dropped.add(count);
            shared.traffic.lost += u64::from(fate.lost);
            return;
        }
        shared.sent += 1;
        let passage = Passage {
            gate: Arc::clone(gate),
            cuts: shared.cuts,
            number: shared.sent,
            again: false,
            reorders: matches!(fate.later, Later::AnyOrder(_)),
        };
        drop(shared);
        let due = self.due(link, fate.later, passage.cuts) + self.latency().of(link, passage.number);
        let copy = fate.again.then(|| Letter {
            line: line.clone(),
            over: Some(Passage {
                again: true,
                ..passage.clone()
            }),
        });
        let over = Some(passage);
        // The copy is the second of the two: what comes once is no repetition.
        party.mailbox.put(Letter { line, over }, due);
        if let Some(copy) = copy {
            party.mailbox.put(copy, due);
        }
    }

    /// When a message that is sent now is due: those of one link keep their order, unless the link has them overtake each
    /// other.
    fn due(&self, link: Link, later: Later, cuts: u64) -> Instant {
        let now = Instant::now();
        let later = match later {
            Later::AnyOrder(later) => return now + later,
            Later::InOrder(later) => later,
        };
        let mut traces = self.owned.parties[link.1.0].lock();
        let due = match traces.due.get(&link.0) {
            // What was sent before a cut does not come any more.
            Some((before, last)) if *before == cuts => (now + later).max(*last),
            _ => now + later,
        };
        traces.due.insert(link.0, (cuts, due));
        due
    }

    /// What a rule makes of the next message.
    fn fate(&self, rule: LinkRule) -> Fate {
        let by_lot = |percent: u64| self.lot(100) < percent;
        let in_order = |ms| Later::InOrder(Duration::from_millis(ms));
        Fate {
            lost: matches!(rule, LinkRule::LosePercent(percent) if by_lot(percent)),
            again: matches!(rule, LinkRule::RepeatPercent(percent) if by_lot(percent)),
            later: match rule {
                LinkRule::DelayMs(ms) => in_order(ms),
                LinkRule::ReorderMs(ms) => Later::AnyOrder(Duration::from_millis(self.lot(ms + 1))),
                _ => in_order(0),
            },
        }
    }

    /// A number below this one.
    fn lot(&self, below: u64) -> u64 {
        let mut lots = self.owned.lots.lock().unwrap_or_else(PoisonError::into_inner);
        lots.random_range(0..below)
    }
}

fn ended(mut line: Vec<u8>) -> Vec<u8> {
    line.push(b'\n');
    line
}

/// As much of a line as an error shows.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end().chars().take(SHOWN).collect()
}

impl Messages {
    fn set_now(&self, rule: LinkRule, links: &[Link]) -> Outcome {
        let begun = Instant::now();
        if rule.counts().is_some() || matches!(rule, LinkRule::HoldFrom(_)) {
            return skipped("of which kind a message is nobody knows");
        }
        let gate = |link: &Link| Some((*link, self.owned.peers.get(link)?));
        let Some(gates) = links.iter().map(gate).collect::<Option<Vec<_>>>() else {
            return skipped("there is no such link");
        };
        let ended = gates.into_iter().map(|(link, gate)| gate.set(link, rule));
        installed(&RulesSet {
            ended: ended.collect(),
            in_force_us: micros(begun.elapsed()),
        })
    }
}

impl Links for Messages {
    fn can(&self) -> &[Need] {
        &[Need::Links, Need::Delays, Need::Messages, Need::Clients]
    }

    fn peer_addresses(&self, _: Link) -> &[SocketAddr] {
        &[]
    }

    fn client_addresses(&self, _: NodeId) -> &[SocketAddr] {
        &[]
    }

    fn direct_address(&self, _: NodeId) -> Option<SocketAddr> {
        None
    }

    fn set<'a>(&'a self, rule: LinkRule, links: &'a [Link]) -> Doing<'a, Outcome> {
        Box::pin(async move { self.set_now(rule, links) })
    }

    fn set_clients(&self, rule: ClientRule, nodes: &[NodeId]) -> Outcome {
        let party = |node: &NodeId| Some((*node, self.owned.parties.get(node.0)?));
        let Some(parties) = nodes.iter().map(party).collect::<Option<Vec<_>>>() else {
            return skipped("there is no such node");
        };
        let ended = parties.into_iter().map(|(node, party)| {
            let (was, dropped) = party.clients.set_clients(rule);
            ClientRuleEnded { node, was, dropped }
        });
        installed(&ClientRulesSet {
            ended: ended.collect(),
        })
    }

    fn record(&self, _: FrameKind, _: u64, _: &[Link]) -> Outcome {
        skipped("which message is which is not known")
    }

    fn inject<'a>(&'a self, _: &'a [Link]) -> Doing<'a, Outcome> {
        Box::pin(async { skipped("nothing was recorded") })
    }

    fn changed(&self) -> (Vec<Link>, Vec<NodeId>) {
        let links = self.owned.peers.iter();
        let links = links.filter(|(_, gate)| gate.lock().rule != LinkRule::Pass);
        let nodes = NodeId::all(self.owned.parties.len()).zip(&self.owned.parties);
        let nodes = nodes.filter(|(_, party)| party.clients.lock().client_rule != ClientRule::Pass);
        (
            links.map(|(link, _)| *link).collect(),
            nodes.map(|(node, _)| node).collect(),
        )
    }

    fn counters(&self) -> BTreeMap<Link, Traffic> {
        let counted = |(link, gate): (&Link, &Arc<Gate>)| (*link, gate.lock().traffic);
        self.owned.peers.iter().map(counted).collect()
    }

    fn client_counters(&self) -> BTreeMap<NodeId, Traffic> {
        let nodes = NodeId::all(self.owned.parties.len()).zip(&self.owned.parties);
        nodes
            .map(|(node, party)| (node, party.clients.lock().traffic))
            .collect()
    }
}
