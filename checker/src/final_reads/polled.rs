//! Logs: every acknowledged message was polled by somebody before the last polls were over. One that never was is neither lost
//! nor kept, as long as no poll went past it; that it was passed over the model itself says.

use std::collections::HashSet;

use histories::{Kind, Value};

use super::{Kept, Unproved};
use crate::error::HistoryError;
use crate::operations::{Group, Operation};

/// Every message that was acknowledged.
pub(crate) fn polled<'a>(group: &'a Group<'a>, _: &[&'a Operation<'a>]) -> Result<Kept<'a>, HistoryError> {
    let ok = || {
        let all = group.operations.iter();
        all.filter(|operation| operation.outcome == Kind::Ok)
    };
    let polled: HashSet<_> = ok().flat_map(|operation| messages(operation, "poll")).collect();
    let sent: Vec<_> = ok().flat_map(|operation| messages(operation, "send")).collect();
    let never = sent.iter().filter(|message| !polled.contains(*message)).count();
    Ok(Kept {
        acknowledged: sent.len(),
        lost: None,
        unproved: Unproved::of(never, "no poll ever showed them"),
    })
}

/// The messages of these micro-operations: their key and value.
fn messages<'a>(operation: &Operation<'a>, word: &str) -> Vec<(&'a Value, &'a Value)> {
    let mut found = Vec::new();
    for micro in list(operation.result()) {
        match list(micro) {
            [Value::Text(f), key, sent] if word == "send" && &**f == word => match list(sent) {
                [_, value] => found.push((key, value)),
                _ => found.push((key, sent)),
            },
            [Value::Text(f), keys, ..] if word == "poll" && &**f == word => {
                for key in list(keys) {
                    if let [key, messages] = list(key) {
                        let values = list(messages).iter().filter_map(|message| list(message).get(1));
                        found.extend(values.map(|value| (key, value)));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn list(value: &Value) -> &[Value] {
    value.as_list().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use histories::Event;

    use crate::models::find;
    use crate::testing::{header, history};
    use crate::{Verdict, durability};

    #[test]
    fn every_acknowledged_message_was_polled() {
        let sent = r#"[["send",7,[3,"a"]]]"#;
        for (end, polled, wanted) in [
            (":", r#"[["poll",[[7,[[3,"a"]]]]]]"#, Verdict::Pass),
            (":", r#"[["poll",[[7,[]]]]]"#, Verdict::Inconclusive),
            (":", r#"[["poll",[[8,[[3,"a"]]]]]]"#, Verdict::Inconclusive),
            ("?", r#"[["poll",[[7,[[3,"a"]]]]]]"#, Verdict::Inconclusive),
        ] {
            let mut events: Vec<Event> = history(&format!("0 send, 0 send{end}, 1 poll *, 1 poll: *"));
            events[1].value = serde_json::from_str(sent).unwrap();
            events[3].value = serde_json::from_str(polled).unwrap();
            let check = durability(&header(false), &events, find("kafka").unwrap()).unwrap();
            assert_eq!(check.verdict, wanted, "{end} {polled}: {}", check.reason);
        }
    }
}
