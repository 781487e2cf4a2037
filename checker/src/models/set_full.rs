//! Jepsen's analysis of a set (`jepsen.checker/set-full`): what became of each element.
//!
//! An element is *known* from the completion of its add, or of the first read that has it, whichever is earlier.
//! Look at the read that began last of those that have it, and of those that lack it. It is stable if the first of
//! the two began later; lost if the other one did, and after the element was known; never read otherwise. A read
//! that returned before the element was first tried says nothing about it. A loss is a violation, and so is a read
//! with an element twice; without a stable element nobody knows. A stable element is stale if a read lacks it that
//! began after it was known, which is a violation if that is asked for.

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use super::row::{Judge, Model, Start};
use crate::budget::{Budget, Meter};
use crate::decode::unknown_f;
use crate::error::Halt;
use crate::final_reads;
use crate::judge::Judged;
use crate::operations::{Group, OPEN, Operation};
use crate::options::{Options, StaleReads};
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{Collection, Drawn, Examples, Proof};

pub(super) const MODEL: Model = Model {
    name: "set-full",
    about: "Jepsen's analysis of a set: which elements were lost, duplicated or seen late",
    operations: &["add v", "read → [v, …]"],
    suggested: |shape| shape.adds() && shape.reads.is_none() && !shape.adds_twice,
    contradicted: |_| None,
    start: Start::Always("empty"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::SetFull),
    final_reads: Some(final_reads::growth),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Collection::set(60))],
        illegal: "add 7; add 8; read null → [7]",
        states: &[],
        proofs: &[Proof::Elements],
    },
};

/// What an operation costs in the two tables of elements.
const BYTES: usize = 80;

/// What is known of an element; operations are places in the group.
struct Element {
    /// The last operation that tried to add it.
    add: u32,
    /// The completion from which it is known.
    known: u32,
    /// Whose that is: the add's, or a read's.
    known_by: u32,
    /// The read with the latest invocation that has it.
    last_present: Option<u32>,
}

/// What became of an element.
#[derive(PartialEq)]
enum Outcome {
    Stable,
    /// The read that lacks it.
    Lost(u32),
    NeverRead,
}

/// Judges each element.
fn judge(group: &Group<'_>, options: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    meter.grow(group.operations.len() * BYTES)?;
    let mut elements: FxHashMap<&Value, Element> = FxHashMap::default();
    let mut reads: Vec<u32> = Vec::new();
    for (at, operation) in group.operations.iter().enumerate() {
        meter.step()?;
        match &*operation.invoke.f {
            "add" => add(&mut elements, at as u32, operation),
            "read" if operation.outcome == Kind::Ok => reads.push(at as u32),
            "read" => {}
            _ => return Err(unknown_f(operation, MODEL.name, MODEL.operations).into()),
        }
    }
    if let Some(twice) = see(group, &mut elements, &reads, meter)? {
        return Ok(twice);
    }
    let sentence = sentence(group, &elements, &reads);
    match (options.stale_reads, &sentence) {
        (StaleReads::Violation, Judged::Bounds { .. }) => {
            let stale = stale(group, &elements, &reads, meter)?;
            Ok(stale.map_or(sentence, |(element, absent)| tell_stale(group, element, absent)))
        }
        _ => Ok(sentence),
    }
}

/// An element that is added again begins anew.
fn add<'a>(elements: &mut FxHashMap<&'a Value, Element>, at: u32, operation: &Operation<'a>) {
    let known = if operation.outcome == Kind::Ok {
        operation.ret
    } else {
        OPEN
    };
    let new = Element {
        add: at,
        known,
        known_by: at,
        last_present: None,
    };
    if let Some(before) = elements.insert(operation.argument(), new)
        && before.known > operation.inv
        && let Some(element) = elements.get_mut(operation.argument())
    {
        element.known_at(before.known, before.known_by);
    }
}

