//! The check `raft-safety`, as far as statuses can tell: what is committed at an index stays.
//!
//! State Machine Safety (Raft section 5.4.3): if a server has applied an entry at an index, no other server will
//! ever apply another one there. A status shows the commit index and the end of the log; two statuses that hold
//! different entries at an index which both call committed prove a violation. Statuses are samples: what was
//! between two of them was not seen, so this check can miss, and never cries wolf.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use checker::{Check, CheckName, Verdict, Violation};
use histories::{LogIndex, Nanos, Term};
use nemesis::NodeId;
use nemesis::schedules::guided::record::{Outcome, Record as Cycle};
use nemesis::view::TailEntry;
use serde::Deserialize;
use serde_json::json;

use crate::record::StatusLine;

/// The first time that an entry was seen committed.
struct First<'a> {
    line: &'a StatusLine,
    entry: &'a TailEntry,
}

/// Judge the statuses of a run.
pub fn raft_safety(lines: &[StatusLine], cycles: &[Cycle]) -> Check {
    let mut committed: BTreeMap<LogIndex, First<'_>> = BTreeMap::new();
    let mut broken = BTreeMap::new();
    for line in lines {
        for entry in line.tail.iter().filter(|entry| Some(entry.index) <= line.commit) {
            match committed.entry(entry.index) {
                Entry::Vacant(vacant) => {
                    vacant.insert(First { line, entry });
                }
                Entry::Occupied(first) if first.get().entry != entry => {
                    let why = || replaced(first.get(), line, entry);
                    broken.entry(entry.index).or_insert_with(why);
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    // A schedule looks more often than statuses are kept: what it saw committed and then gone counts as well.
    for cycle in cycles.iter().filter(|cycle| cycle.outcome == Outcome::Sprung) {
        let why = || format!("{} cycle {}: {}", cycle.schedule, cycle.cycle, cycle.reason);
        let index = cycle.entry.as_ref().map(|entry| entry.index);
        broken.entry(index.unwrap_or_default()).or_insert_with(why);
    }
    let (verdict, reason) = match broken.values().next() {
        Some(why) => (
            Verdict::Violation,
            format!("{why}; {} index(es) in all", broken.len()),
        ),
        None if committed.is_empty() => (
            Verdict::Inconclusive,
            "no status showed a committed entry".to_owned(),
        ),
        None => (
            Verdict::Pass,
            format!(
                "no entry that a status showed as committed was replaced ({} indexes seen)",
                committed.len()
            ),
        ),
    };
    let violations = broken
        .into_values()
        .map(|why| Violation::in_words(CheckName::RaftSafety, why));
    Check {
        name: CheckName::RaftSafety,
        verdict,
        reason,
        details: json!({ "source": "statuses", "lines": lines.len(), "indexes": committed.len() }),
        violations: violations.collect(),
    }
}

fn replaced(first: &First<'_>, line: &StatusLine, entry: &TailEntry) -> String {
    format!(
        "index {}: {} had committed an entry of term {} ({}), {} has committed one of term {} ({})",
        entry.index,
        first.line.node,
        first.entry.term,
        at(first.line.time),
        line.node,
        entry.term,
        at(line.time)
    )
}

fn at(time: Nanos) -> String {
    format!("at {:.3} s", time.as_secs_f64())
}

/// Add to a lost write who held it and when it was last seen, as far as the statuses tell.
pub fn name_the_holders(durability: &mut Check, lines: &[StatusLine]) {
    if durability.verdict != Verdict::Violation {
        return;
    }
    #[derive(Deserialize)]
    struct Details {
        lost: Vec<Lost>,
    }
    #[derive(Deserialize)]
    struct Lost {
        index: Option<LogIndex>,
        term: Option<Term>,
    }
    let Ok(Details { lost }) = Details::deserialize(&durability.details) else {
        return;
    };
    let Some((index, term)) = lost.first().and_then(|lost| lost.index.zip(lost.term)) else {
        return;
    };
    let holders = holders(lines, index, term);
    if !holders.is_empty() {
        let names: Vec<String> = holders.iter().map(NodeId::to_string).collect();
        durability
            .reason
            .push_str(&format!("; it was held by {}", names.join(", ")));
        durability.details["held_by"] = json!(names);
    }
}

/// Who was ever seen with this entry.
fn holders(lines: &[StatusLine], index: LogIndex, term: Term) -> Vec<NodeId> {
    let holds = |line: &&StatusLine| {
        line.tail
            .iter()
            .any(|entry| entry.index == index && entry.term == term)
    };
    let mut nodes: Vec<NodeId> = lines.iter().filter(holds).map(|line| line.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(node: usize, time: u64, commit: u64, tail: &[(u64, u64)]) -> StatusLine {
        let tail = tail
            .iter()
            .map(|(index, term)| json!({"index": index, "term": term, "hash": format!("{term}")}));
        serde_json::from_value(json!({
            "time": time, "node": NodeId(node), "incarnation": 1, "role": "follower", "term": 9, "leader": null,
            "commit": commit, "last": 9, "tail": tail.collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    #[test]
    fn a_committed_entry_that_is_replaced_is_a_violation() {
        let lines = [line(0, 5, 2, &[(1, 1), (2, 2)]), line(4, 9, 3, &[(2, 3), (3, 5)])];
        let check = raft_safety(&lines, &[]);
        assert_eq!(check.verdict, Verdict::Violation);
        assert!(
            check
                .reason
                .starts_with("index 2: n1 had committed an entry of term 2"),
            "{}",
            check.reason
        );
        assert_eq!(holders(&lines, LogIndex(2), Term(2)), [NodeId(0)]);
    }

    #[test]
    fn what_nobody_called_committed_may_be_replaced() {
        let lines = [line(0, 5, 1, &[(1, 1), (2, 2)]), line(4, 9, 3, &[(2, 3), (3, 5)])];
        assert_eq!(raft_safety(&lines, &[]).verdict, Verdict::Pass);
        assert_eq!(raft_safety(&[], &[]).verdict, Verdict::Inconclusive);
    }
}
