//! What a client may ask of a store, and what it may be told: words that every system can be taught.

use std::time::Duration;

use histories::{LogIndex, Term, Value};
use nemesis::NodeId;

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
}

impl StoreOp {
    /// What it makes of the value that is found, for a store that has to be told by compare-and-set; none where it cannot
    /// be done on that value.
    pub fn on(&self, found: &Value) -> Option<Value> {
        match (self, found) {
            (StoreOp::Read, found) => Some(found.clone()),
            (StoreOp::Write(value), _) => Some(value.clone()),
            (StoreOp::Cas { expected, new }, found) => (found == expected).then(|| new.clone()),
            (StoreOp::Append(value), Value::Null) => Some(Value::list([value.clone()])),
            (StoreOp::Append(value), Value::List(list)) => {
                Some(Value::list(list.iter().cloned().chain([value.clone()])))
            }
            (StoreOp::Add(amount), Value::Null) => Some(Value::Int(*amount)),
            (StoreOp::Add(amount), Value::Int(number)) => Some(Value::Int(number.checked_add(*amount)?)),
            (StoreOp::Append(_) | StoreOp::Add(_) | StoreOp::Txn(_), _) => None,
        }
    }

    /// Whether it changes nothing, so that it may be asked as often as one likes.
    pub fn is_read(&self) -> bool {
        *self == StoreOp::Read
    }
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
    /// It happened; what was read. As a system's answer to a write it is null.
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
            decided: false,
            elsewhere: None,
        }
    }

    /// Nobody knows what came of it.
    pub fn unknown(error: &str, message: String) -> Self {
        Reply {
            answer: Answer::Unknown,
            error: Some(error.to_owned()),
            message: Some(message),
            at: None,
            revision: None,
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
            (StoreOp::Write(3.into()), 1.into(), Some(3.into())),
            (StoreOp::Append(3.into()), Value::Null, Some(list(&[3]))),
            (StoreOp::Append(3.into()), list(&[1, 2]), Some(list(&[1, 2, 3]))),
            (StoreOp::Append(3.into()), 1.into(), None),
            (StoreOp::Add(-1), Value::Null, Some((-1).into())),
            (StoreOp::Add(1), i64::MAX.into(), None),
            (cas(1), 1.into(), Some(9.into())),
            (cas(1), 2.into(), None),
        ] {
            assert_eq!(op.on(&found), wanted, "{op:?} on {found:?}");
        }
    }
}
