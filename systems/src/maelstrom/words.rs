//! What a request says in Maelstrom's words, and what its answer means. Keys are numbers there: those of the workloads
//! become what nodes of any language can read.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use histories::Value;
use runs::call::Call;
use runs::store::{Answer, Reply, Request, StoreOp};
use runs::transaction::completed;
use serde::Deserialize;
use serde_json::json;

use super::service::Body;
use crate::description::{Rule, ValueAt, Word};
use crate::meaning::{Basis, Came, Told, basis, reply as meant, unclear};
use crate::seen::text;

/// What answers mean: by their types, and Maelstrom's errors by their numbers.
#[derive(Deserialize)]
struct Meaning {
    read: ValueAt,
    write: ValueAt,
    cas: ValueAt,
    txn: ValueAt,
    generate: ValueAt,
    error: Vec<Rule>,
    call: Calls,
}

/// Those of what has no key, by its word.
#[derive(Deserialize)]
struct Calls {
    echo: ValueAt,
    broadcast: ValueAt,
    messages: ValueAt,
    include: ValueAt,
    elements: ValueAt,
    increase: ValueAt,
    total: ValueAt,
    send: ValueAt,
    poll: ValueAt,
    commit: ValueAt,
    committed: ValueAt,
}

impl Calls {
    fn of(&self, call: &Call) -> &ValueAt {
        match call {
            Call::Echo(_) => &self.echo,
            Call::Broadcast(_) => &self.broadcast,
            Call::Messages => &self.messages,
            Call::Include(_) => &self.include,
            Call::Elements => &self.elements,
            Call::Increase(_) => &self.increase,
            Call::Total => &self.total,
            Call::Send { .. } => &self.send,
            Call::Poll(_) => &self.poll,
            Call::Commit(_) => &self.commit,
            Call::Committed(_) => &self.committed,
        }
    }
}

static MEANING: LazyLock<Meaning> = LazyLock::new(|| {
    // A test reads it.
    toml::from_str(include_str!("meaning.toml")).expect("the file beside this one is well-formed")
});

/// Every row.
#[cfg(test)]
pub(crate) fn rules() -> &'static [Rule] {
    &MEANING.error
}

/// What an answer to this request means.
pub(super) fn reply(request: &Request, came: &Came) -> (Reply, Basis) {
    let identified = (request.op == StoreOp::Generate).then(|| identified(came.clone()));
    let came = identified.as_ref().unwrap_or(came);
    let (word, rules) = (Word::of(&request.op), &MEANING.error);
    let answer = match &request.op {
        StoreOp::Read => &MEANING.read,
        StoreOp::Cas { .. } => &MEANING.cas,
        StoreOp::Txn(_) => &MEANING.txn,
        StoreOp::Generate => &MEANING.generate,
        StoreOp::Call(call) => MEANING.call.of(call),
        StoreOp::Write(_) | StoreOp::Append(_) | StoreOp::Add(_) | StoreOp::Enqueue(_) | StoreOp::Dequeue => {
            &MEANING.write
        }
    };
    let reply = match (meant(rules, &[], word, answer, came), &request.op, came) {
        (reply, StoreOp::Txn(asked), Came::Answer(told)) if matches!(reply.answer, Answer::Ok(_)) => {
            let answered = serde_json::from_value(told.json["txn"].clone()).ok();
            read_as(
                answered.and_then(|answered| completed(asked, answered)),
                word,
                told,
            )
        }
        (reply, StoreOp::Call(call), Came::Answer(told)) => match reply.answer {
            Answer::Ok(said) => read_as(call.told(said), word, told),
            Answer::Fail | Answer::Unknown => reply,
        },
        (reply, _, _) => reply,
    };
    let basis = basis(rules, 0, word, came, &reply);
    (reply, basis)
}

/// What an answer told, if it could be read: a look that told nothing changed nothing, either.
fn read_as(value: Option<Value>, word: Word, told: &Told) -> Reply {
    match value {
        Some(value) => Reply::ok(value, None),
        None => unclear(word, "unreadable-answer", told.json.to_string()),
    }
}

