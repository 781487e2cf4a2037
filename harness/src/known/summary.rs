//! What the runs of known bugs come to.

use std::collections::BTreeMap;
use std::time::Duration;

use checker::CheckName;
use runs::ending::Ending;
use runs::exit::Exit;
use serde::Serialize;

use super::lead::{Finding, Which};
use super::row::Row;

/// What is there of one version of a row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Version {
    pub which: Which,
    pub version: String,
    pub runs: Vec<Finding>,
}

/// What is there of a row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Told {
    pub name: String,
    pub bug: String,
    pub source: String,
    pub vendor: String,
    pub standing: Standing,
    /// Why its packages are not to be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_to_be_had: Option<String>,
    pub versions: Vec<Version>,
}

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// The bug was shown in nine of ten runs, and the version without it passed all, armed.
    Reproduced,
    /// A run says nothing, or nothing could be run.
    Open,
    /// The bug was not shown often enough, or the version without it was found to have it.
    Not,
}

impl Version {
    pub(crate) fn count(&self, ending: Ending) -> usize {
        self.runs.iter().filter(|run| run.ending == ending).count()
    }

    /// How many ended as they should.
    pub(crate) fn good(&self) -> usize {
        match self.which {
            Which::After => self.count(Ending::Clean),
            Which::Before | Which::Unguided => self.count(Ending::Caught),
        }
    }

    /// The median of the times of those that caught something.
    pub(crate) fn median(&self) -> Option<Duration> {
        let caught = self.runs.iter().filter(|run| run.ending == Ending::Caught);
        let mut times: Vec<Duration> = caught.map(|run| run.took).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    /// By how many runs each check found a violation, the most frequent first.
    pub(crate) fn by(&self) -> Vec<(CheckName, usize)> {
        let mut counts = BTreeMap::new();
        let caught = self.runs.iter().filter(|run| run.ending == Ending::Caught);
        for check in caught.flat_map(|run| &run.by) {
            *counts.entry(*check).or_insert(0) += 1;
        }
        let mut counts: Vec<(CheckName, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        counts
    }

    fn standing(&self) -> Standing {
        let (good, all) = (self.good(), self.runs.len());
        let open = |run: &&Finding| {
            matches!(
                run.ending,
                Ending::Unarmed | Ending::Undecided | Ending::Broken | Ending::NotRun
            )
        };
        match self.which {
            // What chance shows is told, and asked of nobody.
            Which::Unguided => Standing::Reproduced,
            _ if all == 0 => Standing::Open,
            Which::Before if good * 10 >= all * 9 => Standing::Reproduced,
            Which::After if good == all => Standing::Reproduced,
            Which::After if self.count(Ending::FalseAlarm) > 0 => Standing::Not,
            _ if self.runs.iter().any(|run| open(&run)) => Standing::Open,
            _ => Standing::Not,
        }
    }
}

impl Told {
    /// Of a row whose runs were made.
    pub(crate) fn of(row: &Row, versions: Vec<Version>) -> Self {
        let worst = versions.iter().map(Version::standing).max();
        Told {
            standing: worst.unwrap_or(Standing::Open),
            versions,
            ..Told::not_run(row, None)
        }
    }

    /// Of a row that could not be run.
    pub(crate) fn not_run(row: &Row, why: Option<String>) -> Self {
        Told {
            name: row.name.clone(),
            bug: row.bug.clone(),
            source: row.source.clone(),
            vendor: row.vendor.clone(),
            standing: Standing::Open,
            not_to_be_had: why,
            versions: Vec::new(),
        }
    }
}

/// The exit code of them all: the worst one's.
pub(crate) fn exit(told: &[Told]) -> Exit {
    match told.iter().map(|told| told.standing).max() {
        None | Some(Standing::Reproduced) => Exit::Pass,
        Some(Standing::Open) => Exit::Inconclusive,
        Some(Standing::Not) => Exit::Violation,
    }
}

#[cfg(test)]
mod tests {
    use histories::Seed;

    use super::*;

    fn version(which: Which, endings: &[(Ending, usize)]) -> Version {
        let run = |ending: Ending| Finding {
            seed: Seed(1),
            ending,
            by: vec![CheckName::Durability],
            took: Duration::from_secs(1),
            reason: None,
            command: String::new(),
        };
        let runs = endings
            .iter()
            .flat_map(|(ending, times)| vec![run(*ending); *times]);
        Version {
            which,
            version: "1".to_owned(),
            runs: runs.collect(),
        }
    }

    #[test]
    fn nine_of_ten_reproduce_and_one_alarm_of_the_mended_does_not() {
        use Ending::{Caught, Clean, FalseAlarm, Missed, NotRun, Unarmed};
        for (which, endings, wanted) in [
            (
                Which::Before,
                vec![(Caught, 9), (Missed, 1)],
                Standing::Reproduced,
            ),
            (Which::Before, vec![(Caught, 8), (Missed, 2)], Standing::Not),
            (Which::Before, vec![(Caught, 8), (Unarmed, 2)], Standing::Open),
            (Which::After, vec![(Clean, 10)], Standing::Reproduced),
            (Which::After, vec![(Clean, 9), (FalseAlarm, 1)], Standing::Not),
            (Which::After, vec![(Clean, 9), (Unarmed, 1)], Standing::Open),
            (Which::After, vec![(FalseAlarm, 1), (Unarmed, 1)], Standing::Not),
            (Which::Before, vec![(NotRun, 1)], Standing::Open),
            (Which::Before, vec![], Standing::Open),
            (Which::After, vec![], Standing::Open),
            (Which::Unguided, vec![(Missed, 3)], Standing::Reproduced),
        ] {
            assert_eq!(
                version(which, &endings).standing(),
                wanted,
                "{which:?} {endings:?}"
            );
        }
    }
}
