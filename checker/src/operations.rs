//! From events to operations: each invocation with its completion, split by key.

use std::fmt;

use histories::{Event, Header, Kind, Process, Value};
use rustc_hash::FxHashMap;

use crate::error::HistoryError;

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
    pub fn index(&self) -> u64 {
        self.invoke.index
    }

    /// What stands in the invocation.
    pub fn argument(&self) -> &'a Value {
        &self.invoke.value
    }

    /// What stands in the completion; null if there is none.
    pub fn result(&self) -> &'a Value {
        self.completion.map_or(&Value::Null, |event| &event.value)
    }

    /// Whether it had completed before `later` was invoked.
    pub fn precedes(&self, later: &Operation<'_>) -> bool {
        self.ret < later.inv
    }

    /// An error about this operation's argument or, if `in_result`, about what it returned.
    pub fn bad_value(&self, in_result: bool, expected: &'static str) -> HistoryError {
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
        let value = match self.outcome {
            Kind::Ok if self.argument() == &Value::Null => self.result(),
            _ => self.argument(),
        };
        write!(f, "{} {value} by process {}", self.invoke.f, self.invoke.process)?;
        if let Some(node) = &self.invoke.node {
            write!(f, " on {node}")?;
        }
        write!(f, " (#{} at {}", self.invoke.index, Millis(self.invoke.time.0))?;
        match self.completion {
            Some(end) if end.kind == Kind::Ok => write!(f, ", ok #{} at {})", end.index, Millis(end.time.0)),
            Some(end) if end.kind == Kind::Fail => write!(f, ", failed #{})", end.index),
            Some(end) => write!(f, ", outcome unknown #{})", end.index),
            None => f.write_str(", never completed)"),
        }
    }
}

/// Nanoseconds, shown in milliseconds.
struct Millis(u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ms", self.0 as f64 / 1e6)
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
    pub fn without_failures(&self) -> Option<Group<'_>> {
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
pub(crate) fn pair(events: &[Event]) -> Result<Vec<Operation<'_>>, HistoryError> {
    if events.len() >= OPEN as usize {
        return Err(HistoryError::TooLong {
            events: events.len(),
            limit: OPEN as usize,
        });
    }
    let mut operations = Vec::with_capacity(events.len() / 2 + 1);
    let mut in_flight: FxHashMap<Process, usize> = FxHashMap::default();
    for (position, event) in events.iter().enumerate() {
        if event.process == Process::Nemesis {
            continue;
        }
        if event.kind == Kind::Invoke {
            if let Some(&open) = in_flight.get(&event.process) {
                let open: &Operation<'_> = &operations[open];
                return Err(two_in_flight(event, open.invoke));
            }
            in_flight.insert(event.process, operations.len());
            operations.push(Operation {
                invoke: event,
                completion: None,
                inv: position as u32,
                ret: OPEN,
                outcome: Kind::Info,
            });
        } else {
            let open = in_flight.remove(&event.process).ok_or(HistoryError::NotInvoked {
                index: event.index,
                process: event.process,
            })?;
            complete(&mut operations[open], event, position as u32)?;
        }
    }
    Ok(operations)
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
    if event.f != open.f {
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

/// The operations of each key, in the order in which the keys appear; one group if the history is not keyed.
///
/// # Errors
/// Those of [`pair`], and a keyed history's operation without a key.
pub(crate) fn groups<'a>(header: &'a Header, events: &'a [Event]) -> Result<Vec<Group<'a>>, HistoryError> {
    let operations = pair(events)?;
    if !header.keyed {
        return Ok(vec![Group {
            key: None,
            initial: &header.initial,
            operations,
        }]);
    }
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut place: FxHashMap<&Value, usize> = FxHashMap::default();
    for operation in operations {
        let key = operation.invoke.key.as_ref().ok_or(HistoryError::NoKey {
            index: operation.index(),
        })?;
        let at = *place.entry(key).or_insert_with(|| {
            groups.push(Group {
                key: Some(key),
                initial: &header.initial,
                operations: Vec::new(),
            });
            groups.len() - 1
        });
        groups[at].operations.push(operation);
    }
    Ok(groups)
}
