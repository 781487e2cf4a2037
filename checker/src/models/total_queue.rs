//! What goes in must come out (`jepsen.checker/total-queue`): everything acknowledged was dequeued by the time the queue was
//! empty, and nothing was dequeued that nobody tried to enqueue. The order, and an element that comes twice, do not count.
//!
//! A `drain` that succeeded is a dequeue of each of its elements. Stricter than Jepsen in what it takes for a proof: an element
//! is lost only if somebody found the queue empty after it was acknowledged (a dequeue of null, one that failed with nothing or an error
//! about emptiness, a drain), and no dequeue or drain with an unknown outcome can have taken it.

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use crate::budget::Budget;
use crate::decode::unknown_f;
use crate::error::{Halt, HistoryError};
use crate::judge::Judged;
use crate::operations::{Group, Operation};

/// What an operation costs in the tables of elements.
const BYTES: usize = 80;

/// What became of one element.
#[derive(Default)]
struct Element {
    /// Enqueues that were tried.
    tried: usize,
    /// Places of those that were acknowledged.
    acknowledged: Vec<u32>,
    taken: usize,
    /// The first that took it.
    taken_by: Option<u32>,
}

#[derive(Default)]
struct Seen<'a> {
    elements: FxHashMap<&'a Value, Element>,
    /// Elements in the order in which they came.
    order: Vec<&'a Value>,
    /// The operation that began last of those that found the queue empty.
    empty: Option<u32>,
    /// Dequeues of which nobody knows what they took; a drain may have taken everything.
    unknown: usize,
}

impl<'a> Seen<'a> {
    fn of(&mut self, element: &'a Value) -> &mut Element {
        let Seen { elements, order, .. } = self;
        elements.entry(element).or_insert_with(|| {
            order.push(element);
            Element::default()
        })
    }

    fn take(&mut self, at: u32, element: &'a Value) {
        let element = self.of(element);
        element.taken += 1;
        element.taken_by.get_or_insert(at);
    }

    fn look(&mut self, at: u32, operation: &Operation<'a>, words: &[&str]) -> Result<(), HistoryError> {
        match (&*operation.invoke.f, operation.outcome, operation.result()) {
            ("enqueue", outcome, _) => {
                let element = self.of(operation.argument());
                element.tried += 1;
                element.acknowledged.extend((outcome == Kind::Ok).then_some(at));
            }
            ("dequeue", Kind::Ok, Value::Null) => self.empty = Some(at),
            ("dequeue", Kind::Ok, taken) => self.take(at, taken),
            ("dequeue", Kind::Fail, _) if found_nothing(operation) => self.empty = Some(at),
            ("dequeue" | "drain", Kind::Fail, _) => {}
            ("drain", Kind::Ok, Value::Null) => self.empty = Some(at),
            ("drain", Kind::Ok, Value::List(taken)) => {
                taken.iter().for_each(|taken| self.take(at, taken));
                self.empty = Some(at);
            }
            ("drain", Kind::Ok, _) => return Err(operation.bad_value(true, "an array of elements")),
            ("dequeue", ..) => self.unknown += 1,
            ("drain", ..) => self.unknown = usize::MAX,
            _ => return Err(unknown_f(operation, "unordered-queue", words)),
        }
        Ok(())
    }
}

/// Whether a failure says that there was nothing.
fn found_nothing(operation: &Operation<'_>) -> bool {
    let error = operation.completion.and_then(|end| end.error.as_deref());
    error.is_none_or(|error| {
        ["exhausted", "empty", "nothing", "not-found"]
            .iter()
            .any(|word| error.contains(word))
    })
}

/// Judges what went in and what came out.
pub(super) fn judge(group: &Group<'_>, words: &[&str], budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    meter.grow(group.operations.len() * BYTES)?;
    let mut seen = Seen::default();
    for (at, operation) in group.operations.iter().enumerate() {
        meter.step()?;
        seen.look(at as u32, operation, words)?;
    }
    let strange = seen.order.iter().find_map(|element| {
        let at = seen.elements[element]
            .taken_by
            .filter(|_| seen.elements[element].tried == 0)?;
        Some((at, *element))
    });
    if let Some((at, element)) = strange {
        let why = format!(
            "{} took {element}, which nobody enqueued.",
            group.operations[at as usize]
        );
        return Ok(Judged::violation("total queue", vec![at], why));
    }
    Ok(losses(group, &seen))
}

