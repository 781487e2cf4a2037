//! What one run of a selftest came to.

use std::path::PathBuf;
use std::time::Duration;

use checker::{CheckName, Verdict};
use runs::record::Record;
use runs::record::Results;
use serde::Serialize;

use super::matrix::Job;
use crate::exit::Failure;
use crate::trial::Trial;

/// The checks that say what is wrong with a store: a bug is caught by one of these. The others say whether the run
/// means anything, or that the store is slow.
const SAFETY: [CheckName; 3] = [
    CheckName::Linearizability,
    CheckName::Durability,
    CheckName::RaftSafety,
];
/// Those of them that know nothing but what the clients saw.
const OF_HISTORY: [CheckName; 2] = [CheckName::Linearizability, CheckName::Durability];

/// How a run ended, as a selftest sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
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
    /// The harness could not do the run.
    Broken,
    /// The selftest was interrupted before, or during it.
    NotRun,
}

/// What one run came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// The seed.
    pub seed: histories::Seed,
    /// How it ended.
    pub ending: Ending,
    /// Which checks found a violation.
    pub by: Vec<CheckName>,
    /// Whether the clients' history alone shows it; where the journals were quicker, in a run of its own without them.
    pub history_alone: bool,
    /// From the beginning of the load to the violation, or to the end of the load where it was found after that.
    #[serde(rename = "after_ms", serialize_with = "ms")]
    pub after: Option<Duration>,
    /// Whether the faults happened.
    pub armed: bool,
    /// Why it is not as it should be.
    pub reason: Option<String>,
    /// The command that does the run by itself.
    pub command: String,
    /// Where it is saved, if it was kept.
    pub folder: Option<PathBuf>,
}

fn ms<S: serde::Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_millis() as u64).serialize(serializer)
}

impl Finding {
    /// Judge a trial, whatever came of it.
    pub(crate) fn of(job: &Job, trial: Result<&Trial, &Failure>) -> Self {
        let finding = |ending, reason| Finding {
            seed: job.seed,
            ending,
            by: Vec::new(),
            history_alone: false,
            after: None,
            armed: false,
            reason,
            command: format!("harness run {}", job.words().join(" ")),
            folder: None,
        };
        match trial {
            Err(Failure::Interrupted) => finding(Ending::NotRun, None),
            Err(failure) => finding(Ending::Broken, Some(failure.to_string())),
            Ok(trial) if trial.record.interrupted => finding(Ending::NotRun, None),
            Ok(trial) => {
                let by = violated(&trial.results);
                let ending = ending(job, &trial.results);
                Finding {
                    history_alone: by.iter().any(|check| OF_HISTORY.contains(check)),
                    after: (!by.is_empty()).then(|| after(&trial.record)).flatten(),
                    armed: passed(&trial.results, CheckName::Armed),
                    folder: Some(trial.folder.path().to_owned()),
                    by,
                    ..finding(ending, reason(ending, &trial.results))
                }
            }
        }
    }

    /// A run that was never begun.
    pub(crate) fn not_run(job: &Job) -> Self {
        Finding::of(job, Err(&Failure::Interrupted))
    }

    /// Whether the journals were quicker than the clients, so that nothing is known of the history alone.
    pub(crate) fn is_by_journals_alone(&self) -> bool {
        self.ending == Ending::Caught && !self.history_alone
    }

    /// Whether it is as it should be, so that nobody needs to look at its folder.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.ending, Ending::Caught | Ending::Clean)
    }
}

fn violated(results: &Results) -> Vec<CheckName> {
    let violated = |check: &&checker::Check| check.verdict == Verdict::Violation;
    let checks = results.checks.iter().filter(violated);
    checks.map(|check| check.name).collect()
}

fn passed(results: &Results, name: CheckName) -> bool {
    results
        .check(name)
        .is_some_and(|check| check.verdict == Verdict::Pass)
}

fn ending(job: &Job, results: &Results) -> Ending {
    let (by, armed) = (violated(results), passed(results, CheckName::Armed));
    let is_unsafe = by.iter().any(|check| SAFETY.contains(check));
    match (job.bug, armed) {
        (None, _) if !by.is_empty() => Ending::FalseAlarm,
        (_, false) => Ending::Unarmed,
        (None, true) if results.verdict == Verdict::Pass => Ending::Clean,
        (None, true) => Ending::Undecided,
        (Some(_), true) if is_unsafe => Ending::Caught,
        (Some(_), true) => Ending::Missed,
    }
}

/// The reason of the worst check; nothing where all is as it should be.
fn reason(ending: Ending, results: &Results) -> Option<String> {
    let worst = results
        .checks
        .iter()
        .filter(|check| ending != Ending::Unarmed || check.name == CheckName::Armed)
        .max_by_key(|check| check.verdict)?;
    let told = match worst.verdict {
        Verdict::Pass => "every check passed".to_owned(),
        _ => format!("{}: {}", worst.name, worst.reason),
    };
    (!matches!(ending, Ending::Caught | Ending::Clean)).then_some(told)
}

fn after(record: &Record) -> Option<Duration> {
    let load = record.load_stage()?;
    Some(record.violated.unwrap_or(load.end).since(load.start))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use checker::Check;
    use histories::Seed;

    use super::*;
    use runs::case::Case;

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

    fn ended(bug: Option<&'static str>, checks: &[(CheckName, Verdict)]) -> Ending {
        let job = Job {
            bug,
            case: Case::under("figure8"),
            seed: Seed(1),
            duration: Duration::from_secs(1),
            journals: true,
        };
        ending(&job, &results(checks))
    }

    #[test]
    fn only_an_armed_violation_of_safety_is_a_catch() {
        use Verdict::{Inconclusive, Pass, Violation};
        let bug = Some("commit-any-term");
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
            assert_eq!(ended(bug, &checks), wanted, "{checks:?}");
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
            assert_eq!(ended(None, &checks), wanted, "{checks:?}");
        }
    }
}
