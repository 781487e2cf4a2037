//! The state machine: keys and values, and the sessions that make a retry harmless.
//!
//! It is deterministic: equal entries in equal order give equal states and answers on every node.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;

use crate::digest::{self, Digest};
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
    /// Its name on the wire.
    pub const fn name(&self) -> &'static str {
        match self.operation {
            Operation::Put { .. } => "put",
            Operation::Cas { .. } => "cas",
            Operation::Append { .. } => "append",
            Operation::Add { .. } => "add",
        }
    }

    /// What an entry's payload asks for; none for what another version wrote.
    pub fn decode(payload: &[u8]) -> Option<Command> {
        postcard::from_bytes(payload).ok()
    }

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields' names say it")]
pub enum Outcome {
    /// Done; `value` is a counter's new value.
    Done { value: Option<Value> },
    /// A cas found another value.
    Mismatch { found: Value },
    /// The value under the key does not take this operation.
    WrongType { message: Cow<'static, str> },
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

/// What applying a command has come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The entry that was answered for: the first one, where this one is a retry.
    pub at: Position,
    /// What came of it.
    pub outcome: Outcome,
    /// Whose it was.
    pub session: Option<Session>,
    /// Whether it changed nothing for the session's sake: it had this one or a later one already, or is forgotten.
    pub is_repeated: bool,
}

/// The state.
pub struct Machine {
    values: BTreeMap<String, Slot>,
    /// Kept only where somebody asks for it.
    digest: Option<Digest>,
    sessions: HashMap<u64, LastOf>,
    /// The same clients by when they were last used; the first one goes first.
    by_use: BTreeMap<LogIndex, u64>,
    session_limit: usize,
    has_forgotten: bool,
    deduplicates: bool,
    applied: Position,
}

impl Machine {
    /// Nothing yet; at most `session_limit` clients are remembered, and their retries applied once if `deduplicates`.
    pub fn new(session_limit: usize, deduplicates: bool) -> Self {
        Machine {
            values: BTreeMap::new(),
            digest: None,
            sessions: HashMap::new(),
            by_use: BTreeMap::new(),
            session_limit: session_limit.max(1),
            has_forgotten: false,
            deduplicates,
            applied: Position::default(),
        }
    }

    /// From now on, while there is nothing yet, keep a hash of the state.
    pub fn keep_digest(&mut self) {
        self.digest = Some(Digest::default());
    }

    /// The hash of all keys and values; equal states have equal ones. 0 unless it is kept.
    pub fn digest(&self) -> u64 {
        self.digest.as_ref().map_or(0, Digest::get)
    }

    /// The last entry that was applied.
    pub fn applied(&self) -> Position {
        self.applied
    }

    /// The value under a key; null if there is none.
    pub fn get(&self, key: &str) -> Value {
        self.values
            .get(key)
            .map_or(Value::Null, |slot| slot.value.clone())
    }

    /// Apply an entry. The answer is that of the first time where it is a retry. None for a no-op.
    pub fn apply(&mut self, entry: &Entry) -> Option<Applied> {
        self.applied = Position {
            index: entry.index,
            term: entry.term,
        };
        if entry.payload.is_empty() {
            return None;
        }
        // Every payload was made by `Command` itself; one that cannot be read is of another version.
        let Some(command) = Command::decode(&entry.payload) else {
            let message = "the entry was written by another version".into();
            return Some(self.outcome(None, Outcome::WrongType { message }));
        };
        Some(match command.session {
            Some(session) if self.deduplicates => self.apply_once(session, &command),
            session => {
                let outcome = self.change(&command);
                self.outcome(session, outcome)
            }
        })
    }

    /// What came of the entry that is being applied.
    fn outcome(&self, session: Option<Session>, outcome: Outcome) -> Applied {
        Applied {
            at: self.applied,
            outcome,
            session,
            is_repeated: false,
        }
    }

    fn apply_once(&mut self, session: Session, command: &Command) -> Applied {
        match self.sessions.get(&session.client) {
            Some(last) if session.seq == last.seq => {
                let (at, outcome) = last.answer.clone();
                self.remember(session, (at, outcome.clone()));
                return Applied {
                    at,
                    is_repeated: true,
                    ..self.outcome(Some(session), outcome)
                };
            }
            Some(last) if session.seq < last.seq => return self.unchanged(session, Outcome::StaleSequence),
            None if command.retry && self.has_forgotten => {
                return self.unchanged(session, Outcome::SessionExpired);
            }
            _ => {}
        }
        let outcome = self.change(command);
        self.remember(session, (self.applied, outcome.clone()));
        self.outcome(Some(session), outcome)
    }

    /// Nothing was done, for the session's sake.
    fn unchanged(&self, session: Session, outcome: Outcome) -> Applied {
        Applied {
            is_repeated: true,
            ..self.outcome(Some(session), outcome)
        }
    }

    /// A cas as a leader makes it that decides before the entry has its place in the log, which only a bug does: an
    /// unconditional put, or its outcome at once. Anything else stays as it is.
    pub fn decide_early(&self, command: Command) -> Result<Command, Outcome> {
        let Operation::Cas { from, to } = command.operation else {
            return Ok(command);
        };
        let found = self.get(&command.key);
        if found != from.0 {
            return Err(Outcome::Mismatch { found });
        }
        Ok(Command {
            operation: Operation::Put { value: to },
            ..command
        })
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
        let slot = self.values.entry(command.key.clone()).or_default();
        let outcome = slot.change(&command.operation);
        if let Some(digest) = &mut self.digest
            && matches!(outcome, Outcome::Done { .. })
        {
            let after = slot.hash_after(&command.operation);
            let before = std::mem::replace(&mut slot.hash, after);
            digest.change(&command.key, before, slot.hash);
        }
        outcome
    }
}

/// What stands under a key.
struct Slot {
    value: Value,
    /// Kept only together with the digest.
    hash: u64,
}

impl Default for Slot {
    fn default() -> Self {
        let value = Value::Null;
        let hash = digest::value(&value);
        Slot { value, hash }
    }
}

impl Slot {
    /// The hash of the value, which this operation has made from the one of the hash that is kept.
    fn hash_after(&self, operation: &Operation) -> u64 {
        match operation {
            Operation::Append { value } => digest::appended(self.hash, &value.0),
            _ => digest::value(&self.value),
        }
    }

    fn change(&mut self, operation: &Operation) -> Outcome {
        let value = &mut self.value;
        match operation {
            Operation::Put { value: new } => *value = new.0.clone(),
            Operation::Cas { to, .. } => *value = to.0.clone(),
            Operation::Append { value: element } => match value {
                Value::Null => *value = Value::Array(vec![element.0.clone()]),
                Value::Array(elements) => elements.push(element.0.clone()),
                _ => {
                    return Outcome::WrongType {
                        message: "append to a value that is no list".into(),
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
                        message: "add to a value that is no counter, or too large".into(),
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