/// Elements that are missing, and what that proves.
fn losses(group: &Group<'_>, seen: &Seen<'_>) -> Judged {
    let missing: Vec<u32> = seen
        .order
        .iter()
        .flat_map(|element| {
            let Element {
                acknowledged, taken, ..
            } = &seen.elements[element];
            acknowledged.iter().skip(*taken).copied()
        })
        .collect();
    let moved = |element: &Element| element.taken > 0 || !element.acknowledged.is_empty();
    if missing.is_empty() {
        return match seen.elements.values().any(moved) {
            true => Judged::Bounds {
                engine: "total queue",
                compared: true,
            },
            false => Judged::unknown("the lack of an element that was acknowledged or dequeued"),
        };
    }
    let surely = |at: &&u32| {
        let empty = seen.empty.map(|empty| &group.operations[empty as usize]);
        empty.is_some_and(|empty| group.operations[**at as usize].precedes(empty))
    };
    let lost: Vec<u32> = missing.iter().filter(surely).copied().collect();
    match (lost.first(), seen.empty) {
        (Some(_), _) if lost.len() <= seen.unknown => {
            Judged::unknown("a dequeue with an unknown outcome, which may have taken what is missing,")
        }
        (Some(&add), Some(empty)) => {
            let (enqueue, found) = (&group.operations[add as usize], &group.operations[empty as usize]);
            let more = match lost.len() - 1 {
                0 => String::new(),
                more => format!(" So are {more} more."),
            };
            let why = format!(
                "The element of {enqueue} is lost: no dequeue has it, though the queue was found empty later, by {found}.{more}"
            );
            let mut operations = vec![add, empty];
            operations.sort_unstable();
            Judged::violation("total queue", operations, why)
        }
        _ => Judged::unknown(
            "the lack of a dequeue that found the queue empty after everything was acknowledged",
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_with, history};
    use crate::{Analysis, Options, Verdict};
    use histories::Value;

    fn total(text: &str) -> crate::Check {
        let options = Options {
            analysis: Analysis::Jepsen,
            ..Options::default()
        };
        check_with("unordered-queue", &history(text), &options)
    }

    const TWO: &str = "0 enqueue 1, 0 enqueue: 1, 0 enqueue 2, 0 enqueue: 2, 1 dequeue, 1 dequeue: 1";

    #[test]
    fn what_was_acknowledged_must_have_come_out_once_the_queue_was_empty() {
        let lost = total(&format!("{TWO}, 1 dequeue, 1 dequeue!"));
        assert_eq!(
            (lost.verdict, &lost.violations[0].operations[..]),
            (Verdict::Violation, &[2, 6][..])
        );
        assert_eq!(
            total(&format!("{TWO}, 1 dequeue, 1 dequeue: 2")).verdict,
            Verdict::Pass
        );
        assert_eq!(
            total(TWO).verdict,
            Verdict::Inconclusive,
            "nobody looked whether it is empty"
        );
        let perhaps = format!("{TWO}, 2 dequeue, 2 dequeue?, 1 dequeue, 1 dequeue!");
        assert_eq!(
            total(&perhaps).verdict,
            Verdict::Inconclusive,
            "it may have been taken"
        );
        assert_eq!(
            total("1 dequeue, 1 dequeue: 7").verdict,
            Verdict::Violation,
            "from nowhere"
        );
        assert_eq!(total("1 dequeue, 1 dequeue!").verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_drain_takes_each_of_its_elements() {
        let drained = |elements: &[i64]| {
            let mut events = history(&format!("{TWO}, 1 drain, 1 drain:"));
            events[7].value = Value::list(elements.iter().map(|&element| Value::from(element)));
            check_with("unordered-queue", &events, &Options::default()).verdict
        };
        assert_eq!(drained(&[2]), Verdict::Pass);
        assert_eq!(drained(&[2, 2]), Verdict::Pass, "twice, which Jepsen allows");
        assert_eq!(drained(&[]), Verdict::Violation);
        assert_eq!(drained(&[2, 3]), Verdict::Violation);
    }
}