/// Notes what each read has; a violation if one has an element twice.
fn see<'a>(
    group: &Group<'a>,
    elements: &mut FxHashMap<&'a Value, Element>,
    reads: &[u32],
    meter: &mut Meter<'_>,
) -> Result<Option<Judged>, Halt> {
    let mut seen_in: FxHashMap<&Value, u32> = FxHashMap::default();
    for &at in reads {
        let read = &group.operations[at as usize];
        let seen = read.elements("an array of elements, or null for none")?;
        meter.pass(seen.len())?;
        for value in seen {
            if seen_in.insert(value, at) == Some(at) {
                return Ok(Some(Judged::violation(
                    "elements",
                    vec![at],
                    format!("{read} has the element {value} twice."),
                )));
            }
            if let Some(element) = elements.get_mut(value)
                && read.ret > group.operations[element.add as usize].inv
            {
                element.known_at(read.ret, at);
                element.last_present = Some(at);
            }
        }
    }
    Ok(None)
}

impl Element {
    /// Who made it known before this read began: the add, if it was acknowledged by then.
    fn known_before(&self, group: &Group<'_>, read: u32) -> u32 {
        let add = &group.operations[self.add as usize];
        let acknowledged = add.outcome == Kind::Ok && add.precedes(&group.operations[read as usize]);
        if acknowledged { self.add } else { self.known_by }
    }

    fn known_at(&mut self, position: u32, by: u32) {
        if position < self.known {
            (self.known, self.known_by) = (position, by);
        }
    }

    /// Given the reads in the order of their invocations.
    fn outcome(&self, group: &Group<'_>, reads: &[u32]) -> Outcome {
        let operation = |at: u32| &group.operations[at as usize];
        let tried = operation(self.add).inv;
        // A read behind the last one that has it lacks it.
        let behind = self
            .last_present
            .map_or(0, |present| reads.partition_point(|&read| read <= present));
        let told = |read: &&u32| operation(**read).ret > tried;
        match reads[behind..].iter().rev().find(told) {
            Some(&absent) if self.known < operation(absent).inv => Outcome::Lost(absent),
            None if self.last_present.is_some() => Outcome::Stable,
            _ => Outcome::NeverRead,
        }
    }
}

fn sentence(group: &Group<'_>, elements: &FxHashMap<&Value, Element>, reads: &[u32]) -> Judged {
    if reads.is_empty() {
        return Judged::unknown("the lack of a read");
    }
    let mut stable = false;
    let mut lost: Option<(&Element, u32)> = None;
    for element in elements.values() {
        match element.outcome(group, reads) {
            Outcome::Stable => stable = true,
            Outcome::Lost(absent) if lost.is_none_or(|(first, _)| element.add < first.add) => {
                lost = Some((element, absent));
            }
            Outcome::Lost(_) | Outcome::NeverRead => {}
        }
    }
    match lost {
        Some((element, absent)) => tell(group, element, absent),
        None if stable => Judged::Bounds {
            engine: "elements",
            compared: true,
        },
        None => Judged::unknown("the lack of an element that was read"),
    }
}

/// The proof that an element is lost; a read is named by its index alone, since its value may be long.
fn tell(group: &Group<'_>, element: &Element, absent: u32) -> Judged {
    let mut operations = vec![element.add, element.known_before(group, absent), absent];
    operations.sort_unstable();
    operations.dedup();
    let index = |at: u32| group.operations[at as usize].index();
    let add = &group.operations[element.add as usize];
    let present = element.last_present.map_or("No read has it".to_owned(), |at| {
        format!("The last read that has it is #{}", index(at))
    });
    let missing = index(absent);
    let why = format!("The element of {add} is lost. {present}; the later read #{missing} has not.");
    Judged::violation("elements", operations, why)
}

/// The stale element that was added first, and the last read that lacks it though it was known.
fn stale<'e>(
    group: &Group<'_>,
    elements: &'e FxHashMap<&Value, Element>,
    reads: &[u32],
    meter: &mut Meter<'_>,
) -> Result<Option<(&'e Element, u32)>, Halt> {
    let begins = |read: u32| group.operations[read as usize].inv;
    let seen = |read: u32| {
        group.operations[read as usize]
            .result()
            .as_list()
            .unwrap_or_default()
    };
    // By element: how many of the reads that began after it was known have it.
    let mut shown: FxHashMap<&Value, usize> = FxHashMap::default();
    for &read in reads {
        meter.pass(seen(read).len())?;
        for value in seen(read) {
            if elements
                .get(value)
                .is_some_and(|element| element.known < begins(read))
            {
                *shown.entry(value).or_default() += 1;
            }
        }
    }
    let mut first: Option<(&Element, &[u32])> = None;
    for (value, element) in elements {
        let from = reads.partition_point(|read| begins(*read) <= element.known);
        let until = element
            .last_present
            .map_or(0, |last| reads.partition_point(|read| *read <= last));
        let since = reads.get(from..until).unwrap_or_default();
        let lacking = shown.get(value).copied().unwrap_or(0) < since.len();
        if lacking && first.is_none_or(|(first, _)| element.add < first.add) {
            first = Some((element, since));
        }
    }
    let absent = |(element, since): (&'e Element, &[u32])| {
        let value = group.operations[element.add as usize].argument();
        let lacks = since.iter().rev().find(|read| !seen(**read).contains(value))?;
        Some((element, *lacks))
    };
    Ok(first.and_then(absent))
}

