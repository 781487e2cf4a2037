//! How far one gets: the longest beginning of a legal order of a few operations that have none.
//!
//! A cycle proves that there is no legal order; this shows it: the operations one after the other, what is there after
//! each, and those of which one would have to come next and none can.

use histories::Value;
use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::models::Decoded;
use crate::operations::{Group, OPEN};
use crate::search::{Entry, Spec};

/// With more operations than this nobody follows the steps.
const MOST: usize = 64;

/// Configurations that are looked at; then the best so far is good enough for a picture.
const CONFIGURATIONS: usize = 20_000;

/// The best attempt, by the indexes of invocations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Attempt {
    /// What is there at the beginning, where the model shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<String>,
    /// The operations that have a legal order.
    pub order: Vec<Step>,
    /// Of those that are left, the ones of which one has to come next.
    pub stuck: Vec<u64>,
}

/// A step of the attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Step {
    /// The operation.
    pub operation: u64,
    /// What is there after it, where the model shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// The best attempt at these operations; none if there are too many of them.
pub(crate) fn attempt<S: Spec>(
    group: &Group<'_>,
    decoded: &Decoded<S>,
    few: &[Entry<S::Op>],
) -> Option<Attempt> {
    if few.len() > MOST {
        return None;
    }
    let spec = &decoded.spec;
    let best = Walk::new(spec, few).best();
    let index = |at: usize| group.operations[few[at].id as usize].index();
    let shown = |upto: usize| shown(group, spec, few, &best[..upto]);
    let used = best.iter().fold(0u64, |used, (at, _)| used | 1 << at);
    Some(Attempt {
        initial: shown(0),
        order: (0..best.len())
            .map(|step| Step {
                operation: index(best[step].0),
                state: shown(step + 1),
            })
            .collect(),
        stuck: next(few, used)
            .filter(|&at| few[at].ret != OPEN)
            .map(index)
            .collect(),
    })
}

/// The operations that may come next: no other one that is left had completed before they were invoked.
fn next<O>(few: &[Entry<O>], used: u64) -> impl Iterator<Item = usize> {
    let left = move |at: &usize| used & (1 << at) == 0;
    let first = (0..few.len()).filter(left).map(|at| few[at].ret).min();
    (0..few.len())
        .filter(left)
        .filter(move |&at| first.is_none_or(|first| few[at].inv < first))
}

/// What the state after these steps shows: the value of the last operation that wrote it.
fn shown<S: Spec>(
    group: &Group<'_>,
    spec: &S,
    few: &[Entry<S::Op>],
    steps: &[(usize, S::State)],
) -> Option<String> {
    let initial = spec.shown(&spec.initial())?;
    let value = steps
        .last()
        .map_or(Some(initial), |(_, state)| spec.shown(state))?;
    let wrote = |(at, _): &&(usize, S::State)| spec.writes(&few[*at].op).is_some();
    match steps.iter().rev().find(wrote) {
        Some((at, _)) => Some(written(&group.operations[few[*at].id as usize].invoke.value).to_string()),
        None => (value == initial).then(|| group.initial.to_string()),
    }
}

/// A cas writes the second value of its argument.
fn written(argument: &Value) -> &Value {
    match argument.as_list() {
        Some([_, new]) => new,
        _ => argument,
    }
}

/// Depth-first over all orders, without going twice where the same operations led to the same state.
struct Walk<'a, S: Spec> {
    spec: &'a S,
    few: &'a [Entry<S::Op>],
    seen: FxHashSet<(u64, S::State)>,
    path: Vec<(usize, S::State)>,
    best: Vec<(usize, S::State)>,
}

impl<'a, S: Spec> Walk<'a, S> {
    fn new(spec: &'a S, few: &'a [Entry<S::Op>]) -> Self {
        Walk {
            spec,
            few,
            seen: FxHashSet::default(),
            path: Vec::new(),
            best: Vec::new(),
        }
    }

    fn best(mut self) -> Vec<(usize, S::State)> {
        let initial = self.spec.initial();
        self.go(0, &initial);
        self.best
    }

    /// Completed operations count; of two attempts with as many, the one that needs fewer unknown ones is better.
    fn worth(&self, path: &[(usize, S::State)]) -> (usize, std::cmp::Reverse<usize>) {
        let completed = path.iter().filter(|(at, _)| self.few[*at].ret != OPEN).count();
        (completed, std::cmp::Reverse(path.len()))
    }

    fn go(&mut self, used: u64, state: &S::State) {
        if self.seen.len() >= CONFIGURATIONS || !self.seen.insert((used, state.clone())) {
            return;
        }
        if self.worth(&self.path) > self.worth(&self.best) {
            self.best = self.path.clone();
        }
        let candidates: Vec<usize> = next(self.few, used).collect();
        for at in candidates {
            let op = &self.few[at].op;
            for choice in 0..self.spec.choices(state, op) {
                if let Some(after) = self.spec.choose(state, op, choice) {
                    self.path.push((at, after.clone()));
                    self.go(used | 1 << at, &after);
                    self.path.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, history};

    #[test]
    fn the_attempt_ends_where_nothing_can_come_next() {
        let check = check(
            "cas-register",
            &history("0 w 1, 0 w: 1, 0 w 2, 0 w: 2, 1 r, 1 r: 1"),
        );
        let attempt = &check.details["attempts"][0];
        assert_eq!(attempt["initial"], "null");
        assert_eq!(
            attempt["order"],
            serde_json::json!([{"operation": 0, "state": "1"}, {"operation": 2, "state": "2"}])
        );
        assert_eq!(attempt["stuck"], serde_json::json!([4]));
    }

    #[test]
    fn a_legal_history_has_no_attempt() {
        let check = check("cas-register", &history("0 w 1, 0 w: 1, 1 r, 1 r: 1"));
        assert_eq!(check.details.get("attempts"), None);
    }
}
