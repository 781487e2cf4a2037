//! What one operation, and one process after the other, may see and get.

use histories::{Kind, Process, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use super::log::Log;
use super::{Anomaly, Done, Message};
use crate::operations::Group;

/// Where a process stands in a key: an offset, and the operation that brought it there.
type Places<'a> = FxHashMap<(Process, &'a Value), (i64, u32)>;

/// The first operation that sees, or gets, offsets in the wrong order.
pub(super) fn anomaly<'a>(group: &Group<'a>, done: &[Done<'a>], log: &Log<'a>) -> Option<Anomaly> {
    let (mut polled, mut sent) = (Places::default(), Places::default());
    let mut subscribed = FxHashSet::default();
    for ((number, operation), done) in (0..).zip(&group.operations).zip(done) {
        let process = operation.invoke.process;
        match &*operation.invoke.f {
            "subscribe" => drop(subscribed.insert(process)),
            "assign" => {
                subscribed.remove(&process);
                polled.retain(|(other, _), _| *other != process);
            }
            _ => {}
        }
        if operation.outcome != Kind::Ok {
            continue;
        }
        let found = precommitted(done, number)
            .or_else(|| {
                inside(
                    &done.polls,
                    number,
                    "int-nonmonotonic-poll",
                    Some(("int-poll-skip", log)),
                )
            })
            .or_else(|| inside(&done.sends, number, "int-nonmonotonic-send", None))
            .or_else(|| match subscribed.contains(&process) {
                true => None,
                false => after(
                    &done.polls,
                    number,
                    process,
                    &polled,
                    "nonmonotonic-poll",
                    Some(("poll-skip", log)),
                ),
            })
            .or_else(|| after(&done.sends, number, process, &sent, "nonmonotonic-send", None));
        if found.is_some() {
            return found;
        }
        stand(&done.polls, number, process, &mut polled);
        stand(&done.sends, number, process, &mut sent);
    }
    None
}

/// A transaction that polls what it sends has seen what was not committed.
fn precommitted(done: &Done<'_>, number: u32) -> Option<Anomaly> {
    let is_own = |poll: &&Message<'_>| {
        let same = |send: &Message<'_>| send.key == poll.key && send.value == poll.value;
        done.sends.iter().any(same)
    };
    let poll = done.polls.iter().find(is_own)?;
    Some(Anomaly {
        name: "precommitted-read",
        operations: vec![number],
        because: format!(
            "{} was polled from {} by the transaction that sends it",
            poll.value, poll.key
        ),
    })
}

/// What may be passed over, and how that is called.
type Skips<'l, 'a> = Option<(&'static str, &'l Log<'a>)>;

/// One message of a key after the other within an operation.
fn inside<'a>(
    messages: &[Message<'a>],
    number: u32,
    back: &'static str,
    skips: Skips<'_, 'a>,
) -> Option<Anomaly> {
    let mut last: FxHashMap<&Value, i64> = FxHashMap::default();
    messages.iter().find_map(|message| {
        let offset = message.offset?;
        let before = last.insert(message.key, offset)?;
        step(message.key, (before, number), (offset, number), back, skips)
    })
}

/// The first message of each key after what the process had last.
fn after<'a>(
    messages: &[Message<'a>],
    number: u32,
    process: Process,
    places: &Places<'a>,
    back: &'static str,
    skips: Skips<'_, 'a>,
) -> Option<Anomaly> {
    let mut seen = FxHashSet::default();
    messages.iter().find_map(|message| {
        let offset = message.offset?;
        let before = places
            .get(&(process, message.key))
            .filter(|_| seen.insert(message.key))?;
        step(message.key, *before, (offset, number), back, skips)
    })
}

/// From one offset to the next: not back, and past none that somebody saw.
fn step(
    key: &Value,
    (before, first): (i64, u32),
    (offset, second): (i64, u32),
    back: &'static str,
    skips: Skips<'_, '_>,
) -> Option<Anomaly> {
    if offset <= before {
        return Some(Anomaly {
            name: back,
            operations: vec![first, second],
            because: format!("offset {offset} of {key} came after offset {before}"),
        });
    }
    let (skip, log) = skips?;
    let (missed, value, by) = log.between(key, before, offset)?;
    Some(Anomaly {
        name: skip,
        operations: vec![first, second, by],
        because: format!(
            "offset {offset} of {key} came after offset {before}, without {value} at offset {missed}"
        ),
    })
}

fn stand<'a>(messages: &[Message<'a>], number: u32, process: Process, places: &mut Places<'a>) {
    for message in messages {
        if let Some(offset) = message.offset {
            places.insert((process, message.key), (offset, number));
        }
    }
}
