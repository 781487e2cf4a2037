//! The client interface: HTTP and JSON (docs/cluster-node.md). Every error is data.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::{answer, bad_request, json};
use crate::board::{Board, LONGEST_TAIL};
use crate::inbox::{Inbox, Write};
use crate::machine::{Command, Json, Operation, Session};
use crate::raft::types::{LogIndex, NodeId, Position, Refusal, Term};
use crate::raft::{Role, Status};

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
    board: Board,
    about: About,
}

/// The routes.
pub fn router(inbox: Inbox, board: Board, about: About) -> Router {
    Router::new()
        .route("/op", post(op))
        .route("/status", get(status))
        .fallback(|| async { bad_request(StatusCode::NOT_FOUND, "there are /op and /status") })
        .method_not_allowed_fallback(|| async {
            bad_request(
                StatusCode::METHOD_NOT_ALLOWED,
                "there are POST /op and GET /status",
            )
        })
        .with_state(Shared { inbox, board, about })
}

/// The body of `POST /op`, before it is known to make sense.
#[derive(Deserialize)]
struct Request {
    f: String,
    key: String,
    #[serde(default, deserialize_with = "given")]
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
    Write { command: Command, forward: bool },
}

impl Request {
    fn understand(self) -> Result<Asked, String> {
        let session = match (self.client, self.seq) {
            (Some(client), Some(seq)) => Some(Session { client, seq }),
            (None, None) => None,
            _ => return Err("client and seq come both or not at all".to_owned()),
        };
        let needs = |field: &str, value: Option<Value>| {
            value.map(Json).ok_or_else(|| format!("{} needs {field}", self.f))
        };
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
                let value = needs("value", self.value)?.0.as_i64();
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
        let command = Command {
            operation,
            key: self.key,
            session,
            retry: self.retry,
        };
        let forward = self.forward;
        Ok(Asked::Write { command, forward })
    }
}

async fn op(State(shared): State<Shared>, body: Body) -> Response {
    let limit = shared.about.body_limit;
    let bytes = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is longer than {limit} bytes");
            return bad_request(StatusCode::PAYLOAD_TOO_LARGE, &message);
        }
        Err(error) => {
            let message = format!("the body broke off: {error}");
            return bad_request(StatusCode::BAD_REQUEST, &message);
        }
    };
    let asked = serde_json::from_slice::<Request>(&bytes).map_err(|error| error.to_string());
    match asked.and_then(Request::understand) {
        Ok(Asked::Read { key, forward }) => answer(&shared.inbox.read(key, forward).await),
        Ok(Asked::Write { command, forward }) => match Write::of(&command, forward) {
            Some(write) => answer(&shared.inbox.write(write).await),
            None => bad_request(StatusCode::PAYLOAD_TOO_LARGE, "too long for an entry of the log"),
        },
        Err(message) => bad_request(StatusCode::BAD_REQUEST, &message),
    }
}

/// How many entries of the log's end a status shows.
#[derive(Deserialize)]
struct Wanted {
    tail: Option<usize>,
}

/// Where the query does not say.
const TAIL: usize = 32;

async fn status(State(shared): State<Shared>, wanted: Result<Query<Wanted>, QueryRejection>) -> Response {
    match wanted {
        Ok(Query(Wanted { tail })) => {
            let status = shared.board.status(tail.unwrap_or(TAIL).min(LONGEST_TAIL));
            json(StatusCode::OK, &page(&shared.about, status))
        }
        Err(error) => bad_request(StatusCode::BAD_REQUEST, &error.body_text()),
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
