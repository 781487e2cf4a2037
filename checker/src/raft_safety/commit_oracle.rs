//! The commit oracle (Raft sections 5.3 and 5.4.2): what may be committed, recomputed from appends and syncs alone.
//!
//! An entry of term T may be committed, with everything before it, once a majority has it on disk while in term T.
//! Here "once" becomes "ever", so that no clock is needed: who has moved on to a later term refuses the leader of T,
//! so a node that has ever taken an entry of T in T has taken it from that leader. Every `commit` must be among these:
//! a leader's by an entry of its own term, a follower's by one of its own term or an earlier one.

use std::collections::BTreeMap;

use histories::journal::{CommitRule, Event, Position};
use histories::{LogIndex, Term};
use rustc_hash::FxHashSet;

use super::Step;
use super::chain::Chain;
use super::claims::{Claim, Claims};
use super::entries::{Entries, EntryId};
use super::findings::Findings;
use super::place::{Names, NodeNumber, NodeSet};

/// A node started with this log, in this term.
#[derive(Clone, Copy, Debug)]
struct Recovered {
    node: NodeNumber,
    end: EntryId,
    term: Term,
}

/// The check.
#[derive(Debug)]
pub(super) struct CommitOracle {
    pub(super) findings: Findings,
    recovered: Vec<Recovered>,
}

/// What may be committed.
struct Allowed {
    /// The deepest entry of each term that a majority had.
    by_term: BTreeMap<Term, EntryId>,
    chain: Chain,
    /// The terms of the chain's claims.
    terms: Vec<Term>,
}

impl CommitOracle {
    pub(super) fn new() -> Self {
        CommitOracle {
            findings: Findings::new("commit oracle"),
            recovered: Vec::new(),
        }
    }

    /// Note who has what, and look at what needs no other node.
    pub(super) fn take(&mut self, step: &Step<'_>) {
        match &step.line.event {
            Event::Boot(_) => self.recovered.extend(step.entry.map(|end| Recovered {
                node: step.server.number,
                end,
                term: step.line.term,
            })),
            Event::Commit { to, t_at, rule, .. } => {
                if *to > step.server.last() {
                    self.findings.add(step.line.mono, || {
                        format!(
                            "{} committed up to index {to}, and its log ends at {} ({})",
                            step.name(),
                            step.server.last(),
                            step.place()
                        )
                    });
                } else if *rule == CommitRule::Quorum && *t_at != step.line.term {
                    self.findings.add(step.line.mono, || {
                        format!(
                            "{} led term {} and committed index {to} of term {t_at} by counting ({}); only an entry of its own term may be counted (Raft section 5.4.2)",
                            step.name(),
                            step.line.term,
                            step.place()
                        )
                    });
                }
            }
            _ => {}
        }
    }

    /// `silent` nodes have no journal that could tell what they had.
    pub(super) fn finish(&mut self, entries: &mut Entries, claims: &Claims, names: &Names, silent: NodeSet) {
        let Some(voters) = claims.voters.filter(|_| !claims.voters_differ) else {
            self.findings.undecided += u64::from(claims.voters_differ);
            return;
        };
        self.mark(entries);
        let allowed = Allowed::of(entries, voters);
        let mut seen = FxHashSet::default();
        for claim in &claims.all {
            match allowed.covers(entries, claim) {
                Some(true) => {}
                _ if !silent.and(voters).is_empty() => self.findings.undecided(),
                None => self.findings.undecided(),
                // Of a node's claims on the same log the first is told.
                Some(false)
                    if !seen.insert((claim.at.node, claim.term, claim.rule == CommitRule::Quorum)) =>
                {
                    self.findings.count += 1;
                }
                Some(false) => self
                    .findings
                    .add(claim.mono, || not_allowed(entries, names, voters, claim)),
            }
        }
    }

    /// What a start found of its own term was there before, whether or not its line was written.
    fn mark(&self, entries: &mut Entries) {
        for recovered in &self.recovered {
            let mut next = Some(recovered.end);
            while let Some(id) =
                next.filter(|id| entries.get(*id).term == recovered.term && *id != EntryId::ROOT)
            {
                entries.get_mut(id).held.add(recovered.node);
                next = entries.parent(id);
            }
        }
        entries.spread_durable();
    }
}

