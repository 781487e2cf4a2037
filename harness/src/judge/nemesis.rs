//! The check `armed`: the faults really happened, and a guided schedule set its trap often enough.

use checker::{Check, Verdict};
use histories::RunFolder;
use histories::run_folder::read_lines;
use nemesis::effect::EffectLine;
use nemesis::schedule::Evidence;
use nemesis::schedules::figure8::evidence::{self, Cycle, Tally};

use crate::exit::Failure;
use crate::run::record::Record;

/// What the nemesis left in the run's folder.
pub struct Saved {
    effects: Vec<EffectLine>,
    cycles: Vec<serde_json::Value>,
    figure8: Vec<Cycle>,
}

impl Saved {
    /// Read it.
    pub fn load(folder: &RunFolder, record: &Record) -> Result<Self, Failure> {
        let unfinished = !record.finished;
        let wrong = |error: histories::run_folder::FolderError| Failure::Usage(error.to_string());
        let effects = read_lines(&folder.nemesis(), unfinished).map_err(wrong)?;
        let path = folder.cycles(&record.settings.nemesis);
        let cycles: Vec<serde_json::Value> = read_lines(&path, unfinished).map_err(wrong)?;
        let figure8 =
            evidence::read(&cycles).map_err(|why| Failure::Usage(format!("{}: {why}", path.display())))?;
        Ok(Saved {
            effects,
            cycles,
            figure8,
        })
    }

    /// The cycles of figure8.
    pub fn figure8(&self) -> &[Cycle] {
        &self.figure8
    }

    /// How many cycles came to what; all zero without a guided schedule.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.figure8.iter().for_each(|cycle| tally.count(cycle.outcome));
        tally
    }

    /// Judge it by the schedule's own rule.
    pub fn armed(&self, record: &Record) -> Result<Check, Failure> {
        let row = record.settings.nemesis_row()?;
        let check = |verdict, reason, details| Check {
            name: "armed".to_owned(),
            verdict,
            reason,
            details,
            violations: Vec::new(),
        };
        let Some(load) = record.load_stage() else {
            return Ok(check(
                Verdict::Inconclusive,
                "the run ended before its load did".to_owned(),
                serde_json::json!({}),
            ));
        };
        let ran = load.end.since(load.start);
        let armed = (row.armed)(&Evidence {
            effects: &self.effects,
            records: &self.cycles,
            ran,
        });
        let verdict = if armed.armed {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        };
        Ok(check(verdict, armed.reason, armed.details))
    }
}
