//! A saved run in the terminal: the verdict, the cycles that matter, the history around a violation.

use std::fmt::Write;

use checker::Violation;
use histories::{Event, Kind, LogIndex, RunFolder, Value};
use nemesis::schedules::guided::record::Outcome;
use runs::judge::nemesis::Saved as Nemesis;
use runs::record::{Record, Results};

use super::story;
use super::style::{Style, word};
use super::summary::wrapped;
use super::undecided::{self, Proof};
use crate::errors::ReportError;
use crate::exit::Failure;
use crate::flags::again;

/// What was saved beside the history.
pub(crate) struct Saved {
    /// run.json
    pub record: Record,
    /// results.json, if there is a verdict.
    pub results: Option<Results>,
    /// What the nemesis left.
    pub nemesis: Nemesis,
    path: String,
}

impl Saved {
    /// Read it.
    pub(crate) fn load(folder: &RunFolder) -> Result<Self, Failure> {
        let record = Record::load(folder)?;
        let nemesis = Nemesis::load(folder, &record)?;
        let results = Results::load(folder)?;
        Ok(Saved {
            record,
            results,
            nemesis,
            path: folder.path().display().to_string(),
        })
    }

    /// The verdict and each check's reason.
    pub(crate) fn verdict(&self, style: Style) -> String {
        let mut out = format!("{}\n{}\n", style.bold(&self.path), again(&self.record));
        let Some(results) = &self.results else {
            return out
                + "no verdict was saved: the run was cut short, or is not over; `harness check` judges what it left\n\n";
        };
        let _ = writeln!(out, "\nverdict: {}", style.bold(word(results.verdict)));
        for check in &results.checks {
            let reason = wrapped(&check.reason, 34);
            let _ = writeln!(out, "  {:<16} {:<14} {reason}", check.name, word(check.verdict));
        }
        for check in &results.not_applicable {
            let reason = wrapped(&check.reason, 34);
            let _ = writeln!(out, "  {:<16} {:<14} {reason}", check.name, "not applicable");
        }
        if let Some(other) = self.record.counterpart(&RunFolder::at(&self.path)) {
            let _ = writeln!(out, "  beside it        {}", other.path().display());
        }
        out + "\n"
    }

    /// The storyboard of one cycle, or of those that matter.
    pub(crate) fn storyboard(&self, cycle: Option<u64>, style: Style) -> Result<String, Failure> {
        let cycles = self.cycles(cycle, style);
        match (cycle, cycles.is_empty()) {
            (Some(number), true) => {
                let known = self.nemesis.cycles().len();
                Err(ReportError::NoCycle { number, known }.into())
            }
            _ => Ok(cycles.concat()),
        }
    }

    fn cycles(&self, wanted: Option<u64>, style: Style) -> Vec<String> {
        let cycles = self.nemesis.cycles();
        // Where one sprang, it is the one of its schedule to look at; otherwise every cycle is worth a look.
        let sprung = cycles.iter().find(|cycle| cycle.outcome == Outcome::Sprung);
        let shown = cycles.iter().filter(|cycle| match (wanted, sprung) {
            (Some(wanted), _) => cycle.cycle == wanted,
            (None, Some(sprung)) => cycle.schedule != sprung.schedule || cycle.cycle == sprung.cycle,
            (None, None) => true,
        });
        let shown = shown.map(|cycle| (cycle.schedule.as_str(), story::cycle(cycle, style)));
        grouped(shown.collect(), style)
    }

    /// The first violation that names operations: its proof, its key, and the operations; without one, the first key that
    /// was not decided, and how far the check came with it.
    pub(crate) fn first_proof(&self) -> Option<Proof> {
        let results = self.results.as_ref()?;
        let proved = |violation: &&Violation| !violation.operations.is_empty();
        let proof = results.violations.iter().find(proved).map(|violation| Proof {
            why: violation.why.clone(),
            key: violation.key.clone(),
            operations: violation.operations.clone(),
        });
        proof.or_else(|| Some(undecided::keys(results).next()?.1))
    }
}

/// Of several schedules, each has its name above its cycles.
fn grouped(cycles: Vec<(&str, String)>, style: Style) -> Vec<String> {
    let many = cycles.windows(2).any(|pair| pair[0].0 != pair[1].0);
    let mut above = "";
    let mut out = Vec::with_capacity(cycles.len());
    for (schedule, text) in cycles {
        if many && schedule != above {
            out.push(format!("{}\n\n", style.bold(&format!("== {schedule}"))));
            above = schedule;
        }
        out.push(text);
    }
    out
}

/// An event in a line.
pub(crate) fn event_line(event: &Event) -> String {
    let kind = match event.kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    };
    let mut line = format!(
        "{:>8} {:>10.4} s  {:<8} {kind:<7} {:<6}",
        event.index,
        event.time.as_secs_f64(),
        event.process.to_string(),
        event.f
    );
    if let Some(key) = &event.key {
        let _ = write!(line, " {key}");
    }
    if event.value != Value::Null || event.kind == Kind::Ok {
        let _ = write!(line, " {}", event.value);
    }
    if let Some(node) = &event.node {
        let _ = write!(line, " at {node}");
    }
    if let Some((LogIndex(index), term)) = event.at {
        let _ = write!(line, " [{index}, T{term}]");
    }
    if let Some(error) = &event.error {
        let _ = write!(line, " {error}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_schedules_each_has_its_name_above_its_cycles() {
        let text = |cycles: &[(&'static str, &str)]| {
            let cycles = cycles
                .iter()
                .map(|(schedule, text)| (*schedule, (*text).to_owned()));
            grouped(cycles.collect(), Style::plain()).concat()
        };
        assert_eq!(text(&[("a", "1\n"), ("a", "2\n")]), "1\n2\n");
        assert_eq!(
            text(&[("a", "1\n"), ("a", "2\n"), ("b", "1\n")]),
            "== a\n\n1\n2\n== b\n\n1\n"
        );
    }
}
