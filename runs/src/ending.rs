//! How a run ended that was to show a bug, or to show none.

use checker::{CheckName, Verdict};
use serde::Serialize;

use crate::record::Results;

/// The checks that say what is wrong with a store: a bug is caught by one of these. The others say whether the run
/// means anything, or that the store is slow.
const SAFETY: [CheckName; 6] = [
    CheckName::Linearizability,
    CheckName::Bounds,
    CheckName::Durability,
    CheckName::Revisions,
    CheckName::Watch,
    CheckName::RaftSafety,
];

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With a bug: a check found a violation, and the faults had really happened.
    Caught,
    /// Without a bug: every check passed.
    Clean,
    /// The faults did not happen as they should have, so the run says nothing.
    Unarmed,
    /// A check could not decide.
    Undecided,
    /// With a bug, armed, and no violation.
    Missed,
    /// A violation without a bug.
    FalseAlarm,
    /// The run could not be made.
    Broken,
    /// Somebody interrupted, before the run or during it.
    NotRun,
}

impl Ending {
    /// From the verdict on a run whose system has a bug on purpose, or has none.
    pub fn of(has_bug: bool, results: &Results) -> Self {
        let by = results.violated();
        let is_unsafe = by.iter().any(|check| SAFETY.contains(check));
        match (has_bug, results.passed(CheckName::Armed)) {
            (false, _) if !by.is_empty() => Ending::FalseAlarm,
            (_, false) => Ending::Unarmed,
            (false, true) if results.verdict == Verdict::Pass => Ending::Clean,
            (false, true) => Ending::Undecided,
            (true, true) if is_unsafe => Ending::Caught,
            (true, true) => Ending::Missed,
        }
    }

    /// Whether it is as it should be, so that nobody needs to look at the run.
    pub fn is_good(self) -> bool {
        matches!(self, Ending::Caught | Ending::Clean)
    }

    /// The reason of the worst check; nothing where all is as it should be.
    pub fn reason(self, results: &Results) -> Option<String> {
        let worst = results
            .checks
            .iter()
            .filter(|check| self != Ending::Unarmed || check.name == CheckName::Armed)
            .max_by_key(|check| check.verdict)?;
        let told = match worst.verdict {
            Verdict::Pass => "every check passed".to_owned(),
            _ => format!("{}: {}", worst.name, worst.reason),
        };
        (!self.is_good()).then_some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checker::Check;

    fn results(checks: &[(CheckName, Verdict)]) -> Results {
        let check = |(name, verdict): &(CheckName, Verdict)| Check {
            name: *name,
            verdict: *verdict,
            reason: "so it is".to_owned(),
            details: serde_json::json!({}),
            violations: Vec::new(),
        };
        Results::of(checks.iter().map(check).collect())
    }

    fn ended(has_bug: bool, checks: &[(CheckName, Verdict)]) -> Ending {
        Ending::of(has_bug, &results(checks))
    }

    #[test]
    fn only_an_armed_violation_of_safety_is_a_catch() {
        use Verdict::{Inconclusive, Pass, Violation};
        for (checks, wanted) in [
            (
                [(CheckName::Durability, Violation), (CheckName::Armed, Pass)],
                Ending::Caught,
            ),
            (
                [(CheckName::RaftSafety, Violation), (CheckName::Armed, Pass)],
                Ending::Caught,
            ),
            (
                [
                    (CheckName::Durability, Violation),
                    (CheckName::Armed, Inconclusive),
                ],
                Ending::Unarmed,
            ),
            (
                [(CheckName::Recovery, Violation), (CheckName::Armed, Pass)],
                Ending::Missed,
            ),
            (
                [(CheckName::Durability, Pass), (CheckName::Armed, Pass)],
                Ending::Missed,
            ),
        ] {
            assert_eq!(ended(true, &checks), wanted, "{checks:?}");
        }
    }

    #[test]
    fn any_violation_of_the_correct_node_is_an_alarm_and_only_a_pass_is_clean() {
        use Verdict::{Inconclusive, Pass, Violation};
        for (checks, wanted) in [
            (
                [(CheckName::Recovery, Violation), (CheckName::Armed, Pass)],
                Ending::FalseAlarm,
            ),
            (
                [
                    (CheckName::Durability, Violation),
                    (CheckName::Armed, Inconclusive),
                ],
                Ending::FalseAlarm,
            ),
            (
                [(CheckName::Durability, Pass), (CheckName::Armed, Inconclusive)],
                Ending::Unarmed,
            ),
            (
                [(CheckName::Durability, Inconclusive), (CheckName::Armed, Pass)],
                Ending::Undecided,
            ),
            (
                [(CheckName::Durability, Pass), (CheckName::Armed, Pass)],
                Ending::Clean,
            ),
        ] {
            assert_eq!(ended(false, &checks), wanted, "{checks:?}");
        }
    }
}
