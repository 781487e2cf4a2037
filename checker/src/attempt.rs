//! How far one gets: the longest beginning of a legal order of a few operations that have none.
//!
//! A cycle proves that there is no legal order; this shows it: the operations one after the other, what is there after
//! each, and those of which one would have to come next and none can. What a check that was stopped knows is told in
//! the same words (`unfinished`).

use histories::Value;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::decode::{Decode, Decoded, Telling};
use crate::operations::{Group, OPEN};
use crate::spec::{Entry, Spec};
use crate::verdict::{Attempt, Step};

/// With more operations than this nobody follows the steps.
pub(crate) const MOST: usize = 64;

/// Configurations that are looked at; then the best so far is good enough for a picture.
const CONFIGURATIONS: usize = 20_000;

/// The best attempt at these operations, which have no legal order; none if there are too many of them.
pub(crate) fn attempt<S: Decode>(
    group: &Group<'_>,
    decoded: &Decoded<S>,
    few: &[Entry<S::Op>],
) -> Option<Attempt> {
    if few.len() > MOST {
        return None;
    }
    let narrow = decoded.spec.among(few);
    let spec = narrow.as_ref().unwrap_or(&decoded.spec);
    let best = Walk::new(spec, few).best();
    let used = best.iter().fold(0u64, |used, (at, _)| used | 1 << at);
    let steps: Vec<&Entry<S::Op>> = best.iter().map(|(at, _)| &few[*at]).collect();
    let states: Vec<S::State> = [spec.initial()]
        .into_iter()
        .chain(best.into_iter().map(|(_, state)| state))
        .collect();
    let stuck = next(few, used).filter(|&at| few[at].ret != OPEN);
    let stuck = stuck.map(|at| few[at].id).collect::<Vec<_>>();
    Some(told(group, spec, &steps, 0, Some(&states), &stuck))
}

/// The steps from `before` on, with the states if they are known.
pub(crate) fn told<S: Decode>(
    group: &Group<'_>,
    spec: &S,
    steps: &[&Entry<S::Op>],
    before: usize,
    states: Option<&[S::State]>,
    stuck: &[u32],
) -> Attempt {
    let index = |id: u32| group.operations[id as usize].index();
    let words = states.map(|states| words(group, spec, steps, before, states));
    let mut words = words.into_iter().flatten();
    Attempt {
        before,
        initial: words.next(),
        order: steps[before..]
            .iter()
            .map(|entry| Step {
                operation: index(entry.id),
                state: words.next(),
            })
            .collect(),
        stuck: stuck.iter().copied().map(index).collect(),
    }
}

/// The states in words. A number stands for the value that the last operation before brought in under it: values that
/// no operation looks at share one.
fn words<S: Decode>(
    group: &Group<'_>,
    spec: &S,
    steps: &[&Entry<S::Op>],
    before: usize,
    states: &[S::State],
) -> Vec<String> {
    let tellings: Vec<Telling> = states.iter().map(|state| spec.tell(state)).collect();
    // By number: the states, ascending, in which it has no name yet.
    let mut nameless: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    for (state, telling) in tellings.iter().enumerate() {
        telling
            .numbers()
            .for_each(|number| nameless.entry(number).or_default().push(state));
    }
    let mut names: FxHashMap<(usize, u32), &Value> = FxHashMap::default();
    for (at, entry) in steps.iter().enumerate().rev() {
        if nameless.is_empty() {
            break;
        }
        let operation = &group.operations[entry.id as usize];
        S::names(&entry.op, operation, &mut |number, value| {
            let Some(states) = nameless.get_mut(&number) else {
                return;
            };
            // The state after this step is that many after the first one told.
            let later = states.partition_point(|state| before + state <= at);
            names.extend(states.drain(later..).map(|state| ((state, number), value)));
            if states.is_empty() {
                nameless.remove(&number);
            }
        });
    }
    let name = |state: usize, number: u32| match names.get(&(state, number)) {
        Some(value) => value,
        None => spec.first(group.initial, number),
    };
    let words = tellings.iter().enumerate();
    words
        .map(|(state, telling)| telling.words(|number| name(state, number)))
        .collect()
}

/// The operations that may come next: no other one that is left had completed before they were invoked.
fn next<O>(few: &[Entry<O>], used: u64) -> impl Iterator<Item = usize> {
    let left = move |at: &usize| used & (1 << at) == 0;
    let first = (0..few.len()).filter(left).map(|at| few[at].ret).min();
    (0..few.len())
        .filter(left)
        .filter(move |&at| first.is_none_or(|first| few[at].inv < first))
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
    use crate::testing::{check, check_with, history};

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

    /// Who decides in the search.
    const SEARCH: [&str; 4] = ["prechecks", "depth-first", "breadth-first", crate::search::SUPPLY];

    #[test]
    fn every_model_that_the_search_decides_tells_its_states() {
        let mut told = 0;
        for model in crate::models::TABLE {
            let mut events = Vec::new();
            for operation in model.examples.illegal.replace('\'', "\"").split("; ") {
                let (f, values) = operation.split_once(' ').unwrap();
                let (argument, result) = values.split_once(" → ").unwrap_or((values, values));
                let mut pair = history("0 r, 0 r:");
                for (event, value) in pair.iter_mut().zip([argument, result]) {
                    (event.f, event.value) = (f.into(), serde_json::from_str(value).unwrap());
                }
                events.extend(pair);
            }
            let options = crate::Options {
                engine: crate::Engine::Search,
                ..crate::Options::default()
            };
            let check = check_with(model.name, &events, &options);
            assert_eq!(
                check.verdict,
                crate::Verdict::Violation,
                "{}: {}",
                model.name,
                check.reason
            );
            let by = check.details["decided_by"].as_object();
            let searched = |engine: &String| SEARCH.contains(&engine.as_str());
            if !by.is_some_and(|by| by.keys().any(searched)) {
                continue;
            }
            let attempt = &check.details["attempts"][0];
            let after = attempt["order"]
                .as_array()
                .unwrap()
                .iter()
                .map(|step| &step["state"]);
            let states_told: Vec<&str> = [&attempt["initial"]]
                .into_iter()
                .chain(after)
                .map(|state| state.as_str().unwrap_or("nothing"))
                .collect();
            assert_eq!(states_told, model.examples.states, "{}", model.name);
            told += 1;
        }
        assert_eq!(told, 18, "models that the search decides");
    }

    #[test]
    fn a_legal_history_has_no_attempt() {
        let check = check("cas-register", &history("0 w 1, 0 w: 1, 1 r, 1 r: 1"));
        assert_eq!(check.details.get("attempts"), None);
    }
}
