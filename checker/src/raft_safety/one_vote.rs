//! One vote a term, across restarts (Raft sections 5.2 and figure 2: `votedFor` is persistent).
//!
//! A vote that was written down and never became durable has never left its node. It counts once a `sync` follows it,
//! once the next start remembers it, or once its candidate has counted it.

use histories::journal::{Boot, Event};
use histories::{Nanos, Term};

use super::Step;
use super::election_safety::Election;
use super::findings::Findings;
use super::place::{Names, NodeNumber, Place};

#[derive(Clone, Copy, Debug)]
struct Vote {
    term: Term,
    candidate: NodeNumber,
    at: Place,
    mono: Nanos,
    counts: bool,
}

/// The check.
#[derive(Debug)]
pub(super) struct OneVote {
    pub(super) findings: Findings,
    votes: Vec<Vote>,
    /// Of each node: how many of the votes above may still become durable, from which on.
    pending: Vec<Vec<usize>>,
}

impl OneVote {
    pub(super) fn new(nodes: usize) -> Self {
        OneVote {
            findings: Findings::new("one vote a term"),
            votes: Vec::new(),
            pending: vec![Vec::new(); nodes],
        }
    }

    pub(super) fn take(&mut self, step: &Step<'_>) {
        let node = usize::from(step.server.number.0);
        match &step.line.event {
            Event::Vote {
                to,
                granted: true,
                pre: false,
                ..
            } => {
                if let Some(candidate) = step.names.find(to.as_str()) {
                    self.pending[node].push(self.votes.len());
                    self.votes.push(Vote {
                        term: step.line.term,
                        candidate,
                        at: step.at,
                        mono: step.line.mono,
                        counts: false,
                    });
                }
            }
            Event::SyncHard => {
                for vote in self.pending[node].drain(..) {
                    self.votes[vote].counts = true;
                }
            }
            Event::Boot(boot) => self.boot(step, boot),
            _ => {}
        }
    }

    fn boot(&mut self, step: &Step<'_>, boot: &Boot<'_>) {
        let remembered = boot.vote.as_ref().and_then(|name| step.names.find(name.as_str()));
        let node = step.server.number;
        for vote in self.pending[usize::from(node.0)].drain(..) {
            let vote = &mut self.votes[vote];
            vote.counts |= vote.term == step.line.term && remembered == Some(vote.candidate);
        }
        let of_term = |vote: &&Vote| vote.at.node == node && vote.counts && vote.term == step.line.term;
        if let Some(vote) = self.votes.iter().rev().find(of_term).copied()
            && remembered != Some(vote.candidate)
        {
            self.findings.add(step.line.mono, || {
                format!(
                    "{} started in term {} ({}) and has forgotten its vote for {} ({})",
                    step.name(),
                    vote.term,
                    step.place(),
                    step.names.of(vote.candidate),
                    step.names.line(vote.at)
                )
            });
        }
    }

    pub(super) fn finish(&mut self, names: &Names, elections: &[Election]) {
        for vote in &mut self.votes {
            let elected = |election: &Election| {
                election.term == vote.term
                    && election.at.node == vote.candidate
                    && election.votes.has(vote.at.node)
            };
            vote.counts |= elections.iter().any(elected);
        }
        self.votes.retain(|vote| vote.counts);
        self.votes.sort_by_key(|vote| (vote.at.node, vote.term, vote.at));
        for pair in self.votes.windows(2) {
            let (first, second) = (pair[0], pair[1]);
            if (first.at.node, first.term) == (second.at.node, second.term)
                && first.candidate != second.candidate
            {
                self.findings.add(second.mono, || {
                    format!(
                        "{} voted twice in term {}: for {} ({}), and for {} ({})",
                        names.of(first.at.node),
                        first.term,
                        names.of(first.candidate),
                        names.line(first.at),
                        names.of(second.candidate),
                        names.line(second.at)
                    )
                });
            }
        }
    }
}
