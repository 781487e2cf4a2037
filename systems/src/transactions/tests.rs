use std::time::Duration;

use runs::store::{Request, StoreOp};

use super::scripted::Scripted;
use super::*;
use crate::description::Transport;

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn came(text: &str) -> Came {
    match text {
        "timeout" => Came::nothing(Transport::Timeout, "no answer in time"),
        text => Came::Answer(Told::new(200, text.to_owned())),
    }
}

/// What becomes of a transaction that is answered so, and what was sent for it.
async fn asked(system: &str, txn: &str, answers: &[&str]) -> (Reply, Vec<String>) {
    let scripted = Scripted::new(system, answers.iter().map(|text| came(text)));
    let txn = value(txn);
    let request = Request {
        op: StoreOp::Txn(txn.clone()),
        ..Request::read("k1".into(), Duration::ZERO)
    };
    let sees = RequestSees::of(&request, &"default".into());
    let asking = scripted.asking();
    let (reply, ..) = match scripted.described.client.transacts_at_once() {
        true => asking.at_once(&sees, &txn).await,
        false => asking.in_steps(&sees, &Transaction::of(&txn).unwrap()).await,
    };
    (reply, scripted.sent())
}

/// One answer to a read of two keys: under the first stands [7] since revision 5, under the second nothing.
const FOUND: &str = r#"{"header":{"revision":"9"},"succeeded":true,"responses":[
    {"response_range":{"header":{"revision":"9"},"kvs":[{"key":"MQ==","mod_revision":"5","value":"Wzdd"}],"count":"1"}},
    {"response_range":{"header":{"revision":"9"}}}]}"#;
const COMMITTED: &str = r#"{"header":{"revision":"10"},"succeeded":true,"responses":[{"response_put":{}}]}"#;
const CHANGED: &str = r#"{"header":{"revision":"10"}}"#;
/// Of a write nobody knows what became of it.
const UNAVAILABLE: &str = r#"{"message":"etcdserver: request timed out","code":14}"#;
const MIXED: &str = r#"[["append",1,8],["r",2,null],["r",1,null]]"#;

