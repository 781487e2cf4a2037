//! Leader Completeness (Raft section 5.4): what was committed in a term is in the log of every leader of a later one.

use histories::journal::Event;
use histories::{LogIndex, Nanos, Term};

use super::Step;
use super::chain::{Chain, Stands};
use super::claims::Claims;
use super::entries::{Entries, EntryId};
use super::findings::Findings;
use super::place::{Names, Place};

#[derive(Clone, Copy, Debug)]
struct Leader {
    term: Term,
    /// The end of its log; none if the journals do not tell.
    end: Option<EntryId>,
    at: Place,
    mono: Nanos,
}

/// The check.
#[derive(Debug)]
pub(super) struct LeaderCompleteness {
    pub(super) findings: Findings,
    leaders: Vec<Leader>,
}

impl LeaderCompleteness {
    pub(super) fn new() -> Self {
        LeaderCompleteness {
            findings: Findings::new("leader completeness"),
            leaders: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, step: &Step<'_>) {
        if let Event::Elected { .. } = &step.line.event {
            self.leaders.push(Leader {
                term: step.line.term,
                end: step.server.entry(step.server.last()),
                at: step.at,
                mono: step.line.mono,
            });
        }
    }

    pub(super) fn finish(&mut self, entries: &Entries, claims: &Claims, chain: &Chain, names: &Names) {
        for leader in &self.leaders {
            let before = chain.count_while(|claim| claims.all[claim].term < leader.term);
            if before == LogIndex(0) {
                continue;
            }
            let Some(end) = leader.end else {
                self.findings.undecided();
                continue;
            };
            let missing = match chain.compare(entries, end) {
                Stands::Unknown => {
                    self.findings.undecided();
                    continue;
                }
                Stands::On | Stands::Extends => LogIndex(entries.get(end).index.0 + 1),
                Stands::Beside(index) => index,
            };
            if missing > before {
                continue;
            }
            let claim = chain.claim(missing).map(|claim| &claims.all[claim]);
            let lost = chain.at(missing).map(|id| entries.get(id).position());
            if let Some((claim, lost)) = claim.zip(lost) {
                self.findings.add(leader.mono, || {
                    format!(
                        "{} became the leader of term {} ({}) without index {} of term {}, which {} had committed in term {} ({})",
                        names.of(leader.at.node),
                        leader.term,
                        names.line(leader.at),
                        lost.index,
                        lost.term,
                        names.of(claim.at.node),
                        claim.term,
                        names.line(claim.at)
                    )
                });
            }
        }
    }
}
