//! The control of a run with a bug: the correct node under the same schedule, with the same seed.

use std::path::PathBuf;

use checker::Verdict;
use histories::RunFolder;
use runs::judge::Limits;
use runs::record::Results;
use runs::record::Settings;
use runs::stop::Stop;

use crate::exit::Failure;
use crate::flags::command_line;
use crate::report::outcome::Outcome;
use crate::report::style::{Style, word};
use crate::run::progress::Progress;
use crate::trial::{Trial, trial};

/// What came of it; it changes nothing of the tested run's verdict.
pub(super) struct Control {
    settings: Settings,
    ended: Result<Trial, Failure>,
}

impl Control {
    /// Lead the correct node through what the tested run went through. Each page has the other run behind the switch of the
    /// rule from then on, and `latest` is the tested run again. `stop` ends its check, too.
    pub(super) fn lead(tested: &mut Trial, progress: Progress, stop: &Stop) -> Self {
        let settings = Settings {
            bugs: Vec::new(),
            ..tested.record.settings.clone()
        };
        if progress != Progress::Quiet {
            eprintln!("control: {}", command_line(&settings));
        }
        let limits = Limits {
            stop: stop.clone(),
            ..Limits::default()
        };
        let ended = trial(&settings, progress, limits, || Ok(()));
        let paired = ended.and_then(|mut control| {
            pair(tested, &mut control)?;
            Ok(control)
        });
        let latest = tested.folder.make_latest(&settings.store);
        Control {
            settings,
            ended: paired.and_then(|control| Ok(latest.map(|()| control)?)),
        }
    }

    /// In a line, loud where it is not green: then the bug may not be what made the difference.
    pub(super) fn line(&self, style: Style) -> String {
        match &self.ended {
            Ok(control) => line(&control.results, style),
            Err(failure) => {
                let broken = style.verdict(Verdict::Inconclusive, "NOT RUN");
                format!("  control     {broken}: {failure}\n")
            }
        }
    }

    /// For CI.
    pub(super) fn outcome(self) -> Outcome {
        match self.ended {
            Ok(control) => Outcome::from(control),
            Err(failure) => Outcome::not_done(&self.settings, failure),
        }
    }
}

fn line(results: &Results, style: Style) -> String {
    let verdict = results.verdict;
    let said = match verdict {
        Verdict::Pass => word(verdict).to_owned(),
        _ => word(verdict).to_uppercase(),
    };
    let why = match verdict {
        Verdict::Pass => "the correct node under the same schedule and seed".to_owned(),
        _ => {
            let worst = results.checks.iter().find(|check| check.verdict == verdict);
            worst.map_or(String::new(), |check| format!("{}: {}", check.name, check.reason))
        }
    };
    format!(
        "  control     {}: {why}\n              {}\n",
        style.verdict(verdict, &said),
        results.run
    )
}

/// Each record names the other run, so that `harness report` draws them together again.
fn pair(tested: &mut Trial, control: &mut Trial) -> Result<(), Failure> {
    name_counterpart(tested, &control.folder)?;
    name_counterpart(control, &tested.folder)?;
    for folder in [&tested.folder, &control.folder] {
        let _ = super::draw(folder);
    }
    Ok(())
}

fn name_counterpart(trial: &mut Trial, other: &RunFolder) -> Result<(), Failure> {
    // Both lie in one group, so that the pair may move together.
    trial.record.counterpart = other.path().file_name().map(PathBuf::from);
    Ok(trial.record.save(&trial.folder)?)
}

#[cfg(test)]
mod tests {
    use checker::{Check, CheckName};

    use super::*;

    #[test]
    fn a_control_that_is_not_green_is_loud_and_says_why() {
        let line = |verdict| {
            let check = Check {
                name: CheckName::Armed,
                verdict,
                reason: "the trap was not set".to_owned(),
                details: serde_json::json!({}),
                violations: Vec::new(),
            };
            line(&Results::of(vec![check]), Style::plain())
        };
        assert!(line(Verdict::Pass).contains("control     pass: "));
        let unarmed = line(Verdict::Inconclusive);
        assert!(
            unarmed.contains("INCONCLUSIVE: armed: the trap was not set"),
            "{unarmed}"
        );
        assert!(line(Verdict::Violation).contains("VIOLATION"));
    }
}