impl Allowed {
    fn of(entries: &Entries, voters: NodeSet) -> Self {
        let mut by_term: BTreeMap<Term, EntryId> = BTreeMap::new();
        for id in entries.ids() {
            let entry = entries.get(id);
            if entry.held.and(entry.durable).and(voters).len() < voters.majority() {
                continue;
            }
            let deepest = by_term.entry(entry.term).or_insert(id);
            if entries.get(*deepest).index < entry.index {
                *deepest = id;
            }
        }
        let mut chain = Chain::default();
        let mut terms = Vec::new();
        for (number, (term, id)) in by_term.iter().enumerate() {
            chain.extend(entries, *id, number);
            terms.push(*term);
        }
        Allowed {
            by_term,
            chain,
            terms,
        }
    }

    /// Whether what is claimed may be committed; none if the journals do not tell.
    fn covers(&self, entries: &Entries, claim: &Claim) -> Option<bool> {
        let position = entries.get(claim.entry).position();
        let by_chain = self.chain.at(position.index) == Some(claim.entry)
            && self.term_of(position.index).is_none_or(|term| term <= claim.term);
        match claim.rule {
            CommitRule::Leader if by_chain => Some(true),
            CommitRule::Leader => {
                let earlier = self.by_term.range(..=claim.term).rev();
                any(earlier.map(|(_, id)| is_before(entries, position, claim.entry, *id)))
            }
            CommitRule::Quorum => {
                let Some(id) = self.by_term.get(&claim.term) else {
                    return Some(false);
                };
                let deepest = entries.get(*id).index;
                if by_chain && self.chain.at(deepest) == Some(*id) {
                    return Some(position.index <= deepest);
                }
                is_before(entries, position, claim.entry, *id)
            }
        }
    }

    /// In which term the entry at this index of the chain was allowed first.
    fn term_of(&self, index: LogIndex) -> Option<Term> {
        self.chain.claim(index).map(|claim| self.terms[claim])
    }
}

/// True if one is true; none if none is, and one is unknown.
fn any(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut unknown = false;
    for answer in answers {
        match answer {
            Some(true) => return Some(true),
            Some(false) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(false)
}

/// Whether `entry` is on the log that ends with `end`.
fn is_before(entries: &Entries, position: Position, entry: EntryId, end: EntryId) -> Option<bool> {
    if entries.get(end).index < position.index {
        return Some(false);
    }
    entries.ancestor(end, position.index).map(|id| id == entry)
}

fn not_allowed(entries: &Entries, names: &Names, voters: NodeSet, claim: &Claim) -> String {
    let entry = entries.get(claim.entry);
    let how = match claim.rule {
        CommitRule::Quorum => format!("as the leader of term {}", claim.term),
        CommitRule::Leader => format!("by its leader's word in term {}", claim.term),
    };
    let by = match claim.rule {
        CommitRule::Quorum => format!("no entry of term {} at or after it", claim.term),
        CommitRule::Leader => format!(
            "no entry at or after it, of term {} or an earlier one,",
            claim.term
        ),
    };
    format!(
        "{} committed index {} of term {} {how} ({}), but {by} was ever on the disks of {} of {} nodes in its own term; the entry itself was on those of {}",
        names.of(claim.at.node),
        entry.index,
        entry.term,
        names.line(claim.at),
        voters.majority(),
        voters.len(),
        names.list(entry.durable)
    )
}

/// Mark what a line tells of who has what.
pub(super) fn mark(
    entries: &mut Entries,
    node: NodeNumber,
    term: Term,
    event: &Event<'_>,
    entry: Option<EntryId>,
) {
    let Some(id) = entry else { return };
    match event {
        Event::Append { .. } if entries.get(id).term == term => entries.get_mut(id).held.add(node),
        Event::SyncLog { .. } | Event::Boot(_) => entries.get_mut(id).durable.add(node),
        _ => {}
    }
}