#[tokio::test]
async fn what_was_read_is_compared_and_what_follows_from_it_is_put() {
    let (reply, sent) = asked("etcd", MIXED, &[FOUND, COMMITTED]).await;
    let told = value(r#"[["append",1,8],["r",2,null],["r",1,[7,8]]]"#);
    assert_eq!(reply.answer, Answer::Ok(told));
    assert_eq!(reply.revision, Some(10));
    assert_eq!(reply.read_revisions, [(Value::Int(1), 5)]);
    let json = |at: usize| serde_json::from_str::<serde_json::Value>(&sent[at]).unwrap();
    assert_eq!(
        json(0),
        serde_json::json!({"success": [{"request_range": {"key": "MQ=="}}, {"request_range": {"key": "Mg=="}}]})
    );
    assert_eq!(
        json(1),
        serde_json::json!({
            "compare": [
                {"key": "MQ==", "result": "EQUAL", "target": "MOD", "mod_revision": "5"},
                {"key": "Mg==", "result": "EQUAL", "target": "MOD", "mod_revision": "0"},
            ],
            "success": [{"request_put": {"key": "MQ==", "value": "WzcsOF0="}}],
        })
    );
}

#[tokio::test]
async fn what_certainly_did_not_happen_has_failed() {
    let only_read = r#"[["r",1,null],["r",2,null]]"#;
    let blind = r#"[["w",1,8],["w",1,9]]"#;
    for (txn, answers, wanted, decided) in [
        (MIXED, vec![FOUND, CHANGED], Answer::Fail, true),
        (MIXED, vec![FOUND, "timeout"], Answer::Unknown, false),
        (MIXED, vec![FOUND, "{}"], Answer::Unknown, false),
        (MIXED, vec!["timeout"], Answer::Fail, false),
        (MIXED, vec!["{}"], Answer::Fail, false),
        (MIXED, vec![UNAVAILABLE], Answer::Fail, false),
        (MIXED, vec![FOUND, UNAVAILABLE], Answer::Unknown, false),
        // One answer for two keys tells which of them?
        (MIXED, vec![COMMITTED], Answer::Fail, false),
        (only_read, vec!["timeout"], Answer::Fail, false),
        (
            only_read,
            vec![FOUND],
            Answer::Ok(value(r#"[["r",1,[7]],["r",2,null]]"#)),
            false,
        ),
        (blind, vec![COMMITTED], Answer::Ok(value(blind)), false),
        (blind, vec!["timeout"], Answer::Unknown, false),
    ] {
        let (reply, _) = asked("etcd", txn, &answers).await;
        assert_eq!(reply.answer, wanted, "{txn} {answers:?}");
        assert_eq!(reply.decided, decided, "{txn} {answers:?}");
    }
}

/// Consul leaves out what is not there, and tells of the rest whose it is.
#[tokio::test]
async fn a_key_without_a_part_has_no_value_where_parts_say_whose_they_are() {
    let part = |key: &str, index: u64| {
        format!(r#"{{"KV":{{"Key":"\"{key}\"","Value":"Wzdd","ModifyIndex":{index}}}}}"#)
    };
    let found = |parts: &[String]| format!(r#"{{"Results":[{}],"Errors":null}}"#, parts.join(","));
    let first = found(&[part("1", 5)]);
    let committed = found(&[part("1", 5), part("1", 10)]);
    let (reply, sent) = asked("consul", MIXED, &[&first, &committed]).await;
    let told = value(r#"[["append",1,8],["r",2,null],["r",1,[7,8]]]"#);
    assert_eq!((reply.answer, reply.revision), (Answer::Ok(told), Some(10)));
    assert_eq!(reply.read_revisions, [(Value::Int(1), 5)]);
    let commit: serde_json::Value = serde_json::from_str(&sent[1]).unwrap();
    assert_eq!(
        commit,
        serde_json::json!([
            {"KV": {"Verb": "check-index", "Key": "\"1\"", "Index": 5}},
            {"KV": {"Verb": "check-not-exists", "Key": "\"2\"", "Index": 0}},
            {"KV": {"Verb": "set", "Key": "\"1\"", "Value": "WzcsOF0="}},
        ])
    );
    let reads = r#"[["r",1,null],["r",2,null]]"#;
    let (reply, _) = asked("consul", reads, &[&found(&[part("2", 6), part("1", 5)])]).await;
    assert_eq!(
        reply.answer,
        Answer::Ok(value(r#"[["r",1,[7]],["r",2,[7]]]"#)),
        "in any order"
    );
    for unreadable in [
        found(&[part("3", 6)]),
        found(&[part("1", 5), part("1", 5)]),
        found(&[r#"{"KV":{"Value":"Wzdd","ModifyIndex":6}}"#.to_owned()]),
    ] {
        let (reply, sent) = asked("consul", MIXED, &[&unreadable]).await;
        assert_eq!((reply.answer, sent.len()), (Answer::Fail, 1), "{unreadable}");
    }
}

#[tokio::test]
async fn one_request_may_do_it_all() {
    let (reply, sent) = asked("redis", MIXED, &[r#"["null","null","[7,8]"]"#]).await;
    let told = value(r#"[["append",1,8],["r",2,null],["r",1,[7,8]]]"#);
    assert_eq!(reply.answer, Answer::Ok(told));
    let micros = r#"[{"f":"append","key":"1","value":"8"},{"f":"r","key":"2","value":null},{"f":"r","key":"1","value":null}]"#;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&sent[0]).unwrap(),
        serde_json::from_str::<serde_json::Value>(micros).unwrap()
    );
    for unreadable in [r#"["null"]"#, r#"["null","null","["]"#, "3", "timeout"] {
        let (reply, _) = asked("redis", MIXED, &[unreadable]).await;
        assert_eq!(reply.answer, Answer::Unknown, "{unreadable}");
    }
}
