//! A set that grows, or from which elements are removed: `add v`, `remove v`, `read → [v, …]` in any order.

use std::sync::Arc;

use histories::{Kind, Value};

use super::final_read;
use super::row::{Judge, Model, Start};
use super::shape::Reads;
use crate::budget::{Budget, Meter, Stop};
use crate::decode::{Decision, Decode, Decoded, Numbers, Telling, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::graph::rank::{self, Conflict, Levels, NEVER};
use crate::judge::{self, Judged};
use crate::operations::{Group, Operation};
use crate::options::{Analysis, Options};
use crate::proved::Reading;
use crate::shrink::restrict;
use crate::spec::{Entry, Role, Spec};
#[cfg(test)]
use crate::twins::{Collection, Drawn, Examples, Proof};

pub(super) const MODEL: Model = Model {
    name: "set",
    about: "a set that grows, read as a whole",
    operations: &["add v", "read → [v, …]"],
    suggested: |shape| match shape.reads {
        Some(reads) => shape.adds() && reads == Reads::List,
        None => shape.adds() && !shape.adds_twice,
    },
    contradicted: |_| None,
    start: Start::Always("empty"),
    is_register: false,
    takes_implied_analysis: true,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, options| (options.analysis == Analysis::Jepsen).then_some(Reading::Set),
    final_reads: Some(final_reads::growth),
    #[cfg(test)]
    examples: Examples {
        twins: || {
            vec![
                Drawn::of(Collection::set(60)),
                Drawn::of(Collection::set(60)).in_jepsens_sense(),
            ]
        },
        illegal: "add 7; add 8; read null → [7]",
        states: &["{}", "{8}"],
        proofs: &[Proof::Elements],
    },
};

pub(super) const WITH_REMOVAL: Model = Model {
    name: "set-remove",
    about: "a set with removal, read as a whole or asked for one element",
    operations: &["add v", "remove v", "read → [v, …]"],
    suggested: |shape| shape.only(&["read", "add", "remove"]) && shape.has("remove"),
    judge: Judge::Key(judge::judge::<Set<true>>),
    reading: |_, _| None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Collection::with_removal(5))],
        illegal: "add 7; remove 7; read null → [7]",
        states: &["{}", "{7}", "{}"],
        ..MODEL.examples
    },
    ..MODEL
};

/// Elements by their numbers, ascending and without repetition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Add(u32),
    Remove(u32),
    Read(Arc<[u32]>),
}

/// A set that is empty at first; removing what is not there changes nothing.
pub(crate) struct Set<const REMOVES: bool> {
    elements: usize,
}

impl<const REMOVES: bool> Spec for Set<REMOVES> {
    type State = Arc<[u32]>;
    type Op = Action;

    fn op_bytes(op: &Action) -> usize {
        match op {
            Action::Read(seen) => size_of_val(&**seen) + 16,
            _ => 0,
        }
    }

    fn state_bytes(state: &Self::State) -> usize {
        size_of_val(&**state) + 16
    }

    fn initial(&self) -> Self::State {
        Arc::new([])
    }

    fn step(&self, state: &Self::State, op: &Action) -> Option<Self::State> {
        match op {
            Action::Add(element) => Some(with(state, *element)),
            Action::Remove(element) => Some(state.iter().copied().filter(|x| x != element).collect()),
            Action::Read(seen) => (seen == state).then(|| state.clone()),
        }
    }

    fn role(&self, op: &Action) -> Role {
        match op {
            Action::Add(_) | Action::Remove(_) => Role::Update,
            Action::Read(_) => Role::Pure,
        }
    }

    fn elements(&self, op: &Action, elements: &mut Vec<u32>) {
        match op {
            Action::Add(element) | Action::Remove(element) => elements.push(*element),
            Action::Read(seen) => elements.extend(&**seen),
        }
    }

    fn restrict(&self, op: &Action, kept: &dyn Fn(u32) -> bool) -> Option<Action> {
        match op {
            Action::Add(element) | Action::Remove(element) => kept(*element).then(|| op.clone()),
            Action::Read(seen) => Some(Action::Read(seen.iter().copied().filter(|x| kept(*x)).collect())),
        }
    }
}

/// The set with this element.
fn with(state: &Arc<[u32]>, element: u32) -> Arc<[u32]> {
    match state.binary_search(&element) {
        Ok(_) => state.clone(),
        Err(at) => state[..at]
            .iter()
            .chain([&element])
            .chain(&state[at..])
            .copied()
            .collect(),
    }
}

/// What a read returned; a repeated element counts once.
fn seen<'a>(operation: &Operation<'a>, numbers: &mut Numbers<'a>) -> Result<Arc<[u32]>, HistoryError> {
    let seen: Vec<u32> = match operation.result() {
        Value::Null => Vec::new(),
        Value::List(seen) => seen.iter().map(|element| numbers.of(element)).collect(),
        _ => return Err(operation.bad_value(true, "an array of elements, or null for none")),
    };
    Ok(ascending(seen, numbers.len()).into())
}

