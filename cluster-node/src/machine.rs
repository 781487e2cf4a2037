//! The state machine: keys and values, and the sessions that make a retry harmless.
//!
//! It is deterministic: equal entries in equal order give equal states and answers on every node.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;

use crate::raft::types::{Entry, LogIndex, Position};

/// No entry of the log is longer.
const LONGEST: usize = 8 << 20;

/// What a client wants done; as the payload of an entry it is written by [`Command::encode`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The operation.
    pub operation: Operation,
    /// The key.
    pub key: String,
    /// The session.
    pub session: Option<Session>,
    /// Whether the client has sent this before.
    pub retry: bool,
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields' names say it")]
pub enum Operation {
    /// Set it.
    Put { value: Json },
    /// Set it if it has this value.
    Cas { from: Json, to: Json },
    /// Add an element to the list.
    Append { value: Json },
    /// Add to the counter.
    Add { value: i64 },
}

/// A value that travels as its JSON text: the compact form of entries does not describe itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(pub Value);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(&self.0).map_err(ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        serde_json::from_str(text).map(Json).map_err(de::Error::custom)
    }
}

impl Command {
    /// The payload of its entry; none if it is too long for one.
    pub fn encode(&self) -> Option<Arc<[u8]>> {
        let bytes = postcard::to_allocvec(self).ok()?;
        (bytes.len() <= LONGEST).then(|| bytes.into())
    }
}

/// A client, and the number of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The client.
    pub client: u64,
    /// Its operation; numbers rise.
    pub seq: u64,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields' names say it")]
pub enum Outcome {
    /// Done; `value` is a counter's new value.
    Done { value: Option<Value> },
    /// A cas found another value.
    Mismatch { found: Value },
    /// The value under the key does not take this operation.
    WrongType { message: &'static str },
    /// The client is not known any more; whether an earlier attempt was applied is unknown.
    SessionExpired,
    /// A later operation of the client was applied before.
    StaleSequence,
}

struct LastOf {
    seq: u64,
    at: LogIndex,
    answer: (Position, Outcome),
}

/// The state.
pub struct Machine {
    values: BTreeMap<String, Value>,
    sessions: HashMap<u64, LastOf>,
    /// The same clients by when they were last used; the first one goes first.
    by_use: BTreeMap<LogIndex, u64>,
    session_limit: usize,
    has_forgotten: bool,
    applied: Position,
}

impl Machine {
    /// Nothing yet; at most `session_limit` clients are remembered.
    pub fn new(session_limit: usize) -> Self {
        Machine {
            values: BTreeMap::new(),
            sessions: HashMap::new(),
            by_use: BTreeMap::new(),
            session_limit: session_limit.max(1),
            has_forgotten: false,
            applied: Position::default(),
        }
    }

    /// The last entry that was applied.
    pub fn applied(&self) -> Position {
        self.applied
    }

    /// The value under a key; null if there is none.
    pub fn get(&self, key: &str) -> Value {
        self.values.get(key).cloned().unwrap_or(Value::Null)
    }

    /// Apply an entry. The answer is that of the first time where it is a retry. None for a no-op.
    pub fn apply(&mut self, entry: &Entry) -> Option<(Position, Outcome)> {
        self.applied = Position {
            index: entry.index,
            term: entry.term,
        };
        if entry.payload.is_empty() {
            return None;
        }
        // Every payload was made by `Command` itself; one that cannot be read is of another version.
        let Ok(command) = postcard::from_bytes::<Command>(&entry.payload) else {
            let outcome = Outcome::WrongType {
                message: "the entry was written by another version",
            };
            return Some((self.applied, outcome));
        };
        Some(match command.session {
            Some(session) => self.apply_once(session, &command),
            None => (self.applied, self.change(&command)),
        })
    }

    fn apply_once(&mut self, session: Session, command: &Command) -> (Position, Outcome) {
        match self.sessions.get(&session.client) {
            Some(last) if session.seq == last.seq => {
                let answer = last.answer.clone();
                self.remember(session, answer.clone());
                return answer;
            }
            Some(last) if session.seq < last.seq => return (self.applied, Outcome::StaleSequence),
            None if command.retry && self.has_forgotten => return (self.applied, Outcome::SessionExpired),
            _ => {}
        }
        let answer = (self.applied, self.change(command));
        self.remember(session, answer.clone());
        answer
    }

    fn remember(&mut self, session: Session, answer: (Position, Outcome)) {
        let at = self.applied.index;
        let last = LastOf {
            seq: session.seq,
            at,
            answer,
        };
        if let Some(old) = self.sessions.insert(session.client, last) {
            self.by_use.remove(&old.at);
        }
        self.by_use.insert(at, session.client);
        if self.sessions.len() > self.session_limit
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.sessions.remove(&oldest);
            self.has_forgotten = true;
        }
    }

    fn change(&mut self, command: &Command) -> Outcome {
        if let Operation::Cas { from, .. } = &command.operation
            && self.get(&command.key) != from.0
        {
            let found = self.get(&command.key);
            return Outcome::Mismatch { found };
        }
        let value = self.values.entry(command.key.clone()).or_insert(Value::Null);
        match &command.operation {
            Operation::Put { value: new } => *value = new.0.clone(),
            Operation::Cas { to, .. } => *value = to.0.clone(),
            Operation::Append { value: element } => match value {
                Value::Null => *value = Value::Array(vec![element.0.clone()]),
                Value::Array(elements) => elements.push(element.0.clone()),
                _ => {
                    return Outcome::WrongType {
                        message: "append to a value that is no list",
                    };
                }
            },
            Operation::Add { value: amount } => {
                let sum = match &*value {
                    Value::Null => Some(*amount),
                    old => old.as_i64().and_then(|old| old.checked_add(*amount)),
                };
                let Some(sum) = sum else {
                    return Outcome::WrongType {
                        message: "add to a value that is no counter, or too large",
                    };
                };
                *value = sum.into();
                return Outcome::Done {
                    value: Some(sum.into()),
                };
            }
        }
        Outcome::Done { value: None }
    }
}
