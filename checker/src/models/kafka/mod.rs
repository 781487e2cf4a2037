//! Logs with offsets, as jepsen.tests.kafka: `send` and `poll` in `send`, `poll` and `txn`.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `log` | who sent what, and which offset shows which value |
//! | `order` | what one operation, and one process after the other, may see and get |
//!
//! What is looked for, by Jepsen's names: `inconsistent-offsets` (one offset, two values), `duplicate` (one value, two offsets),
//! `garbage-read` (nobody sent it), `G1a` (whoever sent it failed), `lost-write` (acknowledged at an offset that the polls went past, and
//! never polled), `precommitted-read` (a transaction polls what it sends itself), `int-nonmonotonic-poll`, `int-poll-skip`, `int-nonmonotonic-send`
//! within an operation, and `nonmonotonic-poll`, `poll-skip`, `nonmonotonic-send` from one operation of a process to its next.
//!
//! Offsets have gaps, since transactions take some: only an offset that somebody saw can be skipped. A process that has
//! subscribed may get another part of a key at any moment, so its polls are compared within an operation alone; after an `assign` it
//! begins anew. What is committed is compared with nothing. Cycles of dependencies between transactions (G0, G1c) are not looked for, nor what was sent behind the last offset polled.

mod log;
mod order;

use histories::{Kind, Value};

use self::log::Log;
use super::row::{Judge, Model, Start};
use crate::budget::{Budget, Meter};
use crate::decode::unknown_f;
use crate::error::{Halt, HistoryError};
use crate::explain::ONLY_FAILURES;
use crate::final_reads;
use crate::judge::Judged;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{self, Drawn, Examples};

pub(super) const MODEL: Model = Model {
    name: "kafka",
    about: "logs with offsets that are sent to and polled, as Jepsen's tests of Kafka and Redpanda",
    operations: &[
        "send (or txn) [[send k v], …] → [[send k [offset, v]], …]",
        "poll (or txn) [[poll], …] → [[poll, [[k, [[offset, v], …]], …]], …]",
        "assign [k, …]",
        "commit [[k, offset], …]",
        "subscribe [k, …]",
        "crash",
        "debug-topic-partitions",
    ],
    suggested: |shape| {
        let known = ["send", "poll", "assign", "subscribe"];
        let words: Vec<&str> = known.into_iter().chain(ASIDE).chain(["txn"]).collect();
        shape.only(&words) && known.iter().any(|word| shape.has(word))
    },
    contradicted: |_| None,
    start: Start::Always("empty"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::Kafka),
    final_reads: Some(final_reads::polled),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(twins::Logs)],
        illegal: "send [['send',0,1]] → [['send',0,[0,1]]]; send [['send',0,2]] → [['send',0,[0,2]]]",
        states: &[],
        proofs: &[],
    },
};

/// Words of which nothing is compared.
const ASIDE: [&str; 3] = ["commit", "crash", "debug-topic-partitions"];

/// What a message costs until all are compared.
const BYTES: usize = 256;

/// A message where it stands.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    key: &'a Value,
    /// None where the client was not told.
    offset: Option<i64>,
    value: &'a Value,
}

/// What an operation did, in its order.
#[derive(Debug, Default)]
struct Done<'a> {
    sends: Vec<Message<'a>>,
    polls: Vec<Message<'a>>,
    /// Whether it polled at all; there may have been nothing.
    polled: bool,
}

/// What was found: the operations that show it, and why it must not be.
#[derive(Debug)]
struct Anomaly {
    name: &'static str,
    operations: Vec<u32>,
    because: String,
}

fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    let (found, polled) = look(group, meter)?;
    let Some(anomaly) = found else {
        return Ok(Judged::Bounds {
            engine: "offsets",
            compared: polled,
        });
    };
    let relaxed = group.without_failures();
    let hint = match relaxed.map(|group| look(&group, meter).map(|(found, _)| found.is_none())) {
        Some(Ok(true)) => format!(" {ONLY_FAILURES}"),
        _ => String::new(),
    };
    Ok(violation(group, anomaly, &hint))
}

