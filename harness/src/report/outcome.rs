//! What a command hands to CI: the results of each run or file, or why there are none.

use checker::{Check, Verdict};
use runs::record::Record;
use runs::record::Results;
use runs::record::Settings;

use crate::exit::{Exit, Failure};
use crate::flags::command_line;
use crate::trial::Trial;

/// One run or history, and what came of it.
pub struct Outcome {
    /// What it is called: the run's folder, or the file.
    pub name: String,
    /// Known for a run, not for a history by itself.
    pub record: Option<Record>,
    /// The results, or why there are none.
    pub results: Result<Results, Failure>,
}

/// How many cycles came to one end, as a case for CI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycles {
    /// `refused`, `closed` …
    pub class: String,
    /// Whether that is as it should be.
    pub verdict: Verdict,
    /// The count in a sentence.
    pub reason: String,
}

impl From<Trial> for Outcome {
    fn from(trial: Trial) -> Self {
        Outcome {
            name: trial.folder.path().display().to_string(),
            record: Some(trial.record),
            results: Ok(trial.results),
        }
    }
}

impl Outcome {
    /// A run that could not be done.
    pub fn not_done(settings: &Settings, failure: Failure) -> Self {
        Outcome {
            name: command_line(settings),
            record: None,
            results: Err(failure),
        }
    }

    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        self.results.as_ref().map_or_else(Failure::exit, Results::exit)
    }

    /// The worst of its checks.
    pub fn verdict(&self) -> Option<Verdict> {
        self.results.as_ref().ok().map(|results| results.verdict)
    }

    /// What was tested, for grouping: `cluster-node.figure8`, with what was broken in it, so that a control is told from its run.
    pub fn class(&self) -> String {
        match &self.record {
            Some(Record { settings, .. }) => {
                let bugs: String = settings.bugs.iter().map(|bug| format!("+{bug}")).collect();
                format!("{}.{}{bugs}", settings.system, settings.nemesis)
            }
            None => "history".to_owned(),
        }
    }

    /// The cycles of a guided schedule by what they came to, as the check `armed` counted them: one that sprang is a
    /// violation, one that was needed more often than it was reached is inconclusive, and the rest is information.
    pub fn cycles(&self) -> Vec<Cycles> {
        let armed = |results: &Results| {
            results
                .checks
                .iter()
                .find(|check| check.name == "armed")
                .map(classes)
        };
        self.results.as_ref().ok().and_then(armed).unwrap_or_default()
    }
}

fn classes(armed: &Check) -> Vec<Cycles> {
    let needed = armed.details["needed"].as_u64();
    let counts = armed.details["cycles"].as_object();
    let one = |(class, count): (&String, &serde_json::Value)| {
        let count = count.as_u64()?;
        let verdict = match class.as_str() {
            "sprung" if count > 0 => Verdict::Violation,
            "sprung" | "missed" => Verdict::Pass,
            _ if armed.verdict != Verdict::Pass && needed.is_some_and(|needed| count < needed) => {
                Verdict::Inconclusive
            }
            _ => Verdict::Pass,
        };
        let reason = match needed.filter(|_| !matches!(class.as_str(), "sprung" | "missed")) {
            Some(needed) => format!("{count} cycles {class}; needed are {needed}"),
            None => format!("{count} cycles {class}"),
        };
        Some(Cycles {
            class: class.clone(),
            verdict,
            reason,
        })
    };
    counts.into_iter().flatten().filter_map(one).collect()
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A history with one check of this verdict.
    pub fn judged(verdict: Verdict) -> Outcome {
        let check = Check {
            name: "linearizability".to_owned(),
            verdict,
            reason: "because".to_owned(),
            details: serde_json::json!({}),
            violations: Vec::new(),
        };
        Outcome {
            name: "history.jsonl".to_owned(),
            record: None,
            results: Ok(Results::of(vec![check])),
        }
    }

    /// A run that could not be done.
    pub fn broken(why: &str) -> Outcome {
        Outcome {
            name: "run".to_owned(),
            record: None,
            results: Err(Failure::Runtime(std::io::Error::other(why.to_owned()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armed(verdict: Verdict, details: serde_json::Value) -> Vec<Cycles> {
        classes(&Check {
            name: "armed".to_owned(),
            verdict,
            reason: String::new(),
            details,
            violations: Vec::new(),
        })
    }

    #[test]
    fn too_few_cycles_are_inconclusive_and_one_that_sprang_is_a_violation() {
        let details =
            serde_json::json!({"cycles": {"sprung": 1, "refused": 5, "closed": 2, "missed": 9}, "needed": 5});
        let cycles = armed(Verdict::Inconclusive, details);
        let of = |class: &str| {
            cycles
                .iter()
                .find(|cycles| cycles.class == class)
                .map(|cycles| cycles.verdict)
        };
        assert_eq!(of("sprung"), Some(Verdict::Violation));
        assert_eq!(of("refused"), Some(Verdict::Pass));
        assert_eq!(of("closed"), Some(Verdict::Inconclusive));
        assert_eq!(of("missed"), Some(Verdict::Pass));
        assert!(armed(Verdict::Pass, serde_json::json!({})).is_empty());
    }
}
