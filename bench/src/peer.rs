//! The same histories for porcupine-rs.

use std::collections::HashMap;
use std::time::Duration;

use histories::format::FailedCas;
use histories::{Event, History, Kind, Process, Value};
use porcupine_rs::{CheckResult, Model, Operation, check_operations_timeout};

/// A register with cas; values by numbers, 0 is the initial one.
#[derive(Clone)]
struct Register;

#[derive(Clone, Debug)]
enum Action {
    Read(u32),
    Write(u32),
    Cas(u32, u32),
    /// A cas that may have failed: every operation has to be put somewhere.
    MayCas(u32, u32),
    /// A cas that found another value.
    Differs(u32),
}

impl Model for Register {
    type State = u32;
    type Op = Action;
    type Metadata = ();

    fn init() -> u32 {
        0
    }

    fn step(state: &u32, op: &Action) -> (bool, u32) {
        match *op {
            Action::Read(value) => (*state == value, *state),
            Action::Write(value) => (true, value),
            Action::MayCas(old, new) => (true, if *state == old { new } else { *state }),
            Action::Differs(old) => (*state != old, *state),
            Action::Cas(old, new) => (*state == old, if *state == old { new } else { *state }),
        }
    }
}

/// One string of a key-value store.
#[derive(Clone)]
struct Kv;

#[derive(Clone, Debug)]
enum Access {
    Get(String),
    Put(String),
    Append(String),
}

impl Model for Kv {
    type State = String;
    type Op = Access;
    type Metadata = ();

    fn init() -> String {
        String::new()
    }

    fn step(state: &String, op: &Access) -> (bool, String) {
        match op {
            Access::Get(seen) => (state == seen, state.clone()),
            Access::Put(text) => (true, text.clone()),
            Access::Append(more) => (true, format!("{state}{more}")),
        }
    }
}

/// Invocations with their completions, in the order of invocations.
fn calls(history: &History) -> Vec<(&Event, Option<&Event>)> {
    let mut flying: HashMap<Process, usize> = HashMap::new();
    let mut calls: Vec<(&Event, Option<&Event>)> = Vec::new();
    for event in history
        .events
        .iter()
        .filter(|event| event.process != Process::Nemesis)
    {
        if event.kind == Kind::Invoke {
            flying.insert(event.process, calls.len());
            calls.push((event, None));
        } else if let Some(at) = flying.remove(&event.process) {
            calls[at].1 = Some(event);
        }
    }
    calls
}

/// An operation for the peer; none for one that says nothing.
fn operation<M: Model>(
    (invoke, end): (&Event, Option<&Event>),
    op: impl FnOnce(&Event, Option<&Event>) -> Option<M::Op>,
) -> Option<Operation<M>> {
    let known = end.filter(|end| end.kind != Kind::Info);
    if known.is_none() && matches!(&*invoke.f, "read" | "get") {
        return None;
    }
    Some(Operation {
        client_id: None,
        call_time: invoke.index as i64,
        return_time: known.map_or(i64::MAX, |end| end.index as i64),
        op: op(invoke, known)?,
        metadata: None,
    })
}

/// A history made ready; the check alone is timed.
pub struct Prepared(Parts);

enum Parts {
    Register(Vec<Operation<Register>>),
    Kv(Vec<Vec<Operation<Kv>>>),
}

/// A register's history for the peer.
pub fn register(history: &History, failed_cas: FailedCas) -> Prepared {
    let mut numbers: HashMap<Value, u32> = HashMap::from([(history.header.initial.clone(), 0)]);
    let mut number = |value: &Value| {
        let next = numbers.len() as u32;
        *numbers.entry(value.clone()).or_insert(next)
    };
    let mut action = |invoke: &Event, end: Option<&Event>| {
        let pair = invoke.value.as_list().filter(|_| &*invoke.f == "cas");
        Some(match (pair, end.map(|end| end.kind)) {
            (Some([old, _]), Some(Kind::Fail)) if failed_cas == FailedCas::Observation => {
                Action::Differs(number(old))
            }
            (_, Some(Kind::Fail)) => return None,
            (Some([old, new]), Some(_)) => Action::Cas(number(old), number(new)),
            (Some([old, new]), None) => Action::MayCas(number(old), number(new)),
            _ if &*invoke.f == "read" => Action::Read(number(&end?.value)),
            _ => Action::Write(number(&invoke.value)),
        })
    };
    let operations = calls(history)
        .into_iter()
        .filter_map(|call| operation(call, &mut action));
    Prepared(Parts::Register(operations.collect()))
}

/// The history of a key-value store for the peer, split by key.
pub fn kv(history: &History) -> Prepared {
    let text = |value: &Value| match value {
        Value::Text(text) => text.to_string(),
        _ => String::new(),
    };
    let access = |invoke: &Event, end: Option<&Event>| {
        let happened = end.is_none_or(|end| end.kind == Kind::Ok);
        happened.then(|| match &*invoke.f {
            "get" => Access::Get(end.map_or_else(String::new, |end| text(&end.value))),
            "put" => Access::Put(text(&invoke.value)),
            _ => Access::Append(text(&invoke.value)),
        })
    };
    let mut keys: HashMap<Option<Value>, Vec<Operation<Kv>>> = HashMap::new();
    for call in calls(history) {
        let of_key = keys.entry(call.0.key.clone()).or_default();
        of_key.extend(operation(call, access));
    }
    Prepared(Parts::Kv(keys.into_values().collect()))
}

/// The peer's verdict: legal, or none if it had no answer in time.
pub fn check(prepared: &Prepared, timeout: Duration) -> Option<bool> {
    let one = |result: CheckResult| match result {
        CheckResult::Ok => Some(true),
        CheckResult::Illegal => Some(false),
        CheckResult::Unknown => None,
    };
    match &prepared.0 {
        Parts::Register(operations) => one(check_operations_timeout(operations, timeout)),
        Parts::Kv(keys) => {
            let mut verdicts = keys.iter().map(|key| one(check_operations_timeout(key, timeout)));
            verdicts.try_fold(true, |all, one| Some(all && one?))
        }
    }
}
