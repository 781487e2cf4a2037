//! The bugs of the state machine and of forwarding, with the rule intact and broken.

#![allow(clippy::unwrap_used, reason = "a test says plainly what cannot fail")]

use cluster_node::forward::Forwards;
use cluster_node::machine::{Applied, Command, Json, Machine, Operation, Outcome, Session};
use cluster_node::raft::types::{Entry, LogIndex, Millis, NodeId, RequestId, Term};
use serde_json::{Value, json};

fn command(operation: Operation, session: Option<Session>) -> Command {
    Command {
        operation,
        key: "k".to_owned(),
        session,
        retry: false,
    }
}

fn append(session: Option<Session>) -> Command {
    command(
        Operation::Append {
            value: Json(json!(7)),
        },
        session,
    )
}

fn apply(machine: &mut Machine, command: &Command) -> Applied {
    let entry = Entry {
        term: Term(1),
        index: LogIndex(machine.applied().index.0 + 1),
        payload: command.encode().unwrap(),
    };
    machine.apply(&entry).unwrap()
}

#[test]
fn no_session_dedupe_applies_a_retry_twice() {
    for (deduplicates, wanted) in [(true, json!([7])), (false, json!([7, 7]))] {
        let mut machine = Machine::new(10, deduplicates);
        let write = append(Some(Session { client: 1, seq: 1 }));
        let first = apply(&mut machine, &write);
        let again = apply(&mut machine, &write);
        assert_eq!(machine.get("k"), wanted);
        assert_eq!(again.is_repeated, deduplicates);
        assert_eq!(again.at == first.at, deduplicates);
    }
}

#[test]
fn cas_at_propose_lets_two_win() {
    let cas = |to: u64| {
        let from = Json(Value::Null);
        let to = Json(json!(to));
        command(Operation::Cas { from, to }, None)
    };
    // Both are proposed before either is applied.
    let mut late = Machine::new(10, true);
    let outcomes = [1, 2].map(|to| apply(&mut late, &cas(to)).outcome);
    assert!(matches!(
        outcomes,
        [Outcome::Done { .. }, Outcome::Mismatch { .. }]
    ));
    let mut early = Machine::new(10, true);
    let decided = [1, 2].map(|to| early.decide_early(cas(to)).unwrap());
    let outcomes = decided.map(|put| apply(&mut early, &put).outcome);
    assert!(matches!(outcomes, [Outcome::Done { .. }, Outcome::Done { .. }]));
    let found = early.decide_early(cas(3)).unwrap_err();
    assert_eq!(found, Outcome::Mismatch { found: json!(2) });
}

/// A write is handed on twice, and both attempts reach the log. What stands under the key.
fn handed_on_twice(keeps_id: bool, session: Option<Session>) -> Value {
    let mut forwards = Forwards::new(&NodeId::from("n2"), 200, keeps_id);
    forwards.add(RequestId(5), append(session), Millis(0));
    let mut machine = Machine::new(10, true);
    for now in [0, 199, 200] {
        for forward in forwards.due(Millis(now)) {
            assert_eq!(forward.id, RequestId(5));
            apply(&mut machine, &Command::decode(&forward.payload).unwrap());
        }
    }
    assert_eq!(machine.applied().index, LogIndex(2));
    assert_eq!(forwards.next_deadline(), Some(Millis(400)));
    forwards.remove(RequestId(5));
    assert_eq!(forwards.next_deadline(), None);
    machine.get("k")
}

#[test]
fn forward_retry_dup_makes_two_writes_of_one() {
    for session in [None, Some(Session { client: 1, seq: 1 })] {
        assert_eq!(handed_on_twice(true, session), json!([7]));
        assert_eq!(handed_on_twice(false, session), json!([7, 7]));
    }
}

#[test]
fn equal_states_have_equal_digests() {
    let put = |value: Value| command(Operation::Put { value: Json(value) }, None);
    let element = |value: Value| command(Operation::Append { value: Json(value) }, None);
    let state = |commands: &[Command]| {
        let mut machine = Machine::new(10, true);
        machine.keep_digest();
        for command in commands {
            apply(&mut machine, command);
        }
        machine.digest()
    };
    assert_eq!(state(&[]), 0);
    assert_eq!(state(&[put(json!(1)), put(Value::Null)]), 0);
    assert_eq!(
        state(&[put(json!([1, 2]))]),
        state(&[element(json!(1)), element(json!(2))])
    );
    assert_ne!(
        state(&[element(json!(2)), element(json!(1))]),
        state(&[element(json!(1)), element(json!(2))])
    );
    let add = command(Operation::Add { value: 3 }, None);
    assert_eq!(state(&[add.clone(), add]), state(&[put(json!(6))]));
    // What was refused changes nothing.
    assert_eq!(
        state(&[put(json!("x")), element(json!(1))]),
        state(&[put(json!("x"))])
    );
}
