//! Operations written by hand, as etcd's tests write them.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::format::notes;

/// An operation; `input` and `output` as JSON.
fn operation(client: u64, call: u64, end: u64, input: &str, output: &str) -> String {
    format!(
        "{{\n  \"ClientId\": {client},\n  \"Input\": {input},\n  \"Call\": {call},\n  \"Output\": {output},\n  \
         \"Return\": {end},\n  \"Metadata\": null\n}}\n"
    )
}

fn put(key: &str, value: &str, lease: u64) -> String {
    format!(
        r#"{{"Type":"put-operation","Range":{{"Start":"","End":"","Limit":0,"KeysOnly":false}},"Put":{{"Key":"{key}","Value":{{"Value":"{value}"}},"LeaseID":{lease}}},"Delete":{{"Key":""}}}}"#
    )
}

fn delete(key: &str) -> String {
    format!(r#"{{"Type":"delete-operation","Delete":{{"Key":"{key}"}}}}"#)
}

fn get(key: &str) -> String {
    format!(r#"{{"Type":"range-operation","Range":{{"Start":"{key}"}}}}"#)
}

fn txn(conditions: &str, success: &str, failure: &str) -> String {
    format!(
        r#"{{"Type":"txn","LeaseGrant":null,"Range":null,"Txn":{{"Conditions":{conditions},"OperationsOnSuccess":[{success}],"OperationsOnFailure":[{failure}]}},"Defragment":null}}"#
    )
}

fn range(start: &str, end: &str, revision: u64) -> String {
    format!(
        r#"{{"Type":"range","Range":{{"Start":"{start}","End":"{end}","Limit":0,"KeysOnly":false,"Revision":{revision}}},"Txn":null}}"#
    )
}

fn answered(failure: bool, results: &str, revision: u64) -> String {
    format!(
        r#"{{"Txn":{{"Failure":{failure},"Results":[{results}]}},"Range":null,"ClientError":"","Revision":{revision},"member-id":"8e9e05c52164694d","Persisted":false,"PersistedRevision":0,"Error":""}}"#
    )
}

fn found(kvs: &str, count: u64) -> String {
    format!(r#"{{"Range":{{"KVs":[{kvs}],"Count":{count}}},"Revision":9,"Error":""}}"#)
}

fn kv(key: &str, value: &str, revision: u64) -> String {
    format!(r#"{{"Key":"{key}","Value":{{"Value":"{value}"}},"ModRevision":{revision},"Version":1}}"#)
}

const PUT: &str = r#"{"KVs":null,"Count":0,"Deleted":0}"#;
const DELETED: &str = r#"{"KVs":null,"Count":0,"Deleted":1}"#;
const FAILED: &str = r#"{"Txn":null,"Range":null,"Revision":0,"Error":"timed out"}"#;

fn read(text: &str) -> Result<Imported, FormatError> {
    import(&mut text.as_bytes(), &Options::default())
}

/// Each event in a word, with its key.
fn shown(text: &str) -> Vec<String> {
    let events = read(text).unwrap().history.events;
    let shown = events.iter().map(|event| {
        let key = event.key.clone().unwrap_or_default();
        format!(
            "{} {:?} {} {key} {}",
            event.process, event.kind, event.f, event.value
        )
    });
    shown.collect()
}

#[test]
fn requests_become_operations_of_registers() {
    let text = [
        operation(
            1,
            10,
            20,
            &txn("[]", &put("k", "a", 0), ""),
            &answered(false, PUT, 2),
        ),
        operation(2, 20, 30, &range("k", "", 0), &found(&kv("k", "a", 2), 1)),
        operation(
            1,
            40,
            50,
            &txn(
                r#"[{"Key":"k","ExpectedRevision":2,"ExpectedVersion":0}]"#,
                &put("k", "b", 0),
                "",
            ),
            &answered(false, PUT, 3),
        ),
        operation(
            1,
            60,
            70,
            &txn(
                r#"[{"Key":"k","ExpectedRevision":2}]"#,
                &put("k", "c", 0),
                &get("k"),
            ),
            &answered(true, &format!(r#"{{"KVs":[{}],"Count":1}}"#, kv("k", "b", 3)), 3),
        ),
        operation(1, 80, 90, &txn("null", &put("k", "d", 0), ""), FAILED),
        operation(2, 80, 90, &range("k", "", 0), FAILED),
        operation(2, 100, 110, &range("other", "", 0), &found("", 0)),
    ];
    let expected = [
        "0 Invoke write \"k\" [null,\"a\"]",
        // At equal times an operation begins before the other ends.
        "1 Invoke read \"k\" null",
        "0 Ok write \"k\" [2,\"a\"]",
        "1 Ok read \"k\" [2,\"a\"]",
        "0 Invoke cas \"k\" [null,[\"a\",\"b\"]]",
        "0 Ok cas \"k\" [3,[\"a\",\"b\"]]",
        "0 Invoke read \"k\" null",
        "2 Invoke cas \"k\" [null,[\"a\",\"c\"]]",
        "0 Ok read \"k\" [3,\"b\"]",
        "2 Fail cas \"k\" [null,[\"a\",\"c\"]]",
        "0 Invoke write \"k\" [null,\"d\"]",
        "1 Invoke read \"k\" null",
        "0 Info write \"k\" [null,\"d\"]",
        "1 Fail read \"k\" null",
        "1 Invoke read \"other\" null",
        "1 Ok read \"other\" [0,null]",
    ];
    assert_eq!(shown(&text.concat()), expected);
    let imported = read(&text.concat()).unwrap();
    assert_eq!(imported.model_hint.as_deref(), Some("revision-register"));
    assert_eq!(notes(&imported.history.header).count(), 0);
}

#[test]
fn what_is_deleted_is_a_value_of_its_own() {
    let text = [
        operation(
            1,
            10,
            20,
            &txn("[]", &put("k", "a", 7), ""),
            &answered(false, PUT, 2),
        ),
        operation(
            1,
            30,
            40,
            &txn("[]", &delete("k"), ""),
            &answered(false, DELETED, 3),
        ),
        operation(1, 50, 60, &txn("[]", &delete("k"), ""), &answered(false, PUT, 3)),
        operation(
            1,
            70,
            80,
            &txn(r#"[{"Key":"k"}]"#, &put("k", "b", 7), ""),
            &answered(false, PUT, 4),
        ),
        operation(
            1,
            90,
            95,
            r#"{"Type":"leaseRevoke","LeaseRevoke":{"LeaseID":7}}"#,
            r#"{"LeaseRevoke":{},"Revision":5,"Error":""}"#,
        ),
        operation(
            1,
            96,
            99,
            r#"{"Type":"compact","Compact":{"Revision":1}}"#,
            r#"{"Compact":{},"Revision":-1,"Error":""}"#,
        ),
    ];
    let ended: Vec<String> = shown(&text.concat())
        .into_iter()
        .filter(|event| !event.contains("Invoke"))
        .collect();
    let expected = [
        "0 Ok write \"k\" [2,\"a\"]",
        "0 Ok write \"k\" [3,\"(absent)\"]",
        "0 Ok read \"k\" [null,\"(absent)\"]",
        "0 Ok cas \"k\" [4,[\"(absent)\",\"b\"]]",
        "0 Info write \"k\" [null,\"(absent)\"]",
        "nemesis Info compact null null",
    ];
    assert_eq!(ended, expected);
}

#[test]
fn a_range_shows_the_keys_that_are_not_there() {
    let writes: Vec<String> = ["a1", "a3", "b"]
        .into_iter()
        .zip(2..)
        .map(|(key, revision)| {
            let at = 10 * revision;
            operation(
                1,
                at,
                at + 5,
                &txn("[]", &put(key, key, 0), ""),
                &answered(false, PUT, revision),
            )
        })
        .collect();
    let some = operation(2, 100, 110, &range("a", "b", 0), &found(&kv("a1", "a1", 2), 1));
    let cut_off = operation(
        2,
        120,
        130,
        &range("a", "\\u0000", 0),
        &found(&kv("a1", "a1", 2), 3),
    );
    let old = operation(2, 140, 150, &range("a1", "", 2), &found(&kv("a1", "a1", 2), 1));
    let text = [writes.concat(), some, cut_off, old].concat();
    let reads: Vec<String> = shown(&text)
        .into_iter()
        .filter(|event| event.contains(" read ") && !event.contains("Invoke"))
        .collect();
    let expected = [
        "1 Ok read \"a1\" [2,\"a1\"]",
        "2 Ok read \"a3\" [0,null]",
        "1 Ok read \"a1\" [2,\"a1\"]",
        "1 Info read \"a1\" null",
    ];
    assert_eq!(reads, expected);
    let imported = read(&text).unwrap();
    let notes: Vec<&str> = notes(&imported.history.header).collect();
    assert!(
        notes[0].starts_with("1 operations of etcd took several keys"),
        "{notes:?}"
    );
    assert!(notes[1].starts_with("1 reads of old revisions"), "{notes:?}");
}

#[test]
fn what_cannot_be_said_has_a_place() {
    let said = |text: &str| read(text).unwrap_err().to_string();
    let first = operation(
        1,
        10,
        20,
        &txn("[]", &put("k", "a", 0), ""),
        &answered(false, PUT, 2),
    );
    let version = operation(
        1,
        30,
        40,
        &txn(r#"[{"Key":"k","ExpectedVersion":2}]"#, &put("k", "b", 0), ""),
        &answered(false, PUT, 3),
    );
    let expected =
        "line 9, column 1: expected a condition on a mod_revision, found one on the version of \"k\"";
    assert_eq!(said(&(first.clone() + &version)), expected);
    let unseen = operation(
        1,
        30,
        40,
        &txn(r#"[{"Key":"k","ExpectedRevision":8}]"#, &put("k", "b", 0), ""),
        &answered(false, PUT, 9),
    );
    assert!(said(&(first.clone() + &unseen)).contains("found revision 8 of \"k\", which no operation shows"));
    let held = operation(
        1,
        30,
        40,
        &txn(
            r#"[{"Key":"k","ExpectedRevision":2}]"#,
            &put("k", "b", 0),
            &get("k"),
        ),
        &answered(true, &format!(r#"{{"KVs":[{}],"Count":1}}"#, kv("k", "a", 2)), 3),
    );
    assert!(
        said(&(first.clone() + &held))
            .contains("expected a key of another revision where the condition did not hold")
    );
    let other = operation(1, 30, 40, r#"{"Type":"watch"}"#, "{}");
    assert!(said(&(first + &other)).starts_with("line 9, column 1: expected a request of type range"));
    assert!(said(r#"{"ClientId":1,"Input":{"Type":"range""#).starts_with("line 1, column 37: not JSON: EOF"));
}
