//! Which runs a selftest has: bugs × seeds, and the correct system × the cases of these bugs × seeds.

use std::time::Duration;

use histories::Seed;
use runs::case::{Bug, Case};

/// A run to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Job {
    /// What is broken; nothing in a run of the correct system.
    pub bug: Option<&'static str>,
    /// Under which conditions.
    pub case: Case,
    /// Fixes what the harness chooses.
    pub seed: Seed,
    /// How long the load lasts, unless a violation ends it.
    pub duration: Duration,
    /// Whether the nodes' journals speak.
    pub journals: bool,
}

/// What is to be tested.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    /// The bugs.
    pub bugs: Vec<&'static Bug>,
    /// Schedules that the correct system is led through even if no bug is theirs.
    pub schedules: Vec<&'static str>,
    /// How many seeds each.
    pub seeds: u64,
    /// The first one.
    pub first_seed: Seed,
    /// How long a bug may hide.
    pub duration: Duration,
    /// How long the correct system is tested.
    pub correct_duration: Duration,
}

impl Matrix {
    /// The different cases: in the order of the bugs, then the schedules that have none.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut cases: Vec<Case> = Vec::new();
        for bug in &self.bugs {
            if !cases.contains(&bug.case) {
                cases.push(bug.case);
            }
        }
        for schedule in &self.schedules {
            if !cases.iter().any(|case| case.schedule == *schedule) {
                cases.push(Case::under(schedule));
            }
        }
        cases
    }

    /// All runs: those with a bug first.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        let job = |bug, case, duration| {
            let seeds = self.first_seed.0..self.first_seed.0.saturating_add(self.seeds);
            seeds.map(move |seed| Job {
                bug,
                case,
                seed: Seed(seed),
                duration,
                journals: true,
            })
        };
        let with_bug = self
            .bugs
            .iter()
            .flat_map(|bug| job(Some(bug.name), bug.case, self.duration));
        let correct = self
            .cases()
            .into_iter()
            .flat_map(|case| job(None, case, self.correct_duration));
        with_bug.chain(correct).collect()
    }
}

impl Job {
    /// The words of `harness run` that do it.
    pub(crate) fn words(&self) -> Vec<String> {
        let duration = humantime::format_duration(self.duration).to_string();
        let mut words = self.case.words();
        let mut more = |name: &str, value: String| words.extend([name.to_owned(), value]);
        more("--seed", self.seed.to_string());
        more("--duration", duration);
        if let Some(bug) = self.bug {
            more("--bug", bug.to_owned());
        }
        words.push("--until-violation".to_owned());
        if !self.journals {
            words.push("--no-journal".to_owned());
        }
        words
    }

    /// The same, with nothing to go by but what the clients saw.
    pub(crate) fn without_journals(self) -> Self {
        Job {
            journals: false,
            ..self
        }
    }

    /// As progress names it.
    pub(crate) fn name(&self) -> String {
        let what = self.bug.unwrap_or("the correct node");
        format!("{what} under {}, seed {}", self.case.describe(), self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUG: Bug = Bug {
        name: "one",
        rule: "",
        seen: "",
        case: Case::under("figure8"),
    };
    const SAME: Bug = Bug { name: "two", ..BUG };
    const OTHER: Bug = Bug {
        name: "three",
        case: Case::under("figure8").workload("append").retrying(),
        ..BUG
    };

    #[test]
    fn each_bug_runs_once_a_seed_and_the_correct_system_once_a_case_and_seed() {
        let matrix = Matrix {
            bugs: vec![&BUG, &SAME, &OTHER],
            schedules: vec!["figure8", "pause"],
            seeds: 2,
            first_seed: Seed(7),
            duration: Duration::from_secs(60),
            correct_duration: Duration::from_secs(20),
        };
        let jobs = matrix.jobs();
        let named: Vec<_> = jobs.iter().map(|job| (job.bug, job.seed.0)).collect();
        let of = |bug| [(bug, 7), (bug, 8)];
        let wanted = [Some("one"), Some("two"), Some("three"), None, None, None].map(of);
        assert_eq!(named, wanted.concat());
        assert_eq!(
            jobs[4].words().join(" "),
            "--nemesis figure8 --workload append --retry --seed 7 --duration 1m --bug three --until-violation"
        );
        assert_eq!(
            jobs[6].words().join(" "),
            "--nemesis figure8 --seed 7 --duration 20s --until-violation"
        );
        assert!(
            jobs[6]
                .without_journals()
                .words()
                .contains(&"--no-journal".to_owned())
        );
    }
}
