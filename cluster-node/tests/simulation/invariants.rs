//! What must hold after every step, checked on what the nodes do, never on what they mean to do.

use std::collections::BTreeMap;

use cluster_node::raft::types::{Entry, LogIndex, NodeId, RequestId, Term};
use cluster_node::raft::{Action, Persist, Role, Status};

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
    pub acknowledged: usize,
}

impl Seen {
    pub fn read_begins(&mut self, id: RequestId) {
        self.reads.insert(id, self.floor);
    }

    pub fn restarted(&mut self, node: &NodeId) {
        self.reached.remove(node);
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
                Action::Apply { entry, waiter } => self.check_apply(node, entry, waiter.is_some())?,
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
        for (index, entry) in &self.applied {
            let found = status.tail.get(index.0 as usize - 1);
            if found != Some(entry) {
                let found = found.map(|entry| entry.term);
                let was = entry.term;
                return Err(format!(
                    "leader completeness: {node} leads term {term}, and the entry of term {was} applied at {index} is not \
                     in its log, but {found:?}"
                ));
            }
        }
        Ok(())
    }

    /// Log matching: equal index and term, equal entry and equal entry before it.
    fn check_append(&mut self, node: &NodeId, status: &Status, entries: &[Entry]) -> Result<(), String> {
        for entry in entries {
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

    fn check_apply(&mut self, node: &NodeId, entry: &Entry, is_acknowledged: bool) -> Result<(), String> {
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
        if is_acknowledged {
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
