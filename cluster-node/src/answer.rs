//! Answers as HTTP and JSON (docs/cluster-node.md). Every error is data: a row of docs/cluster-node.errors.json.

use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::inbox::Reply;
use crate::machine::Outcome;
use crate::raft::Rejection;
use crate::raft::types::{LogIndex, NodeId, Position, Term};

/// A kind of error, as whoever speaks to a node may rely on it.
#[derive(Deserialize)]
pub struct Row {
    /// Its name.
    pub code: &'static str,
    /// The HTTP statuses that it comes with.
    pub http: Vec<u16>,
    /// Whether the operation certainly has not happened and never will.
    pub definite: bool,
    /// What it means.
    pub when: &'static str,
}

/// All errors; clients and docs take them from the same file.
pub static ERRORS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../docs/cluster-node.errors.json")).expect("the file has such rows")
});

const BAD_REQUEST: &str = "bad-request";

fn row(code: &str) -> &'static Row {
    let row = ERRORS.iter().find(|row| row.code == code);
    row.expect("every code has a row")
}

/// The code of the error that a client is told; none if its operation was done.
pub fn code_of(reply: &Reply) -> Option<&'static str> {
    Some(match reply {
        Reply::Value(..) | Reply::Applied(_, Outcome::Done { .. }) => return None,
        Reply::Applied(_, Outcome::Mismatch { .. }) => "cas-mismatch",
        Reply::Applied(_, Outcome::WrongType { .. }) => "wrong-type",
        Reply::Applied(_, Outcome::SessionExpired) => "session-expired",
        Reply::Applied(_, Outcome::StaleSequence) => "stale-sequence",
        Reply::Rejected(Rejection::NotLeader { .. }) => "not-leader",
        Reply::Rejected(Rejection::LeadershipLost) => "leadership-lost",
        Reply::Rejected(Rejection::Truncated) => "truncated",
        Reply::Timeout { write: true } => "timeout",
        Reply::Timeout { write: false } => "read-not-ready",
        Reply::Overloaded => "overloaded",
        Reply::Stopping => "stopping",
    })
}

#[derive(Serialize)]
struct Body<'a> {
    ok: bool,
    /// What was read, what a counter came to, what a cas found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    /// Where it was decided.
    #[serde(flatten)]
    at: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
}

#[derive(Serialize)]
struct At {
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
    let row = row(BAD_REQUEST);
    debug_assert!(row.http.contains(&status.as_u16()), "{status}");
    let error = Error {
        code: row.code,
        definite: row.definite,
        leader: None,
        message,
    };
    let body = Body {
        ok: false,
        value: None,
        at: None,
        error: Some(error),
    };
    json(status, &body)
}

/// What a client is told.
pub fn answer(reply: &Reply) -> Response {
    let (at, value) = match reply {
        Reply::Applied(at, Outcome::Done { value }) => (Some(*at), value.as_ref()),
        Reply::Applied(at, Outcome::Mismatch { found }) => (Some(*at), Some(found)),
        Reply::Applied(at, _) => (Some(*at), None),
        Reply::Value(at, value) => (Some(*at), Some(value)),
        _ => (None, None),
    };
    let row = code_of(reply).map(row);
    let (leader, message) = match reply {
        Reply::Rejected(Rejection::NotLeader { leader }) => (leader.as_ref(), led_by(leader.as_ref())),
        Reply::Applied(_, Outcome::WrongType { message }) => (None, message.to_string()),
        _ => (None, row.map_or("", |row| row.when).to_owned()),
    };
    let error = row.map(|row| Error {
        code: row.code,
        definite: row.definite,
        leader,
        message: &message,
    });
    let status = row.and_then(|row| StatusCode::from_u16(*row.http.first()?).ok());
    let body = Body {
        ok: row.is_none(),
        value,
        at: at.map(|Position { index, term }| At { index, term }),
        error,
    };
    json(status.unwrap_or(StatusCode::OK), &body)
}

fn led_by(leader: Option<&NodeId>) -> String {
    leader.map_or("no leader is known".to_owned(), |leader| {
        format!("{leader} leads")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_error_is_a_row_and_every_row_is_an_error() {
        let applied = |outcome| Reply::Applied(Position::default(), outcome);
        let replies = [
            applied(Outcome::Mismatch { found: Value::Null }),
            applied(Outcome::WrongType { message: "".into() }),
            applied(Outcome::SessionExpired),
            applied(Outcome::StaleSequence),
            Reply::Rejected(Rejection::NotLeader { leader: None }),
            Reply::Rejected(Rejection::LeadershipLost),
            Reply::Rejected(Rejection::Truncated),
            Reply::Timeout { write: true },
            Reply::Timeout { write: false },
            Reply::Overloaded,
            Reply::Stopping,
        ];
        let mut codes: BTreeSet<&str> = replies.iter().filter_map(code_of).collect();
        codes.insert(BAD_REQUEST);
        assert_eq!(codes, ERRORS.iter().map(|row| row.code).collect());
        for (reply, row) in replies.iter().map(|reply| (reply, row(code_of(reply).unwrap()))) {
            assert_eq!(answer(reply).status().as_u16(), row.http[0], "{}", row.code);
        }
    }

    #[test]
    fn the_docs_have_the_same_table() {
        let docs = include_str!("../../docs/cluster-node.md");
        let line = |row: &Row| {
            let http: Vec<String> = row.http.iter().map(u16::to_string).collect();
            let definite = if row.definite { "yes" } else { "no" };
            let (code, http, when) = (row.code, http.join(", "), row.when);
            format!("| `{code}` | {http} | {definite} | {when} |\n")
        };
        let table: String = ERRORS.iter().map(line).collect();
        assert!(
            docs.contains(&format!("\n| --- | --- | --- | --- |\n{table}\n")),
            "docs/cluster-node.md is to have:\n{table}"
        );
    }
}
