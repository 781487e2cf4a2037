//! State Machine Safety (Raft section 5.4.3): no two nodes apply different entries at an index. And what is
//! applied decides the state: nodes that have applied equally much are in the same one.

use histories::journal::{Event, Hash};
use histories::{LogIndex, Term};
use rustc_hash::FxHashMap;

use super::Step;
use super::findings::Findings;
use super::place::Place;

#[derive(Clone, Copy, Debug)]
struct First {
    term: Term,
    h: Hash,
    sm: Hash,
    at: Place,
}

/// The check.
#[derive(Debug)]
pub(super) struct StateMachine {
    pub(super) findings: Findings,
    applied: FxHashMap<LogIndex, First>,
    /// Of each node: whether its state was found to differ in this incarnation; all later states will, too.
    strayed: Vec<bool>,
}

impl StateMachine {
    pub(super) fn new(nodes: usize) -> Self {
        StateMachine {
            findings: Findings::new("state machine safety"),
            applied: FxHashMap::default(),
            strayed: vec![false; nodes],
        }
    }

    /// At how many indexes something was applied.
    pub(super) fn indexes(&self) -> usize {
        self.applied.len()
    }

    pub(super) fn take(&mut self, step: &Step<'_>) {
        let node = usize::from(step.server.number.0);
        match &step.line.event {
            Event::Boot(_) => self.strayed[node] = false,
            Event::Apply {
                index, term, h, sm, ..
            } if step.is_promised(*index) => {
                let new = First {
                    term: *term,
                    h: *h,
                    sm: *sm,
                    at: step.at,
                };
                let first = *self.applied.entry(*index).or_insert(new);
                self.compare(step, *index, first, new);
            }
            _ => {}
        }
    }

    fn compare(&mut self, step: &Step<'_>, index: LogIndex, first: First, new: First) {
        let strayed = &mut self.strayed[usize::from(step.server.number.0)];
        let what = if (first.term, first.h) != (new.term, new.h) {
            *strayed = true;
            format!("entries of terms {} and {}", first.term, new.term)
        } else if first.sm != new.sm && !*strayed {
            *strayed = true;
            format!(
                "the same entry, and are in the states {} and {} after it",
                first.sm, new.sm
            )
        } else {
            return;
        };
        self.findings.add(step.line.mono, || {
            format!(
                "index {index}: {} ({}) and {} ({}) applied {what}",
                step.names.of(first.at.node),
                step.names.line(first.at),
                step.name(),
                step.place()
            )
        });
    }
}
