//! What the nodes say is committed.

use histories::journal::{CommitRule, Event};
use histories::{Nanos, Term};

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
    /// Who may vote, by the claimants' starts.
    pub(super) voters: Option<NodeSet>,
    /// Whether the starts differ in that.
    pub(super) voters_differ: bool,
}

impl Claims {
    pub(super) fn take(&mut self, step: &Step<'_>) {
        if let Event::Commit { rule, .. } = &step.line.event
            && let Some(entry) = step.entry
            // What only one may vote on is promised once it is on that one's disk.
            && (step.server.voters.len() > 1 || step.entries.get(entry).index <= step.server.durable)
        {
            self.voters_differ |= self.voters.is_some_and(|voters| voters != step.server.voters);
            self.voters.get_or_insert(step.server.voters);
            self.all.push(Claim {
                entry,
                term: step.line.term,
                rule: *rule,
                at: step.at,
                mono: step.line.mono,
            });
        }
    }

    /// Bring them in the order of their terms: what was committed first comes first.
    pub(super) fn sort(&mut self, entries: &super::entries::Entries) {
        self.all
            .sort_by_key(|claim| (claim.term, entries.get(claim.entry).index));
    }
}
