//! The one log that everything committed must lie on, built from claims in the order of their terms.

use histories::LogIndex;

use super::entries::{Entries, EntryId};

/// How an entry stands to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// It is on it.
    On,
    /// It carried it on.
    Extends,
    /// It is beside it: they differ first at this index.
    Beside(LogIndex),
    /// The journals do not tell.
    Unknown,
}

/// A log from its first entry on; each knows the claim that brought it in.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// The entry of index 1 comes first.
    links: Vec<(EntryId, u32)>,
}

impl Chain {
    /// The last index.
    pub(super) fn last(&self) -> LogIndex {
        LogIndex(self.links.len() as u64)
    }

    fn link(&self, index: LogIndex) -> Option<&(EntryId, u32)> {
        self.links.get(usize::try_from(index.0.checked_sub(1)?).ok()?)
    }

    pub(super) fn at(&self, index: LogIndex) -> Option<EntryId> {
        match index {
            LogIndex(0) => Some(EntryId::ROOT),
            index => self.link(index).map(|(id, _)| *id),
        }
    }

    /// The number of the claim that brought the entry at this index in.
    pub(super) fn claim(&self, index: LogIndex) -> Option<usize> {
        self.link(index).map(|(_, claim)| *claim as usize)
    }

    /// How many entries were brought in by claims that this is true of; it is true of the first ones, if of any.
    pub(super) fn count_while(&self, is_of: impl Fn(usize) -> bool) -> LogIndex {
        LogIndex(self.links.partition_point(|(_, claim)| is_of(*claim as usize)) as u64)
    }

    /// Where the log that ends with `id` stands to the chain. If it carries the chain on, it does so as this claim.
    pub(super) fn extend(&mut self, entries: &Entries, id: EntryId, claim: usize) -> Stands {
        let stands = self.compare(entries, id);
        if stands == Stands::Extends {
            let mut new = Vec::new();
            let mut next = Some(id);
            while let Some(id) = next.filter(|id| entries.get(*id).index > self.last()) {
                new.push((id, claim as u32));
                next = entries.parent(id);
            }
            self.links.extend(new.into_iter().rev());
        }
        stands
    }

    /// Where the log that ends with `id` stands to the chain.
    pub(super) fn compare(&self, entries: &Entries, mut id: EntryId) -> Stands {
        let end = entries.get(id).index;
        // Above the chain's end there is nothing to compare with.
        while entries.get(id).index > self.last() {
            match entries.parent(id) {
                Some(parent) => id = parent,
                None => return Stands::Unknown,
            }
        }
        if self.at(entries.get(id).index) == Some(id) {
            return match end > self.last() {
                true => Stands::Extends,
                false => Stands::On,
            };
        }
        // The first difference, as far down as the journals tell.
        while let Some(parent) = entries.parent(id) {
            if self.at(entries.get(parent).index) == Some(parent) {
                break;
            }
            id = parent;
        }
        Stands::Beside(entries.get(id).index)
    }
}
