//! `kafka`: messages are put at the end of logs, and read from an offset on, as in Maelstrom's workload of this name. All logs are
//! one key of the history.
//!
//! A client is assigned some logs: it asks up to where they were looked at, polls from there on, and says what it has looked at.
//! When the load is over, each node is polled from the beginning until everything that was acknowledged was passed.

use std::collections::{BTreeMap, HashMap};

use histories::Value;
use rand::RngExt;

use super::keys::Keys;
use super::{Operation, Plan, Row, Settings, Shown, Workload};
use crate::call::{Call, POLL, SEND, offsets};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "kafka",
    about: "send to logs and poll them, from what was committed on",
    model: "kafka",
    asks: &[Does::Log],
    watches: None,
    looks: false,
    rate: None,
    everywhere: true,
    initial: || Value::Null,
    build: |settings| Box::new(Kafka::new(settings)),
    plan: |operation, _| Plan::Ask(StoreOp::Call(call(operation))),
    seen: |value| value,
    fresh: |log, message, _| {
        let operation = send(log.clone(), message.clone());
        let op = StoreOp::Call(call(&operation));
        (operation, op)
    },
    last: |_| {
        let operation = poll([]);
        let op = StoreOp::Call(call(&operation));
        (operation, op)
    },
    has_seen_all: |_| true,
    newest: Value::clone,
};

pub(super) const ASSIGN: &str = "assign";
const COMMIT: &str = "commit";

/// A log is left for a fresh one after so many operations.
const OPERATIONS_PER_LOG: u64 = 300;
/// A client is assigned up to so many logs, and so many are looked at together when the load is over.
const TOGETHER: usize = 4;

fn operation(f: &'static str, value: Value) -> Operation {
    Operation {
        f,
        key: Value::from("logs"),
        value,
    }
}

fn send(log: Value, message: Value) -> Operation {
    operation(SEND, Value::list([Value::list([SEND.into(), log, message])]))
}

/// A poll says behind what it will see from where on it looks.
fn poll(from: impl IntoIterator<Item = (Value, i64)>) -> Operation {
    let micro = [POLL.into(), Value::Null, pairs(from)];
    operation(POLL, Value::list([Value::list(micro)]))
}

fn pairs(offsets: impl IntoIterator<Item = (Value, i64)>) -> Value {
    let pair = |(log, offset)| Value::list([log, Value::Int(offset)]);
    Value::list(offsets.into_iter().map(pair))
}

/// The only micro-operation.
fn micro(value: &Value) -> &[Value] {
    let micros = value.as_list().unwrap_or_default();
    micros.first().and_then(Value::as_list).unwrap_or_default()
}

fn call(operation: &Operation) -> Call {
    let list = || operation.value.as_list().unwrap_or_default().to_vec();
    match (operation.f, micro(&operation.value)) {
        (SEND, [_, log, message]) => Call::Send {
            log: log.clone(),
            message: message.clone(),
        },
        (ASSIGN, _) => Call::Committed(list()),
        (COMMIT, _) => Call::Commit(offsets(&operation.value).unwrap_or_default()),
        (_, [.., from]) => Call::Poll(offsets(from).unwrap_or_default()),
        _ => Call::Poll(Vec::new()),
    }
}

/// Where a process stands.
#[derive(Default)]
struct Reader {
    /// Of the logs that it is assigned: the offset that it asks for next.
    next: BTreeMap<Value, i64>,
    /// The last offset of each log that it was given since it last committed.
    looked_at: Vec<(Value, i64)>,
}

struct Kafka {
    logs: Keys,
    readers: HashMap<u64, Reader>,
    /// The greatest offset of each log that was acknowledged.
    acknowledged: BTreeMap<Value, i64>,
    /// How many last looks there were.
    looks: usize,
}

impl Kafka {
    fn new(settings: Settings) -> Self {
        Kafka {
            logs: Keys::new(settings, OPERATIONS_PER_LOG),
            readers: HashMap::new(),
            acknowledged: BTreeMap::new(),
            looks: 0,
        }
    }

    fn assign(&mut self) -> Operation {
        let many = self.logs.rng.random_range(1..=TOGETHER);
        let mut logs: Vec<Value> = (0..many).map(|_| self.logs.draw().name()).collect();
        logs.sort_unstable();
        logs.dedup();
        operation(ASSIGN, Value::list(logs))
    }

    /// Maelstrom's client keeps its place in a log that it has already.
    fn assigned(&mut self, process: u64, operation: &Operation, committed: &Value) {
        let committed: BTreeMap<Value, i64> = offsets(committed).unwrap_or_default().into_iter().collect();
        let reader = self.readers.entry(process).or_default();
        let before = std::mem::take(&mut reader.next);
        for log in operation.value.as_list().unwrap_or_default() {
            let known = before.get(log).or(committed.get(log));
            reader.next.insert(log.clone(), known.copied().unwrap_or(0));
        }
    }

    fn sent(&mut self, told: &Value) {
        if let [_, log, placed] = micro(told)
            && let Some([Value::Int(offset), _]) = placed.as_list()
        {
            let last = self.acknowledged.entry(log.clone()).or_insert(*offset);
            *last = (*last).max(*offset);
        }
    }

    fn polled(&mut self, process: u64, told: &Value) {
        let reader = self.readers.entry(process).or_default();
        for (log, last) in last_offsets(told) {
            if let Some(next) = reader.next.get_mut(&log) {
                *next = (*next).max(last.saturating_add(1));
                reader.looked_at.push((log, last));
            }
        }
    }
}

