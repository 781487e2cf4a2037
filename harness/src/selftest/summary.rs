//! What the runs of each bug, and of the correct system under each case, came to together.

use std::time::Duration;

use checker::CheckName;
use runs::case::Case;
use runs::ending::Ending;
use serde::Serialize;

use super::finding::Finding;
use super::matrix::{Job, Matrix};
use crate::exit::Exit;

/// A bug counts as caught if so many of ten runs caught it.
const CAUGHT_OF_TEN: usize = 9;

/// The runs of one bug, or of the correct system under one case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// The bug; none for the correct system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bug: Option<&'static str>,
    /// Under which conditions.
    #[serde(flatten)]
    pub case: Case,
    /// What all runs together say of the case.
    pub standing: Standing,
    /// Each run.
    pub runs: Vec<Finding>,
}

/// How a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// The bug was caught, or the correct system passed.
    Good,
    /// The faults did not happen, or a check could not decide: nothing is proved.
    Unproved,
    /// The bug was missed, or there was a false alarm.
    Bad,
    /// The harness could not do its work.
    Broken,
    /// The selftest was interrupted before all runs were done.
    Interrupted,
}

/// The whole selftest.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    /// The version of this document: 1.
    pub selftest: u32,
    /// The code that the process ends with.
    pub exit: u8,
    /// The bugs.
    pub bugs: Vec<Row>,
    /// The correct system.
    pub correct: Vec<Row>,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "ms")]
    pub took: Duration,
}

fn ms<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(span.as_millis() as u64)
}

impl Row {
    fn of(bug: Option<&'static str>, case: Case, done: &[(Job, Finding)]) -> Self {
        let of_row = |(job, _): &&(Job, Finding)| job.bug == bug && job.case == case;
        let runs: Vec<Finding> = done
            .iter()
            .filter(of_row)
            .map(|(_, finding)| finding.clone())
            .collect();
        Row {
            bug,
            case,
            standing: standing(bug.is_some(), &runs),
            runs,
        }
    }

    /// How many runs ended like this.
    pub(crate) fn count(&self, ending: Ending) -> usize {
        self.runs.iter().filter(|run| run.ending == ending).count()
    }

    /// How many of the runs had their faults.
    pub(crate) fn armed(&self) -> usize {
        self.runs.iter().filter(|run| run.armed).count()
    }

    /// In how many runs the clients' history alone shows the bug.
    pub(crate) fn history_alone(&self) -> usize {
        self.runs.iter().filter(|run| run.history_alone).count()
    }

    /// The checks that caught it, and how often, the one that did so most often first.
    pub(crate) fn by(&self) -> Vec<(CheckName, usize)> {
        let caught = self.runs.iter().filter(|run| run.ending == Ending::Caught);
        let mut checks: Vec<(CheckName, usize)> = Vec::new();
        for check in caught.flat_map(|run| &run.by) {
            match checks.iter_mut().find(|(name, _)| name == check) {
                Some((_, times)) => *times += 1,
                None => checks.push((*check, 1)),
            }
        }
        checks.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        checks
    }

    /// The median of the times in which it was caught.
    pub(crate) fn median(&self) -> Option<Duration> {
        let caught = self.runs.iter().filter(|run| run.ending == Ending::Caught);
        let mut times: Vec<Duration> = caught.filter_map(|run| run.after).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }
}

fn standing(has_bug: bool, runs: &[Finding]) -> Standing {
    let count = |endings: &[Ending]| runs.iter().filter(|run| endings.contains(&run.ending)).count();
    let unproved = count(&[Ending::Unarmed, Ending::Undecided]);
    let good = count(&[Ending::Caught, Ending::Clean]);
    let enough = |times: usize| times * 10 >= runs.len() * CAUGHT_OF_TEN;
    match has_bug {
        _ if count(&[Ending::NotRun]) > 0 => Standing::Interrupted,
        _ if count(&[Ending::Broken]) > 0 => Standing::Broken,
        true if enough(good) => Standing::Good,
        true if enough(good + unproved) => Standing::Unproved,
        true => Standing::Bad,
        false if count(&[Ending::FalseAlarm]) > 0 => Standing::Bad,
        false if good == runs.len() => Standing::Good,
        false => Standing::Unproved,
    }
}

