//! Jepsen's analysis of a set (`jepsen.checker/set-full`, not linearizable): what became of each element.
//!
//! An element is *known* from the completion of its add, or of the first read that has it, whichever is earlier.
//! It is lost if a read that began after that does not have it, and none later has it again; never read if no read
//! began after it was known; stable otherwise. A read that has an element twice is wrong too.

use std::collections::HashMap;

use histories::{Kind, Value};

use super::unknown_f;
use crate::budget::Budget;
use crate::error::HistoryError;
use crate::explain::Story;
use crate::judge::Judged;
use crate::operations::{Group, OPEN};
use crate::options::Options;

use super::set::OPERATIONS;

/// What is known of an element; operations are places in the group.
/// What an operation costs in the two tables of elements.
const BYTES: usize = 72;

struct Element {
    add: u32,
    /// The completion from which it is known.
    known: u32,
    /// The read with the latest invocation that has it.
    last_present: Option<u32>,
    /// How often it was present.
    present: u32,
}

/// Judges each element.
pub(super) fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, HistoryError> {
    let mut meter = budget.meter();
    if let Err(stop) = meter.grow(group.operations.len() * BYTES) {
        return Ok(Judged::unknown(stop.as_str()));
    }
    let mut elements: HashMap<&Value, Element> = HashMap::new();
    let mut reads: Vec<u32> = Vec::new();
    for (at, operation) in group.operations.iter().enumerate() {
        if let Err(stop) = meter.step() {
            return Ok(Judged::unknown(stop.as_str()));
        }
        match &*operation.invoke.f {
            "add" if operation.outcome != Kind::Fail => {
                let new = Element {
                    add: at as u32,
                    known: OPEN,
                    last_present: None,
                    present: 0,
                };
                let element = elements.entry(operation.argument()).or_insert(new);
                element.known = element.known.min(operation.ret);
            }
            "read" if operation.outcome == Kind::Ok => reads.push(at as u32),
            "add" | "read" => {}
            _ => return Err(unknown_f(operation, "set-full", OPERATIONS)),
        }
    }
    let mut seen_in: HashMap<&Value, u32> = HashMap::new();
    for &at in &reads {
        let read = &group.operations[at as usize];
        let seen = match read.result() {
            Value::Null => &[],
            Value::List(seen) => &seen[..],
            _ => return Err(read.bad_value(true, "an array of elements, or null for none")),
        };
        if let Err(stop) = meter.pass(seen.len()) {
            return Ok(Judged::unknown(stop.as_str()));
        }
        for value in seen {
            if seen_in.insert(value, at) == Some(at) {
                return Ok(wrong(vec![at], format!("{read} has the element {value} twice.")));
            }
            if let Some(element) = elements.get_mut(value) {
                element.known = element.known.min(read.ret);
                element.last_present = Some(at);
                element.present += 1;
            }
        }
    }
    Ok(sentence(group, &elements, &reads))
}

fn wrong(operations: Vec<u32>, why: String) -> Judged {
    Judged::Violation {
        engine: "elements",
        operations,
        story: Story {
            why,
            ..Story::default()
        },
    }
}

fn sentence(group: &Group<'_>, elements: &HashMap<&Value, Element>, reads: &[u32]) -> Judged {
    let inv = |at: u32| group.operations[at as usize].inv;
    let Some(&last) = reads.last() else {
        return Judged::unknown("the lack of a read");
    };
    let lost = |element: &&Element| {
        let absent_since = element.last_present.map_or(0, inv);
        element.known < inv(last) && (element.last_present.is_none() || absent_since < inv(last))
    };
    match elements.values().filter(lost).min_by_key(|element| element.add) {
        Some(element) => {
            let mut operations: Vec<u32> = [Some(element.add), element.last_present, Some(last)]
                .into_iter()
                .flatten()
                .collect();
            operations.sort_unstable();
            let add = &group.operations[element.add as usize];
            let present = element.last_present.map_or("No read has it".to_owned(), |at| {
                format!(
                    "The last read that has it is {}",
                    Brief(group.operations[at as usize].index())
                )
            });
            let missing = Brief(group.operations[last as usize].index());
            wrong(
                operations,
                format!("The element of {add} is lost. {present}; the later read {missing} has not."),
            )
        }
        None if elements.values().all(|element| element.present == 0) => {
            Judged::unknown("the lack of an element that was read")
        }
        None => Judged::Pass { engine: "elements" },
    }
}

/// A read by its index alone: its value may be long.
struct Brief(u64);

impl std::fmt::Display for Brief {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::Verdict;
    use crate::testing::{check, history, read_of};
    use histories::{Event, Value};

    fn verdict(adds: &str, reads: &[&[i64]]) -> Verdict {
        let mut events: Vec<Event> = history(adds);
        events.extend(
            reads
                .iter()
                .flat_map(|read| read_of(Value::list(read.iter().map(|&x| Value::from(x))))),
        );
        check("set-full", &events).verdict
    }

    #[test]
    fn an_element_that_vanishes_is_lost_and_one_that_comes_late_is_not() {
        let adds = "0 add 1, 0 add: 1, 0 add 2, 0 add: 2";
        assert_eq!(verdict(adds, &[&[1, 2]]), Verdict::Pass);
        assert_eq!(
            verdict(adds, &[&[1], &[1, 2]]),
            Verdict::Pass,
            "stale, which is no loss"
        );
        assert_eq!(verdict(adds, &[&[1, 2], &[2]]), Verdict::Violation);
        assert_eq!(verdict(adds, &[&[1]]), Verdict::Violation);
        assert_eq!(verdict(adds, &[&[1, 2, 2]]), Verdict::Violation);
        assert_eq!(verdict(adds, &[]), Verdict::Inconclusive);
        assert_eq!(
            verdict("0 add 1, 0 add? 1", &[&[]]),
            Verdict::Inconclusive,
            "never read"
        );
    }
}
