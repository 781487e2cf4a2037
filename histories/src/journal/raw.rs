//! A line as JSON has it: every field of every event, and which of them each event needs.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::event::{Boot, CommitRule, Event, Hash, Position, ReadMode, Role, Session, Text};
use super::problem::Problem;
use crate::units::{LogIndex, Nanos, Term};

/// The fields have other types in other events: `from` is a term, an index or a name.
enum Word<'a> {
    Number(u64),
    Name(Text<'a>),
}

impl<'a> Word<'a> {
    fn number(self, event: &'static str, field: &'static str) -> Result<u64, Problem> {
        match self {
            Word::Number(number) => Ok(number),
            Word::Name(_) => Err(Problem::field(event, field, "a number")),
        }
    }

    fn name(self, event: &'static str, field: &'static str) -> Result<Text<'a>, Problem> {
        match self {
            Word::Name(name) => Ok(name),
            Word::Number(_) => Err(Problem::field(event, field, "a name")),
        }
    }
}

struct WordVisitor;

impl<'de> Visitor<'de> for WordVisitor {
    type Value = Word<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a name")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Word<'de>, E> {
        Ok(Word::Number(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Word<'de>, E> {
        Ok(Word::Name(Text(text.into())))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Word<'de>, E> {
        Ok(Word::Name(Text(text.to_owned().into())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor)
    }
}

/// `match` is an index in an `ack`, and a map in a `commit`.
enum Matched<'a> {
    Index(LogIndex),
    Nodes(Vec<(Text<'a>, LogIndex)>),
}

struct MatchedVisitor;

impl<'de> Visitor<'de> for MatchedVisitor {
    type Value = Matched<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index, or an index of each node")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Matched<'de>, E> {
        Ok(Matched::Index(LogIndex(number)))
    }

    fn visit_unit<E: Error>(self) -> Result<Matched<'de>, E> {
        Ok(Matched::Nodes(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Matched<'de>, A::Error> {
        let mut nodes = Vec::with_capacity(8);
        while let Some(node) = map.next_entry()? {
            nodes.push(node);
        }
        Ok(Matched::Nodes(nodes))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Matched<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MatchedVisitor)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Synced {
    Log,
    Hard,
}

/// A field that may be null, but not missing.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
pub(super) struct Raw<'a> {
    pub(super) v: u64,
    #[serde(borrow)]
    pub(super) n: Text<'a>,
    pub(super) inc: u64,
    pub(super) s: u64,
    pub(super) mono: Nanos,
    pub(super) term: Term,
    e: Text<'a>,
    i: Option<LogIndex>,
    t: Option<Term>,
    h: Option<Hash>,
    ch: Option<Hash>,
    kind: Option<Text<'a>>,
    from: Option<Word<'a>>,
    to: Option<Word<'a>>,
    why: Option<Text<'a>>,
    granted: Option<bool>,
    pre: Option<bool>,
    req_last: Option<Position>,
    my_last: Option<Position>,
    role: Option<Role>,
    votes: Option<Vec<Text<'a>>>,
    last_at_election: Option<Position>,
    removed: Option<u64>,
    by: Option<Text<'a>>,
    commit: Option<LogIndex>,
    what: Option<Synced>,
    upto: Option<LogIndex>,
    #[serde(rename = "match")]
    matched: Option<Matched<'a>>,
    durable: Option<LogIndex>,
    t_at: Option<Term>,
    rule: Option<CommitRule>,
    q_index: Option<LogIndex>,
    q_term: Option<Term>,
    sm: Option<Hash>,
    client: Option<u64>,
    seq: Option<u64>,
    dup: Option<bool>,
    op: Option<Text<'a>>,
    res: Option<Text<'a>>,
    mode: Option<ReadMode>,
    ri: Option<LogIndex>,
    acks: Option<Vec<Text<'a>>>,
    applied: Option<LogIndex>,
    name: Option<Text<'a>>,
    detail: Option<Text<'a>>,
    last: Option<Position>,
    #[serde(default, deserialize_with = "present")]
    snap: Option<Option<Position>>,
    #[serde(default, deserialize_with = "present")]
    vote: Option<Option<Text<'a>>>,
    voters: Option<Vec<Text<'a>>>,
    profile: Option<Text<'a>>,
    bugs: Option<Vec<Text<'a>>>,
}

/// The field, or which one is missing.
macro_rules! need {
    ($raw:ident, $event:literal, $field:ident) => {
        need!($raw, $event, $field, stringify!($field))
    };
    ($raw:ident, $event:literal, $field:ident, $name:expr) => {
        $raw.$field.ok_or(Problem::Missing {
            event: $event,
            field: $name,
        })?
    };
}

impl<'a> Raw<'a> {
    pub(super) fn event(self) -> Result<Event<'a>, Problem> {
        let raw = self;
        Ok(match raw.e.as_str() {
            "append" => Event::Append {
                index: need!(raw, "append", i),
                term: need!(raw, "append", t),
                h: need!(raw, "append", h),
                ch: need!(raw, "append", ch),
                kind: need!(raw, "append", kind),
                from: need!(raw, "append", from).name("append", "from")?,
            },
            "apply" => Event::Apply {
                session: raw.session(),
                index: need!(raw, "apply", i),
                term: need!(raw, "apply", t),
                h: need!(raw, "apply", h),
                sm: need!(raw, "apply", sm),
                dup: raw.dup.unwrap_or(false),
            },
            "reply" => Event::Reply {
                session: raw.session(),
                op: need!(raw, "reply", op),
                index: need!(raw, "reply", i),
                term: need!(raw, "reply", t),
                res: need!(raw, "reply", res),
            },
            "commit" => raw.commit()?,
            "ack" => raw.ack()?,
            "sync" => match need!(raw, "sync", what) {
                Synced::Hard => Event::SyncHard,
                Synced::Log => Event::SyncLog {
                    upto: need!(raw, "sync", upto),
                },
            },
            "read" => Event::Read {
                op: need!(raw, "read", op),
                mode: need!(raw, "read", mode),
                read_index: need!(raw, "read", ri),
                acks: need!(raw, "read", acks),
                applied: need!(raw, "read", applied),
            },
            _ => return raw.rare_event(),
        })
    }

    /// What does not happen with every operation.
    fn rare_event(self) -> Result<Event<'a>, Problem> {
        let raw = self;
        Ok(match raw.e.as_str() {
            "boot" => raw.boot()?,
            "term" => Event::Term {
                from: Term(need!(raw, "term", from).number("term", "from")?),
                to: Term(need!(raw, "term", to).number("term", "to")?),
                why: need!(raw, "term", why),
            },
            "vote" => Event::Vote {
                to: need!(raw, "vote", to).name("vote", "to")?,
                granted: need!(raw, "vote", granted),
                pre: need!(raw, "vote", pre),
                req_last: need!(raw, "vote", req_last),
                my_last: need!(raw, "vote", my_last),
                why: raw.why,
            },
            "role" => match need!(raw, "role", role) {
                Role::Leader => Event::Elected {
                    votes: need!(raw, "role", votes),
                    last_at_election: need!(raw, "role", last_at_election),
                },
                role => Event::Role { role },
            },
            "trunc" => Event::Trunc {
                from: LogIndex(need!(raw, "trunc", from).number("trunc", "from")?),
                removed: need!(raw, "trunc", removed),
                by: need!(raw, "trunc", by),
                commit: need!(raw, "trunc", commit),
            },
            "commit_blocked" => Event::CommitBlocked {
                q_index: need!(raw, "commit_blocked", q_index),
                q_term: need!(raw, "commit_blocked", q_term),
            },
            "assert" => Event::Assert {
                name: need!(raw, "assert", name),
                detail: need!(raw, "assert", detail),
            },
            "stop" => Event::Stop {
                why: need!(raw, "stop", why),
            },
            unknown => return Err(Problem::Unknown(unknown.to_owned())),
        })
    }

    fn session(&self) -> Option<Session> {
        let (client, seq) = self.client.zip(self.seq)?;
        Some(Session { client, seq })
    }

    fn commit(self) -> Result<Event<'a>, Problem> {
        let raw = self;
        Ok(Event::Commit {
            from: LogIndex(need!(raw, "commit", from).number("commit", "from")?),
            to: LogIndex(need!(raw, "commit", to).number("commit", "to")?),
            t_at: need!(raw, "commit", t_at),
            ch: need!(raw, "commit", ch),
            role: need!(raw, "commit", role),
            matched: match raw.matched {
                Some(Matched::Nodes(nodes)) => nodes,
                None => Vec::new(),
                Some(Matched::Index(_)) => return Err(Problem::field("commit", "match", "a map")),
            },
            rule: need!(raw, "commit", rule),
        })
    }

    fn ack(self) -> Result<Event<'a>, Problem> {
        let raw = self;
        Ok(Event::Ack {
            to: need!(raw, "ack", to).name("ack", "to")?,
            matched: match need!(raw, "ack", matched, "match") {
                Matched::Index(index) => index,
                Matched::Nodes(_) => return Err(Problem::field("ack", "match", "a number")),
            },
            durable: need!(raw, "ack", durable),
        })
    }

    fn boot(self) -> Result<Event<'a>, Problem> {
        let raw = self;
        Ok(Event::Boot(Box::new(Boot {
            last: need!(raw, "boot", last),
            ch: need!(raw, "boot", ch),
            commit: need!(raw, "boot", commit),
            applied: need!(raw, "boot", applied),
            snap: need!(raw, "boot", snap),
            vote: need!(raw, "boot", vote),
            voters: need!(raw, "boot", voters),
            profile: need!(raw, "boot", profile),
            bugs: need!(raw, "boot", bugs),
        })))
    }
}
