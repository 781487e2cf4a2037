//! From events to operations: each invocation with its completion, split by key.

use std::fmt;
use std::sync::Arc;

use histories::{Event, Header, Kind, Process, Value};
use rustc_hash::FxHashMap;

use crate::budget::Meter;
use crate::error::{Halt, HistoryError};
use crate::in_flight::InFlight;

/// The `ret` of an operation whose completion is not known: after everything.
pub(crate) const OPEN: u32 = u32::MAX;

/// An invocation and its completion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation<'a> {
    /// The invocation.
    pub invoke: &'a Event,
    /// Its completion, if the history has one.
    pub completion: Option<&'a Event>,
    /// The invocation's position in the slice of events.
    pub inv: u32,
    /// The completion's position; [`OPEN`] if it is unknown whether the operation happened.
    pub ret: u32,
    /// `ok`, `fail` or `info`; an operation without a completion is `info`.
    pub outcome: Kind,
}

impl<'a> Operation<'a> {
    /// The history's index of the invocation: the operation's name in every report.
    pub(crate) fn index(&self) -> u64 {
        self.invoke.index
    }

    /// What stands in the invocation.
    pub(crate) fn argument(&self) -> &'a Value {
        &self.invoke.value
    }

    /// What stands in the completion; null if there is none.
    pub(crate) fn result(&self) -> &'a Value {
        self.completion.map_or(&Value::Null, |event| &event.value)
    }

    /// The elements that a read returned; none where it returned null.
    ///
    /// # Errors
    /// It returned something else; `expected` says what it should be.
    pub(crate) fn elements(&self, expected: &'static str) -> Result<&'a [Value], HistoryError> {
        match self.result() {
            Value::Null => Ok(&[]),
            Value::List(elements) => Ok(elements),
            _ => Err(self.bad_value(true, expected)),
        }
    }

    /// What and who: an operation that succeeded as it completed.
    pub(crate) fn brief(&self) -> String {
        let value = match self.outcome {
            Kind::Ok if self.returns() => self.result(),
            _ => self.argument(),
        };
        format!("{} {value} by process {}", self.invoke.f, self.invoke.process)
    }

    /// Whether its completion says more than its invocation: what a read saw, what was dequeued, the number that came of
    /// an addition. Of a write it says at most again what was written.
    fn returns(&self) -> bool {
        let reads = matches!(&*self.invoke.f, "read" | "get" | "dequeue" | "drain" | "txn");
        let asked = *self.argument() != Value::Null;
        !asked || reads || self.result().as_list().is_some()
    }

    /// When one of its events was; nothing in a format without times, where the time is 0 or the index.
    fn at(&self, event: &Event) -> At {
        let timed = |event: &Event| event.time.0 != 0 && event.time.0 != event.index;
        At((timed(self.invoke) || self.completion.is_some_and(timed)).then_some(event.time.0))
    }

    /// Whether it had completed before `later` was invoked.
    pub(crate) fn precedes(&self, later: &Operation<'_>) -> bool {
        self.ret < later.inv
    }

    /// Whether it is marked as one of the last looks at everything.
    pub(crate) fn is_marked_final(&self) -> bool {
        let marked = |event: &Event| event.other.get("final") == Some(&true.into());
        marked(self.invoke) || self.completion.is_some_and(marked)
    }

    /// An error about this operation's argument or, if `in_result`, about what it returned.
    pub(crate) fn bad_value(&self, in_result: bool, expected: &'static str) -> HistoryError {
        let event = self.completion.filter(|_| in_result).unwrap_or(self.invoke);
        HistoryError::BadValue {
            index: event.index,
            f: event.f.to_string(),
            value: event.value.clone(),
            expected,
        }
    }
}

/// For a person: what, who, where and when.
impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.brief())?;
        if let Some(node) = &self.invoke.node {
            write!(f, " on {node}")?;
        }
        if let Some(alone) = self.completion.filter(|end| end.index == self.invoke.index) {
            let outcome = match alone.kind {
                Kind::Ok => "ok",
                Kind::Fail => "failed",
                _ => "outcome unknown",
            };
            return write!(f, " ({outcome} #{}{})", alone.index, self.at(alone));
        }
        write!(f, " (#{}{}", self.invoke.index, self.at(self.invoke))?;
        match self.completion {
            Some(end) if end.kind == Kind::Ok => write!(f, ", ok #{}{})", end.index, self.at(end)),
            Some(end) if end.kind == Kind::Fail => write!(f, ", failed #{})", end.index),
            Some(end) => write!(f, ", outcome unknown #{})", end.index),
            None => f.write_str(", never completed)"),
        }
    }
}

