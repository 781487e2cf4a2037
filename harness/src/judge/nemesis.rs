//! The check `armed`: the faults really happened, and a guided schedule set its trap often enough.

use std::fmt;

use checker::{Check, Verdict};
use histories::RunFolder;
use histories::run_folder::read_lines;
use nemesis::effect::EffectLine;
use nemesis::schedule::Evidence;
use nemesis::schedules::figure8::evidence::{self, Cycle};
use nemesis::schedules::guided::record::{self as guided, Record as GuidedCycle};
use serde::Serialize;

use crate::exit::Failure;
use crate::run::record::Record;

impl fmt::Display for Cycles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cycles {
            sprung,
            refused,
            closed,
            set,
            missed,
        } = self;
        if sprung + refused + closed > 0 {
            write!(
                f,
                "{sprung} sprung, {refused} refused, {closed} closed, {missed} missed"
            )
        } else {
            write!(f, "{set} set, {missed} missed")
        }
    }
}

/// What the nemesis left in the run's folder.
pub struct Saved {
    effects: Vec<EffectLine>,
    cycles: Vec<serde_json::Value>,
    figure8: Vec<Cycle>,
    guided: Vec<GuidedCycle>,
}

/// How many cycles of a guided schedule came to what: the first three under figure8, `set` under any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cycles {
    /// The trap of Figure 8 sprang.
    pub sprung: u64,
    /// It was set, and refused.
    pub refused: u64,
    /// It was closed by an entry of the current term.
    pub closed: u64,
    /// The trap was set.
    pub set: u64,
    /// A stage was not reached.
    pub missed: u64,
}

impl Saved {
    /// Read it.
    pub fn load(folder: &RunFolder, record: &Record) -> Result<Self, Failure> {
        let unfinished = !record.finished;
        let wrong = |error: histories::run_folder::FolderError| Failure::Usage(error.to_string());
        let effects = read_lines(&folder.nemesis(), unfinished).map_err(wrong)?;
        let path = folder.cycles(&record.settings.nemesis);
        let cycles: Vec<serde_json::Value> = read_lines(&path, unfinished).map_err(wrong)?;
        let row = record.settings.nemesis_row()?;
        let unreadable = |why: String| Failure::Usage(format!("{}: {why}", path.display()));
        let (mut figure8, mut guided) = (Vec::new(), Vec::new());
        match row.name {
            "figure8" => figure8 = evidence::read(&cycles).map_err(unreadable)?,
            _ if row.guided => guided = guided::read(&cycles).map_err(unreadable)?,
            _ => {}
        }
        Ok(Saved {
            effects,
            cycles,
            figure8,
            guided,
        })
    }

    /// What was done, in its order.
    pub fn effects(&self) -> &[EffectLine] {
        &self.effects
    }

    /// The cycles of a guided schedule as they were saved.
    pub fn records(&self) -> &[serde_json::Value] {
        &self.cycles
    }

    /// The cycles of figure8.
    pub fn figure8(&self) -> &[Cycle] {
        &self.figure8
    }

    /// The cycles of any other guided schedule.
    pub fn guided(&self) -> &[GuidedCycle] {
        &self.guided
    }

    /// How many cycles came to what; all zero without a guided schedule.
    pub fn tally(&self) -> Cycles {
        let mut figure8 = evidence::Tally::default();
        self.figure8.iter().for_each(|cycle| figure8.count(cycle.outcome));
        let mut guided = guided::Tally::default();
        self.guided.iter().for_each(|cycle| guided.count(cycle.outcome));
        Cycles {
            sprung: figure8.sprung,
            refused: figure8.refused,
            closed: figure8.closed,
            set: guided.set,
            missed: figure8.missed + guided.missed,
        }
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
