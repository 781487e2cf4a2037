//! A node as its journal tells of it, from line to line.

use histories::journal::{Boot, Event, Position};
use histories::{LogIndex, Term};

use super::entries::{Entries, EntryId};
use super::place::{Names, NodeNumber, NodeSet};

/// How a node stands before a line.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) number: NodeNumber,
    /// Who may vote, by its last start.
    pub(super) voters: NodeSet,
    pub(super) term: Term,
    /// Whether it leads `term`.
    pub(super) leads: bool,
    pub(super) commit: LogIndex,
    pub(super) applied: LogIndex,
    /// The log is known from behind this index on.
    base: LogIndex,
    log: Vec<EntryId>,
    /// The log is surely on disk up to here.
    pub(super) durable: LogIndex,
    /// This term is surely on disk.
    pub(super) durable_term: Term,
    /// Whether it has come to a clean end: then nothing happened that was not told.
    stopped: bool,
}

impl Server {
    pub(super) fn new(number: NodeNumber) -> Self {
        Server {
            number,
            voters: NodeSet::default(),
            term: Term(0),
            leads: false,
            commit: LogIndex(0),
            applied: LogIndex(0),
            base: LogIndex(0),
            log: Vec::new(),
            durable: LogIndex(0),
            durable_term: Term(0),
            stopped: false,
        }
    }

    /// The end of its log.
    pub(super) fn last(&self) -> LogIndex {
        LogIndex(self.base.0 + self.log.len() as u64)
    }

    /// Its entry at this index, if the journals tell.
    pub(super) fn entry(&self, index: LogIndex) -> Option<EntryId> {
        if index == LogIndex(0) {
            return Some(EntryId::ROOT);
        }
        let behind = index.0.checked_sub(self.base.0 + 1)?;
        self.log.get(usize::try_from(behind).ok()?).copied()
    }

    /// Whether its log cannot have become shorter since its last line. The disk may be ahead of the journal, so a part of
    /// a log may be deleted that no line tells of; but no leader deletes, and who has stopped has told everything.
    pub(super) fn keeps_its_log(&self, term_at_start: Term) -> bool {
        self.stopped || (self.leads && term_at_start == self.term)
    }

    /// The first entry that it had on disk and that is not in the log that a start has found.
    pub(super) fn lost(&self, entries: &Entries, last: Position, found: EntryId) -> Option<EntryId> {
        let durable = self.entry(self.durable)?;
        if last.index < self.durable {
            let is_own = self.entry(last.index) == Some(found);
            return match is_own {
                true => self.entry(LogIndex(last.index.0 + 1)),
                false => Some(durable),
            };
        }
        let now = entries.ancestor(found, self.durable)?;
        (now != durable).then_some(durable)
    }

    /// The entry that a position and hash of its own mean, where its log has it.
    pub(super) fn own_entry(
        &self,
        entries: &Entries,
        position: Position,
        ch: histories::journal::Hash,
    ) -> Option<EntryId> {
        let id = self.entry(position.index)?;
        entries.has_hash(id, position, ch).then_some(id)
    }

    /// Take a line in. `entry` is the entry that an `append` or a `boot` speaks of.
    pub(super) fn take(
        &mut self,
        term: Term,
        event: &Event<'_>,
        entry: Option<EntryId>,
        entries: &Entries,
        names: &Names,
    ) {
        self.leads &= term == self.term;
        self.term = term;
        match event {
            Event::Boot(boot) => self.boot(boot, entry, entries, names),
            Event::Role { .. } => self.leads = false,
            Event::Elected { .. } => self.leads = true,
            Event::Append { index, .. } => self.append(*index, entry),
            Event::Trunc { from, .. } => self.truncate(*from),
            Event::SyncLog { upto } => self.durable = self.durable.max(*upto).min(self.last()),
            Event::SyncHard => self.durable_term = self.durable_term.max(term),
            Event::Commit { to, .. } => self.commit = *to,
            Event::Apply { index, .. } => self.applied = *index,
            Event::Stop { .. } => self.stopped = true,
            _ => {}
        }
    }

    fn boot(&mut self, boot: &Boot<'_>, entry: Option<EntryId>, entries: &Entries, names: &Names) {
        self.leads = false;
        self.stopped = false;
        self.commit = boot.commit;
        self.applied = boot.applied;
        self.voters = NodeSet::default();
        for voter in boot.voters.iter().filter_map(|voter| names.find(voter.as_str())) {
            self.voters.add(voter);
        }
        self.durable_term = self.term;
        let last = boot.last.index;
        if last <= self.last() && self.entry(last) == entry {
            self.truncate(LogIndex(last.0 + 1));
        } else if let Some(entry) = entry {
            self.log = entries.log(entry);
            self.base = LogIndex(last.0 - self.log.len() as u64);
        }
        self.durable = last;
    }

    fn append(&mut self, index: LogIndex, entry: Option<EntryId>) {
        // A journal that contradicts itself is reported by the check `monotonic`; here its newest line counts.
        if index <= self.last() {
            self.truncate(index);
        }
        if index.0 != self.last().0 + 1 {
            self.log.clear();
            self.base = LogIndex(index.0.saturating_sub(1));
        }
        self.log.extend(entry);
    }

    fn truncate(&mut self, from: LogIndex) {
        let kept = from.0.saturating_sub(1);
        if kept < self.base.0 {
            self.base = LogIndex(kept);
        }
        self.log.truncate((kept - self.base.0) as usize);
        self.durable = self.durable.min(LogIndex(kept));
    }
}
