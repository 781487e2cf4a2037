//! The journal of real processes: what is in the file when something of it can be known outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cluster_node::journal::link;
use cluster_node::machine::{Command, Json, Operation};
use cluster_node::raft::types::{Entry, LogIndex, Message, Position, Term};
use serde_json::{Value, json};

use super::node::{Cluster, Node, eventually, spawn};
use super::peer::Peer;

/// The whole lines of a journal, which are counted without a gap.
fn lines(folder: &Path, incarnation: u64) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(format!("journal-{incarnation}.jsonl"))).unwrap();
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let lines: Vec<Value> = whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (at, line) in lines.iter().enumerate() {
        assert_eq!((&line["v"], &line["s"]), (&json!(1), &json!(at)), "{line}");
        assert_eq!((&line["inc"], line["n"].is_string()), (&json!(incarnation), true));
    }
    lines
}

/// Whether these lines stand there in this order; only the fields that are given count.
fn stands_in_order(lines: &[Value], wanted: &[Value]) -> bool {
    let has = |line: &Value, wanted: &Value| {
        let mut fields = wanted.as_object().unwrap().iter();
        fields.all(|(name, value)| line[name] == *value)
    };
    let mut lines = lines.iter();
    wanted.iter().all(|wanted| lines.any(|line| has(line, wanted)))
}

/// The chained hashes, computed anew from those of the entries.
fn chain(lines: &[Value]) -> Vec<String> {
    let number = |hash: &Value| u64::from_str_radix(hash.as_str().unwrap(), 16).unwrap();
    let mut chain: Vec<u64> = vec![0];
    for line in lines {
        match line["e"].as_str().unwrap() {
            "append" => {
                let next = link(*chain.last().unwrap(), number(&line["h"]));
                assert_eq!(number(&line["ch"]), next, "{line}");
                assert_eq!(line["i"], json!(chain.len()));
                chain.push(next);
            }
            "trunc" => chain.truncate(line["from"].as_u64().unwrap() as usize),
            _ => {}
        }
    }
    chain.iter().map(|hash| format!("{hash:016x}")).collect()
}

#[test]
fn an_answer_is_in_the_journal_before_its_client_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let args = ["--journal", journal.to_str().unwrap()];
    let mut node = Node::start(folder.path(), &args);
    for seq in 1..=5 {
        let answer = node
            .op(json!({"f": "append", "key": "k", "value": seq, "client": 7, "seq": seq}))
            .1;
        let (i, t) = (&answer["index"], &answer["term"]);
        let wanted = [
            json!({"e": "append", "i": i, "t": t, "kind": "op", "from": "n1"}),
            json!({"e": "commit", "to": i, "t_at": t, "role": "leader", "rule": "quorum"}),
            json!({"e": "sync", "what": "log", "upto": i}),
            json!({"e": "apply", "i": i, "t": t, "client": 7, "seq": seq}),
            json!({"e": "reply", "op": "append", "i": i, "t": t, "client": 7, "seq": seq, "res": "ok"}),
        ];
        assert!(stands_in_order(&lines(&journal, 1), &wanted), "{answer}");
        node.op(json!({"f": "get", "key": "k"}));
        let wanted = [json!({"e": "read", "mode": "leader", "ri": i, "acks": ["n1"], "applied": i})];
        assert!(stands_in_order(&lines(&journal, 1), &wanted), "{answer}");
    }
    node.kill();

    let first = lines(&journal, 1);
    assert_eq!(
        (&first[0]["e"], &first[0]["voters"]),
        (&json!("boot"), &json!(["n1"]))
    );
    let chain = chain(&first);
    let node = Node::start(folder.path(), &args);
    let second = lines(&journal, 2);
    assert_eq!(second[0]["ch"], json!(chain.last().unwrap()));
    assert_eq!(second[0]["last"]["i"], json!(chain.len() - 1));
    node.stop();
    assert_eq!(lines(&journal, 2).last().unwrap()["e"], json!("stop"));
}

