//! The check `durability` where transactions are judged: the last ones read every database, and an order of all transactions that
//! respects real time has them at its end. So what such an order explains is there, if they were answered. Lists show by
//! themselves whether everything acknowledged is in them.

use std::collections::{BTreeMap, BTreeSet};

use checker::{Check, CheckName, Verdict, Violation};
use histories::{Event, History, Kind, Process, Value};
use serde_json::json;

use super::appends::{Appends, Lost, appends};

/// Judge it, given what was found of the order of all transactions.
pub(super) fn durability(history: &History, model: &str, order: &Check) -> Check {
    let ok = |event: &&Event| event.kind == Kind::Ok && matches!(event.process, Process::Client(_));
    let answered = history.events.iter().filter(ok);
    let touched: BTreeSet<&Value> = answered.filter_map(|event| event.key.as_ref()).collect();
    let last = last(history);
    let read: BTreeSet<&Value> = last.values().filter_map(|event| event.key.as_ref()).collect();
    let unread: Vec<&Value> = touched.difference(&read).copied().collect();
    let is_strict = order.name == CheckName::StrictSerializability;
    let are_lists = model == LISTS;
    let Appends {
        lost: losses,
        unread: unshown,
    } = match are_lists {
        true => appends(history, &last),
        false => Appends::default(),
    };
    let (verdict, reason) = match (unread.first(), losses.first()) {
        (_, Some(first)) if is_strict => (Verdict::Violation, told(first, losses.len())),
        // Of an older moment, which the level allows.
        (_, Some(first)) => (Verdict::Inconclusive, told(first, losses.len())),
        (Some(first), None) => (
            Verdict::Inconclusive,
            format!(
                "no last transaction on {} of {} databases was answered, such as {first}",
                unread.len(),
                touched.len()
            ),
        ),
        (None, None) if unshown > 0 => (
            Verdict::Inconclusive,
            format!("no last transaction shows or denies {unshown} acknowledged appends"),
        ),
        (None, None) if are_lists => (
            Verdict::Pass,
            format!(
                "the last transactions show every acknowledged append, in {} databases",
                read.len()
            ),
        ),
        (None, None) if !(is_strict && order.verdict == Verdict::Pass) => (
            Verdict::Inconclusive,
            "no order of all transactions has the last ones at its end".to_owned(),
        ),
        (None, None) => (
            Verdict::Pass,
            format!(
                "the last transactions read {} databases, and have their place in the order of all",
                read.len()
            ),
        ),
    };
    Check {
        name: CheckName::Durability,
        verdict,
        reason,
        details: json!({ "databases": touched.len(), "unread": unread.len(), "lost": losses.len(), "unshown": unshown }),
        violations: match verdict {
            Verdict::Violation => losses.iter().take(TOLD).map(violation).collect(),
            Verdict::Pass | Verdict::Inconclusive => Vec::new(),
        },
    }
}

/// The last transactions that were answered: their completions by the indexes of their invocations, either of which says so.
fn last(history: &History) -> BTreeMap<u64, &Event> {
    let is_final = |event: &Event| event.other.get("final") == Some(&true.into());
    let (mut open, mut last) = (BTreeMap::new(), BTreeMap::new());
    for event in &history.events {
        let Process::Client(process) = event.process else {
            continue;
        };
        if event.kind == Kind::Invoke {
            open.insert(process, event);
        } else if let Some(invoked) = open.remove(&process)
            && event.kind == Kind::Ok
            && (is_final(invoked) || is_final(event))
        {
            last.insert(invoked.index, event);
        }
    }
    last
}

/// The model whose values show what became of each write.
const LISTS: &str = "list-append";
/// So many losses are told; the others are counted.
const TOLD: usize = 8;

fn told(first: &Lost<'_>, all: usize) -> String {
    format!(
        "{all} acknowledged appends are gone; the first is {}",
        first.brief()
    )
}

