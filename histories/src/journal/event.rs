//! What a line of a journal says.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::units::{LogIndex, Term};

/// A name or a word, borrowed from its line wherever it has no escapes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A hash of 64 bits, written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hash(pub u64);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

struct HashVisitor;

impl Visitor<'_> for HashVisitor {
    type Value = Hash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("16 hexadecimal digits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Hash, E> {
        let wrong = || E::invalid_value(Unexpected::Str(text), &self);
        if text.len() != 16 {
            return Err(wrong());
        }
        let digit = |value: u64, byte: u8| Some(value << 4 | u64::from(char::from(byte).to_digit(16)?));
        text.bytes().try_fold(0, digit).map(Hash).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HashVisitor)
    }
}

/// An index and the term of the entry there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub struct Position {
    /// The index.
    #[serde(rename = "i")]
    pub index: LogIndex,
    /// The term.
    #[serde(rename = "t")]
    pub term: Term,
}

/// Raft section 5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

/// Why a commit index moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitRule {
    /// A leader counted a quorum.
    Quorum,
    /// A follower took the leader's word.
    Leader,
}

/// How a read came to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadMode {
    /// This node leads, and has asked whether it still does.
    Leader,
    /// The leader was asked for its read index.
    Forwarded,
    /// Nobody was asked.
    Local,
}

/// A client and the number of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// The client.
    pub client: u64,
    /// Its operation.
    pub seq: u64,
}

/// What a node found on its disk when it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot<'a> {
    /// The end of its log.
    pub last: Position,
    /// The chained hash there.
    pub ch: Hash,
    /// Its commit index.
    pub commit: LogIndex,
    /// What its state machine holds.
    pub applied: LogIndex,
    /// Its snapshot.
    pub snap: Option<Position>,
    /// Whom it voted for in its term.
    pub vote: Option<Text<'a>>,
    /// Who may vote.
    pub voters: Vec<Text<'a>>,
    /// Its profile.
    pub profile: Text<'a>,
    /// What is broken in it on purpose.
    pub bugs: Vec<Text<'a>>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "docs/journal.md says what each field is")]
pub enum Event<'a> {
    /// The node started.
    Boot(Box<Boot<'a>>),
    /// The term changed.
    Term { from: Term, to: Term, why: Text<'a> },
    /// A vote was given or refused.
    Vote {
        to: Text<'a>,
        granted: bool,
        pre: bool,
        req_last: Position,
        my_last: Position,
        why: Option<Text<'a>>,
    },
    /// The node became follower or candidate.
    Role { role: Role },
    /// The node became leader.
    Elected {
        votes: Vec<Text<'a>>,
        last_at_election: Position,
    },
    /// An entry was added at the end of the log.
    Append {
        index: LogIndex,
        term: Term,
        h: Hash,
        ch: Hash,
        kind: Text<'a>,
        from: Text<'a>,
    },
    /// Entries were deleted.
    Trunc {
        from: LogIndex,
        removed: u64,
        by: Text<'a>,
        commit: LogIndex,
    },
    /// The log is durable up to here.
    SyncLog { upto: LogIndex },
    /// Term and vote are durable.
    SyncHard,
    /// An AppendEntries is answered with success.
    Ack {
        to: Text<'a>,
        matched: LogIndex,
        durable: LogIndex,
    },
    /// The commit index moved.
    Commit {
        from: LogIndex,
        to: LogIndex,
        t_at: Term,
        ch: Hash,
        role: Role,
        matched: Vec<(Text<'a>, LogIndex)>,
        rule: CommitRule,
    },
    /// A leader refused to commit an entry of an older term by counting.
    CommitBlocked { q_index: LogIndex, q_term: Term },
    /// An entry was applied.
    Apply {
        index: LogIndex,
        term: Term,
        h: Hash,
        sm: Hash,
        session: Option<Session>,
        dup: bool,
    },
    /// A write is answered.
    Reply {
        op: Text<'a>,
        session: Option<Session>,
        index: LogIndex,
        term: Term,
        res: Text<'a>,
    },
    /// A read is answered.
    Read {
        op: Text<'a>,
        mode: ReadMode,
        read_index: LogIndex,
        acks: Vec<Text<'a>>,
        applied: LogIndex,
    },
    /// An invariant of the node's core is broken.
    Assert { name: Text<'a>, detail: Text<'a> },
    /// A clean end.
    Stop { why: Text<'a> },
}