/// The proof that an element came late.
fn tell_stale(group: &Group<'_>, element: &Element, absent: u32) -> Judged {
    let mut operations = vec![element.add, element.known_before(group, absent), absent];
    operations.extend(element.last_present);
    operations.sort_unstable();
    operations.dedup();
    let index = |at: u32| group.operations[at as usize].index();
    let add = &group.operations[element.add as usize];
    let known_by = element.known_before(group, absent);
    let since = match known_by == element.add {
        true => "It was acknowledged".to_owned(),
        false => format!("The read #{} has it", index(known_by)),
    };
    let why = format!(
        "The element of {add} came late. {since}; the later read #{} has not.",
        index(absent)
    );
    Judged::violation("elements", operations, why)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_with, history, read_of};
    use crate::{Options, StaleReads, Verdict};
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

    #[test]
    fn an_element_that_comes_late_is_a_violation_where_reads_must_not_be_stale() {
        let strict = |text: &str, reads: &[&[i64]]| {
            let mut events = history(text);
            let show = |read: &&[i64]| read_of(Value::list(read.iter().map(|&x| Value::from(x))));
            events.extend(reads.iter().flat_map(show));
            let options = Options {
                stale_reads: StaleReads::Violation,
                ..Options::default()
            };
            check_with("set-full", &events, &options)
        };
        let late = strict("0 add 1, 0 add: 1, 0 add 2, 0 add: 2", &[&[1], &[1, 2]]);
        assert_eq!(late.verdict, Verdict::Violation);
        assert_eq!(late.violations[0].operations, [2, 4, 6]);
        let again = strict("0 add 1, 0 add? 1", &[&[1], &[], &[1]]);
        assert_eq!(again.violations[0].operations, [0, 2, 4, 6]);
        assert_eq!(strict("0 add 1, 0 add? 1", &[&[], &[1]]).verdict, Verdict::Pass);
        assert_eq!(strict("0 add 1, 0 add: 1", &[&[1], &[1]]).verdict, Verdict::Pass);
    }

    #[test]
    fn what_was_seen_before_it_was_tried_is_not_known() {
        let events = history("1 r, 1 r:, 0 add 1, 0 add? 1, 2 r, 2 r:, 0 add 2, 0 add: 2, 3 r, 3 r:");
        let mut events: Vec<Event> = events;
        let show = |elements: &[i64]| Value::list(elements.iter().map(|&x| Value::from(x)));
        (events[1].value, events[5].value, events[9].value) = (show(&[1]), show(&[]), show(&[2]));
        // Client 0 may go on after an unknown outcome only under a new number.
        events[6].process = histories::Process::Client(7);
        events[7].process = histories::Process::Client(7);
        assert_eq!(check("set-full", &events).verdict, Verdict::Pass);
    }

    #[test]
    fn a_failed_add_that_was_read_is_known_and_can_be_lost() {
        assert_eq!(
            verdict("0 add 1, 0 add! 1, 0 add 2, 0 add: 2", &[&[1, 2], &[2]]),
            Verdict::Violation
        );
    }

    #[test]
    fn a_read_beside_the_add_may_lack_it() {
        let mut events = history("1 r, 0 add 1, 2 r, 2 r:, 0 add: 1, 1 r:");
        events[3].value = Value::list([Value::from(1)]);
        assert_eq!(check("set-full", &events).verdict, Verdict::Pass, "stable");
        (events[3].value, events[5].value) = (Value::Null, Value::list([Value::from(1)]));
        assert_eq!(
            check("set-full", &events).verdict,
            Verdict::Inconclusive,
            "never read"
        );
    }
}
