//! What is committed stays (Raft section 5.4): no node commits something else at that index, and nobody deletes it in
//! the term in which it was committed or a later one. (In an earlier term it may: Figure 8.)

use histories::journal::Event;
use histories::{LogIndex, Nanos, Term};
use rustc_hash::FxHashSet;

use super::Step;
use super::chain::{Chain, Stands};
use super::claims::{Claim, Claims};
use super::entries::{Entries, EntryId};
use super::findings::Findings;
use super::place::{Names, Place};

/// A part of a log was deleted.
#[derive(Clone, Copy, Debug)]
struct Deletion {
    /// The first entry that went.
    entry: EntryId,
    term: Term,
    at: Place,
    mono: Nanos,
    /// How it was seen.
    how: &'static str,
}

/// The check.
#[derive(Debug)]
pub(super) struct CommittedStays {
    pub(super) findings: Findings,
    deletions: Vec<Deletion>,
}

impl CommittedStays {
    pub(super) fn new() -> Self {
        CommittedStays {
            findings: Findings::new("committed stays"),
            deletions: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, step: &Step<'_>) {
        match &step.line.event {
            Event::Trunc { from, by, .. } => self.truncated(step, *from, by),
            // What is gone at a start was deleted in the term of the last line, or a later one.
            Event::Boot(boot) => self.deletions.extend(
                step.entry
                    .and_then(|found| step.server.lost(step.entries, boot.last, found))
                    .map(|entry| Deletion {
                        entry,
                        term: step.server.term,
                        at: step.at,
                        mono: step.line.mono,
                        how: "and was gone at a start of",
                    }),
            ),
            _ => {}
        }
    }

    fn truncated(&mut self, step: &Step<'_>, from: LogIndex, by: &histories::journal::Text<'_>) {
        if from <= step.server.commit {
            self.findings.add(step.line.mono, || {
                format!(
                    "{} deleted its log from index {from} on, for {by}, though it had committed up to index {} ({})",
                    step.name(),
                    step.server.commit,
                    step.place()
                )
            });
        } else if let Some(entry) = step.server.entry(from) {
            self.deletions.push(Deletion {
                entry,
                term: step.line.term,
                at: step.at,
                mono: step.line.mono,
                how: "and deleted by",
            });
        }
    }

    /// Put the claims on one chain; what does not fit on it is a violation.
    pub(super) fn finish(&mut self, entries: &Entries, claims: &Claims, names: &Names) -> Chain {
        let mut chain = Chain::default();
        let mut seen = FxHashSet::default();
        for (number, claim) in claims.all.iter().enumerate() {
            match chain.extend(entries, claim.entry, number) {
                Stands::On | Stands::Extends => {}
                Stands::Unknown => self.findings.undecided(),
                Stands::Beside(index) => {
                    let other = entries.ancestor(claim.entry, index).unwrap_or(claim.entry);
                    if seen.insert(other) {
                        let first = chain.claim(index).map(|claim| claims.all[claim]);
                        self.findings.add(claim.mono, || {
                            other_commit(entries, names, &chain, first, claim, other)
                        });
                    }
                }
            }
        }
        self.judge_deletions(entries, claims, names, &chain);
        chain
    }

    fn judge_deletions(&mut self, entries: &Entries, claims: &Claims, names: &Names, chain: &Chain) {
        for deletion in &self.deletions {
            let position = entries.get(deletion.entry).position();
            let claim = chain.claim(position.index).map(|claim| claims.all[claim]);
            let Some(claim) = claim.filter(|_| chain.at(position.index) == Some(deletion.entry)) else {
                continue;
            };
            if claim.term <= deletion.term {
                self.findings.add(deletion.mono, || {
                    format!(
                        "index {} of term {} was committed by {} in term {} ({}), {} {} in term {} ({})",
                        position.index,
                        position.term,
                        names.of(claim.at.node),
                        claim.term,
                        names.line(claim.at),
                        deletion.how,
                        names.of(deletion.at.node),
                        deletion.term,
                        names.line(deletion.at)
                    )
                });
            }
        }
    }
}

fn other_commit(
    entries: &Entries,
    names: &Names,
    chain: &Chain,
    first: Option<Claim>,
    claim: &Claim,
    other: EntryId,
) -> String {
    let position = entries.get(other).position();
    let index: LogIndex = position.index;
    let before = chain.at(index).map(|id| entries.get(id).term).unwrap_or_default();
    let first = first.map_or_else(String::new, |first| {
        format!(
            "{} had committed an entry of term {before} in term {} ({}), ",
            names.of(first.at.node),
            first.term,
            names.line(first.at)
        )
    });
    format!(
        "index {index}: {first}{} has committed one of term {} in term {} ({})",
        names.of(claim.at.node),
        position.term,
        claim.term,
        names.line(claim.at)
    )
}
