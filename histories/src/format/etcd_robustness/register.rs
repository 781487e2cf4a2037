//! From etcd's requests and responses to registers with revisions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::wire::{Condition, Ended, Found, Held, Operation, Part, Range, Response, Txn};
use super::{ABSENT, NAME, Read};
use crate::event::{Event, Kind, Process};
use crate::format::draft::header;
use crate::format::error::Problem;
use crate::format::jepsen_edn::blank;
use crate::format::names::Names;
use crate::format::{Analysis, FailedCas, Imported, NOTES};
use crate::history::History;
use crate::units::Nanos;
use crate::value::Value;

/// The model's name (docs/models.md).
const MODEL: &str = "revision-register";

/// What becomes of the operations, and what has to be known of all of them before.
pub(super) struct Registers<'a> {
    keys: BTreeSet<&'a str>,
    /// The value that a key had at a revision, as far as somebody saw it.
    values: HashMap<(&'a str, i64), Value>,
    /// The keys that were put with a lease.
    leased: BTreeMap<i64, BTreeSet<&'a str>>,
    /// Whether a key may be gone again.
    deletes: bool,
    names: Names,
    events: Vec<(i64, bool, Event)>,
    /// A process for each of the keys that one operation takes, and a new one after an unknown outcome.
    processes: HashMap<(u64, usize), u64>,
    processes_next: u64,
    split: u64,
    stale: u64,
}

/// What one operation does with one key.
struct Step<'a> {
    key: &'a str,
    f: &'static str,
    argument: Value,
    result: Value,
    outcome: Kind,
}

impl<'a> Registers<'a> {
    /// Goes through all operations for what the meaning of each needs.
    pub(super) fn of(read: &'a [Read]) -> Self {
        let mut registers = Registers {
            keys: BTreeSet::new(),
            values: HashMap::new(),
            leased: BTreeMap::new(),
            deletes: false,
            names: Names::default(),
            events: Vec::with_capacity(2 * read.len()),
            processes: HashMap::new(),
            processes_next: 0,
            split: 0,
            stale: 0,
        };
        for Read { operation, .. } in read {
            registers.look(operation);
        }
        registers
    }

