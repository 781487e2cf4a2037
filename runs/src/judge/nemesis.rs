//! The check `armed`: the faults really happened, and a guided schedule set its trap often enough.

use std::path::PathBuf;
use std::time::Duration;

use checker::{Check, CheckName, Verdict};
use histories::RunFolder;
use histories::run_folder::read_lines;
use nemesis::effect::EffectLine;
use nemesis::fault::Turn;
use nemesis::faults;
use nemesis::schedule::{Armed, Evidence, Row};
use nemesis::schedules::guided::record::{Record as Cycle, Tally, read};

use super::error::JudgeError;
use crate::record::Record;

/// What the nemesis left in the run's folder.
pub struct Saved {
    effects: Vec<EffectLine>,
    /// As they were saved, schedule by schedule.
    records: Vec<Vec<serde_json::Value>>,
    cycles: Vec<Cycle>,
}

impl Saved {
    /// Read it.
    pub fn load(folder: &RunFolder, record: &Record) -> Result<Self, JudgeError> {
        let unfinished = !record.finished;
        let effects = read_lines(&folder.nemesis(), unfinished)?;
        let rows = record.settings.nemesis_rows()?;
        let records = rows
            .iter()
            .map(|row| read_lines(&folder.cycles(row.name), unfinished));
        Self::of(&rows, effects, records.collect::<Result<_, _>>()?, |row| {
            folder.cycles(row)
        })
    }

    /// The effects, and the cycles of each of these schedules, which stand in the file of that path.
    pub fn of(
        rows: &[&'static Row],
        effects: Vec<EffectLine>,
        records: Vec<Vec<serde_json::Value>>,
        path: impl Fn(&str) -> PathBuf,
    ) -> Result<Self, JudgeError> {
        let mut cycles = Vec::new();
        for (row, records) in rows.iter().zip(&records).filter(|(row, _)| row.guided) {
            let unreadable = |why: String| JudgeError::Cycles {
                path: path(row.name),
                why,
            };
            cycles.extend(read(records).map_err(unreadable)?);
        }
        Ok(Saved {
            effects,
            records,
            cycles,
        })
    }

    /// What was done, in its order.
    pub fn effects(&self) -> &[EffectLine] {
        &self.effects
    }

    /// How many faults were undone by commands of which nobody can say whether they did it.
    pub fn unproved_undoings(&self) -> usize {
        let ends = |line: &&EffectLine| matches!(line.effect.act().turn, Turn::Ends);
        let undone = self.effects.iter().filter(ends);
        undone.filter(|line| faults::attempted(&line.outcome)).count()
    }

    /// The cycles of guided schedules as they were saved.
    pub fn records(&self) -> impl Iterator<Item = &serde_json::Value> {
        self.records.iter().flatten()
    }

    /// The same, schedule by schedule.
    pub fn records_of_each(&self) -> &[Vec<serde_json::Value>] {
        &self.records
    }

    /// The cycles of guided schedules, parsed.
    pub fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }

    /// How many cycles came to what; all zero without a guided schedule.
    pub fn tally(&self) -> Tally {
        Tally::of(&self.cycles)
    }

    /// Judge it by the schedule's own rule; of several schedules each by its own, and each in its turn.
    pub fn armed(&self, record: &Record) -> Result<Check, JudgeError> {
        let rows = record.settings.nemesis_rows()?;
        let interval = record.settings.interval;
        let unfinished = || {
            let reason = "the run ended before its load did".to_owned();
            check(Verdict::Inconclusive, reason, serde_json::json!({}))
        };
        let Some(load) = record.load_stage() else {
            return Ok(unfinished());
        };
        if let [row] = rows.as_slice() {
            // What undoes the last faults, and proves them, comes after the load.
            let armed = self.armed_by(row, 0, &self.effects, load.end.since(load.start), interval);
            return Ok(check(verdict(&armed), armed.reason, armed.details));
        }
        let mut turns = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            // One that had no turn, because the load ended before, was not armed.
            let turn = record.acts.iter().find(|act| act.name == row.name);
            let (start, end) = turn.map_or((load.end, load.end), |turn| (turn.start, turn.end));
            let of_turn = |line: &&EffectLine| start <= line.planned && line.planned <= end;
            let effects: Vec<EffectLine> = self.effects.iter().filter(of_turn).cloned().collect();
            turns.push((
                row.name,
                self.armed_by(row, at, &effects, end.since(start), interval),
            ));
        }
        let worst = turns.iter().map(|(_, armed)| verdict(armed)).max();
        let told = turns
            .iter()
            .map(|(name, armed)| format!("{name}: {}", armed.reason));
        let details = turns.iter().map(|(name, armed)| {
            let is_armed = armed.armed;
            (
                (*name).to_owned(),
                serde_json::json!({"armed": is_armed, "details": armed.details}),
            )
        });
        Ok(check(
            worst.unwrap_or(Verdict::Inconclusive),
            told.collect::<Vec<_>>().join("; "),
            serde_json::Value::Object(details.collect()),
        ))
    }

    fn armed_by(
        &self,
        row: &Row,
        at: usize,
        effects: &[EffectLine],
        ran: Duration,
        interval: Duration,
    ) -> Armed {
        (row.armed)(&Evidence {
            effects,
            records: &self.records[at],
            ran,
            interval,
        })
    }
}

fn verdict(armed: &Armed) -> Verdict {
    if armed.armed {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    }
}

fn check(verdict: Verdict, reason: String, details: serde_json::Value) -> Check {
    Check {
        name: CheckName::Armed,
        verdict,
        reason,
        details,
        violations: Vec::new(),
    }
}