/// The first anomaly, and whether anybody polled.
fn look(group: &Group<'_>, meter: &mut Meter<'_>) -> Result<(Option<Anomaly>, bool), Halt> {
    meter.grow(group.operations.len() * size_of::<Done<'_>>())?;
    let mut done = Vec::with_capacity(group.operations.len());
    for operation in &group.operations {
        meter.step()?;
        let this = messages(operation)?;
        meter.grow((this.sends.len() + this.polls.len()) * BYTES)?;
        done.push(this);
    }
    let log = Log::of(group, &done);
    let found = log.anomaly().or_else(|| order::anomaly(group, &done, &log));
    Ok((found, done.iter().any(|done| done.polled)))
}

fn violation(group: &Group<'_>, anomaly: Anomaly, hint: &str) -> Judged {
    let Anomaly {
        name,
        mut operations,
        because,
    } = anomaly;
    operations.sort_unstable();
    operations.dedup();
    let told = operations.iter().zip(1..).map(|(at, number)| {
        let operation = &group.operations[*at as usize];
        format!("  T{number} = {operation}\n")
    });
    let why = format!(
        "Let\n{}Then\n  - {because}: {name}.{hint}",
        told.collect::<String>()
    );
    Judged::violation("offsets", operations, why)
}

/// What an operation sent and polled; of one that did not complete, what it tried to send.
fn messages<'a>(operation: &Operation<'a>) -> Result<Done<'a>, HistoryError> {
    let done = operation.outcome == Kind::Ok;
    let mut all = Done::default();
    match &*operation.invoke.f {
        "send" | "poll" | "txn" => {}
        "assign" | "subscribe" => return Ok(all),
        f if ASIDE.contains(&f) => return Ok(all),
        _ => return Err(unknown_f(operation, MODEL.name, MODEL.operations)),
    }
    let bad = || {
        operation.bad_value(
            done,
            "an array of [send, k, v] and [poll]; completed, with offsets",
        )
    };
    let value = if done {
        operation.result()
    } else {
        operation.argument()
    };
    for micro in value.as_list().ok_or_else(bad)? {
        match micro.as_list().ok_or_else(bad)? {
            [Value::Text(f), key, value] if &**f == "send" => {
                all.sends.push(sent(key, value, done).ok_or_else(bad)?);
            }
            [Value::Text(f), rest @ ..] if &**f == "poll" => {
                all.polled |= done;
                let keys = rest.first().map_or(Some(&[][..]), |keys| match keys {
                    Value::Null => Some(&[][..]),
                    keys => keys.as_list(),
                });
                for key in keys.ok_or_else(bad)? {
                    all.polls.extend(polled(key).ok_or_else(bad)?);
                }
            }
            _ => return Err(bad()),
        }
    }
    Ok(all)
}

/// `v`, or `[offset, v]` of what was acknowledged.
fn sent<'a>(key: &'a Value, value: &'a Value, done: bool) -> Option<Message<'a>> {
    let (offset, value) = match value.as_list() {
        Some([Value::Int(offset), value]) if done => (Some(*offset), value),
        Some([Value::Null, value]) if done => (None, value),
        Some(_) if done => return None,
        _ => (None, value),
    };
    Some(Message { key, offset, value })
}

/// `[key, [[offset, value], …]]`.
fn polled(pair: &Value) -> Option<Vec<Message<'_>>> {
    let [key, messages] = pair.as_list()? else {
        return None;
    };
    let mut all = Vec::new();
    for message in messages.as_list()? {
        let [Value::Int(offset), value] = message.as_list()? else {
            return None;
        };
        all.push(Message {
            key,
            offset: Some(*offset),
            value,
        });
    }
    Some(all)
}

#[cfg(test)]
mod tests;
