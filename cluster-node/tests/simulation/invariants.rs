//! What must hold after every step, checked on what the nodes do, never on what they mean to do.

use std::collections::{BTreeMap, BTreeSet};

use cluster_node::raft::notes::{Event, Note};
use cluster_node::raft::types::{Entry, LogIndex, Message, NodeId, RequestId, Term};
use cluster_node::raft::{Action, Persist, Rejection, Role, Status};

/// Everything that has been seen.
#[derive(Default)]
pub struct Seen {
    leaders: BTreeMap<Term, NodeId>,
    /// The entry at a position, and the term of the one before it.
    appended: BTreeMap<(LogIndex, Term), (Entry, Term)>,
    /// What was applied first at an index.
    applied: BTreeMap<LogIndex, Entry>,
    /// Up to where each running node has applied.
    reached: BTreeMap<NodeId, LogIndex>,
    /// What a read that begins now must see at least.
    floor: LogIndex,
    /// What each pending read must see at least.
    reads: BTreeMap<RequestId, LogIndex>,
    /// Told to a client before it was applied.
    promised: BTreeMap<LogIndex, Entry>,
    /// Writes that were given a place in a log.
    placed: BTreeSet<RequestId>,
    /// Whom a node has voted for in a term, whatever it has forgotten since.
    votes: BTreeMap<(NodeId, Term), NodeId>,
    /// The latest term in which each node has spoken.
    spoken: BTreeMap<NodeId, Term>,
    pub acknowledged: usize,
}

impl Seen {
    pub fn read_begins(&mut self, id: RequestId) {
        self.reads.insert(id, self.floor);
    }

    /// A node has started, with this term.
    pub fn restarted(&mut self, node: &NodeId, term: Term) -> Result<(), String> {
        self.reached.remove(node);
        match self.spoken.get(node) {
            Some(spoken) if *spoken > term => Err(format!(
                "durable term: {node} starts in term {term} and has spoken in {spoken}"
            )),
            _ => Ok(()),
        }
    }

    /// A message has left a node.
    pub fn sent(&mut self, node: &NodeId, to: &NodeId, message: &Message) -> Result<(), String> {
        let term = message.term();
        let is_pre_vote = matches!(message, Message::PreVote { .. } | Message::PreVoteReply { .. });
        if !is_pre_vote {
            let spoken = self.spoken.entry(node.clone()).or_default();
            *spoken = term.max(*spoken);
        }
        let vote = match message {
            Message::RequestVote { .. } => node,
            Message::RequestVoteReply { refused: None, .. } => to,
            _ => return Ok(()),
        };
        let first = self
            .votes
            .entry((node.clone(), term))
            .or_insert_with(|| vote.clone());
        if first != vote {
            return Err(format!(
                "one vote: {node} votes for {vote} in term {term}, after {first}"
            ));
        }
        Ok(())
    }

    /// The core says itself that something is broken.
    pub fn noted(&self, node: &NodeId, note: &Note) -> Result<(), String> {
        match &note.event {
            Event::Broken { name, detail } => Err(format!("{name}: {node}: {detail}")),
            _ => Ok(()),
        }
    }

    /// A node has stepped; its log is the tail of the status.
    pub fn check(
        &mut self,
        node: &NodeId,
        before: &Status,
        after: &Status,
        actions: &[Action],
    ) -> Result<(), String> {
        if after.hard.term < before.hard.term || after.commit < before.commit {
            return Err(format!("{node}: its term or its commit index fell"));
        }
        let leads_on =
            before.role == Role::Leader && after.role == Role::Leader && before.hard.term == after.hard.term;
        for action in actions {
            match action {
                Action::Persist(Persist::Truncate(from)) if leads_on => {
                    return Err(format!("leader append-only: {node} deletes from {from}"));
                }
                Action::Persist(Persist::Append(entries)) => self.check_append(node, after, entries)?,
                Action::Apply { entry, waiter } => self.check_apply(node, entry, *waiter)?,
                Action::Acknowledge { at, .. } => self.promise(after, at.index),
                Action::Reject {
                    id,
                    why: Rejection::NotLeader { .. },
                } if self.placed.contains(id) => {
                    return Err(format!(
                        "definite failure: {node} says that write {id} failed, which has a place in a log"
                    ));
                }
                Action::ReadAt { id, index, .. } => self.check_read(node, *id, *index)?,
                _ => {}
            }
        }
        match after.role {
            Role::Leader if !leads_on => self.check_leader(node, after),
            _ => Ok(()),
        }
    }