/// An identifier may be any JSON. One that is no value of a history, such as 1.5 or a number beyond 63 bits, stands there as a text.
fn identified(mut came: Came) -> Came {
    if let Came::Answer(told) = &mut came
        && let Some(id) = told.json.get_mut("id")
        && serde_json::from_value::<Value>(id.clone()).is_err()
    {
        *id = id.to_string().into();
    }
    came
}

/// Keys that are not called k0, k1, … are numbers from here on.
const OTHERS: u64 = 1_000_000;

/// What has no key, in the words of Maelstrom's workload for it.
fn of_call(call: &Call) -> serde_json::Value {
    match call {
        Call::Echo(text) => json!({"type": "echo", "echo": text}),
        Call::Broadcast(message) => json!({"type": "broadcast", "message": message}),
        Call::Messages | Call::Elements | Call::Total => json!({"type": "read"}),
        Call::Include(element) => json!({"type": "add", "element": element}),
        Call::Increase(delta) => json!({"type": "add", "delta": delta}),
        Call::Send { log, message } => json!({"type": "send", "key": text(log), "msg": message}),
        Call::Poll(from) => json!({"type": "poll", "offsets": map(from)}),
        Call::Commit(offsets) => json!({"type": "commit_offsets", "offsets": map(offsets)}),
        Call::Committed(logs) => {
            json!({"type": "list_committed_offsets", "keys": logs.iter().map(text).collect::<Vec<_>>()})
        }
    }
}

/// Logs go by texts there.
fn map(offsets: &[(Value, i64)]) -> serde_json::Map<String, serde_json::Value> {
    let pairs = offsets.iter().map(|(log, offset)| (text(log), (*offset).into()));
    pairs.collect()
}

/// The words of a run.
#[derive(Default)]
pub(super) struct Words {
    others: Mutex<HashMap<Value, u64>>,
}

impl Words {
    /// What a request says; none if the protocol has no words for it.
    pub(super) fn body(&self, request: &Request) -> Option<Body> {
        let key = self.number(&request.key);
        let body = match &request.op {
            StoreOp::Read => json!({"type": "read", "key": key}),
            StoreOp::Write(value) => json!({"type": "write", "key": key, "value": value}),
            // Nothing may be there: in Maelstrom's own words, of its services.
            StoreOp::Cas {
                expected: expected @ Value::Null,
                new,
            } => {
                json!({"type": "cas", "key": key, "from": expected, "to": new, "create_if_not_exists": true})
            }
            StoreOp::Cas { expected, new } => json!({"type": "cas", "key": key, "from": expected, "to": new}),
            StoreOp::Txn(txn) => json!({"type": "txn", "txn": txn}),
            StoreOp::Generate => json!({"type": "generate"}),
            StoreOp::Call(call) => of_call(call),
            StoreOp::Append(_) | StoreOp::Add(_) | StoreOp::Enqueue(_) | StoreOp::Dequeue => return None,
        };
        body.as_object().cloned()
    }

