//! What a command hands to CI: the results of each run or file, or why there are none.

use checker::{CheckName, Verdict};
use runs::record::{ArmedCycles, Record, Results, Settings};

use crate::exit::{Exit, Failure};
use crate::flags::command_line;

/// One run or history, and what came of it.
pub(crate) struct Outcome {
    /// What it is called: the run's folder, or the file.
    pub name: String,
    /// Known for a run, not for a history by itself.
    pub record: Option<Record>,
    /// The results, or why there are none.
    pub results: Result<Results, Failure>,
}

/// How many cycles came to one end, as a case for CI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycles {
    /// `refused`, `closed` …
    pub class: String,
    /// Whether that is as it should be.
    pub verdict: Verdict,
    /// The count in a sentence.
    pub reason: String,
}

impl Outcome {
    /// A run that could not be done.
    pub(crate) fn not_done(settings: &Settings, failure: Failure) -> Self {
        Outcome {
            name: command_line(settings),
            record: None,
            results: Err(failure),
        }
    }

    /// The exit code that goes with it.
    pub(crate) fn exit(&self) -> Exit {
        self.results.as_ref().map_or_else(Failure::exit, Results::exit)
    }

    /// The worst of its checks.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.results.as_ref().ok().map(|results| results.verdict)
    }

    /// What was tested, for grouping: `cluster-node.figure8`, with what was broken in it, so that a control is told from its run.
    pub(crate) fn class(&self) -> String {
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
    pub(crate) fn cycles(&self) -> Vec<Cycles> {
        self.results.as_ref().ok().map(classes).unwrap_or_default()
    }
}

fn classes(results: &Results) -> Vec<Cycles> {
    let (Some(armed), Some(ArmedCycles { needed, cycles })) =
        (results.check(CheckName::Armed), results.armed_cycles())
    else {
        return Vec::new();
    };
    let one = |(class, count): (String, u64)| {
        let is_needed = !matches!(class.as_str(), "sprung" | "missed");
        let verdict = match class.as_str() {
            "sprung" if count > 0 => Verdict::Violation,
            _ if is_needed && armed.verdict != Verdict::Pass && count < needed => Verdict::Inconclusive,
            _ => Verdict::Pass,
        };
        let reason = match is_needed {
            true => format!("{count} cycles {class}; needed are {needed}"),
            false => format!("{count} cycles {class}"),
        };
        Cycles {
            class,
            verdict,
            reason,
        }
    };
    cycles.into_iter().map(one).collect()
}

#[cfg(test)]
pub(super) mod testing {
    use checker::Check;

    use super::*;

    /// A history with one check of this verdict.
    pub(crate) fn judged(verdict: Verdict) -> Outcome {
        let check = Check {
            name: CheckName::Linearizability,
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
    pub(crate) fn broken(why: &str) -> Outcome {
        Outcome {
            name: "run".to_owned(),
            record: None,
            results: Err(Failure::Runtime(std::io::Error::other(why.to_owned()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use checker::Check;

    use super::*;

    fn armed(verdict: Verdict, details: serde_json::Value) -> Vec<Cycles> {
        classes(&Results::of(vec![Check {
            name: CheckName::Armed,
            verdict,
            reason: String::new(),
            details,
            violations: Vec::new(),
        }]))
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
