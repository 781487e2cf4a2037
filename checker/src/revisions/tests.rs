use super::*;
use crate::testing::{header, history};

fn judged(text: &str, promised: bool) -> Option<Check> {
    revisions(&header(true), &history(text), promised).unwrap()
}

#[test]
fn revisions_follow_the_order_of_updates_on_all_keys() {
    use Verdict::{Inconclusive, Pass, Violation};
    for (text, wanted) in [
        (
            "0 w 1 @a, 0 w: 1 @a #2, 0 w 1 @b, 0 w: 1 @b #3, 0 r @a, 0 r: 1 @a #2",
            Pass,
        ),
        // Side by side any order will do, and a read of a key may show an older update than another key has.
        (
            "0 w 1 @a, 1 w 1 @b, 0 w: 1 @a #3, 1 w: 1 @b #2, 1 r @b, 1 r: 1 @b #2",
            Pass,
        ),
        // What nobody knows the end of has no number, and takes one.
        (
            "0 w 1 @a, 0 w? 1 @a, 1 w 2 @a, 1 w: 2 @a #3, 1 r @a, 1 r: 2 @a #3",
            Pass,
        ),
        ("0 w 1 @a, 0 w: 1 @a #3, 0 w 1 @b, 0 w: 1 @b #2", Violation),
        ("0 w 1 @a, 0 w: 1 @a #2, 0 w 1 @b, 0 w: 1 @b #2", Violation),
        ("0 w 1 @a, 1 w 1 @b, 0 w: 1 @a #2, 1 w: 1 @b #2", Violation),
        // A read from before, which a register that is written the same value again does not show.
        (
            "0 w 1 @a, 0 w: 1 @a #2, 0 w 1 @a, 0 w: 1 @a #3, 1 r @a, 1 r: 1 @a #2",
            Violation,
        ),
        // What a read has shown is older than any update that begins later.
        (
            "0 w 1 @a, 0 w: 1 @a #9, 1 r @a, 1 r: 1 @a #9, 0 w 2 @b, 0 w: 2 @b #8",
            Violation,
        ),
        ("0 w 1 @a, 0 w: 1 @a #2, 1 r @a, 1 r: 5 @a #2", Violation),
        ("1 r @a, 1 r: 5 @a #2, 1 r @b, 1 r: 5 @b #2", Violation),
        ("0 c 1>2 @a, 0 c: 1>2 @a #2, 1 r @a, 1 r: 2 @a #2", Pass),
        ("0 c 1>2 @a, 0 c: 1>2 @a #2, 1 r @a, 1 r: 1 @a #2", Violation),
        ("0 w 1 @a, 0 w: 1 @a #2, 0 w 2 @a, 0 w: 2 @a", Inconclusive),
        ("0 w 1 @a, 0 w: 1 @a", Inconclusive),
        // Who takes from a queue and finds nothing has read it.
        (
            "0 enqueue 1 @a, 0 enqueue: 1 @a #2, 0 dequeue @a, 0 dequeue: 1 @a #3, 0 dequeue @a, 0 dequeue: null @a #3",
            Pass,
        ),
        (
            "0 enqueue 1 @a, 0 enqueue: 1 @a #2, 1 dequeue @b, 1 dequeue: null @b",
            Pass,
        ),
        (
            "0 enqueue 1 @a, 0 enqueue: 1 @a #2, 0 dequeue @a, 0 dequeue: 1 @a #2",
            Violation,
        ),
    ] {
        let check = judged(text, true).unwrap();
        assert_eq!(check.verdict, wanted, "{text}: {}", check.reason);
    }
    assert_eq!(judged("0 w 1 @a, 0 w: 1 @a", false), None);
}

/// Transactions of this name, each over before the next begins: `value`, its revision, and those of its reads.
fn judged_txns(f: &str, txns: &[(&str, Option<i64>, &str)]) -> Check {
    judged_events(txns_of(f, txns))
}

fn judged_events(mut events: Vec<Event>) -> Check {
    let number = |(event, index): (&mut Event, u64)| event.index = index;
    events.iter_mut().zip(0..).for_each(number);
    revisions(&header(true), &events, true).unwrap().unwrap()
}

