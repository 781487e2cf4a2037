//! The words of a store, as the node takes them; its replies, as a client understands them.

use cluster_node::answer::{ERRORS, code_of};
use cluster_node::inbox::{Arrival, Reply as NodeReply, Write};
use cluster_node::machine::{Command, Json, Operation, Session};
use cluster_node::raft::Rejection;
use histories::{LogIndex, Term, Value};
use nemesis::NodeId;
use runs::store::{Answer, Reply, Request, StoreOp};

use crate::cluster;

/// What a client is told that has sent nothing: the store's keys are text.
pub fn not_sent() -> Reply {
    failed("bad-request", true)
}

/// What a client makes of what came of its request.
pub fn told(request: &Request, answer: cluster::Answer) -> Reply {
    match answer {
        cluster::Answer::Reply(reply) => replied(request.op.is_read(), reply),
        cluster::Answer::Late => failed("client-timeout", false),
        _ => failed("connection-lost", false),
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Text(text) => (&**text).into(),
        Value::List(elements) => elements.iter().map(json).collect(),
    }
}

fn value(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => number.as_i64().map_or(Value::Null, Value::Int),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(elements) => Value::list(elements.iter().map(value)),
        Json::Object(_) => Value::Null,
    }
}

/// A request as the node takes it; none if it cannot be put into its words.
pub fn sent(request: &Request) -> Option<cluster::Request> {
    let Value::Text(key) = &request.key else {
        return None;
    };
    let (key, forward) = (key.to_string(), request.forward);
    let operation = match &request.op {
        StoreOp::Read => {
            return Some(Box::new(move |client| Arrival::Read { key, forward, client }));
        }
        StoreOp::Write(value) => Operation::Put {
            value: Json(json(value)),
        },
        StoreOp::Cas { expected, new } => Operation::Cas {
            from: Json(json(expected)),
            to: Json(json(new)),
        },
        StoreOp::Append(value) => Operation::Append {
            value: Json(json(value)),
        },
        StoreOp::Add(value) => Operation::Add { value: *value },
        StoreOp::Txn(_) | StoreOp::Enqueue(_) | StoreOp::Dequeue | StoreOp::Generate | StoreOp::Call(_) => {
            return None;
        }
    };
    let session = request.session.map(|(client, seq)| Session { client, seq });
    let command = Command {
        operation,
        key,
        session,
        retry: request.retry,
    };
    let write = Write::of(&command, forward)?;
    Some(Box::new(move |client| Arrival::Write(write, client)))
}

fn failed(error: &str, is_definite: bool) -> Reply {
    Reply {
        answer: match is_definite {
            true => Answer::Fail,
            false => Answer::Unknown,
        },
        message: None,
        ..Reply::unknown(error, String::new())
    }
}

/// The node's own codes, and what its own data file says of each.
fn replied(is_read: bool, reply: NodeReply) -> Reply {
    let (at, found) = match &reply {
        NodeReply::Applied(at, _) => (Some(*at), Value::Null),
        NodeReply::Value(at, found) => (Some(*at), value(found)),
        _ => (None, Value::Null),
    };
    let at = at.map(|at| (LogIndex(at.index.0), Term(at.term.0)));
    let is_answer = matches!(reply, NodeReply::Value(..)) == is_read;
    let Some(code) = code_of(&reply) else {
        return match is_answer {
            true => Reply::ok(found, at),
            false => failed("unreadable-answer", false),
        };
    };
    let row = ERRORS.iter().find(|row| row.code == code);
    Reply {
        at,
        elsewhere: match reply {
            NodeReply::Rejected(Rejection::NotLeader { leader }) => {
                Some(leader.and_then(|leader| NodeId::from_name(&leader.0)))
            }
            _ => None,
        },
        ..failed(code, row.is_some_and(|row| row.definite))
    }
}
