//! The client interface: HTTP and JSON (docs/cluster-node.md). Every error is data.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::machine::{Command, Operation, Outcome, Session};
use crate::node::{Inbox, Reply};
use crate::raft::types::{LogIndex, NodeId, Position, Refusal, Term};
use crate::raft::{Rejection, Role, Status};

/// What the status page says beside the core's status.
#[derive(Clone)]
pub struct About {
    /// The node's name.
    pub id: NodeId,
    /// Counts its starts.
    pub incarnation: u64,
    /// The name of its profile.
    pub profile: &'static str,
    /// Its bugs.
    pub bugs: Arc<[String]>,
    /// The longest body.
    pub body_limit: usize,
}

#[derive(Clone)]
struct Shared {
    inbox: Inbox,
    about: About,
}

/// The routes.
pub fn router(inbox: Inbox, about: About) -> Router {
    Router::new()
        .route("/op", post(op))
        .route("/status", get(status))
        .fallback(|| async {
            failed(
                StatusCode::NOT_FOUND,
                "bad-request",
                true,
                None,
                "there are /op and /status",
            )
        })
        .with_state(Shared { inbox, about })
}

/// The body of `POST /op`, before it is known to make sense.
#[derive(Deserialize)]
struct Request {
    f: String,
    key: String,
    value: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    from: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    to: Option<Value>,
    #[serde(default)]
    forward: bool,
    client: Option<u64>,
    seq: Option<u64>,
    #[serde(default)]
    retry: bool,
}

/// A field that is there, be it null.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

enum Asked {
    Read { key: String, forward: bool },
    Write(Command),
}

impl Request {
    fn understand(self) -> Result<Asked, String> {
        let session = match (self.client, self.seq) {
            (Some(client), Some(seq)) => Some(Session { client, seq }),
            (None, None) => None,
            _ => return Err("client and seq come both or not at all".to_owned()),
        };
        let needs =
            |field: &str, value: Option<Value>| value.ok_or_else(|| format!("{} needs {field}", self.f));
        let operation = match self.f.as_str() {
            "get" => {
                return Ok(Asked::Read {
                    key: self.key,
                    forward: self.forward,
                });
            }
            "put" => Operation::Put {
                value: needs("value", self.value)?,
            },
            "cas" => Operation::Cas {
                from: needs("from", self.from)?,
                to: needs("to", self.to)?,
            },
            "append" => Operation::Append {
                value: needs("value", self.value)?,
            },
            "add" => {
                let value = needs("value", self.value)?.as_i64();
                Operation::Add {
                    value: value.ok_or("add needs an integer as value")?,
                }
            }
            other => {
                return Err(format!(
                    "there is no f {other:?}; there are get, put, cas, append, add"
                ));
            }
        };
        Ok(Asked::Write(Command {
            operation,
            key: self.key,
            session,
            retry: self.retry,
        }))
    }
}

async fn op(State(shared): State<Shared>, body: Body) -> Response {
    let Ok(bytes) = to_bytes(body, shared.about.body_limit).await else {
        let message = format!(
            "the body is longer than {} bytes, or broke off",
            shared.about.body_limit
        );
        return failed(StatusCode::PAYLOAD_TOO_LARGE, "bad-request", true, None, &message);
    };
    let asked = serde_json::from_slice::<Request>(&bytes).map_err(|error| error.to_string());
    let asked = match asked.and_then(Request::understand) {
        Ok(asked) => asked,
        Err(message) => return failed(StatusCode::BAD_REQUEST, "bad-request", true, None, &message),
    };
    let reply = match asked {
        Asked::Read { key, forward } => shared.inbox.read(key, forward).await,
        Asked::Write(command) => match serde_json::to_vec(&command) {
            Ok(payload) => shared.inbox.write(payload.into()).await,
            Err(error) => {
                return failed(
                    StatusCode::BAD_REQUEST,
                    "bad-request",
                    true,
                    None,
                    &error.to_string(),
                );
            }
        },
    };
    answer(reply)
}

#[derive(Serialize)]
struct Done<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    index: LogIndex,
    term: Term,
}

#[derive(Serialize)]
struct Failed<'a> {
    ok: bool,
    #[serde(flatten)]
    found: Option<Found<'a>>,
    error: Error<'a>,
}

/// What a cas found instead, and where it was decided.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    index: LogIndex,
    term: Term,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    definite: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<&'a NodeId>,
    message: &'a str,
}

