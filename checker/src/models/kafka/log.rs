//! Who sent what, and which offset shows which value.

use std::collections::BTreeMap;

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use super::{Anomaly, Done, Message};
use crate::operations::Group;

/// The messages of one key.
#[derive(Debug, Default)]
struct Key<'a> {
    /// By offset: a value, and an operation that shows it there.
    at: BTreeMap<i64, (&'a Value, u32)>,
    /// By value: its offset, and an operation that shows it there.
    offsets: FxHashMap<&'a Value, (i64, u32)>,
    senders: FxHashMap<&'a Value, Sender>,
    polled: FxHashMap<&'a Value, u32>,
    /// The greatest offset that was polled, and by whom.
    last: Option<(i64, u32)>,
}

/// The best that is known of the operations that sent a value.
#[derive(Clone, Copy, Debug)]
struct Sender {
    operation: u32,
    outcome: Kind,
    offset: Option<i64>,
}

/// All keys, and the first thing that cannot be when they are put together.
#[derive(Debug, Default)]
pub(super) struct Log<'a> {
    keys: BTreeMap<&'a Value, Key<'a>>,
    clash: Option<Anomaly>,
}

impl<'a> Log<'a> {
    /// Goes through all messages.
    pub(super) fn of(group: &Group<'a>, done: &[Done<'a>]) -> Self {
        let mut log = Log::default();
        for ((number, operation), done) in (0..).zip(&group.operations).zip(done) {
            for message in &done.sends {
                log.sent(*message, number, operation.outcome);
            }
            for message in &done.polls {
                log.polled(*message, number);
            }
        }
        log
    }

    fn sent(&mut self, message: Message<'a>, operation: u32, outcome: Kind) {
        let key = self.keys.entry(message.key).or_default();
        let this = Sender {
            operation,
            outcome,
            offset: message.offset,
        };
        let rank = |outcome| match outcome {
            Kind::Ok => 2,
            Kind::Fail => 0,
            Kind::Info | Kind::Invoke => 1,
        };
        let known = key.senders.entry(message.value).or_insert(this);
        if rank(outcome) > rank(known.outcome) {
            *known = this;
        }
        self.shown(message, operation);
    }

    fn polled(&mut self, message: Message<'a>, operation: u32) {
        let key = self.keys.entry(message.key).or_default();
        key.polled.entry(message.value).or_insert(operation);
        let offset = message.offset.unwrap_or_default();
        if key.last.is_none_or(|(last, _)| offset > last) {
            key.last = Some((offset, operation));
        }
        self.shown(message, operation);
    }

    /// An offset has one value, and a value one offset.
    fn shown(&mut self, message: Message<'a>, operation: u32) {
        let (Some(offset), Some(key)) = (message.offset, self.keys.get_mut(message.key)) else {
            return;
        };
        let (value, other) = *key.at.entry(offset).or_insert((message.value, operation));
        if value != message.value && self.clash.is_none() {
            self.clash = Some(Anomaly {
                name: "inconsistent-offsets",
                operations: vec![other, operation],
                because: format!(
                    "offset {offset} of {} is {value} to one and {} to another",
                    message.key, message.value
                ),
            });
        }
        let (first, other) = *key.offsets.entry(message.value).or_insert((offset, operation));
        if first != offset && self.clash.is_none() {
            self.clash = Some(Anomaly {
                name: "duplicate",
                operations: vec![other, operation],
                because: format!(
                    "{} stands in {} at the offsets {first} and {offset}",
                    message.value, message.key
                ),
            });
        }
    }

    /// The first offset between these two that somebody saw, with its value and who saw it.
    pub(super) fn between(&self, key: &Value, after: i64, before: i64) -> Option<(i64, &'a Value, u32)> {
        let inside = after.checked_add(1).filter(|first| *first < before)?..before;
        let (offset, (value, operation)) = self.keys.get(key)?.at.range(inside).next()?;
        Some((*offset, *value, *operation))
    }

    /// What is wrong with the messages, whoever got them in which order.
    pub(super) fn anomaly(&self) -> Option<Anomaly> {
        let clash = self.clash.as_ref().map(|clash| Anomaly {
            name: clash.name,
            operations: clash.operations.clone(),
            because: clash.because.clone(),
        });
        clash
            .or_else(|| self.keys.iter().find_map(|(key, messages)| messages.unsent(key)))
            .or_else(|| self.keys.iter().find_map(|(key, messages)| messages.lost(key)))
    }
}

impl Key<'_> {
    /// What was polled and not sent.
    fn unsent(&self, key: &Value) -> Option<Anomaly> {
        let mut polled: Vec<_> = self.polled.iter().collect();
        polled.sort_unstable_by_key(|(_, operation)| **operation);
        polled
            .into_iter()
            .find_map(|(value, poll)| match self.senders.get(value) {
                None => Some(Anomaly {
                    name: "garbage-read",
                    operations: vec![*poll],
                    because: format!("{value} was polled from {key}, and nobody sent it"),
                }),
                Some(Sender {
                    outcome: Kind::Fail,
                    operation,
                    ..
                }) => Some(Anomaly {
                    name: "G1a",
                    operations: vec![*operation, *poll],
                    because: format!("{value} was polled from {key}, and whoever sent it failed"),
                }),
                Some(_) => None,
            })
    }

    /// What was acknowledged at an offset that the polls went past, and was never polled.
    fn lost(&self, key: &Value) -> Option<Anomaly> {
        let (last, poll) = self.last?;
        let lost = self.senders.iter().filter_map(|(value, sender)| {
            let offset = sender
                .offset
                .filter(|offset| *offset <= last && sender.outcome == Kind::Ok)?;
            (!self.polled.contains_key(value)).then_some((offset, value, sender.operation))
        });
        let (offset, value, sender) = lost.min_by_key(|(offset, ..)| *offset)?;
        Some(Anomaly {
            name: "lost-write",
            operations: vec![sender, poll],
            because: format!(
                "{value} was acknowledged at offset {offset} of {key}; the polls went on to offset {last}, and none showed it"
            ),
        })
    }
}
