//! The log in memory. What is durable is the storage's matter.

use super::types::{Entry, LogIndex, Position, Term};

/// Entries from index 1 on, without gaps.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    entries: Vec<Entry>,
}

impl Log {
    /// A log of these entries.
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        debug_assert!(entries.iter().zip(1..).all(|(entry, at)| entry.index.0 == at));
        Log { entries }
    }

    /// Where it ends; index and term are 0 while it is empty.
    pub(super) fn last(&self) -> Position {
        self.entries
            .last()
            .map_or_else(Position::default, |entry| Position {
                index: entry.index,
                term: entry.term,
            })
    }

    /// The term of the entry at `index`; 0 before the first, none after the last.
    pub(super) fn term(&self, index: LogIndex) -> Option<Term> {
        match index.0 {
            0 => Some(Term(0)),
            at => self.entries.get(at as usize - 1).map(|entry| entry.term),
        }
    }

    /// Entries from `from` on: at most `most`, and no more bytes than `most_bytes` but for the first one.
    pub(super) fn slice_within(&self, from: LogIndex, most: usize, most_bytes: usize) -> &[Entry] {
        let entries = self.slice(from, most);
        let mut bytes = 0;
        let fits = entries.iter().take_while(|entry| {
            bytes += entry.payload.len();
            bytes <= most_bytes
        });
        let fitting = fits.count().max(1).min(entries.len());
        &entries[..fitting]
    }

    /// At most `most` entries from `from` on.
    pub(super) fn slice(&self, from: LogIndex, most: usize) -> &[Entry] {
        let start = (from.0.saturating_sub(1) as usize).min(self.entries.len());
        let end = start.saturating_add(most).min(self.entries.len());
        &self.entries[start..end]
    }

    /// Add one at the end.
    pub(super) fn push(&mut self, entry: Entry) {
        debug_assert_eq!(entry.index, self.last().index.next());
        self.entries.push(entry);
    }

    /// Delete the entry at `from` and all that follow.
    pub(super) fn truncate(&mut self, from: LogIndex) {
        self.entries.truncate(from.previous().0 as usize);
    }

    /// The first index of the term that the entry at `index` has.
    pub(super) fn first_of_term_at(&self, index: LogIndex) -> LogIndex {
        let Some(term) = self.term(index) else {
            return index;
        };
        // Terms never fall along a log.
        LogIndex(self.entries.partition_point(|entry| entry.term < term) as u64 + 1).min(index)
    }
}
