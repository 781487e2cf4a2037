//! All entries that any journal speaks of, linked to what stands before them: a tree whose paths are logs.
//!
//! The chained hash of an entry tells the whole log up to it, so an entry here stands for a prefix of a log, and two
//! nodes that have it agree up to there.

use std::num::NonZeroU32;

use histories::journal::{Hash, Position};
use histories::{LogIndex, Term};
use rustc_hash::FxHashMap;

use super::place::{NodeNumber, NodeSet, Place};

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EntryId(NonZeroU32);

impl EntryId {
    /// What stands before the first entry of every log.
    pub(super) const ROOT: EntryId = EntryId(NonZeroU32::MIN);

    fn at(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// What is known of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) index: LogIndex,
    pub(super) term: Term,
    ch: Hash,
    /// The hash of its bytes; none while nobody has told.
    h: Option<Hash>,
    /// What stands before it; none while nobody has told.
    parent: Option<EntryId>,
    /// Another entry with the same index.
    sibling: Option<EntryId>,
    /// Where it was told of first.
    pub(super) seen: Place,
    /// Who had it in its own term.
    pub(super) held: NodeSet,
    /// On whose disk it was at some time.
    pub(super) durable: NodeSet,
}

impl Entry {
    pub(super) fn position(&self) -> Position {
        Position {
            index: self.index,
            term: self.term,
        }
    }
}

/// A mention of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mention {
    pub(super) position: Position,
    pub(super) ch: Hash,
    pub(super) h: Option<Hash>,
    pub(super) parent: Option<EntryId>,
    pub(super) at: Place,
}

/// How a mention contradicts an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// The same index and term, but another log up to there.
    OtherLog(EntryId),
    /// The same chained hash, but another entry or another log before it.
    SameHash(EntryId),
}

/// All of them.
#[derive(Debug)]
pub(super) struct Entries {
    all: Vec<Entry>,
    by_index: FxHashMap<LogIndex, EntryId>,
}

impl Entries {
    pub(super) fn new() -> Self {
        let root = Entry {
            index: LogIndex(0),
            term: Term(0),
            ch: Hash(0),
            h: Some(Hash(0)),
            parent: None,
            sibling: None,
            seen: Place {
                node: NodeNumber(0),
                incarnation: 0,
                line: 0,
            },
            held: NodeSet::default(),
            durable: NodeSet::default(),
        };
        Entries {
            all: vec![root],
            by_index: FxHashMap::from_iter([(LogIndex(0), EntryId::ROOT)]),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len() - 1
    }

    pub(super) fn get(&self, id: EntryId) -> &Entry {
        &self.all[id.at()]
    }

    pub(super) fn get_mut(&mut self, id: EntryId) -> &mut Entry {
        &mut self.all[id.at()]
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = EntryId> + use<> {
        (1..self.all.len() as u32).filter_map(|at| NonZeroU32::new(at + 1).map(EntryId))
    }

    /// The entry that is meant, new or known, and what the mention contradicts.
    pub(super) fn mention(&mut self, mention: Mention) -> (EntryId, Option<Clash>) {
        let mut other = None;
        let mut next = self.by_index.get(&mention.position.index).copied();
        while let Some(id) = next {
            let entry = self.get(id);
            if entry.ch == mention.ch {
                return (id, self.learn(id, mention));
            }
            if entry.term == mention.position.term {
                other = Some(Clash::OtherLog(id));
            }
            next = entry.sibling;
        }
        (self.add(mention), other)
    }

    fn learn(&mut self, id: EntryId, mention: Mention) -> Option<Clash> {
        let entry = self.get_mut(id);
        let differs = |known: Option<EntryId>, told: Option<EntryId>| {
            known.zip(told).is_some_and(|(known, told)| known != told)
        };
        let other_bytes = entry.h.zip(mention.h).is_some_and(|(known, told)| known != told);
        let clashes = other_bytes
            || entry.term != mention.position.term
            || (id != EntryId::ROOT && differs(entry.parent, mention.parent));
        if id != EntryId::ROOT {
            entry.h = entry.h.or(mention.h);
            entry.parent = entry.parent.or(mention.parent);
        }
        clashes.then_some(Clash::SameHash(id))
    }

    fn add(&mut self, mention: Mention) -> EntryId {
        // More than four thousand million entries do not fit into memory anyway.
        let id = EntryId(NonZeroU32::MIN.saturating_add(self.all.len() as u32));
        let sibling = self.by_index.insert(mention.position.index, id);
        self.all.push(Entry {
            index: mention.position.index,
            term: mention.position.term,
            ch: mention.ch,
            h: mention.h,
            parent: mention.parent,
            sibling,
            seen: mention.at,
            held: NodeSet::default(),
            durable: NodeSet::default(),
        });
        id
    }

    pub(super) fn has_hash(&self, id: EntryId, position: Position, ch: Hash) -> bool {
        let entry = self.get(id);
        entry.ch == ch && entry.position() == position
    }

    /// What stands before it, as far as anybody has told; the root has nothing before it.
    pub(super) fn parent(&self, id: EntryId) -> Option<EntryId> {
        self.get(id).parent
    }

    /// The entry at this index of the log that ends with `id`; none if it is not known.
    pub(super) fn ancestor(&self, mut id: EntryId, index: LogIndex) -> Option<EntryId> {
        while self.get(id).index > index {
            id = self.parent(id)?;
        }
        (self.get(id).index == index).then_some(id)
    }

    /// What is on a disk is there with everything before it.
    pub(super) fn spread_durable(&mut self) {
        let mut ids: Vec<EntryId> = self.ids().collect();
        ids.sort_unstable_by_key(|id| std::cmp::Reverse(self.get(*id).index));
        for id in ids {
            let durable = self.get(id).durable;
            if let Some(parent) = self.parent(id) {
                self.get_mut(parent).durable.add_all(durable);
            }
        }
    }

    /// The log that ends here, from the entry behind its known beginning on.
    pub(super) fn log(&self, end: EntryId) -> Vec<EntryId> {
        let mut log = Vec::new();
        let mut id = end;
        while id != EntryId::ROOT {
            log.push(id);
            match self.parent(id) {
                Some(parent) => id = parent,
                None => break,
            }
        }
        log.reverse();
        log
    }
}