    /// Election safety and leader completeness.
    fn check_leader(&mut self, node: &NodeId, status: &Status) -> Result<(), String> {
        let term = status.hard.term;
        let first = self.leaders.entry(term).or_insert_with(|| node.clone());
        if first != node {
            return Err(format!("election safety: {first} and {node} lead term {term}"));
        }
        // Whatever is applied anywhere was committed in an earlier term, and so is in every later leader's log.
        for (index, entry) in self.applied.iter().chain(&self.promised) {
            let found = status.tail.get(index.0 as usize - 1);
            if found != Some(entry) {
                let found = found.map(|entry| entry.term);
                let was = entry.term;
                return Err(format!(
                    "leader completeness: {node} leads term {term}, and the entry of term {was} promised at {index} is not \
                     in its log, but {found:?}"
                ));
            }
        }
        Ok(())
    }

    /// Log matching: equal index and term, equal entry and equal entry before it.
    fn check_append(&mut self, node: &NodeId, status: &Status, entries: &[Entry]) -> Result<(), String> {
        for entry in entries {
            let payload = std::str::from_utf8(&entry.payload);
            let write = payload.ok().and_then(|text| text.parse().ok());
            self.placed.extend(write.map(RequestId));
            let before = entry
                .index
                .0
                .checked_sub(2)
                .map(|at| status.tail.get(at as usize));
            // What a later input of the same batch has deleted again has no predecessor to compare.
            let term_before = match before {
                None => Term(0),
                Some(Some(before)) if status.tail.get(entry.index.0 as usize - 1) == Some(entry) => {
                    before.term
                }
                Some(_) => continue,
            };
            let new = (entry.clone(), term_before);
            let old = self
                .appended
                .entry((entry.index, entry.term))
                .or_insert_with(|| new.clone());
            if *old != new {
                return Err(format!(
                    "log matching: {node} has {new:?} where another had {old:?}"
                ));
            }
        }
        Ok(())
    }

    fn promise(&mut self, status: &Status, index: LogIndex) {
        if let Some(entry) = status.tail.get(index.0 as usize - 1) {
            self.promised.insert(index, entry.clone());
        }
    }

    fn check_apply(&mut self, node: &NodeId, entry: &Entry, waiter: Option<RequestId>) -> Result<(), String> {
        if let Some(id) = waiter.filter(|id| *entry.payload != *id.to_string().into_bytes()) {
            return Err(format!(
                "answer of another: {node} answers write {id} with {entry:?}"
            ));
        }
        let reached = self.reached.entry(node.clone()).or_default();
        if entry.index != reached.next() {
            return Err(format!("{node} applies {} after {reached}", entry.index));
        }
        *reached = entry.index;
        let first = self.applied.entry(entry.index).or_insert_with(|| entry.clone());
        if first != entry {
            return Err(format!(
                "state-machine safety: {node} applies {entry:?} where another applied {first:?}"
            ));
        }
        if waiter.is_some() {
            self.acknowledged += 1;
            self.floor = self.floor.max(entry.index);
        }
        Ok(())
    }

    fn check_read(&mut self, node: &NodeId, id: RequestId, index: LogIndex) -> Result<(), String> {
        let floor = self.reads.remove(&id).unwrap_or_default();
        if index < floor {
            return Err(format!(
                "stale read: {node} reads at {index}, and {floor} was known before it began"
            ));
        }
        self.floor = self.floor.max(index);
        Ok(())
    }
}