#[test]
fn a_message_is_in_the_journal_before_a_peer_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let args = ["--profile", "fig8", "--journal", journal.to_str().unwrap()];
    let (_node, mut peer) = Peer::of_node(folder.path(), &args);

    let asks = peer.hear_message(|message| matches!(message, Message::RequestVote { .. }));
    let term = asks.term().0;
    let wanted = [
        json!({"e": "term", "to": term, "why": "election"}),
        json!({"e": "vote", "to": "n1", "granted": true, "pre": false}),
        json!({"e": "sync", "what": "hard"}),
    ];
    assert!(stands_in_order(&lines(&journal, 1), &wanted));

    let (term, index) = (Term(1000), LogIndex(1));
    let payload = put().encode().unwrap();
    peer.append(term, vec![Entry { term, index, payload }]);
    peer.hear_message(|message| {
        matches!(
            message,
            Message::AppendEntriesReply {
                matched: Some(LogIndex(1)),
                ..
            }
        )
    });
    let wanted = [
        json!({"e": "append", "i": 1, "t": 1000, "from": "n2"}),
        json!({"e": "sync", "what": "log", "upto": 1}),
        json!({"e": "ack", "to": "n2", "match": 1, "durable": 1}),
    ];
    assert!(stands_in_order(&lines(&journal, 1), &wanted));

    let (term, last) = (Term(2000), Position { index, term });
    peer.say(Message::RequestVote { term, last });
    peer.hear_message(|message| {
        matches!(
            message,
            Message::RequestVoteReply {
                refused: None,
                term: Term(2000)
            }
        )
    });
    let wanted = [
        json!({"e": "term", "to": 2000, "why": "message"}),
        json!({"e": "vote", "to": "n2", "granted": true, "why": null, "req_last": {"i": 1, "t": 1000}}),
        json!({"e": "sync", "what": "hard"}),
    ];
    assert!(stands_in_order(&lines(&journal, 1), &wanted));
}

fn put() -> Command {
    Command {
        operation: Operation::Put {
            value: Json(json!(1)),
        },
        key: "k".to_owned(),
        session: None,
        retry: false,
    }
}

#[test]
fn the_journals_of_a_cluster_agree() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::of_three(folder.path());
    let leader = cluster.leader();
    for value in 0..20 {
        cluster.nodes[leader].op(json!({"f": "put", "key": value.to_string(), "value": value}));
    }
    // A follower hands a write on; the leader tells of it.
    let follower = &cluster.nodes[(leader + 1) % 3];
    let answer = follower
        .op(json!({"f": "add", "key": "sum", "value": 5, "forward": true}))
        .1;
    assert_eq!(
        (&answer["ok"], &answer["value"]),
        (&json!(true), &json!(5)),
        "{answer}"
    );
    let home = |at: usize| folder.path().join(format!("n{}", at + 1));
    let wanted = [json!({"e": "reply", "op": "add", "i": answer["index"], "res": "ok"})];
    assert!(stands_in_order(&lines(&home(leader), 1), &wanted));
    eventually("everything applied", || {
        let applied = |node: &Node| node.status("")["applied"] == answer["index"];
        cluster.nodes.iter().all(applied)
    });

    let mut entries: BTreeMap<(u64, u64), (Value, Value)> = BTreeMap::new();
    let mut states: BTreeMap<u64, Value> = BTreeMap::new();
    for at in 0..3 {
        let lines = lines(&home(at), 1);
        assert_eq!(chain(&lines).len() as u64, answer["index"].as_u64().unwrap() + 1);
        for line in &lines {
            let i = line["i"].as_u64().unwrap_or_default();
            match line["e"].as_str().unwrap() {
                "append" => {
                    let hashes = (line["h"].clone(), line["ch"].clone());
                    let t = line["t"].as_u64().unwrap();
                    assert_eq!(*entries.entry((i, t)).or_insert(hashes.clone()), hashes, "{line}");
                }
                "apply" => {
                    let state = states.entry(i).or_insert(line["sm"].clone());
                    assert_eq!(*state, line["sm"], "{line}");
                }
                "assert" => panic!("{line}"),
                _ => {}
            }
        }
    }
}

#[test]
fn a_journal_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::write(&taken, "a file").unwrap();
    let (code, said) = spawn(folder.path(), &["--journal", taken.to_str().unwrap()]).end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot begin the journal"), "{said}");

    // That start was the first; of the second one somebody else has left a journal.
    let old = folder.path().join("journal-2.jsonl");
    fs::write(&old, "old").unwrap();
    let (code, said) = spawn(folder.path(), &["--journal", folder.path().to_str().unwrap()]).end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("journal-2.jsonl"), "{said}");
    assert_eq!(fs::read_to_string(&old).unwrap(), "old");
}
