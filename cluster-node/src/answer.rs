//! Answers as HTTP and JSON (docs/cluster-node.md). Every error is data.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::inbox::Reply;
use crate::machine::Outcome;
use crate::raft::Rejection;
use crate::raft::types::{LogIndex, NodeId, Position, Term};

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

/// A document.
pub fn json(code: StatusCode, body: &impl Serialize) -> Response {
    // Our own types always have a JSON form.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    (code, [(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

/// A request that makes no sense; it has done nothing.
pub fn bad_request(status: StatusCode, message: &str) -> Response {
    failed(status, "bad-request", true, None, message)
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

/// What a client is told.
pub fn answer(reply: Reply) -> Response {
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
