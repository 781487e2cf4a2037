//! The check `durability` where transactions are judged: the last ones read every database, and an order of all transactions that
//! respects real time has them at its end. So what such an order explains is there, if they were answered.

use std::collections::BTreeSet;

use checker::{Check, CheckName, Verdict};
use histories::{Event, History, Kind, Process, Value};
use serde_json::json;

/// Judge it, given what was found of the order of all transactions.
pub(super) fn durability(history: &History, order: &Check) -> Check {
    let ok = |event: &&Event| event.kind == Kind::Ok && matches!(event.process, Process::Client(_));
    let (mut touched, mut read) = (BTreeSet::<&Value>::new(), BTreeSet::new());
    for event in history.events.iter().filter(ok) {
        let Some(database) = &event.key else { continue };
        touched.insert(database);
        if event.other.get("final") == Some(&true.into()) {
            read.insert(database);
        }
    }
    let unread: Vec<&Value> = touched.difference(&read).copied().collect();
    let ordered = order.name == CheckName::StrictSerializability && order.verdict == Verdict::Pass;
    let (verdict, reason) = match (unread.first(), ordered) {
        (Some(first), _) => (
            Verdict::Inconclusive,
            format!(
                "no last transaction on {} of {} databases was answered, such as {first}",
                unread.len(),
                touched.len()
            ),
        ),
        (None, false) => (
            Verdict::Inconclusive,
            "no order of all transactions has the last ones at its end".to_owned(),
        ),
        (None, true) => (
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
        details: json!({ "databases": touched.len(), "unread": unread.len() }),
        violations: Vec::new(),
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
            let check = durability(&history(&format!("{began}{end}")), &order(ordered));
            assert_eq!(check.verdict, wanted, "{end}: {}", check.reason);
        }
    }
}
