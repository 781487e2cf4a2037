//! The check `armed`: the faults really happened, and a guided schedule set its trap often enough.

use checker::{Check, Verdict};
use histories::RunFolder;
use histories::run_folder::read_lines;
use nemesis::effect::EffectLine;
use nemesis::schedule::Evidence;
use nemesis::schedules::figure8::evidence::{Cycle, Tally};

use crate::exit::Failure;
use crate::run::record::Record;

/// What the nemesis left in the run's folder.
pub struct Saved {
    effects: Vec<EffectLine>,
    cycles: Vec<serde_json::Value>,
}

impl Saved {
    /// Read it.
    pub fn load(folder: &RunFolder, record: &Record) -> Result<Self, Failure> {
        let unfinished = !record.finished;
        let wrong = |error: histories::run_folder::FolderError| Failure::Usage(error.to_string());
        Ok(Saved {
            effects: read_lines(&folder.nemesis(), unfinished).map_err(wrong)?,
            cycles: read_lines(&folder.cycles(&record.settings.nemesis), unfinished).map_err(wrong)?,
        })
    }

    /// The cycles of figure8.
    pub fn figure8(&self) -> Vec<Cycle> {
        self.cycles
            .iter()
            .filter_map(|cycle| serde_json::from_value(cycle.clone()).ok())
            .collect()
    }

    /// How many cycles came to what, for a guided schedule.
    pub fn tally(&self, record: &Record) -> Option<Tally> {
        let guided = record.settings.nemesis_row().is_ok_and(|row| row.guided);
        guided.then(|| {
            let mut tally = Tally::default();
            self.figure8().iter().for_each(|cycle| tally.count(cycle.outcome));
            tally
        })
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