/// A time in nanoseconds, shown in milliseconds.
struct At(Option<u64>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nanos) => write!(f, " at {:.3} ms", nanos as f64 / 1e6),
            None => Ok(()),
        }
    }
}

/// The operations of one key, in the order of their invocations.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    /// The key; none in a history that is not keyed.
    pub key: Option<&'a Value>,
    /// The value before the first operation.
    pub initial: &'a Value,
    /// The operations.
    pub operations: Vec<Operation<'a>>,
}

impl Group<'_> {
    /// The same operations, were every failure an unknown outcome; none if there is no failure.
    pub(crate) fn without_failures(&self) -> Option<Group<'_>> {
        let failed = |operation: &Operation<'_>| operation.outcome == Kind::Fail;
        self.operations.iter().any(failed).then(|| Group {
            key: self.key,
            initial: self.initial,
            operations: self
                .operations
                .iter()
                .map(|&operation| match failed(&operation) {
                    true => Operation {
                        outcome: Kind::Info,
                        ret: OPEN,
                        ..operation
                    },
                    false => operation,
                })
                .collect(),
        })
    }
}

/// All operations in the order of their invocations.
///
/// # Errors
/// Completions without invocation, two operations of one process in flight, completions of another `f` or key.
#[cfg(test)]
pub(crate) fn pair(events: &[Event]) -> Result<Vec<Operation<'_>>, HistoryError> {
    flat(Groups::new([false; 2], &Value::Null, events)?, events)
}

/// The same of a history with this header.
pub(crate) fn all<'a>(header: &'a Header, events: &'a [Event]) -> Result<Vec<Operation<'a>>, HistoryError> {
    let shape = [false, header.completions_alone];
    flat(Groups::new(shape, &header.initial, events)?, events)
}

fn flat<'a>(mut groups: Groups<'a>, events: &'a [Event]) -> Result<Vec<Operation<'a>>, HistoryError> {
    for (position, event) in events.iter().enumerate() {
        groups.push(position as u32, event)?;
    }
    Ok(groups
        .groups
        .into_iter()
        .flat_map(|group| group.operations)
        .collect())
}

/// The operations of each key, in the order in which the keys appear; one group if the history is not keyed.
///
/// # Errors
/// Those of [`pair`], and a keyed history's operation without a key.
pub(crate) fn groups<'a>(header: &'a Header, events: &'a [Event]) -> Result<Vec<Group<'a>>, HistoryError> {
    let mut groups = Groups::new([header.keyed, header.completions_alone], &header.initial, events)?;
    for (position, event) in events.iter().enumerate() {
        groups.push(position as u32, event)?;
    }
    Ok(groups.groups)
}

/// The same within a budget.
pub(crate) fn groups_within<'a>(
    header: &'a Header,
    events: &'a [Event],
    meter: &mut Meter<'_>,
) -> Result<Vec<Group<'a>>, Halt> {
    let mut groups = Groups::new([header.keyed, header.completions_alone], &header.initial, events)?;
    for (position, event) in events.iter().enumerate() {
        meter.tick()?;
        let grown = groups.push(position as u32, event)?;
        if grown > 0 {
            meter.grow(grown)?;
        }
    }
    Ok(groups.groups)
}

/// Operations on their way into groups.
struct Groups<'a> {
    keyed: bool,
    /// If there are completions alone, the number of events: each is an operation then, in flight beside all others. Its
    /// completion stands so far behind its invocation.
    alone: Option<u32>,
    initial: &'a Value,
    groups: Vec<Group<'a>>,
    place: FxHashMap<&'a Value, usize>,
    /// The group and the place in it.
    in_flight: InFlight<(usize, usize)>,
}

impl<'a> Groups<'a> {
    /// Whether it is keyed, and has completions alone.
    fn new([keyed, alone]: [bool; 2], initial: &'a Value, events: &[Event]) -> Result<Self, HistoryError> {
        let limit = if alone { OPEN / 2 } else { OPEN } as usize;
        if events.len() >= limit {
            return Err(HistoryError::TooLong {
                events: events.len(),
                limit,
            });
        }
        let mut groups = Groups {
            keyed,
            alone: alone.then_some(events.len() as u32),
            initial,
            groups: Vec::new(),
            place: FxHashMap::default(),
            in_flight: InFlight::new(),
        };
        if !keyed {
            groups.open(None);
        }
        Ok(groups)
    }

