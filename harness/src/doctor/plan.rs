//! What a node is asked, and what its answers have to be. Each visit has keys of its own, which nobody else touches: so
//! what stands under them is known as long as every answer was certain.

use std::collections::BTreeMap;

use histories::Value;
use runs::capabilities::Capabilities;
use runs::store::{Answer, Reply, StoreOp};
use serde::Serialize;

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Probe {
    /// In words.
    pub(super) what: &'static str,
    pub(super) key: Value,
    pub(super) op: StoreOp,
}

/// The first key of the transactions here: no workload has it.
const FIRST_KEY: i64 = 1 << 50;

/// Whether what it tells follows from what stands there. An identifier may be anything.
fn tells(op: &StoreOp) -> bool {
    matches!(op, StoreOp::Dequeue | StoreOp::Txn(_))
}

/// Every operation that the system does by itself, each with a read of what it made.
pub(super) fn whole(does: &Capabilities, visit: usize) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut ask = |what, key: &str, op: StoreOp| {
        if does.does(&op) {
            let key = Value::from(format!("doctor-{visit}-{key}").as_str());
            probes.push(Probe { what, key, op });
        }
    };
    let cas = |expected: Value, new: Value| StoreOp::Cas { expected, new };
    let list = || Value::list([Value::Int(1), Value::Int(2)]);
    ask("read of an absent key", "written", StoreOp::Read);
    ask("write", "written", StoreOp::Write(41.into()));
    ask("read back", "written", StoreOp::Read);
    ask("cas from absent", "swapped", cas(Value::Null, 1.into()));
    ask("cas that must succeed", "swapped", cas(1.into(), list()));
    ask("cas that must be refused", "swapped", cas(7.into(), 8.into()));
    ask("read back", "swapped", StoreOp::Read);
    ask("append", "list", StoreOp::Append(1.into()));
    ask("append", "list", StoreOp::Append(2.into()));
    ask("read back", "list", StoreOp::Read);
    ask("add", "number", StoreOp::Add(3));
    ask("add", "number", StoreOp::Add(4));
    ask("read back", "number", StoreOp::Read);
    // One element: which of several comes first is the queue's.
    ask("enqueue", "queue", StoreOp::Enqueue(5.into()));
    ask("dequeue", "queue", StoreOp::Dequeue);
    ask("dequeue of an empty queue", "queue", StoreOp::Dequeue);
    ask("generate", "identifiers", StoreOp::Generate);
    let key = FIRST_KEY + 2 * visit as i64;
    let micro = |f: &str, key: i64, value: Value| Value::list([f.into(), Value::Int(key), value]);
    let appends = [micro("append", key, 1.into()), micro("r", key + 1, Value::Null)];
    let reads = [key, key + 1].map(|key| micro("r", key, Value::Null));
    ask(
        "transaction that appends",
        "database",
        StoreOp::Txn(Value::list(appends)),
    );
    ask(
        "transaction that reads",
        "database",
        StoreOp::Txn(Value::list(reads)),
    );
    // A read of what nothing was done to says nothing new.
    let changed: Vec<Value> = probes
        .iter()
        .filter(|probe| !probe.op.is_read())
        .map(|probe| probe.key.clone())
        .collect();
    probes.retain(|probe| probe.what != "read back" || changed.contains(&probe.key));
    probes
}

/// One operation of each kind, for a node that may not answer: each may take as long as a client waits.
pub(super) fn brief(does: &Capabilities, visit: usize) -> Vec<Probe> {
    let mut probes: Vec<Probe> = Vec::new();
    for probe in whole(does, visit) {
        let same = |other: &Probe| std::mem::discriminant(&other.op) == std::mem::discriminant(&probe.op);
        if !probes.iter().any(same) {
            probes.push(probe);
        }
    }
    for probe in &mut probes {
        if probe.op.is_read() {
            probe.what = "read";
        }
    }
    probes
}

/// Whether an answer is what it has to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(crate) enum Fit {
    /// It is, as far as can be known.
    Right,
    /// A read found another value than was written.
    Wrong {
        /// What was written.
        written: Value,
    },
    /// A compare-and-set happened though something else was there.
    Taken,
    /// A compare-and-set was refused by the store though what it expected was there.
    Refused,
}