    fn look(&mut self, Operation { input, output, .. }: &'a Operation) {
        let deletes = |part: &Part| part.r#type == "delete-operation";
        self.deletes |= input.lease_revoke.is_some();
        if let Some(range) = input.range.as_ref().filter(|range| range.end.is_empty()) {
            self.keys.insert(&range.start);
        }
        if let (Some(found), keys_only) = (
            &output.range,
            input.range.as_ref().is_some_and(|range| range.keys_only),
        ) {
            self.look_at(found, keys_only);
        }
        let Some(txn) = &input.txn else { return };
        self.keys
            .extend(txn.conditions.iter().map(|condition| &*condition.key));
        let all = txn.operations_on_success.iter().chain(&txn.operations_on_failure);
        for part in all {
            self.deletes |= deletes(part);
            self.keys.extend(part.key());
            if part.put.lease_id != 0 {
                self.leased
                    .entry(part.put.lease_id)
                    .or_default()
                    .insert(&part.put.key);
            }
        }
        let Some(ended) = &output.txn else { return };
        for (part, found) in branch(txn, ended).iter().zip(&ended.results) {
            match &*part.r#type {
                "put-operation" => {
                    self.values
                        .insert((&part.put.key, output.revision), value(&part.put.value));
                }
                _ => self.look_at(found, part.range.keys_only),
            }
        }
    }

    fn look_at(&mut self, found: &'a Found, keys_only: bool) {
        for kv in &found.kvs {
            self.keys.insert(&kv.key);
            if !keys_only {
                self.values.insert((&kv.key, kv.mod_revision), value(&kv.value));
            }
        }
    }

    fn absent(&self) -> Value {
        match self.deletes {
            true => ABSENT.into(),
            false => Value::Null,
        }
    }

    /// One operation.
    pub(super) fn take(&mut self, read: &'a Read) -> Result<(), Problem> {
        let Operation { input, output, .. } = &read.operation;
        let steps = match (&*input.r#type, &input.range, &input.txn) {
            ("range", Some(range), _) => self.range(range, output),
            ("txn", _, Some(txn)) => self.txn(txn, output)?,
            ("leaseRevoke", ..) => self.revoke(input.lease_revoke.as_ref().map_or(0, |lease| lease.lease_id)),
            ("leaseGrant" | "defragment" | "compact", ..) => {
                self.aside(&read.operation);
                return Ok(());
            }
            (other, ..) => {
                let expected = "a request of type range, txn, leaseGrant, leaseRevoke, defragment or compact";
                return Err(Problem::expected(expected, other));
            }
        };
        let is_split = steps.iter().any(|step| step.key != steps[0].key);
        self.split += u64::from(is_split);
        for (part, step) in steps.into_iter().enumerate() {
            self.step(&read.operation, part, step);
        }
        Ok(())
    }

    /// The reads of a range.
    fn range(&mut self, range: &'a Range, output: &'a Response) -> Vec<Step<'a>> {
        let says_nothing = |outcome| {
            let key: &str = &range.start;
            vec![Step::read(key, Value::Null, outcome)]
        };
        if range.revision != 0 {
            self.stale += 1;
            return says_nothing(Kind::Info);
        }
        match &output.range {
            Some(found) if output.error.is_empty() => self.found(range, found),
            _ => says_nothing(Kind::Fail),
        }
    }

    fn found(&self, range: &'a Range, found: &'a Found) -> Vec<Step<'a>> {
        let shown: BTreeMap<&str, Value> = found
            .kvs
            .iter()
            .map(|kv| {
                let seen = self.values.get(&(&*kv.key, kv.mod_revision)).cloned();
                let held = if range.keys_only {
                    seen.unwrap_or_default()
                } else {
                    value(&kv.value)
                };
                (&*kv.key, Value::list([Value::Int(kv.mod_revision), held]))
            })
            .collect();
        // Behind the last key of an answer that a limit cut off nothing is known.
        let last = found
            .kvs
            .last()
            .map(|kv| &*kv.key)
            .filter(|_| found.count > found.kvs.len() as i64);
        let known = |key: &str| last.is_none_or(|last| key < last);
        let absent = self
            .keys
            .iter()
            .copied()
            .filter(|key| range.covers(key) && !shown.contains_key(key) && known(key));
        let absent: Vec<_> = absent
            .map(|key| Step::read(key, self.nothing(), Kind::Ok))
            .collect();
        let shown = shown
            .into_iter()
            .map(|(key, value)| Step::read(key, value, Kind::Ok));
        shown.chain(absent).collect()
    }

    /// What a read of an absent key shows.
    fn nothing(&self) -> Value {
        match self.deletes {
            true => Value::list([Value::Null, self.absent()]),
            false => Value::list([Value::Int(0), Value::Null]),
        }
    }

    fn txn(&mut self, txn: &'a Txn, output: &'a Response) -> Result<Vec<Step<'a>>, Problem> {
        if let Some(other) = txn
            .conditions
            .iter()
            .find(|condition| condition.expected_version != 0)
        {
            let found = format!("one on the version of {:?}", other.key);
            return Err(Problem::expected("a condition on a mod_revision", found));
        }
        let ended = match &output.txn {
            Some(ended) if output.error.is_empty() => ended,
            _ => return Ok(self.unknown(txn)),
        };
        let parts = branch(txn, ended);
        if parts.len() != ended.results.len() {
            let found = format!("{} for {}", ended.results.len(), parts.len());
            return Err(Problem::expected(
                "a result for each operation of the branch",
                found,
            ));
        }
        let mut steps = Vec::new();
        let mut written = BTreeSet::new();
        for (part, found) in parts.iter().zip(&ended.results) {
            let condition = txn
                .conditions
                .iter()
                .find(|condition| !ended.failure && part.key() == Some(&condition.key));
            let next = match &*part.r#type {
                "range-operation" => self.found(&part.range, found),
                "put-operation" => {
                    written.insert(&*part.put.key);
                    vec![self.update(&part.put.key, value(&part.put.value), condition, output.revision)?]
                }
                "delete-operation" if found.deleted == 0 => {
                    vec![Step::read(&part.delete.key, self.nothing(), Kind::Ok)]
                }
                "delete-operation" => {
                    written.insert(&*part.delete.key);
                    vec![self.update(&part.delete.key, self.absent(), condition, output.revision)?]
                }
                other => return Err(unknown_part(other)),
            };
            steps.extend(next);
        }
        for condition in &txn.conditions {
            let key: &str = &condition.key;
            if ended.failure && steps.iter().any(|step| step.shows(condition, &self.nothing())) {
                let found = format!("{key:?} with revision {}", condition.expected_revision);
                let expected = "a key of another revision where the condition did not hold";
                return Err(Problem::expected(expected, found));
            }
            match ended.failure {
                false if written.contains(key) => {}
                false => steps.push(Step::read(key, self.held(condition), Kind::Ok)),
                true => steps.push(Step {
                    outcome: Kind::Fail,
                    ..self.attempt(txn, key)
                }),
            }
        }
        Ok(steps)
    }

    /// What a key held whose revision was the expected one.
    fn held(&self, condition: &Condition) -> Value {
        match condition.expected_revision {
            0 => self.nothing(),
            revision => {
                let value = self.values.get(&(&*condition.key, revision)).cloned();
                Value::list([Value::Int(revision), value.unwrap_or_default()])
            }
        }
    }

    /// A write that happened, with the revision that it made.
    fn update(
        &self,
        key: &'a str,
        value: Value,
        condition: Option<&Condition>,
        revision: i64,
    ) -> Result<Step<'a>, Problem> {
        let (f, value) = match condition {
            None => ("write", value),
            Some(condition) => ("cas", Value::list([self.expected(condition)?, value])),
        };
        Ok(Step {
            key,
            f,
            argument: Value::list([Value::Null, value.clone()]),
            result: Value::list([Value::Int(revision), value]),
            outcome: Kind::Ok,
        })
    }

    /// The value that a condition stands for.
    fn expected(&self, condition: &Condition) -> Result<Value, Problem> {
        let Condition {
            key,
            expected_revision,
            ..
        } = condition;
        if *expected_revision == 0 {
            return Ok(self.absent());
        }
        let value = self.values.get(&(&**key, *expected_revision)).cloned();
        value.ok_or_else(|| {
            let found = format!("revision {expected_revision} of {key:?}, which no operation shows");
            Problem::expected("a condition on a revision whose value is known", found)
        })
    }

    /// A transaction that may have happened: what it writes if its conditions held.
    fn unknown(&self, txn: &'a Txn) -> Vec<Step<'a>> {
        let keys: BTreeSet<&str> = txn.operations_on_success.iter().filter_map(Part::key).collect();
        let steps = keys.into_iter().map(|key| self.attempt(txn, key));
        steps.collect()
    }

    /// What a transaction wants of a key. A condition whose value nobody knows makes of a write one that may come at any moment.
    fn attempt(&self, txn: &'a Txn, key: &'a str) -> Step<'a> {
        let wanted = txn
            .operations_on_success
            .iter()
            .rev()
            .find(|part| part.key() == Some(key));
        let value = match wanted.map(|part| &*part.r#type) {
            Some("put-operation") => wanted.map(|part| value(&part.put.value)),
            Some("delete-operation") => Some(self.absent()),
            _ => None,
        };
        let Some(value) = value else {
            return Step::read(key, Value::Null, Kind::Fail);
        };
        let condition = txn.conditions.iter().find(|condition| condition.key == key);
        let (f, value) = match condition.map(|condition| self.expected(condition)) {
            Some(Ok(expected)) => ("cas", Value::list([expected, value])),
            _ => ("write", value),
        };
        let argument = Value::list([Value::Null, value]);
        Step {
            key,
            f,
            result: argument.clone(),
            argument,
            outcome: Kind::Info,
        }
    }

    /// Keys that go with a lease, if they still have it.
    fn revoke(&self, lease: i64) -> Vec<Step<'a>> {
        let keys = self.leased.get(&lease).into_iter().flatten();
        let steps = keys.map(|key| {
            let argument = Value::list([Value::Null, self.absent()]);
            Step {
                key,
                f: "write",
                result: argument.clone(),
                argument,
                outcome: Kind::Info,
            }
        });
        steps.collect()
    }

    /// What touches no key.
    fn aside(&mut self, operation: &Operation) {
        let event = Event {
            process: Process::Nemesis,
            kind: Kind::Info,
            f: self.names.get(&operation.input.r#type),
            message: (!operation.output.client_error.is_empty())
                .then(|| operation.output.client_error.as_str().into()),
            ..blank(0).event
        };
        self.events.push((operation.call, false, event));
    }

    fn step(&mut self, operation: &Operation, part: usize, step: Step<'_>) {
        let place = (operation.client_id, part);
        let next = &mut self.processes_next;
        let process = *self.processes.entry(place).or_insert_with(|| {
            *next += 1;
            *next - 1
        });
        if step.outcome == Kind::Info {
            self.processes.remove(&place);
        }
        let event = Event {
            process: Process::Client(process),
            kind: Kind::Invoke,
            f: self.names.get(step.f),
            key: Some(step.key.into()),
            value: step.argument,
            ..blank(0).event
        };
        let error = &operation.output.error;
        let completion = Event {
            kind: step.outcome,
            value: step.result,
            message: (!error.is_empty()).then(|| error.as_str().into()),
            ..event.clone()
        };
        self.events.push((operation.call, false, event));
        self.events.push((operation.r#return, true, completion));
    }

    /// The history, in the order of time.
    pub(super) fn imported(mut self) -> Imported {
        self.events
            .sort_by_key(|(time, completes, _)| (*time, *completes));
        let first = self.events.first().map_or(0, |(time, ..)| *time);
        let events = (0..).zip(self.events).map(|(index, (time, _, event))| Event {
            index,
            time: Nanos(time.abs_diff(first)),
            ..event
        });
        let mut notes = Vec::new();
        if self.split > 0 {
            notes.push(format!(
                "{} operations of etcd took several keys; each key is judged by itself, and not that they were taken at one moment",
                self.split
            ));
        }
        if self.stale > 0 {
            notes.push(format!("{} reads of old revisions were not judged", self.stale));
        }
        let mut header = header(true);
        header.model = Some(MODEL.into());
        header.initial = match self.deletes {
            true => ABSENT.into(),
            false => Value::Null,
        };
        if !notes.is_empty() {
            header.other.insert(NOTES.into(), notes.into());
        }
        let events = events.collect();
        Imported {
            history: History { header, events },
            format: NAME,
            model_hint: Some(MODEL.into()),
            has_header: false,
            failed_cas: FailedCas::DidNotHappen,
            analysis: Analysis::Linearizable,
            places: crate::format::Places::Unknown,
        }
    }
}

impl<'a> Step<'a> {
    fn read(key: &'a str, result: Value, outcome: Kind) -> Self {
        Step {
            key,
            f: "read",
            argument: Value::Null,
            result,
            outcome,
        }
    }
}

impl Step<'_> {
    /// Whether it is a read that shows what the condition wants.
    fn shows(&self, condition: &Condition, nothing: &Value) -> bool {
        let version = self.result.as_list().and_then(|pair| pair.first());
        let same = match condition.expected_revision {
            0 => self.result == *nothing,
            revision => version == Some(&Value::Int(revision)),
        };
        self.f == "read" && self.outcome == Kind::Ok && self.key == condition.key && same
    }
}

impl Part {
    /// The one key that it takes; a range may take more.
    fn key(&self) -> Option<&str> {
        match &*self.r#type {
            "put-operation" => Some(&self.put.key),
            "delete-operation" => Some(&self.delete.key),
            _ if self.range.end.is_empty() => Some(&self.range.start),
            _ => None,
        }
    }
}

impl Range {
    fn covers(&self, key: &str) -> bool {
        match &*self.end {
            "" => key == self.start,
            "\0" => *key >= *self.start,
            end => *key >= *self.start && key < end,
        }
    }
}

fn branch<'a>(txn: &'a Txn, ended: &Ended) -> &'a [Part] {
    match ended.failure {
        false => &txn.operations_on_success,
        true => &txn.operations_on_failure,
    }
}

fn value(held: &Held) -> Value {
    match held.hash {
        0 => held.value.as_str().into(),
        hash => format!("hash:{hash}").as_str().into(),
    }
}

fn unknown_part(found: &str) -> Problem {
    Problem::expected("range-operation, put-operation or delete-operation", found)
}
