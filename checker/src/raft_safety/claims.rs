//! What the nodes say is committed.

use histories::journal::{CommitRule, Event};
use histories::{LogIndex, Nanos, Term};

use super::Step;
use super::entries::EntryId;
use super::place::{NodeSet, Place};

/// A `commit` of a journal: this log, up to this entry, is committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) entry: EntryId,
    /// The claimant's term.
    pub(super) term: Term,
    pub(super) rule: CommitRule,
    pub(super) at: Place,
    pub(super) mono: Nanos,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) all: Vec<Claim>,
    /// Those of nodes that vote alone, whose `commit` stands before its `sync`: what only one may vote on is promised
    /// once it is on that one's disk.
    awaiting_sync: Vec<(LogIndex, Claim)>,
    /// Who may vote, by the claimants' starts.
    pub(super) voters: Option<NodeSet>,
    /// Whether the starts differ in that.
    pub(super) voters_differ: bool,
}

impl Claims {
    pub(super) fn take(&mut self, step: &Step<'_>) {
        match (&step.line.event, step.entry) {
            (Event::Commit { rule, .. }, Some(entry)) => {
                let claim = Claim {
                    entry,
                    term: step.line.term,
                    rule: *rule,
                    at: step.at,
                    mono: step.line.mono,
                };
                let index = step.entries.get(entry).index;
                match step.is_promised(index) {
                    true => self.add(claim, step.server.voters),
                    false => self.awaiting_sync.push((index, claim)),
                }
            }
            (Event::SyncLog { upto }, _) => {
                let is_synced =
                    |(index, claim): &mut (LogIndex, Claim)| claim.at.node == step.at.node && *index <= *upto;
                let synced: Vec<_> = self.awaiting_sync.extract_if(.., is_synced).collect();
                synced
                    .into_iter()
                    .for_each(|(_, claim)| self.add(claim, step.server.voters));
            }
            // Whether what was not synced is there is not told by the journal that ended.
            (Event::Boot(_), _) => self
                .awaiting_sync
                .retain(|(_, claim)| claim.at.node != step.at.node),
            _ => {}
        }
    }

    fn add(&mut self, claim: Claim, voters: NodeSet) {
        self.voters_differ |= self.voters.is_some_and(|known| known != voters);
        self.voters.get_or_insert(voters);
        self.all.push(claim);
    }

    /// Bring them in the order of their terms: what was committed first comes first.
    pub(super) fn sort(&mut self, entries: &super::entries::Entries) {
        self.all
            .sort_by_key(|claim| (claim.term, entries.get(claim.entry).index));
    }
}
