//! What answers mean.

use regex::Regex;
use runs::call::Call;
use runs::store::StoreOp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Path, Template};

/// A kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Tell the value under a key.
    Read,
    /// Set it.
    Write,
    /// Set it if it is what is expected.
    Cas,
    /// Put a value at the end of the list that it is.
    Append,
    /// Add to the number that it is.
    Add,
    /// Do several of these as one.
    Txn,
    /// Put a value into the queue that it is.
    Enqueue,
    /// Take a value out of it.
    Dequeue,
    /// Tell an identifier that nobody else was given.
    Generate,
    /// Tell of every change of keys, from a revision on.
    Watch,
}

impl Word {
    /// Every kind that a description may have a request for.
    pub(crate) const ALL: [Word; 10] = [
        Word::Read,
        Word::Write,
        Word::Cas,
        Word::Append,
        Word::Add,
        Word::Txn,
        Word::Enqueue,
        Word::Dequeue,
        Word::Generate,
        Word::Watch,
    ];

    /// Whether what came of it is a value.
    pub(crate) fn tells(self) -> bool {
        matches!(self, Word::Read | Word::Dequeue | Word::Generate)
    }

    /// Which one this operation is; of what has no key, the one whose answers mean the same: it changes something or does not, and
    /// tells something or does not.
    pub fn of(op: &StoreOp) -> Self {
        match op {
            StoreOp::Read => Word::Read,
            StoreOp::Write(_) => Word::Write,
            StoreOp::Cas { .. } => Word::Cas,
            StoreOp::Append(_) => Word::Append,
            StoreOp::Add(_) => Word::Add,
            StoreOp::Txn(_) => Word::Txn,
            StoreOp::Enqueue(_) => Word::Enqueue,
            StoreOp::Dequeue => Word::Dequeue,
            StoreOp::Generate => Word::Generate,
            StoreOp::Call(call) => match call {
                Call::Echo(_) | Call::Send { .. } => Word::Generate,
                Call::Broadcast(_) | Call::Include(_) | Call::Increase(_) | Call::Commit(_) => Word::Write,
                Call::Messages | Call::Elements | Call::Total | Call::Poll(_) | Call::Committed(_) => {
                    Word::Read
                }
            },
        }
    }
}

/// What became of a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// No connection came to be: nothing was sent.
    NoConnection,
    /// No answer within the client's patience.
    Timeout,
    /// The connection ended before an answer.
    Closed,
    /// Something came that the protocol does not know.
    Garbage,
}

/// Something that may be true of an answer; what is not named does not matter.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Condition {
    /// The status: a number of HTTP, or of JetStream, which are like those of HTTP; the first word of an error of Redis; the SQLSTATE of
    /// PostgreSQL, `OK` where it is no error.
    pub status: Option<serde_json::Value>,
    /// Where in the answer's JSON to look. By itself: something is there.
    pub path: Option<Path>,
    /// What is there.
    pub equals: Option<serde_json::Value>,
    /// What is there is what is here, too.
    pub same_as: Option<Path>,
    /// Nothing is there.
    #[serde(default)]
    pub missing: bool,
    /// A regular expression that occurs in the answer's text, or in the text at the path.
    pub text: Option<Pattern>,
}

impl Condition {
    /// Whether it asks for nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.status.is_none() && self.path.is_none() && self.text.is_none()
    }
}

/// A regular expression.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Pattern(pub(crate) Regex);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, regex::Error> {
        Regex::new(&text).map(Pattern)
    }
}

/// What an answer means for the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Is {
    /// The store took the request and decided that it does not happen, as a compare-and-set that found something else.
    Decided,
    /// It certainly did not happen, and never will.
    Fail,
    /// It certainly did not happen; another node should be asked.
    Elsewhere,
    /// Nobody knows.
    Unknown,
}

/// A row of the table of errors.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// For which operations; all, if none is named.
    #[serde(default)]
    pub on: Vec<Word>,
    /// What became of the request on its way.
    pub transport: Option<Transport>,
    /// What is true of the answer.
    #[serde(default)]
    pub when: Condition,
    /// What it means.
    pub is: Is,
    /// A short code, as the history has it.
    pub code: String,
    /// Where the answer names the leader: a node's name, id or address.
    pub leader: Option<Path>,
    /// Why one may believe it: a file of the system's source, its documentation, an issue.
    pub source: String,
    /// An answer that this rule is for, as it was recorded.
    pub recorded: Option<Recorded>,
}

/// An answer as it was recorded.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recorded {
    /// What became of the request on its way, if there was no answer.
    pub transport: Option<Transport>,
    /// Its status.
    pub status: Option<serde_json::Value>,
    /// Its text.
    #[serde(default)]
    pub body: String,
}

/// A step from what stands in an answer to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decode {
    /// The text is base64.
    Base64,
    /// The text is JSON.
    Json,
}

/// Which answers are ok, and where a read finds its value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Value {
    /// What is true of an answer that says that it happened; if nothing is said, that the protocol calls it no error (a status
    /// of 2xx). What is neither this nor an error of the table is unknown.
    #[serde(default)]
    pub ok: Condition,
    /// Where the value stands; the whole answer, if nothing is said.
    pub value: Option<Path>,
    /// Of a transaction: what this leads to is one for each of what was asked for, in its order, and the other paths (but that
    /// of `ok`) are looked for in each of them.
    pub each: Option<Path>,
    /// From what stands there to the value, step by step.
    #[serde(default)]
    pub decode: Vec<Decode>,
    /// Of a watch: where the key of a change stands, in each of them. Of a transaction's `read`: where the key stands that one of `each` is
    /// for; then a key without one has no value, and their order does not matter.
    pub key: Option<Path>,
    /// From what stands there to the key, step by step.
    #[serde(default)]
    pub decode_key: Vec<Decode>,
    /// What is true of an answer (or of one of `each`) that says that there is no value. With a `status` it counts even if that is an error's.
    pub absent: Option<Condition>,
    /// Where the revision stands that an update got, or that of the update that a read shows: a number, or a text of one. For a
    /// store that counts the updates of all of its keys together.
    pub revision: Option<Path>,
}

/// What a status is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The system's own: the paths of the description find what they can.
    #[default]
    Own,
    /// That of docs/cluster-node.md, with the end of the log: what guided schedules need to see.
    ClusterNode,
}

/// What can be seen of a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Status {
    /// By which request: HTTP's method; GET, if nothing is said.
    pub method: Option<String>,
    /// HTTP's path.
    pub path: Option<Template>,
    /// HTTP's body.
    pub body: Option<Template>,
    /// NATS' subject. Beside the answer stands `asked`, the name of the server that was asked.
    pub subject: Option<Template>,
    /// SQL for PostgreSQL.
    pub sql: Option<Template>,
    /// The words of a command of Redis.
    pub command: Option<Vec<Template>>,
    /// What the answer is; with another form than its own, the paths below say nothing more.
    #[serde(default)]
    pub form: Form,
    /// What is true of the answer of a node that leads.
    pub leads: Option<Condition>,
    /// Where its term stands.
    pub term: Option<Path>,
    /// Where its commit index stands.
    pub commit: Option<Path>,
    /// Where the index of what it has applied stands.
    pub applied: Option<Path>,
}