    fn open(&mut self, key: Option<&'a Value>) -> usize {
        self.groups.push(Group {
            key,
            initial: self.initial,
            operations: Vec::new(),
        });
        self.groups.len() - 1
    }

    /// Takes an event; gives the bytes that more are held for it.
    fn push(&mut self, position: u32, event: &'a Event) -> Result<usize, HistoryError> {
        let Process::Client(process) = event.process else {
            return Ok(0);
        };
        if let Some(many) = self.alone {
            return self.complete_alone(position, many, event);
        }
        if event.kind == Kind::Invoke {
            return self.invoke(process, position, event);
        }
        let flying = self.in_flight.end(process);
        let (group, at) = flying.ok_or(HistoryError::NotInvoked {
            index: event.index,
            process: event.process,
        })?;
        complete(&mut self.groups[group].operations[at], event, position)?;
        Ok(0)
    }

    fn invoke(&mut self, process: u64, position: u32, event: &'a Event) -> Result<usize, HistoryError> {
        let group = self.group_of(event)?;
        let place = (group, self.groups[group].operations.len());
        if let Some((group, at)) = self.in_flight.begin(process, place) {
            return Err(two_in_flight(event, self.groups[group].operations[at].invoke));
        }
        let operations = &mut self.groups[group].operations;
        let before = operations.capacity();
        operations.push(Operation {
            invoke: event,
            completion: None,
            inv: position,
            ret: OPEN,
            outcome: Kind::Info,
        });
        Ok((operations.capacity() - before) * size_of::<Operation<'_>>())
    }

    /// An operation of which nobody knows when it was invoked.
    fn complete_alone(&mut self, position: u32, many: u32, event: &'a Event) -> Result<usize, HistoryError> {
        if event.kind == Kind::Invoke {
            let field = "type";
            return Err(HistoryError::Mismatch {
                index: event.index,
                open: event.index,
                field,
                found: "invoke".to_owned(),
                expected: "a completion, as the header says of all".to_owned(),
            });
        }
        let group = self.group_of(event)?;
        let operations = &mut self.groups[group].operations;
        let before = operations.capacity();
        operations.push(Operation {
            invoke: event,
            completion: Some(event),
            inv: position,
            ret: if event.kind == Kind::Info {
                OPEN
            } else {
                many + position
            },
            outcome: event.kind,
        });
        Ok((operations.capacity() - before) * size_of::<Operation<'_>>())
    }

    fn group_of(&mut self, event: &'a Event) -> Result<usize, HistoryError> {
        if !self.keyed {
            return Ok(0);
        }
        let key = event
            .key
            .as_ref()
            .ok_or(HistoryError::NoKey { index: event.index })?;
        if let Some(&group) = self.place.get(key) {
            return Ok(group);
        }
        let group = self.open(Some(key));
        self.place.insert(key, group);
        Ok(group)
    }
}

fn two_in_flight(event: &Event, open: &Event) -> HistoryError {
    HistoryError::TwoInFlight {
        index: event.index,
        open: open.index,
        process: event.process,
    }
}

fn complete<'a>(operation: &mut Operation<'a>, event: &'a Event, position: u32) -> Result<(), HistoryError> {
    let open = operation.invoke;
    let mismatch = |field, found, expected| {
        Err(HistoryError::Mismatch {
            index: event.index,
            open: open.index,
            field,
            found,
            expected,
        })
    };
    if !Arc::ptr_eq(&event.f, &open.f) && event.f != open.f {
        return mismatch("f", event.f.to_string(), open.f.to_string());
    }
    if let Some(key) = &event.key
        && Some(key) != open.key.as_ref()
    {
        let expected = open.key.as_ref().map_or("absent".to_owned(), Value::to_string);
        return mismatch("key", key.to_string(), expected);
    }
    operation.completion = Some(event);
    operation.outcome = event.kind;
    if event.kind != Kind::Info {
        operation.ret = position;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, history};

    #[test]
    fn where_the_index_stands_for_the_time_no_time_is_told() {
        let mut events = history("0 w 1, 0 w: 1, 1 w 2, 1 w: 2");
        let told = |events: &[Event]| groups(&header(false), events).unwrap()[0].operations[1].to_string();
        assert_eq!(
            told(&events),
            "write 2 by process 1 (#2 at 2.000 ms, ok #3 at 3.000 ms)"
        );
        for event in &mut events {
            event.time.0 = event.index;
        }
        assert_eq!(told(&events), "write 2 by process 1 (#2, ok #3)");
    }
}