fn violation(lost: &Lost<'_>) -> Violation {
    Violation {
        key: lost.database.cloned(),
        operations: vec![lost.append, lost.read],
        ..Violation::in_words(CheckName::Durability, lost.told())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &str) -> History {
        let header = r#"{"history":1,"model":"list-append","keyed":true}"#;
        histories::format::history1::read(format!("{header}\n{lines}").as_bytes()).unwrap()
    }

    fn order(verdict: Verdict) -> Check {
        Check {
            name: CheckName::StrictSerializability,
            verdict,
            reason: String::new(),
            details: json!({}),
            violations: Vec::new(),
        }
    }

    #[test]
    fn what_no_last_transaction_read_is_not_proved() {
        let began = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"txn","key":"k0","value":[["append",0,1]]}
{"index":1,"time":2,"process":0,"type":"ok","f":"txn","key":"k0","value":[["append",0,1]]}
{"index":2,"time":3,"process":1,"type":"invoke","f":"txn","key":"k0","value":[["r",0,null]],"final":true}
"#;
        let end = |kind: &str| {
            format!(
                r#"{{"index":3,"time":4,"process":1,"type":"{kind}","f":"txn","key":"k0","value":[["r",0,[1]]],"final":true}}"#
            )
        };
        for (end, ordered, wanted) in [
            (end("ok"), Verdict::Pass, Verdict::Pass),
            (end("ok"), Verdict::Violation, Verdict::Inconclusive),
            (end("ok"), Verdict::Inconclusive, Verdict::Inconclusive),
            (end("info"), Verdict::Pass, Verdict::Inconclusive),
            (String::new(), Verdict::Pass, Verdict::Inconclusive),
        ] {
            let check = durability(&history(&format!("{began}{end}")), "rw-register", &order(ordered));
            assert_eq!(check.verdict, wanted, "{end}: {}", check.reason);
        }
    }

    #[test]
    fn a_list_shows_what_was_lost() {
        let lines = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"txn","key":"k0","value":[["append",0,1]]}
{"index":1,"time":2,"process":0,"type":"ok","f":"txn","key":"k0","value":[["append",0,1]]}
{"index":2,"time":3,"process":1,"type":"invoke","f":"txn","key":"k0","value":[["r",0,null]],"final":true}
{"index":3,"time":4,"process":1,"type":"ok","f":"txn","key":"k0","value":[["r",0,LIST]],"final":true}"#;
        let weaker = |verdict| Check {
            name: CheckName::Serializability,
            ..order(verdict)
        };
        for (list, order, wanted) in [
            ("[1]", order(Verdict::Pass), Verdict::Pass),
            ("[1]", weaker(Verdict::Pass), Verdict::Pass),
            ("null", order(Verdict::Violation), Verdict::Violation),
            ("null", order(Verdict::Inconclusive), Verdict::Violation),
            ("[2]", weaker(Verdict::Pass), Verdict::Inconclusive),
        ] {
            let check = durability(&history(&lines.replace("LIST", list)), "list-append", &order);
            assert_eq!(check.verdict, wanted, "{list}: {}", check.reason);
            let told = check
                .violations
                .iter()
                .map(|violation| violation.operations.clone());
            let wanted = (wanted == Verdict::Violation).then(|| vec![0, 2]);
            assert_eq!(told.collect::<Vec<_>>(), wanted.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_list_that_the_last_transactions_leave_out_is_not_proved() {
        let append = |index: u64, kind: &str, list: u64| {
            format!(
                r#"{{"index":{index},"time":1,"process":0,"type":"{kind}","f":"txn","key":"k0","value":[["append",{list},1]]}}"#
            )
        };
        let read = |index: u64, kind: &str, value: &str, mark: &str| {
            format!(
                r#"{{"index":{index},"time":1,"process":1,"type":"{kind}","f":"txn","key":"k0","value":{value}{mark}}}"#
            )
        };
        let (began, marked) = (r#"[["r",0,null],["r",1,null]]"#, r#","final":true"#);
        let both = r#"[["r",0,[1]],["r",1,[1]]]"#;
        for (value, marks, wanted, unshown) in [
            (both, [marked, marked], Verdict::Pass, 0),
            // Either event says that it is a last one.
            (both, [marked, ""], Verdict::Pass, 0),
            (both, ["", marked], Verdict::Pass, 0),
            (
                r#"[["r",0,[1]],["r",1,null]]"#,
                ["", marked],
                Verdict::Violation,
                0,
            ),
            (
                r#"[["r",0,[1]],["r",1,null]]"#,
                [marked, ""],
                Verdict::Violation,
                0,
            ),
            (r#"[["r",0,[1]]]"#, [marked, marked], Verdict::Inconclusive, 1),
            ("[]", [marked, marked], Verdict::Inconclusive, 2),
        ] {
            let lines = [
                append(0, "invoke", 0),
                append(1, "ok", 0),
                append(2, "invoke", 1),
                append(3, "ok", 1),
                read(4, "invoke", began, marks[0]),
                read(5, "ok", value, marks[1]),
            ];
            let check = durability(&history(&lines.join("\n")), "list-append", &order(Verdict::Pass));
            assert_eq!(check.verdict, wanted, "{value} {marks:?}: {}", check.reason);
            assert_eq!(check.details["unshown"], unshown, "{value} {marks:?}");
        }
        // What was acknowledged after the last transaction had begun it may show, or not.
        for (value, wanted) in [(both, Verdict::Pass), (began, Verdict::Inconclusive)] {
            let lines = [
                append(0, "invoke", 0),
                read(1, "invoke", began, marked),
                append(2, "ok", 0),
                read(3, "ok", value, marked),
            ];
            let check = durability(&history(&lines.join("\n")), "list-append", &order(Verdict::Pass));
            assert_eq!(check.verdict, wanted, "{value}: {}", check.reason);
        }
    }
}