/// These numbers, of so many, in order and without repetition. A large part of all is quicker marked than sorted.
fn ascending(mut seen: Vec<u32>, of: usize) -> Vec<u32> {
    if seen.len() < of / 64 || seen.is_sorted_by(|one, next| one < next) {
        seen.sort_unstable();
        seen.dedup();
        return seen;
    }
    let mut marks = vec![0u64; of.div_ceil(64)];
    for &number in &seen {
        marks[number as usize / 64] |= 1 << (number % 64);
    }
    seen.clear();
    for (word, &marked) in marks.iter().enumerate() {
        let mut left = marked;
        while left > 0 {
            seen.push(word as u32 * 64 + left.trailing_zeros());
            left &= left - 1;
        }
    }
    seen
}

impl<const REMOVES: bool> Decode for Set<REMOVES> {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let mut numbers = Numbers::default();
        let model = if REMOVES { WITH_REMOVAL } else { MODEL };
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "add" => Ok(Some(Action::Add(numbers.of(operation.argument())))),
            "remove" if REMOVES => Ok(Some(Action::Remove(numbers.of(operation.argument())))),
            "read" if operation.outcome != Kind::Ok => Ok(None),
            "read" => Ok(Some(Action::Read(seen(operation, &mut numbers)?))),
            _ => Err(unknown_f(operation, model.name, model.operations)),
        })?;
        Ok(Decoded {
            spec: Set {
                elements: numbers.len(),
            },
            entries,
            failed,
        })
    }

    fn graph(
        decoded: &Decoded<Self>,
        want_order: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Decision<Action>, Stop> {
        if REMOVES {
            return Ok(Decision::NotApplicable);
        }
        let entries = &decoded.entries;
        let order = match levels(entries, decoded.spec.elements, meter)? {
            Ok(levels) => rank::order(entries, &levels, want_order, meter)?,
            Err(conflict) => Err(conflict),
        };
        Ok(match order {
            Ok(order) => Decision::Legal(order),
            Err(Conflict {
                entries: culprits,
                elements,
            }) => {
                let few: Vec<_> = culprits.iter().map(|&at| entries[at as usize].clone()).collect();
                Decision::Illegal(restrict(&decoded.spec, &few, &|x| elements.contains(&x)))
            }
        })
    }

    fn tell(&self, state: &Self::State) -> Telling {
        Telling::list("{", state, "}")
    }

    fn names<'a>(op: &Action, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        if let Action::Add(element) = *op {
            name(element, operation.argument());
        }
    }
}

/// By a legal order, or by the last read.
fn judge(group: &Group<'_>, options: &Options, budget: &Budget) -> Result<Judged, Halt> {
    match options.analysis {
        Analysis::Linearizable => judge::judge::<Set<false>>(group, options, budget),
        Analysis::Jepsen => final_read::judge(group, MODEL.operations, budget),
    }
}

/// The level of everything, or two reads of which neither contains the other.
fn levels(
    entries: &[Entry<Action>],
    elements: usize,
    meter: &mut Meter<'_>,
) -> Result<Result<Levels, Conflict>, Stop> {
    meter.grow(entries.len() * 32 + elements * 12)?;
    let mut levels = Levels {
        adds: Vec::new(),
        reads: Vec::new(),
        level: vec![NEVER; elements],
        seen_by: vec![NEVER; elements],
    };
    let mut reads: Vec<(u32, &[u32])> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        meter.tick()?;
        match &entry.op {
            Action::Add(element) => levels.adds.push((at as u32, *element)),
            Action::Remove(_) => {}
            Action::Read(seen) => reads.push((at as u32, seen)),
        }
    }
    reads.sort_by_key(|(_, seen)| seen.len());
    // By element: the last of the sorted reads that has it, counted from 1.
    let mut last_read = vec![0; elements];
    for (place, &(at, seen)) in reads.iter().enumerate() {
        levels.reads.push((at, seen.len() as u32));
        meter.pass(seen.len())?;
        let mut known = 0;
        for &element in seen {
            let element = element as usize;
            known += usize::from(place > 0 && last_read[element] == place);
            last_read[element] = place + 1;
            if levels.level[element] == NEVER {
                (levels.level[element], levels.seen_by[element]) = (seen.len() as u32, at);
            }
        }
        if let Some(&(before, shorter)) = place.checked_sub(1).map(|before| &reads[before])
            && known < shorter.len()
        {
            let only = |one: &[u32], other: &[u32]| {
                one.iter()
                    .copied()
                    .find(|element| other.binary_search(element).is_err())
            };
            let elements: Vec<u32> = only(shorter, seen)
                .into_iter()
                .chain(only(seen, shorter))
                .collect();
            let about = |(add, element): &(u32, u32)| elements.contains(element).then_some(*add);
            let mut culprits = vec![before, at];
            culprits.extend(levels.adds.iter().filter_map(about));
            culprits.sort_unstable();
            return Ok(Err(Conflict {
                entries: culprits,
                elements,
            }));
        }
    }
    Ok(Ok(levels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_or_sorted_it_is_the_same() {
        for (step, many) in [(7, 3), (7, 40), (31, 150), (63, 200), (64, 64)] {
            let seen: Vec<u32> = (0..many).map(|at| at * step % 193).collect();
            let mut sorted = seen.clone();
            sorted.sort_unstable();
            sorted.dedup();
            for of in [193, 64 * 193] {
                assert_eq!(ascending(seen.clone(), of), sorted, "{seen:?} of {of}");
            }
        }
    }
}
