//! What every node has to show in the end was looked at on every node, or nobody knows what the others show.

use checker::{Check, Verdict};
use histories::{Event, Kind};
use nemesis::NodeId;

use crate::record::Record;
use crate::workloads;

/// A pass of the check `durability` stands only if a last look was answered by each node.
pub(super) fn looked_at(durability: &mut Check, record: &Record, events: &[Event]) {
    let row = workloads::find(&record.settings.workload);
    if durability.verdict != Verdict::Pass || !row.is_some_and(|row| row.everywhere) {
        return;
    }
    let missing = unseen(record.settings.nodes, events);
    if !missing.is_empty() {
        durability.verdict = Verdict::Inconclusive;
        durability.reason = format!(
            "no last look at {} was answered, and each node has to show everything; of the others: {}",
            missing.join(", "),
            durability.reason
        );
    }
}

/// The nodes that answered no last look.
fn unseen(nodes: usize, events: &[Event]) -> Vec<String> {
    let is_last = |event: &&Event| event.kind == Kind::Ok && event.other.get("final") == Some(&true.into());
    let looks: Vec<&Event> = events.iter().filter(is_last).collect();
    let answered = |node: &NodeId| looks.iter().any(|look| look.node.as_ref() == Some(&node.name()));
    NodeId::all(nodes)
        .filter(|node| !answered(node))
        .map(|node| node.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answered_last_look_counts() {
        let event = |node: u64, kind: &str, more: &str| -> Event {
            let text = format!(
                r#"{{"index":0,"time":1,"process":1,"type":"{kind}","f":"read","key":"k","value":[],"node":"n{node}"{more}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let last = r#","final":true"#;
        let events = [event(1, "ok", last), event(2, "fail", last), event(3, "ok", "")];
        assert_eq!(unseen(3, &events), ["n2", "n3"]);
    }
}
