//! Elements that were appended to a list more than once: which of the appends each of them is, in every way.
//!
//! Whoever names each append differs it from all others; the first 1 of every read is then one append's, the second 1
//! another one's, as the longest read shows them. A history keeps to a level if it does so named in one of these ways, since
//! an order of the one is an order of the other, and breaks it if it does so in all of them.

use histories::{Event, Kind, Process, Value};
use rustc_hash::FxHashMap;

/// So many ways are tried; of more nobody knows.
const WAYS: usize = 64;

/// A list's element: the history's key, the key, the element.
type Element<'a> = (Option<&'a Value>, &'a Value, &'a Value);

/// Where an element was appended: the invocation, and the place among its transaction's micro-operations.
type Append = (u64, usize);

/// Elements that were appended several times, and how often one read shows each.
#[derive(Default)]
struct Appended<'a> {
    by: FxHashMap<Element<'a>, Vec<Append>>,
    shown: FxHashMap<Element<'a>, usize>,
}

/// The history in every way of naming the appends; none if there is but one, or there are too many.
pub(super) fn ways(events: &[Event]) -> Option<Vec<Vec<Event>>> {
    let appended = Appended::of(events);
    let mut several: Vec<(&Element<'_>, &Vec<Append>)> =
        appended.by.iter().filter(|(_, by)| by.len() > 1).collect();
    several.sort_unstable_by_key(|(_, by)| by[0]);
    let mut ways: Vec<FxHashMap<Append, usize>> = vec![FxHashMap::default()];
    for (element, by) in &several {
        let shown = appended.shown.get(*element).copied().unwrap_or(0).min(by.len());
        let orders = arrangements(by.len(), shown)?;
        if ways.len() * orders.len() > WAYS {
            return None;
        }
        ways = ways
            .iter()
            .flat_map(|way| {
                orders.iter().map(move |order| {
                    let named = order.iter().zip(1..).map(|(&at, number)| (by[at], number));
                    way.clone().into_iter().chain(named).collect()
                })
            })
            .collect();
    }
    let names = |way| renamed(events, &several, &way);
    (!several.is_empty()).then(|| ways.into_iter().map(names).collect())
}

impl<'a> Appended<'a> {
    fn of(events: &'a [Event]) -> Self {
        let mut appended = Appended::default();
        let mut open: FxHashMap<Process, &Event> = FxHashMap::default();
        let mut failed: Vec<u64> = Vec::new();
        for event in events {
            if event.kind == Kind::Invoke {
                open.insert(event.process, event);
                appended.invoke(event);
                continue;
            }
            let invoked = open.remove(&event.process);
            if event.kind == Kind::Fail {
                failed.extend(invoked.map(|invoke| invoke.index));
            }
            appended.show(event);
        }
        failed.sort_unstable();
        for by in appended.by.values_mut() {
            by.retain(|(index, _)| failed.binary_search(index).is_err());
        }
        appended
    }

    fn invoke(&mut self, event: &'a Event) {
        for (at, micro) in event.value.as_list().unwrap_or_default().iter().enumerate() {
            if let Some([Value::Text(word), key, element]) = micro.as_list()
                && &**word == "append"
            {
                let element = (event.key.as_ref(), key, element);
                self.by.entry(element).or_default().push((event.index, at));
            }
        }
    }

    fn show(&mut self, event: &'a Event) {
        for micro in event.value.as_list().unwrap_or_default() {
            let Some([Value::Text(word), key, Value::List(list)]) = micro.as_list() else {
                continue;
            };
            if &**word != "r" {
                continue;
            }
            let mut counts: FxHashMap<&Value, usize> = FxHashMap::default();
            for element in &**list {
                let count = counts.entry(element).or_default();
                *count += 1;
                let shown = self.shown.entry((event.key.as_ref(), key, element)).or_default();
                *shown = (*shown).max(*count);
            }
        }
    }
}

/// Every way to take `some` of `all` things one after the other; none if these are too many.
fn arrangements(all: usize, some: usize) -> Option<Vec<Vec<usize>>> {
    let mut ways: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..some {
        let longer = ways.iter().flat_map(|way| {
            let free = (0..all).filter(|at| !way.contains(at));
            free.map(|at| [way.as_slice(), &[at]].concat())
                .collect::<Vec<_>>()
        });
        ways = longer.collect();
        if ways.len() > WAYS {
            return None;
        }
    }
    Some(ways)
}

/// An append, or what a read shows of it, by its name: the element and its number in the list, 0 where nobody saw it.
fn name(element: &Value, number: usize, append: Append) -> Value {
    match number {
        0 => Value::from(format!("{element} (unseen, of #{}.{})", append.0, append.1).as_str()),
        _ => Value::from(format!("{element} (number {number})").as_str()),
    }
}

fn renamed(
    events: &[Event],
    several: &[(&Element<'_>, &Vec<Append>)],
    way: &FxHashMap<Append, usize>,
) -> Vec<Event> {
    let is_several = |event: &Event, key: &Value, element: &Value| {
        let element = (event.key.as_ref(), key, element);
        several.iter().any(|(of, _)| **of == element)
    };
    let mut open: FxHashMap<Process, u64> = FxHashMap::default();
    let is = |word: &Value, said: &str| *word == Value::from(said);
    let mut rename = |event: &Event| {
        if event.kind == Kind::Invoke {
            open.insert(event.process, event.index);
        }
        let invoke = open.get(&event.process).copied().unwrap_or(event.index);
        let micros = event.value.as_list()?.iter().enumerate();
        let micro = |(at, micro): (usize, &Value)| match micro.as_list() {
            Some([word, key, element]) if is(word, "append") && is_several(event, key, element) => {
                let number = way.get(&(invoke, at)).copied().unwrap_or(0);
                let name = name(element, number, (invoke, at));
                Value::list([word.clone(), key.clone(), name])
            }
            Some([word, key, Value::List(list)]) if is(word, "r") => {
                let mut counts: FxHashMap<&Value, usize> = FxHashMap::default();
                let shown = list.iter().map(|element| {
                    let count = counts.entry(element).or_default();
                    *count += 1;
                    match is_several(event, key, element) {
                        true => name(element, *count, (0, 0)),
                        false => element.clone(),
                    }
                });
                let shown = Value::list(shown.collect::<Vec<_>>());
                Value::list([word.clone(), key.clone(), shown])
            }
            _ => micro.clone(),
        };
        Some(Value::list(micros.map(micro).collect::<Vec<_>>()))
    };
    events
        .iter()
        .map(|event| Event {
            value: rename(event).unwrap_or_else(|| event.value.clone()),
            ..event.clone()
        })
        .collect()
}