/// What is known to stand under the keys of a visit.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<String, Option<Value>>);

impl Known {
    /// Judge an answer, and learn from it.
    pub(super) fn learn(&mut self, probe: &Probe, reply: &Reply) -> Fit {
        let stands = self.0.entry(probe.key.to_string()).or_insert(Some(Value::Null));
        match (&reply.answer, &probe.op) {
            (Answer::Ok(found), StoreOp::Read) => match stands {
                Some(written) if written != found => Fit::Wrong {
                    written: written.clone(),
                },
                _ => Fit::Right,
            },
            (Answer::Ok(_), op) => {
                let taken = matches!(op, StoreOp::Cas { expected, .. } if stands.as_ref().is_some_and(|is| is != expected));
                let made = stands.as_ref().and_then(|is| op.on(is));
                let told = made.as_ref().map(|made| &made.told).filter(|_| tells(op));
                let fit = match (told, &reply.answer) {
                    (Some(told), Answer::Ok(found)) if told != found => Fit::Wrong {
                        written: told.clone(),
                    },
                    _ if taken => Fit::Taken,
                    _ => Fit::Right,
                };
                *stands = match op {
                    StoreOp::Write(value) | StoreOp::Cas { new: value, .. } => Some(value.clone()),
                    _ => made.map(|made| made.new),
                };
                fit
            }
            (Answer::Fail, StoreOp::Cas { expected, .. })
                if reply.is_decided() && stands.as_ref() == Some(expected) =>
            {
                Fit::Refused
            }
            (Answer::Fail, _) => Fit::Right,
            (Answer::Unknown, op) => {
                if !op.is_read() {
                    *stands = None;
                }
                Fit::Right
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(replies: &[Reply]) -> Vec<Fit> {
        let mut known = Known::default();
        let probes = whole(&Capabilities::all(), 1);
        probes
            .iter()
            .zip(replies)
            .map(|(probe, reply)| known.learn(probe, reply))
            .collect()
    }

    fn ok(value: impl Into<Value>) -> Reply {
        Reply::ok(value.into(), None)
    }

    fn decided() -> Reply {
        Reply {
            answer: Answer::Fail,
            decided: true,
            ..Reply::unknown("cas-mismatch", String::new())
        }
    }

    #[test]
    fn only_what_the_system_does_by_itself_is_asked_for() {
        let none = Capabilities {
            does: Vec::new(),
            ..Capabilities::all()
        };
        let words = |probes: &[Probe]| probes.iter().map(|probe| probe.what).collect::<Vec<_>>();
        assert_eq!(words(&whole(&none, 1)), ["read of an absent key"]);
        assert_eq!(whole(&Capabilities::all(), 1).len(), 13);
        let brief = words(&brief(&Capabilities::all(), 1)).join(", ");
        assert_eq!(brief, "read, write, cas from absent, append, add");
    }

    #[test]
    fn a_read_that_returns_another_value_than_was_written_is_told() {
        let wrong = |written: i64| Fit::Wrong {
            written: written.into(),
        };
        assert_eq!(
            fits(&[ok(Value::Null), ok(Value::Null), ok(41)]),
            vec![Fit::Right; 3]
        );
        assert_eq!(fits(&[ok(Value::Null), ok(Value::Null), ok("41")])[2], wrong(41));
        assert_eq!(fits(&[ok(1)])[0], Fit::Wrong { written: Value::Null });
        // After a write of which nobody knows, either value is right.
        let unknown = Reply::unknown("client-timeout", String::new());
        assert_eq!(fits(&[ok(Value::Null), unknown, ok(Value::Null)])[2], Fit::Right);
    }

    #[test]
    fn a_compare_and_set_has_to_look() {
        let begun = [
            ok(Value::Null),
            ok(Value::Null),
            ok(41),
            ok(Value::Null),
            ok(Value::Null),
        ];
        assert_eq!(fits(&[&begun[..], &[decided()]].concat())[5], Fit::Right);
        assert_eq!(fits(&[&begun[..], &[ok(Value::Null)]].concat())[5], Fit::Taken);
        assert_eq!(fits(&[&begun[..3], &[decided()]].concat())[3], Fit::Refused);
    }
}
