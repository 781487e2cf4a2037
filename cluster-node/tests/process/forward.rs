//! Writes that a follower hands to its leader, which is the test.

use cluster_node::forward::{Forward, Forwarded};
use cluster_node::frame::Frame;
use cluster_node::machine::{Command, Session};
use cluster_node::raft::types::{LogIndex, Message, Position, Term};
use serde_json::json;

use super::peer::Peer;

const PATIENT: [&str; 6] = [
    "--forward-timeout-ms",
    "20",
    "--election-min-ms",
    "60000",
    "--election-max-ms",
    "90000",
];

/// A client of the follower adds; its leader answers the second attempt only. The sessions of both, and whether the
/// attempts say that they are a retry.
fn handed_on_twice(args: &[&str], body: &serde_json::Value) -> [(Option<Session>, bool); 2] {
    let folder = tempfile::tempdir().unwrap();
    let (node, mut leader) = Peer::of_node(folder.path(), &[&PATIENT[..], args].concat());
    leader.append(Term(5), Vec::new());
    leader.hear_message(|message| matches!(message, Message::AppendEntriesReply { .. }));
    let mut attempts = Vec::new();
    std::thread::scope(|scope| {
        let client = scope.spawn(|| node.op(body.clone()));
        for attempt in 1..=2 {
            let Forward { id, payload } = leader.hear(|frame| match frame {
                Frame::Forward(forward) => Some(forward),
                _ => None,
            });
            let command = Command::decode(&payload).unwrap();
            attempts.push((command.session, command.retry));
            if attempt == 2 {
                let (index, term) = (LogIndex(9), Term(5));
                let at = Position { index, term };
                let outcome = r#"{"Done":{"value":3}}"#.to_owned();
                leader.say_frame(&Frame::Forwarded(Forwarded { id, at, outcome }));
            }
        }
        let (status, answer) = client.join().unwrap();
        assert_eq!((status, &answer["value"]), (200, &json!(3)), "{answer}");
        assert_eq!((&answer["index"], &answer["term"]), (&json!(9), &json!(5)));
    });
    attempts.try_into().unwrap()
}

#[test]
fn a_write_that_is_handed_on_again_is_the_same_one() {
    let add = json!({"f": "add", "key": "k", "value": 3, "forward": true});
    let [first, second] = handed_on_twice(&[], &add);
    assert_eq!((first.1, second.1), (false, true));
    assert!(first.0.is_some_and(|own| own.client >> 63 == 1) && first.0 == second.0);

    let add = json!({"f": "add", "key": "k", "value": 3, "forward": true, "client": 7, "seq": 1});
    let session = Some(Session { client: 7, seq: 1 });
    assert_eq!(handed_on_twice(&[], &add), [(session, false), (session, true)]);
    let broken = handed_on_twice(&["--bug", "forward-retry-dup"], &add);
    assert_eq!(broken, [(None, false), (None, true)]);
}

#[test]
fn a_write_is_not_handed_on_unless_that_is_asked_for_and_a_leader_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let (node, mut leader) = Peer::of_node(folder.path(), &PATIENT);
    let put = |forward: bool| node.op(json!({"f": "put", "key": "k", "value": 3, "forward": forward}));
    assert_eq!(put(true).1["error"]["code"], json!("not-leader"));
    leader.append(Term(5), Vec::new());
    leader.hear_message(|message| matches!(message, Message::AppendEntriesReply { .. }));
    let refused = put(false).1;
    assert_eq!(refused["error"]["leader"], json!("n2"), "{refused}");
}
