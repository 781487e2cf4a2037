//! The check `raft-safety`, from what the nodes wrote of themselves (docs/journal.md).
//!
//! Journals are claims; statuses are samples of the same. Where there are journals both are looked at, and the check
//! says which one spoke.

use std::fs::File;
use std::path::Path;

use checker::{Check, CheckName, RaftSafety, Verdict};
use histories::journal::Reader;
use histories::{Event, Incarnation, NodeName, RunFolder};
use serde_json::json;

use super::error::JudgeError;
use crate::stop::Stop;

/// Between two looks at the stop flag, in lines.
const STRIDE: u64 = 1 << 16;

/// Judge the journals of a run; none if no node has one.
pub fn raft_safety(
    folder: &RunFolder,
    nodes: usize,
    history: &[Event],
    stop: &Stop,
) -> Result<Option<Check>, JudgeError> {
    let nodes: Vec<NodeName> = (1..=nodes).map(NodeName::numbered).collect();
    let mut safety = RaftSafety::new(&nodes)?;
    let mut files = 0;
    for node in &nodes {
        let journals = folder.journals(node)?;
        for (incarnation, path) in journals {
            files += 1;
            if !read(&mut safety, node, incarnation, &path, stop)? {
                return Ok(Some(interrupted()));
            }
        }
    }
    Ok((files > 0).then(|| safety.finish(history)))
}

/// Take a file in; false if the user has lost patience.
fn read(
    safety: &mut RaftSafety,
    node: &NodeName,
    incarnation: Incarnation,
    path: &Path,
    stop: &Stop,
) -> Result<bool, JudgeError> {
    let file = File::open(path).map_err(|source| JudgeError::Open {
        path: path.to_owned(),
        source,
    })?;
    let mut lines = Reader::new(file, node.clone(), incarnation);
    let mut journal = safety.journal(node, incarnation)?;
    let malformed = |source| JudgeError::Journal {
        path: path.to_owned(),
        source,
    };
    while let Some(line) = lines.next_line().map_err(malformed)? {
        journal.take(&line);
        if line.number.is_multiple_of(STRIDE) && stop.is_set() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Half of the journals prove nothing.
fn interrupted() -> Check {
    Check {
        name: CheckName::RaftSafety,
        verdict: Verdict::Inconclusive,
        reason: "interrupted before the journals were read to their end".to_owned(),
        details: json!({ "source": "journals" }),
        violations: Vec::new(),
    }
}

/// What journals and statuses say together: the journals' word, unless only the statuses show a violation. Where journals
/// were `promised` and there is none, statuses alone prove nothing: who took the one away may have taken what it showed.
pub fn merged(journals: Option<Check>, statuses: Check, promised: bool) -> Check {
    let Some(mut check) = journals else {
        return match statuses.verdict {
            Verdict::Pass if promised => Check {
                verdict: Verdict::Inconclusive,
                reason: format!(
                    "no node left a journal, though each writes one; {}",
                    statuses.reason
                ),
                ..statuses
            },
            _ => statuses,
        };
    };
    let of = |check: &Check| json!({ "verdict": check.verdict, "reason": check.reason });
    let spoke = match (check.verdict, statuses.verdict) {
        (Verdict::Violation, Verdict::Violation) => json!(["journals", "statuses"]),
        (_, Verdict::Violation) => json!(["statuses"]),
        _ => json!(["journals"]),
    };
    check.details["spoke"] = spoke;
    check.details["statuses"] = of(&statuses);
    if statuses.verdict == Verdict::Violation {
        if check.verdict != Verdict::Violation {
            check.reason = format!("{} (seen in statuses, not in journals)", statuses.reason);
        }
        check.verdict = Verdict::Violation;
        check.violations.extend(statuses.violations);
    }
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: &str = r#"{"v":1,"n":"n1","inc":1,"s":0,"mono":5,"term":0,"e":"boot","last":{"i":0,"t":0},"ch":"0000000000000000","commit":0,"applied":0,"snap":null,"vote":null,"voters":["n1"],"profile":"prod","bugs":[]}"#;

    fn judge(journal: Option<&str>) -> Result<Option<Check>, JudgeError> {
        let path = tempfile::tempdir().unwrap();
        let (folder, node) = (RunFolder::at(path.path()), NodeName::numbered(1));
        folder.create_node(&node).unwrap();
        if let Some(text) = journal {
            std::fs::write(folder.node(&node).join("journal-1.jsonl"), text).unwrap();
        }
        raft_safety(&folder, 1, &[], &Stop::unset())
    }

    fn check(verdict: Verdict) -> Check {
        Check {
            verdict,
            reason: "because".to_owned(),
            ..interrupted()
        }
    }

    #[test]
    fn a_malformed_journal_is_named_with_its_line() {
        let text = format!(
            "{BOOT}\n{}\n",
            r#"{"v":1,"n":"n1","inc":1,"s":7,"mono":5,"term":0,"e":"stop","why":""}"#
        );
        let error = judge(Some(&text)).unwrap_err().to_string();
        assert!(
            error.contains("nodes/n1/journal-1.jsonl:2: `s` is 7 where 1 was expected"),
            "{error}"
        );
    }

    #[test]
    fn a_journal_cut_off_is_judged_and_none_is_no_verdict() {
        let cut = judge(Some(&format!("{BOOT}\n{{\"v\":1,"))).unwrap().unwrap();
        assert_eq!(
            (cut.verdict, cut.details["lines"].as_u64()),
            (Verdict::Inconclusive, Some(1))
        );
        assert_eq!(judge(None).unwrap(), None);
    }

    #[test]
    fn a_violation_of_either_source_counts_and_the_check_says_whose_it_is() {
        use Verdict::{Pass, Violation};
        for (journals, statuses, verdict, spoke) in [
            (Pass, Pass, Pass, json!(["journals"])),
            (Violation, Pass, Violation, json!(["journals"])),
            (Pass, Violation, Violation, json!(["statuses"])),
            (Violation, Violation, Violation, json!(["journals", "statuses"])),
        ] {
            let merged = merged(Some(check(journals)), check(statuses), true);
            assert_eq!((merged.verdict, &merged.details["spoke"]), (verdict, &spoke));
        }
        assert_eq!(merged(None, check(Pass), false), check(Pass));
        assert_eq!(merged(None, check(Pass), true).verdict, Verdict::Inconclusive);
        assert_eq!(merged(None, check(Violation), true).verdict, Verdict::Violation);
    }
}
