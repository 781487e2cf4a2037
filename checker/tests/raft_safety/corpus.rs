//! Small journals written by hand, a file a case: what stands in them must give the verdict that the first line says.
//!
//! A case is JSON Lines. Its first line is `{"about", "expect", "check", "lines", "nodes", "history"}`; each other
//! line is an event with `n`, `inc`, `term`, `e` and its fields. What every line has (`v`, `s`, `mono`), and fields of
//! which the case does not care, are filled in here. A bare number at `last` or `ch` is told in full: the position
//! and hash of the log that is written as text in `log`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use checker::{Check, RaftSafety};
use histories::journal::Reader;
use histories::{Incarnation, NodeName};
use serde_json::{Map, Value, json};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/raft_safety/corpus");
    let entries = fs::read_dir(folder).expect("the corpus");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    cases.sort();
    cases
}

/// Fields that most cases do not care about.
fn defaults(e: &str, term: &Value) -> Value {
    match e {
        "boot" => json!({
            "last": {"i": 0, "t": 0}, "ch": "0000000000000000", "commit": 0, "applied": 0, "snap": null,
            "vote": null, "voters": ["n1", "n2", "n3"], "profile": "prod", "bugs": [],
        }),
        "term" => json!({ "why": "message", "from": 0, "to": term }),
        "vote" => json!({
            "granted": true, "pre": false, "req_last": {"i": 0, "t": 0}, "my_last": {"i": 0, "t": 0}, "why": null,
        }),
        "role" => json!({ "last_at_election": {"i": 0, "t": 0} }),
        "append" => json!({ "t": term, "kind": "op", "from": "n1" }),
        "trunc" => json!({ "removed": 1, "by": "n1", "commit": 0 }),
        "commit" => json!({ "role": "leader", "rule": "quorum", "t_at": term, "match": {} }),
        "apply" => json!({ "t": term, "sm": "00000000000000aa" }),
        "reply" => json!({ "op": "put", "t": term, "res": "ok" }),
        _ => json!({}),
    }
}

/// The whole line; hashes may be written short.
fn whole(event: &Map<String, Value>, seq: usize, mono: usize) -> String {
    let e = event["e"].as_str().expect("e");
    let mut line = defaults(e, &event["term"])
        .as_object()
        .expect("an object")
        .clone();
    line.extend(
        json!({ "v": 1, "s": seq, "mono": mono })
            .as_object()
            .expect("an object")
            .clone(),
    );
    line.extend(event.clone());
    for field in ["h", "ch", "sm"] {
        if let Some(short) = line.get(field).and_then(Value::as_str) {
            let full = format!("{short:0>16}");
            line.insert(field.to_owned(), full.into());
        }
    }
    // Where a case does not care, an entry's bytes are told by its chained hash.
    if e == "append" && !line.contains_key("h") {
        line.insert("h".to_owned(), line["ch"].clone());
    }
    format!("{}\n", Value::Object(line))
}

struct Case {
    header: Value,
    journals: BTreeMap<(String, u64), String>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a case");
        let mut lines = text.lines().map(|line| {
            serde_json::from_str::<Map<String, Value>>(line)
                .unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display()))
        });
        let header = Value::Object(lines.next().expect("a header"));
        let mut journals: BTreeMap<(String, u64), String> = BTreeMap::new();
        for (mono, mut event) in lines.enumerate() {
            let inc = event.entry("inc").or_insert(json!(1)).as_u64().expect("inc");
            let node = event["n"].as_str().expect("n").to_owned();
            let journal = journals.entry((node, inc)).or_default();
            let seq = journal.lines().count();
            journal.push_str(&whole(&event, seq, mono));
        }
        Case { header, journals }
    }

    fn judge(&self) -> Check {
        let nodes = self.header.get("nodes").and_then(Value::as_u64).unwrap_or(3);
        let nodes: Vec<NodeName> = (1..=nodes as usize).map(NodeName::numbered).collect();
        let mut safety = RaftSafety::new(&nodes).expect("few nodes");
        for ((node, inc), text) in &self.journals {
            let node = NodeName::from(node.as_str());
            let mut journal = safety.journal(&node, Incarnation(*inc)).expect("a node");
            let mut lines = Reader::new(text.as_bytes(), node.as_str(), Incarnation(*inc));
            while let Some(line) = lines.next_line().expect("a whole journal") {
                journal.take(&line);
            }
        }
        let history = self.header.get("history").cloned().unwrap_or_else(|| json!([]));
        let history: Vec<histories::Event> = serde_json::from_value(history).expect("a history");
        safety.finish(&history)
    }
}

/// What is wrong with the verdict on a case.
fn faults(case: &Case, check: &Check) -> Vec<String> {
    let mut faults = Vec::new();
    if json!(check.verdict) != case.header["expect"] {
        faults.push(format!("{:?}: {}", check.verdict, check.reason));
    }
    let name = case
        .header
        .get("check")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let told = check
        .violations
        .iter()
        .find(|violation| violation.why.starts_with(name))
        .map_or("", |violation| &violation.why);
    let lines = case
        .header
        .get("lines")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for line in lines.filter_map(Value::as_str) {
        if !told.contains(line) {
            faults.push(format!("{line} is not named: {told}"));
        }
    }
    // One fault is told by the checks that it breaks, and by no others.
    let also = case
        .header
        .get("also")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let also: Vec<&str> = also.filter_map(Value::as_str).collect();
    for (other, details) in check.details["checks"].as_object().expect("checks") {
        let is_expected = other == name || also.contains(&other.as_str());
        if (details["violations"] != json!(0)) != is_expected {
            faults.push(format!("{other}: {details}"));
        }
    }
    faults
}

#[test]
fn every_case_has_its_verdict_and_names_its_lines() {
    let cases = cases();
    assert!(cases.len() >= 45, "{} cases", cases.len());
    let mut all = Vec::new();
    for path in cases {
        let case = Case::read(&path);
        let faults = faults(&case, &case.judge());
        all.extend(faults.iter().map(|fault| format!("{}: {fault}", path.display())));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
