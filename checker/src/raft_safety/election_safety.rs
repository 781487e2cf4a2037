//! Election Safety (Raft section 5.2): at most one leader in a term, and it has a majority's votes of that term.

use std::collections::BTreeMap;

use histories::journal::Event;
use histories::{Nanos, Term};
use rustc_hash::FxHashSet;

use super::Step;
use super::findings::Findings;
use super::place::{Names, NodeNumber, NodeSet, Place};

/// Somebody became leader.
#[derive(Clone, Copy, Debug)]
pub(super) struct Election {
    pub(super) term: Term,
    pub(super) votes: NodeSet,
    pub(super) at: Place,
    pub(super) mono: Nanos,
}

/// The check.
#[derive(Debug)]
pub(super) struct ElectionSafety {
    pub(super) findings: Findings,
    pub(super) elections: Vec<Election>,
    /// Votes as the voters tell: term, voter, candidate.
    granted: FxHashSet<(Term, NodeNumber, NodeNumber)>,
}

impl ElectionSafety {
    pub(super) fn new() -> Self {
        ElectionSafety {
            findings: Findings::new("election safety"),
            elections: Vec::new(),
            granted: FxHashSet::default(),
        }
    }

    pub(super) fn take(&mut self, step: &Step<'_>) {
        match &step.line.event {
            Event::Vote {
                to,
                granted: true,
                pre: false,
                ..
            } => {
                if let Some(candidate) = step.names.find(to.as_str()) {
                    self.granted
                        .insert((step.line.term, step.server.number, candidate));
                }
            }
            Event::Elected { votes, .. } => self.elected(step, votes),
            _ => {}
        }
    }

    fn elected(&mut self, step: &Step<'_>, named: &[histories::journal::Text<'_>]) {
        let mut votes = NodeSet::default();
        for voter in named.iter().filter_map(|name| step.names.find(name.as_str())) {
            votes.add(voter);
        }
        let (voters, term) = (step.server.voters, step.line.term);
        let counted = votes.and(voters);
        if counted.len() < voters.majority() {
            self.findings.add(step.line.mono, || {
                format!(
                    "{} became the leader of term {term} with the votes of {} alone, {} of {} ({})",
                    step.name(),
                    step.names.list(counted),
                    counted.len(),
                    voters.len(),
                    step.place()
                )
            });
        }
        self.elections.push(Election {
            term,
            votes,
            at: step.at,
            mono: step.line.mono,
        });
    }

    /// `silent` nodes have no journal that could tell of their votes.
    pub(super) fn finish(&mut self, names: &Names, silent: NodeSet) {
        let mut leaders: BTreeMap<Term, Election> = BTreeMap::new();
        for election in &self.elections {
            let first = *leaders.entry(election.term).or_insert(*election);
            if first.at.node != election.at.node {
                let mono = first.mono.max(election.mono);
                self.findings.add(mono, || two_leaders(names, &first, election));
            }
            let term = election.term;
            for voter in (0..names.0.len() as u8).map(NodeNumber) {
                let told = silent.has(voter) || self.granted.contains(&(term, voter, election.at.node));
                if election.votes.has(voter) && !told {
                    self.findings.add(election.mono, || {
                        format!(
                            "{} became the leader of term {term} with a vote of {} ({}), whose journals have no such vote",
                            names.of(election.at.node),
                            names.of(voter),
                            names.line(election.at)
                        )
                    });
                }
            }
        }
    }
}

fn two_leaders(names: &Names, first: &Election, second: &Election) -> String {
    format!(
        "term {} has two leaders: {} ({}), with the votes of {}, and {} ({}), with those of {}",
        first.term,
        names.of(first.at.node),
        names.line(first.at),
        names.list(first.votes),
        names.of(second.at.node),
        names.line(second.at),
        names.list(second.votes)
    )
}