/// The events of these, each of a process of its own.
fn txns_of(f: &str, txns: &[(&str, Option<i64>, &str)]) -> Vec<Event> {
    let mut events = Vec::new();
    for (process, (value, revision, reads)) in txns.iter().enumerate() {
        let mut pair = history(&format!("{process} {f}, {process} {f}:"));
        for event in &mut pair {
            event.value = serde_json::from_str(value).unwrap();
            event.key = Some("k0".into());
            if event.kind == Kind::Ok {
                let reads: serde_json::Value = serde_json::from_str(reads).unwrap();
                event.other.insert(READ_REVISIONS.into(), reads);
                let revision = revision.map(|revision| (REVISION.into(), revision.into()));
                event.other.extend(revision);
            }
            events.push(event.clone());
        }
    }
    events
}

#[test]
fn a_transaction_updates_several_keys_and_reads_others() {
    use Verdict::{Inconclusive, Pass, Violation};
    let both = (r#"[["append",1,7],["append",2,8]]"#, Some(5), "[]");
    let read = |text, reads| (text, None, reads);
    for (txns, wanted) in [
        (
            vec![both, read(r#"[["r",1,[7]],["r",2,[8]]]"#, "[[1,5],[2,5]]")],
            Pass,
        ),
        // An update that nobody wrote under that key.
        (vec![both, read(r#"[["r",3,[7]]]"#, "[[3,5]]")], Violation),
        // What was there before: somebody had seen a newer one.
        (vec![both, read(r#"[["r",1,[6]]]"#, "[[1,4]]")], Violation),
        (
            vec![
                both,
                read(r#"[["r",1,[7]]]"#, "[[1,5]]"),
                read(r#"[["r",1,[9]]]"#, "[[1,5]]"),
            ],
            Violation,
        ),
        (vec![both, (r#"[["append",3,7]]"#, Some(5), "[]")], Violation),
        (vec![both, (r#"[["append",3,7]]"#, Some(4), "[]")], Violation),
        (
            vec![both, (r#"[["r",1,[7]],["append",1,9]]"#, Some(6), "[[1,5]]")],
            Pass,
        ),
        (vec![both, (r#"[["append",3,7]]"#, None, "[]")], Inconclusive),
        (vec![read(r#"[["r",1,null]]"#, "[]")], Inconclusive),
    ] {
        let check = judged_txns("txn", &txns);
        assert_eq!(check.verdict, wanted, "{txns:?}: {}", check.reason);
    }
    let written = (r#"[["w",1,7]]"#, Some(5), "[]");
    assert_eq!(judged_txns("write", &[written]).verdict, Pass);
    let read = read(r#"[["r",2,7]]"#, "[[2,5]]");
    assert_eq!(judged_txns("write", &[written, read]).verdict, Violation);
}

#[test]
fn side_by_side_a_read_shows_what_a_transaction_wrote_and_nothing_else() {
    let both = (r#"[["append",1,7],["append",2,8]]"#, Some(5), "[]");
    for (read, reads, wanted) in [
        (r#"[["r",2,[8]]]"#, "[[2,5]]", 0),
        (r#"[["r",3,[7]]]"#, "[[3,5]]", 1),
    ] {
        for txns in [[both, (read, None, reads)], [(read, None, reads), both]] {
            let mut events = txns_of("txn", &txns);
            events.sort_by_key(|event| event.kind != Kind::Invoke);
            let check = judged_events(events);
            assert_eq!(check.details["violations"], wanted, "{txns:?}: {}", check.reason);
        }
    }
}

#[test]
fn a_number_that_means_nothing_is_an_error() {
    for (field, told) in [
        (REVISION, json!("7")),
        (REVISION, json!(7.5)),
        (READ_REVISIONS, json!([[1]])),
        (READ_REVISIONS, json!([[1, "5"]])),
    ] {
        let mut events = txns_of("txn", &[(r#"[["append",1,7]]"#, Some(5), "[]")]);
        events[1].index = 1;
        events[1].other.insert(field.into(), told.clone());
        let error = revisions(&header(true), &events, true).unwrap_err();
        assert_eq!(error.index(), Some(1), "{field} {told}: {error}");
    }
}
