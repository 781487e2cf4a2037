//! What a client may ask of a store, and what it may be told: words that every system can be taught.

use std::collections::BTreeMap;
use std::time::Duration;

use histories::{LogIndex, Term, Value};
use nemesis::NodeId;

use crate::call::Call;
use crate::transaction::{Transaction, appended};

/// What is done to the value under a key, in words that every store can be taught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOp {
    /// Tell it; null if there is none.
    Read,
    /// Set it.
    Write(Value),
    /// Set it if it is what is expected.
    Cas {
        /// What it must be.
        expected: Value,
        /// The value that takes its place.
        new: Value,
    },
    /// Put this at the end of the list that it is.
    Append(Value),
    /// Add this to the number that it is.
    Add(i64),
    /// Do these micro-operations, `[f, key, value]` each, as one, and tell them with what was read.
    Txn(Value),
    /// Put this into the queue that it is.
    Enqueue(Value),
    /// Take an element out of the queue that it is, and tell it; null if it was empty.
    Dequeue,
    /// Tell an identifier that was given to nobody else.
    Generate,
    /// What has no key.
    Call(Call),
}

/// What an operation makes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The value that takes its place.
    pub new: Value,
    /// What is told of it; null where nothing is.
    pub told: Value,
}

impl Made {
    /// A new value, of which nothing is told.
    pub fn silently(new: Value) -> Self {
        Made {
            new,
            told: Value::Null,
        }
    }
}

impl StoreOp {
    /// What it makes of the value that is found, for a store that has to be told by compare-and-set; none where it cannot
    /// be done on that value.
    ///
    /// A queue is a list there, with its oldest element first; what gives out identifiers is a number, that of the last one; a
    /// transaction's keys are kept together, as a list of `[key, value]`.
    pub fn on(&self, found: &Value) -> Option<Made> {
        let told = |told: Value, new: Value| Some(Made { new, told });
        match (self, found) {
            (StoreOp::Read, found) => told(found.clone(), found.clone()),
            (StoreOp::Write(value), _) => Some(Made::silently(value.clone())),
            (StoreOp::Cas { expected, new }, found) => {
                (found == expected).then(|| Made::silently(new.clone()))
            }
            (StoreOp::Append(value) | StoreOp::Enqueue(value), found) => {
                appended(found, value).map(Made::silently)
            }
            (StoreOp::Add(amount), Value::Null) => Some(Made::silently(Value::Int(*amount))),
            (StoreOp::Add(amount), Value::Int(number)) => {
                Some(Made::silently(Value::Int(number.checked_add(*amount)?)))
            }
            (StoreOp::Dequeue, Value::Null) => told(Value::Null, Value::Null),
            (StoreOp::Dequeue, Value::List(list)) => match &**list {
                [] => told(Value::Null, found.clone()),
                [first, rest @ ..] => told(first.clone(), Value::list(rest.iter().cloned())),
            },
            (StoreOp::Generate, Value::Null) => told(1.into(), 1.into()),
            (StoreOp::Generate, Value::Int(last)) => {
                let next = Value::Int(last.checked_add(1)?);
                told(next.clone(), next)
            }
            (StoreOp::Txn(txn), found) => on_database(&Transaction::of(txn)?, found),
            (StoreOp::Add(_) | StoreOp::Dequeue | StoreOp::Generate | StoreOp::Call(_), _) => None,
        }
    }

    /// Whether it changes nothing, so that it may be asked as often as one likes.
    pub fn is_read(&self) -> bool {
        match self {
            StoreOp::Read => true,
            StoreOp::Call(call) => call.is_look(),
            _ => false,
        }
    }
}

/// What a transaction makes of all of its keys, where they are kept together.
fn on_database(txn: &Transaction, database: &Value) -> Option<Made> {
    let pair = |pair: &Value| match pair.as_list() {
        Some([key, value]) => Some((key.clone(), value.clone())),
        _ => None,
    };
    let mut found: BTreeMap<Value, Value> = match database {
        Value::Null => BTreeMap::new(),
        pairs => pairs.as_list()?.iter().map(pair).collect::<Option<_>>()?,
    };
    let outcome = txn.on(&found)?;
    if outcome.writes.is_empty() {
        return Some(Made {
            new: database.clone(),
            told: outcome.told,
        });
    }
    found.extend(outcome.writes);
    let pairs = found.into_iter().map(|(key, value)| Value::list([key, value]));
    Some(Made {
        new: Value::list(pairs),
        told: outcome.told,
    })
}

/// One request as it goes to the system.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub op: StoreOp,
    /// The key.
    pub key: Value,
    /// Whether a follower may ask the leader on the client's behalf.
    pub forward: bool,
    /// The client's session and the number of this request in it; none for a read.
    pub session: Option<(u64, u64)>,
    /// Whether the same request was sent before and may have been done.
    pub retry: bool,
    /// How long the client waits.
    pub timeout: Duration,
}