impl Summary {
    /// Put the findings together.
    pub(crate) fn of(matrix: &Matrix, done: &[(Job, Finding)], took: Duration) -> Self {
        let bugs: Vec<Row> = matrix
            .bugs
            .iter()
            .map(|bug| Row::of(Some(bug.name), bug.case, done))
            .collect();
        let cases = matrix.cases().into_iter();
        let correct: Vec<Row> = cases.map(|case| Row::of(None, case, done)).collect();
        let exit = exit(bugs.iter().chain(&correct));
        Summary {
            selftest: 1,
            exit: exit.code(),
            bugs,
            correct,
            took,
        }
    }

    /// All rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.bugs.iter().chain(&self.correct)
    }

    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        exit(self.rows())
    }
}

fn exit<'a>(rows: impl Iterator<Item = &'a Row>) -> Exit {
    match rows.map(|row| row.standing).max() {
        None | Some(Standing::Good) => Exit::Pass,
        Some(Standing::Unproved) => Exit::Inconclusive,
        Some(Standing::Bad) => Exit::Violation,
        Some(Standing::Broken) => Exit::Broken,
        Some(Standing::Interrupted) => Exit::Interrupted,
    }
}

#[cfg(test)]
pub(super) mod testing {
    use histories::Seed;

    use super::*;

    pub(in super::super) fn row(bug: Option<&'static str>, endings: &[Ending]) -> Row {
        let case = Case::under("figure8");
        let run = |(at, ending): (usize, &Ending)| {
            let job = Job {
                bug,
                case,
                seed: Seed(at as u64),
                duration: Duration::from_secs(1),
                journals: true,
            };
            Finding {
                ending: *ending,
                by: vec![CheckName::Durability],
                after: Some(Duration::from_secs(at as u64)),
                reason: Some("so it is".to_owned()),
                ..Finding::not_run(&job)
            }
        };
        let runs: Vec<Finding> = endings.iter().enumerate().map(run).collect();
        Row {
            bug,
            case,
            standing: standing(bug.is_some(), &runs),
            runs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::row;
    use super::*;
    use Ending::{Broken, Caught, Clean, FalseAlarm, Missed, NotRun, Unarmed, Undecided};

    fn code(bug: bool, endings: &[Ending]) -> u8 {
        let row = row(bug.then_some("x"), endings);
        exit([row].iter()).code()
    }

    #[test]
    fn a_bug_must_be_caught_in_nine_of_ten_runs() {
        let ten = |other: Ending, times: usize| [vec![other; times], vec![Caught; 10 - times]].concat();
        assert_eq!(code(true, &ten(Missed, 0)), 0);
        assert_eq!(code(true, &ten(Missed, 1)), 0);
        assert_eq!(code(true, &ten(Missed, 2)), 1);
        assert_eq!(code(true, &ten(Unarmed, 2)), 2, "not a catch, and not a miss");
        assert_eq!(code(true, &[Missed]), 1);
        assert_eq!(code(true, &[Unarmed]), 2);
    }

    #[test]
    fn the_correct_system_must_pass_every_run() {
        assert_eq!(code(false, &[Clean, Clean]), 0);
        assert_eq!(code(false, &[Clean, Unarmed]), 2);
        assert_eq!(code(false, &[Undecided, Clean]), 2);
        assert_eq!(code(false, &[Unarmed, FalseAlarm]), 1);
    }

    #[test]
    fn what_was_not_done_is_no_pass() {
        assert_eq!(code(true, &[Caught, Broken]), 255);
        assert_eq!(code(false, &[Clean, NotRun]), 130);
    }

    #[test]
    fn a_row_tells_who_caught_it_and_when() {
        let row = row(Some("x"), &[Caught, Caught, Caught, Missed]);
        assert_eq!(row.by(), [(CheckName::Durability, 3)]);
        assert_eq!(row.median(), Some(Duration::from_secs(1)));
    }
}