    fn number(&self, key: &Value) -> u64 {
        let numbered = match key {
            Value::Text(text) => text.strip_prefix('k').and_then(|number| number.parse().ok()),
            _ => None,
        };
        numbered.filter(|number| *number < OTHERS).unwrap_or_else(|| {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            let next = OTHERS + others.len() as u64;
            *others.entry(key.clone()).or_insert(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn request(key: &str, op: StoreOp) -> Request {
        Request {
            op,
            ..Request::read(key.into(), Duration::ZERO)
        }
    }

    #[test]
    fn requests_are_in_maelstroms_words() {
        let words = Words::default();
        let cas = |expected: Value| StoreOp::Cas {
            expected,
            new: 2.into(),
        };
        for (key, op, wanted) in [
            ("k7", StoreOp::Read, r#"{"type":"read","key":7}"#),
            (
                "recovery",
                StoreOp::Write(3.into()),
                r#"{"type":"write","key":1000000,"value":3}"#,
            ),
            ("recovery", StoreOp::Read, r#"{"type":"read","key":1000000}"#),
            ("k7", StoreOp::Generate, r#"{"type":"generate"}"#),
            ("k1", cas(1.into()), r#"{"type":"cas","key":1,"from":1,"to":2}"#),
            (
                "k1",
                cas(Value::Null),
                r#"{"type":"cas","key":1,"from":null,"to":2,"create_if_not_exists":true}"#,
            ),
        ] {
            let wanted: serde_json::Value = serde_json::from_str(wanted).unwrap();
            let body = words.body(&request(key, op)).unwrap();
            assert_eq!(serde_json::Value::from(body), wanted);
        }
    }

    #[test]
    fn what_has_no_key_is_in_the_words_of_maelstroms_workloads() {
        let at = |offset| vec![("k1".into(), offset)];
        let send = || Call::Send {
            log: "k1".into(),
            message: 5.into(),
        };
        let asked = |call: &Call| {
            let body = Words::default().body(&request("nobody", StoreOp::Call(call.clone())));
            serde_json::Value::from(body.unwrap()).to_string()
        };
        for (call, body, answer, told) in [
            (
                Call::Echo("a".into()),
                r#"{"type":"echo","echo":"a"}"#,
                r#"{"type":"echo_ok","echo":"a"}"#,
                r#""a""#,
            ),
            (
                Call::Broadcast(3.into()),
                r#"{"type":"broadcast","message":3}"#,
                r#"{"type":"broadcast_ok"}"#,
                "null",
            ),
            (
                Call::Messages,
                r#"{"type":"read"}"#,
                r#"{"type":"read_ok","messages":[3]}"#,
                "[3]",
            ),
            (
                Call::Include(3.into()),
                r#"{"type":"add","element":3}"#,
                r#"{"type":"add_ok"}"#,
                "null",
            ),
            (
                Call::Elements,
                r#"{"type":"read"}"#,
                r#"{"type":"read_ok","value":[3]}"#,
                "[3]",
            ),
            (
                Call::Increase(-2),
                r#"{"type":"add","delta":-2}"#,
                r#"{"type":"add_ok"}"#,
                "null",
            ),
            (
                Call::Total,
                r#"{"type":"read"}"#,
                r#"{"type":"read_ok","value":7}"#,
                "7",
            ),
            (
                send(),
                r#"{"type":"send","key":"k1","msg":5}"#,
                r#"{"type":"send_ok","offset":9}"#,
                r#"[["send","k1",[9,5]]]"#,
            ),
            (
                Call::Poll(at(9)),
                r#"{"type":"poll","offsets":{"k1":9}}"#,
                r#"{"type":"poll_ok","msgs":{"k1":[[9,5]]}}"#,
                r#"[["poll",[["k1",[[9,5]]]]]]"#,
            ),
            (
                Call::Commit(at(9)),
                r#"{"type":"commit_offsets","offsets":{"k1":9}}"#,
                r#"{"type":"commit_offsets_ok"}"#,
                "null",
            ),
            (
                Call::Committed(vec!["k1".into()]),
                r#"{"type":"list_committed_offsets","keys":["k1"]}"#,
                r#"{"type":"list_committed_offsets_ok","offsets":{"k1":9}}"#,
                r#"[["k1",9]]"#,
            ),
        ] {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(asked(&call), body.to_string(), "{call:?}");
            let told: Value = serde_json::from_str(told).unwrap();
            assert_eq!(meaning(StoreOp::Call(call), answer), Answer::Ok(told), "{answer}");
        }
        let none = r#"{"type":"read_ok"}"#;
        assert_eq!(meaning(StoreOp::Call(Call::Total), none), Answer::Fail);
        let late = r#"{"type":"send_ok","offset":null}"#;
        assert_eq!(meaning(StoreOp::Call(send()), late), Answer::Unknown);
        for (code, wanted) in [(10, Answer::Fail), (20, Answer::Fail), (13, Answer::Unknown)] {
            let error = format!(r#"{{"type":"error","in_reply_to":1,"code":{code}}}"#);
            assert_eq!(meaning(StoreOp::Call(send()), &error), wanted, "{code}");
        }
    }

    fn meaning(op: StoreOp, text: &str) -> Answer {
        let told = Told::new(serde_json::Value::Null, text.to_owned());
        let status = told.json["type"].clone();
        let is_error = status == "error";
        let came = Came::Answer(Told {
            status,
            is_error,
            ..told
        });
        reply(&request("k1", op), &came).0.answer
    }

    /// Maelstrom's table of errors: definite ones fail, all others are unknown for what changes something.
    #[test]
    fn answers_mean_what_maelstroms_table_says() {
        let error = |code: u64| format!(r#"{{"type":"error","in_reply_to":1,"code":{code}}}"#);
        let of = |op: StoreOp, text: &str| {
            let told = Told::new(serde_json::Value::Null, text.to_owned());
            let status = told.json["type"].clone();
            let is_error = status == "error";
            let came = Came::Answer(Told {
                status,
                is_error,
                ..told
            });
            reply(&request("k1", op), &came).0
        };
        let write = || StoreOp::Write(1.into());
        let txn = || StoreOp::Txn(serde_json::from_str(r#"[["r",1,null],["append",1,6]]"#).unwrap());
        for code in [1, 10, 11, 12, 14, 20, 21, 22, 30] {
            assert_eq!(of(write(), &error(code)).answer, Answer::Fail, "{code}");
        }
        for code in [0, 13, 2, 999, 1000] {
            assert_eq!(of(write(), &error(code)).answer, Answer::Unknown, "{code}");
        }
        for (op, text, wanted) in [
            (
                StoreOp::Read,
                r#"{"type":"read_ok","value":3}"#.to_owned(),
                Answer::Ok(3.into()),
            ),
            (
                StoreOp::Read,
                r#"{"type":"read_ok","value":null}"#.to_owned(),
                Answer::Ok(Value::Null),
            ),
            (StoreOp::Read, r#"{"type":"read_ok"}"#.to_owned(), Answer::Fail),
            (StoreOp::Read, error(20), Answer::Ok(Value::Null)),
            (StoreOp::Read, error(13), Answer::Fail),
            (
                txn(),
                r#"{"type":"txn_ok","txn":[["r",1,[5]],["append",1,6]]}"#.to_owned(),
                Answer::Ok(serde_json::from_str(r#"[["r",1,[5]],["append",1,6]]"#).unwrap()),
            ),
            (
                txn(),
                r#"{"type":"txn_ok","txn":[["r",1,[5]],["append",1,7]]}"#.to_owned(),
                Answer::Unknown,
            ),
            (txn(), r#"{"type":"txn_ok"}"#.to_owned(), Answer::Unknown),
            (txn(), error(30), Answer::Fail),
            (
                StoreOp::Generate,
                r#"{"type":"generate_ok","id":"n1-7"}"#.to_owned(),
                Answer::Ok("n1-7".into()),
            ),
            (
                StoreOp::Generate,
                r#"{"type":"generate_ok"}"#.to_owned(),
                Answer::Unknown,
            ),
            (
                StoreOp::Generate,
                r#"{"type":"generate_ok","id":1.5}"#.to_owned(),
                Answer::Ok("1.5".into()),
            ),
            (
                StoreOp::Generate,
                r#"{"type":"generate_ok","id":[18446744073709551615]}"#.to_owned(),
                Answer::Ok("[18446744073709551615]".into()),
            ),
            (StoreOp::Generate, error(10), Answer::Fail),
            (
                write(),
                r#"{"type":"write_ok"}"#.to_owned(),
                Answer::Ok(Value::Null),
            ),
            (
                write(),
                r#"{"type":"read_ok","value":3}"#.to_owned(),
                Answer::Unknown,
            ),
        ] {
            assert_eq!(of(op.clone(), &text).answer, wanted, "{op:?} {text}");
        }
        assert!(of(write(), &error(22)).is_decided());
        assert_eq!(of(write(), &error(11)).elsewhere, Some(None));
    }
}