impl Request {
    /// A read by nobody's session.
    pub fn read(key: Value, timeout: Duration) -> Self {
        Request {
            op: StoreOp::Read,
            key,
            forward: false,
            session: None,
            retry: false,
            timeout,
        }
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It happened; what was read, taken out or given out, or the transaction with what it has read. As a system's answer to
    /// a write it is null.
    Ok(Value),
    /// It certainly did not happen.
    Fail,
    /// Nobody knows.
    Unknown,
}

/// The answer to a request, and what came with it.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Whether the operation happened, and what it saw.
    pub answer: Answer,
    /// A short code, where it was not ok.
    pub error: Option<String>,
    /// The system's own words.
    pub message: Option<String>,
    /// Where it stands in the log.
    pub at: Option<(LogIndex, Term)>,
    /// The number that the store gave to the update, or to the update that a read shows, where it has one count for all keys.
    pub revision: Option<i64>,
    /// Of a transaction: those of the updates that its reads show, each with its key.
    pub read_revisions: Vec<(Value, i64)>,
    /// Whether it says that the store itself decided that it does not happen. A place in its log says so, too.
    pub decided: bool,
    /// Whether another node should be asked, and which one leads, if that was said.
    pub elsewhere: Option<Option<NodeId>>,
}

impl Reply {
    /// Whether the store took the request and decided it, rather than turning it away: then it is known what came of
    /// it, even if it was sent before.
    pub fn is_decided(&self) -> bool {
        match self.answer {
            Answer::Ok(_) => true,
            Answer::Fail => self.decided || self.at.is_some(),
            Answer::Unknown => false,
        }
    }

    /// The reply to an operation that happened.
    pub fn ok(value: Value, at: Option<(LogIndex, Term)>) -> Self {
        Reply {
            answer: Answer::Ok(value),
            error: None,
            message: None,
            at,
            revision: None,
            read_revisions: Vec::new(),
            decided: false,
            elsewhere: None,
        }
    }

    /// The same with this told, if it is that of an operation that happened.
    pub(crate) fn telling(mut self, told: Value) -> Self {
        if let Answer::Ok(value) = &mut self.answer {
            *value = told;
        }
        self
    }

    /// Nobody knows what came of it.
    pub fn unknown(error: &str, message: String) -> Self {
        Reply {
            answer: Answer::Unknown,
            error: Some(error.to_owned()),
            message: Some(message),
            at: None,
            revision: None,
            read_revisions: Vec::new(),
            decided: false,
            elsewhere: None,
        }
    }

    /// A failure that the client decided on by itself.
    pub fn refused(why: &str) -> Self {
        Reply {
            answer: Answer::Fail,
            error: Some("refused".to_owned()),
            message: Some(why.to_owned()),
            at: None,
            revision: None,
            read_revisions: Vec::new(),
            decided: false,
            elsewhere: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_does_not_do_by_itself_is_done_on_what_is_found() {
        let list = |values: &[i64]| Value::list(values.iter().map(|value| Value::Int(*value)));
        let cas = |expected: i64| StoreOp::Cas {
            expected: expected.into(),
            new: 9.into(),
        };
        for (op, found, wanted) in [
            (StoreOp::Write(3.into()), 1.into(), Some(Value::from(3))),
            (StoreOp::Append(3.into()), Value::Null, Some(list(&[3]))),
            (StoreOp::Append(3.into()), list(&[1, 2]), Some(list(&[1, 2, 3]))),
            (StoreOp::Append(3.into()), 1.into(), None),
            (StoreOp::Add(-1), Value::Null, Some((-1).into())),
            (StoreOp::Add(1), i64::MAX.into(), None),
            (cas(1), 1.into(), Some(9.into())),
            (cas(1), 2.into(), None),
        ] {
            let made = op.on(&found).map(|made| (made.new, made.told));
            assert_eq!(made, wanted.map(|new| (new, Value::Null)), "{op:?} on {found:?}");
        }
    }

    #[test]
    fn what_is_taken_or_given_out_is_told() {
        let value = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
        let txn = |text: &str| StoreOp::Txn(value(text));
        for (op, found, new, told) in [
            (StoreOp::Enqueue(3.into()), "[1]", "[1,3]", "null"),
            (StoreOp::Dequeue, "[1,3]", "[3]", "1"),
            (StoreOp::Dequeue, "[]", "[]", "null"),
            (StoreOp::Dequeue, "null", "null", "null"),
            (StoreOp::Generate, "null", "1", "1"),
            (StoreOp::Generate, "7", "8", "8"),
            (
                txn(r#"[["r",1,null]]"#),
                "[[1,5],[2,6]]",
                "[[1,5],[2,6]]",
                r#"[["r",1,5]]"#,
            ),
            (
                txn(r#"[["w",2,7],["r",1,null]]"#),
                "[[1,5]]",
                "[[1,5],[2,7]]",
                r#"[["w",2,7],["r",1,5]]"#,
            ),
            (txn(r#"[["w",2,7]]"#), "null", "[[2,7]]", r#"[["w",2,7]]"#),
        ] {
            let made = op.on(&value(found)).unwrap();
            assert_eq!(
                (made.new, made.told),
                (value(new), value(told)),
                "{op:?} on {found}"
            );
        }
        assert_eq!(StoreOp::Dequeue.on(&3.into()), None);
        assert_eq!(txn(r#"[["w",2,7]]"#).on(&3.into()), None);
    }
}