/// The greatest offset of each log of which a poll showed anything.
fn last_offsets(told: &Value) -> Vec<(Value, i64)> {
    let [_, logs] = micro(told) else {
        return Vec::new();
    };
    let of_log = |log: &Value| {
        let [log, messages] = log.as_list()? else {
            return None;
        };
        let messages = messages.as_list()?.iter();
        let offsets = messages.filter_map(|message| message.as_list()?.first()?.as_int());
        Some((log.clone(), offsets.max()?))
    };
    let logs = logs.as_list().unwrap_or_default();
    logs.iter().filter_map(of_log).collect()
}

impl Workload for Kafka {
    fn next(&mut self, process: u64) -> Operation {
        let chance = self.logs.rng.random_range(0..16);
        let reader = self.readers.entry(process).or_default();
        if !reader.looked_at.is_empty() {
            return operation(COMMIT, pairs(std::mem::take(&mut reader.looked_at)));
        }
        match chance {
            0 => self.assign(),
            1..8 if !reader.next.is_empty() => poll(reader.next.clone()),
            1..8 => self.assign(),
            _ => {
                let log = self.logs.draw();
                send(log.name(), log.next_value())
            }
        }
    }

    fn on_end(&mut self, process: u64, operation: &Operation, answer: &Answer) {
        match (operation.f, answer) {
            (ASSIGN, Answer::Ok(committed)) => self.assigned(process, operation, committed),
            (SEND, Answer::Ok(told)) => self.sent(told),
            (POLL, Answer::Ok(told)) => self.polled(process, told),
            // Another process takes its client's place.
            (_, Answer::Unknown) => drop(self.readers.remove(&process)),
            _ => {}
        }
    }

    /// Some of the logs that it has not passed yet, others each time.
    fn last_look(&mut self, process: u64) -> Option<Operation> {
        let reader = self.readers.entry(process).or_default();
        for log in self.acknowledged.keys() {
            reader.next.entry(log.clone()).or_insert(0);
        }
        let left = self.acknowledged.iter().filter_map(|(log, last)| {
            let next = reader.next.get(log)?;
            (next <= last).then(|| (log.clone(), *next))
        });
        let left: Vec<(Value, i64)> = left.collect();
        let skipped = match left.len() > TOGETHER {
            true => self.looks * TOGETHER % left.len(),
            false => 0,
        };
        self.looks += 1;
        Some(poll(left.into_iter().skip(skipped).take(TOGETHER)))
    }

    fn shown(&mut self, process: u64, seen: &Value) -> Shown {
        let reader = self.readers.entry(process).or_default();
        let passed = |(log, last): (&Value, &i64)| reader.next.get(log).is_some_and(|next| next > last);
        match self.acknowledged.iter().all(passed) {
            true => Shown::All,
            false if last_offsets(seen).is_empty() => Shown::NotYet,
            false => Shown::More,
        }
    }
}

#[cfg(test)]
mod tests {
    use histories::Seed;

    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn kafka() -> Kafka {
        Kafka::new(Settings {
            seed: Seed(1),
            clients: 6,
            has_cas: false,
        })
    }

    #[test]
    fn a_client_goes_on_from_where_it_was() {
        let mut kafka = kafka();
        let assign = operation(ASSIGN, value(r#"["k1","k2"]"#));
        kafka.on_end(7, &assign, &Answer::Ok(value(r#"[["k1",5]]"#)));
        let polls = |kafka: &Kafka| poll(kafka.readers[&7].next.clone());
        assert_eq!(
            polls(&kafka).value,
            value(r#"[["poll",null,[["k1",5],["k2",0]]]]"#)
        );
        let seen = value(r#"[["poll",[["k1",[[5,1],[7,2]]]]]]"#);
        kafka.on_end(7, &polls(&kafka), &Answer::Ok(seen));
        let commit = kafka.next(7);
        assert_eq!((commit.f, commit.value), (COMMIT, value(r#"[["k1",7]]"#)));
        assert_eq!(
            call(&polls(&kafka)),
            Call::Poll(vec![("k1".into(), 8), ("k2".into(), 0)])
        );
        // What another one has committed meanwhile is nothing to a client that has the log.
        kafka.on_end(7, &assign, &Answer::Ok(value(r#"[["k1",2],["k2",3]]"#)));
        assert_eq!(
            call(&polls(&kafka)),
            Call::Poll(vec![("k1".into(), 8), ("k2".into(), 0)])
        );
    }

    #[test]
    fn the_last_looks_pass_everything_that_was_acknowledged() {
        let mut kafka = kafka();
        let one = send("k1".into(), 9.into());
        kafka.on_end(1, &one, &Answer::Ok(value(r#"[["send","k1",[3,9]]]"#)));
        let look = kafka.last_look(8).unwrap();
        assert_eq!(call(&look), Call::Poll(vec![("k1".into(), 0)]));
        for (seen, wanted) in [
            (r#"[["poll",[]]]"#, Shown::NotYet),
            (r#"[["poll",[["k1",[[2,5]]]]]]"#, Shown::More),
            (r#"[["poll",[["k1",[[3,9]]]]]]"#, Shown::All),
        ] {
            kafka.on_end(8, &look, &Answer::Ok(value(seen)));
            assert_eq!(kafka.shown(8, &value(seen)), wanted, "{seen}");
        }
        assert_eq!(kafka.last_look(8).unwrap().value, value(r#"[["poll",null,[]]]"#));
    }

    #[test]
    fn many_logs_are_looked_at_in_turn() {
        let mut kafka = kafka();
        for log in 0..10 {
            kafka.acknowledged.insert(log.into(), 0);
        }
        let mut asked = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let Call::Poll(from) = call(&kafka.last_look(8).unwrap()) else {
                panic!("no poll")
            };
            assert!(from.len() <= TOGETHER);
            asked.extend(from.into_iter().map(|(log, _)| log));
        }
        assert_eq!(asked.len(), 10);
    }
}
