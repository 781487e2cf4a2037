//! A list that grows: `append v`, `read → [v, …]`.

use std::sync::Arc;

use histories::{Kind, Value};

use super::row::{Judge, Model, Start};
use crate::budget::{Meter, Stop};
use crate::decode::{Decision, Decode, Decoded, Numbers, Telling, decode_each, unknown_f};
use crate::error::Halt;
use crate::final_reads;
use crate::graph::rank::{self, Conflict, Levels, NEVER};
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::shrink::restrict;
use crate::spec::{Entry, Role, Spec};
#[cfg(test)]
use crate::twins::{Collection, Drawn, Examples, Proof};

pub(super) const MODEL: Model = Model {
    name: "append",
    about: "a list that grows, read as a whole",
    operations: &["append v", "read → [v, …]"],
    suggested: |shape| shape.only(&["read", "append"]) && shape.has("read") && shape.has("append"),
    contradicted: |_| None,
    start: Start::Always("empty"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge::<List>),
    transactions: None,
    reading: |_, _| None,
    final_reads: Some(final_reads::growth),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Collection::list(60))],
        illegal: "append 7; append 8; read null → [8,7]",
        states: &["[]", "[7]", "[7, 8]"],
        proofs: &[Proof::Elements],
    },
};

/// Elements by their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Append(u32),
    Read(Arc<[u32]>),
}

/// A list that is empty at first.
pub(crate) struct List {
    elements: usize,
}

impl Spec for List {
    const OFTEN: bool = true;

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
            Action::Append(element) => Some(state.iter().chain([element]).copied().collect()),
            Action::Read(seen) => (seen == state).then(|| state.clone()),
        }
    }

    fn role(&self, op: &Action) -> Role {
        match op {
            Action::Append(_) => Role::Update,
            Action::Read(_) => Role::Pure,
        }
    }

    fn elements(&self, op: &Action, elements: &mut Vec<u32>) {
        match op {
            Action::Append(element) => elements.push(*element),
            Action::Read(seen) => elements.extend(&**seen),
        }
    }

    fn restrict(&self, op: &Action, kept: &dyn Fn(u32) -> bool) -> Option<Action> {
        match op {
            Action::Append(element) => kept(*element).then(|| op.clone()),
            Action::Read(seen) => Some(Action::Read(seen.iter().copied().filter(|x| kept(*x)).collect())),
        }
    }
}

impl Decode for List {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let mut numbers = Numbers::default();
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "append" => Ok(Some(Action::Append(numbers.of(operation.argument())))),
            "read" if operation.outcome != Kind::Ok => Ok(None),
            "read" => match operation.result() {
                Value::Null => Ok(Some(Action::Read(Arc::new([])))),
                Value::List(seen) => Ok(Some(Action::Read(seen.iter().map(|x| numbers.of(x)).collect()))),
                _ => Err(operation.bad_value(true, "an array of elements, or null for none")),
            },
            _ => Err(unknown_f(operation, MODEL.name, MODEL.operations)),
        })?;
        Ok(Decoded {
            spec: List {
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
        let entries = &decoded.entries;
        let outcome = match levels(entries, decoded.spec.elements, meter)? {
            None => return Ok(Decision::NotApplicable),
            Some(Ok(levels)) => rank::order(entries, &levels, want_order, meter)?,
            Some(Err(conflict)) => Err(conflict),
        };
        Ok(match outcome {
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
        Telling::list("[", state, "]")
    }

    fn names<'a>(op: &Action, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        if let Action::Append(element) = *op {
            name(element, operation.argument());
        }
    }
}

/// The level of everything; none if an element is appended twice, an error if two reads contradict each other.
fn levels(
    entries: &[Entry<Action>],
    elements: usize,
    meter: &mut Meter<'_>,
) -> Result<Option<Result<Levels, Conflict>>, Stop> {
    meter.grow(entries.len() * 12 + elements * 9)?;
    let mut levels = Levels {
        adds: Vec::new(),
        reads: Vec::new(),
        level: vec![NEVER; elements],
        seen_by: vec![NEVER; elements],
    };
    let mut added = vec![false; elements];
    let mut longest: (u32, &[u32]) = (0, &[]);
    for (at, entry) in entries.iter().enumerate() {
        meter.tick()?;
        match &entry.op {
            Action::Append(element) if std::mem::replace(&mut added[*element as usize], true) => {
                return Ok(None);
            }
            Action::Append(element) => levels.adds.push((at as u32, *element)),
            Action::Read(seen) => {
                levels.reads.push((at as u32, seen.len() as u32));
                if seen.len() > longest.1.len() {
                    longest = (at as u32, seen);
                }
            }
        }
    }
    for (place, &element) in longest.1.iter().enumerate() {
        if levels.level[element as usize] != NEVER {
            let twice = Conflict {
                entries: all_about(entries, element, longest.0),
                elements: vec![element],
            };
            return Ok(Some(Err(twice)));
        }
        levels.level[element as usize] = place as u32 + 1;
        levels.seen_by[element as usize] = longest.0;
    }
    for (at, entry) in entries.iter().enumerate() {
        let Action::Read(seen) = &entry.op else { continue };
        meter.pass(seen.len())?;
        if let Some(place) = (0..seen.len()).find(|&place| seen[place] != longest.1[place]) {
            let elements = vec![seen[place], longest.1[place]];
            let mut culprits = vec![at as u32, longest.0];
            let about = |(add, element): &(u32, u32)| elements.contains(element).then_some(*add);
            culprits.extend(levels.adds.iter().filter_map(about));
            culprits.sort_unstable();
            culprits.dedup();
            return Ok(Some(Err(Conflict {
                entries: culprits,
                elements,
            })));
        }
        if let Some(&last) = seen.last() {
            levels.seen_by[last as usize] = at as u32;
        }
    }
    Ok(Some(Ok(levels)))
}

/// The read, and what appended the element.
fn all_about(entries: &[Entry<Action>], element: u32, read: u32) -> Vec<u32> {
    let about = |at: &u32| *at == read || entries[*at as usize].op == Action::Append(element);
    (0..entries.len() as u32).filter(about).collect()
}