fn json(code: StatusCode, body: &impl Serialize) -> Response {
    // Our own types always have a JSON form.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    (code, [(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

fn failed(
    status: StatusCode,
    code: &str,
    definite: bool,
    leader: Option<&NodeId>,
    message: &str,
) -> Response {
    json(
        status,
        &Failed {
            ok: false,
            found: None,
            error: Error {
                code,
                definite,
                leader,
                message,
            },
        },
    )
}

fn decided(code: &str, definite: bool, at: Position, value: Option<&Value>, message: &str) -> Response {
    let found = Some(Found {
        value,
        index: at.index,
        term: at.term,
    });
    let error = Error {
        code,
        definite,
        leader: None,
        message,
    };
    json(
        StatusCode::CONFLICT,
        &Failed {
            ok: false,
            found,
            error,
        },
    )
}

fn answer(reply: Reply) -> Response {
    use StatusCode as Http;
    match reply {
        Reply::Applied(at, outcome) => applied(at, &outcome),
        Reply::Value(at, value) => json(
            Http::OK,
            &Done {
                ok: true,
                value: Some(&value),
                index: at.index,
                term: at.term,
            },
        ),
        Reply::Rejected(Rejection::NotLeader { leader }) => {
            let message = match &leader {
                Some(leader) => format!("{leader} leads"),
                None => "no leader is known".to_owned(),
            };
            failed(
                Http::MISDIRECTED_REQUEST,
                "not-leader",
                true,
                leader.as_ref(),
                &message,
            )
        }
        Reply::Rejected(Rejection::LeadershipLost) => {
            let message = "the leader stepped down; the write may yet happen";
            failed(Http::SERVICE_UNAVAILABLE, "leadership-lost", false, None, message)
        }
        Reply::Rejected(Rejection::Truncated) => {
            let message = "the entry was overwritten here; another node may still hold it";
            failed(Http::SERVICE_UNAVAILABLE, "truncated", false, None, message)
        }
        Reply::Timeout { write: true } => failed(
            Http::GATEWAY_TIMEOUT,
            "timeout",
            false,
            None,
            "not committed in time; it may yet be",
        ),
        Reply::Timeout { write: false } => {
            let message = "the read could not be confirmed in time";
            failed(Http::SERVICE_UNAVAILABLE, "read-not-ready", true, None, message)
        }
        Reply::Overloaded => failed(
            Http::SERVICE_UNAVAILABLE,
            "overloaded",
            true,
            None,
            "too much is waiting already",
        ),
        Reply::Stopping => failed(
            Http::SERVICE_UNAVAILABLE,
            "stopping",
            false,
            None,
            "the node is stopping",
        ),
    }
}

fn applied(at: Position, outcome: &Outcome) -> Response {
    match outcome {
        Outcome::Done { value } => json(
            StatusCode::OK,
            &Done {
                ok: true,
                value: value.as_ref(),
                index: at.index,
                term: at.term,
            },
        ),
        Outcome::Mismatch { found } => {
            decided("cas-mismatch", true, at, Some(found), "the value is another one")
        }
        Outcome::WrongType { message } => decided("wrong-type", true, at, None, message),
        Outcome::SessionExpired => {
            let message = "the client was forgotten; an earlier attempt may have been applied";
            decided("session-expired", false, at, None, message)
        }
        Outcome::StaleSequence => decided(
            "stale-sequence",
            false,
            at,
            None,
            "a later operation of this client was applied before",
        ),
    }
}

#[derive(Deserialize)]
struct Tail {
    tail: Option<usize>,
}

const TAIL: usize = 32;
const LONGEST_TAIL: usize = 256;

async fn status(State(shared): State<Shared>, Query(Tail { tail }): Query<Tail>) -> Response {
    let tail = tail.unwrap_or(TAIL).min(LONGEST_TAIL);
    match shared.inbox.status(tail).await {
        Some(status) => json(StatusCode::OK, &page(&shared.about, status)),
        None => answer(Reply::Stopping),
    }
}

/// The status page.
#[derive(Serialize)]
struct Page<'a> {
    id: &'a NodeId,
    incarnation: u64,
    profile: &'static str,
    bugs: &'a [String],
    role: &'static str,
    term: Term,
    voted_for: Option<NodeId>,
    leader: Option<NodeId>,
    commit: LogIndex,
    applied: LogIndex,
    last: Position,
    last_at_election: LogIndex,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    matched: Option<BTreeMap<NodeId, LogIndex>>,
    campaigns: u64,
    denied: Vec<Denied>,
    tail: Vec<TailEntry>,
}

#[derive(Serialize)]
struct Denied {
    by: NodeId,
    term: Term,
    why: Refusal,
}

#[derive(Serialize)]
struct TailEntry {
    index: LogIndex,
    term: Term,
    hash: String,
}

fn page(about: &About, status: Status) -> Page<'_> {
    let entry = |entry: crate::raft::types::Entry| TailEntry {
        index: entry.index,
        term: entry.term,
        hash: format!("{:016x}", entry.hash()),
    };
    Page {
        id: &about.id,
        incarnation: about.incarnation,
        profile: about.profile,
        bugs: &about.bugs,
        role: match status.role {
            Role::Follower => "follower",
            Role::Candidate => "candidate",
            Role::Leader => "leader",
        },
        term: status.hard.term,
        voted_for: status.hard.voted_for,
        leader: status.leader,
        commit: status.commit,
        applied: status.applied,
        last: status.last,
        last_at_election: status.last_at_election,
        matched: status.matched,
        campaigns: status.campaigns,
        denied: status
            .denied
            .into_iter()
            .map(|denied| Denied {
                by: denied.by,
                term: denied.term,
                why: denied.why,
            })
            .collect(),
        tail: status.tail.into_iter().map(entry).collect(),
    }
}
