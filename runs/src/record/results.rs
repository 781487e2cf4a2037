//! `results.json`: the verdict with all that belongs to it (DESIGN section 6).

use checker::{Check, Verdict, Violation};
use histories::{Event, Kind, Process, Seed};
use serde::Serialize;

use super::run::Stage;
use crate::exit::Exit;
use crate::judge::nemesis::Cycles;

/// The document.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// The version of this document: 1.
    pub results: u32,
    /// The worst verdict of all checks.
    pub verdict: Verdict,
    /// The exit code that goes with it.
    pub exit: u8,
    /// The run's folder, or the file.
    pub run: String,
    /// The seed, if known.
    pub seed: Option<Seed>,
    /// Every check.
    pub checks: Vec<Check>,
    /// Checks that were left out because somebody asked for it; they prove nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<&'static str>,
    /// How many operations.
    pub operations: Operations,
    /// The longest time without a success while operations could begin.
    pub outage_longest_ms: u64,
    /// The cycles of a guided schedule by what they came to.
    pub cycles: Cycles,
    /// What proves the violations.
    pub violations: Vec<Violation>,
}

/// Completed operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Operations {
    /// They happened.
    pub ok: u64,
    /// They certainly did not.
    pub fail: u64,
    /// Nobody knows.
    pub info: u64,
    /// Completed ones in a second of load.
    pub per_second: u64,
}

impl Results {
    /// The results of these checks, without what only a run has.
    pub fn of(checks: Vec<Check>) -> Self {
        let verdict = checks
            .iter()
            .map(|check| check.verdict)
            .max()
            .unwrap_or(Verdict::Inconclusive);
        Results {
            results: 1,
            verdict,
            exit: Exit::from(verdict).code(),
            run: String::new(),
            seed: None,
            left_out: Vec::new(),
            operations: Operations::default(),
            outage_longest_ms: 0,
            cycles: Default::default(),
            violations: checks.iter().flat_map(|check| check.violations.clone()).collect(),
            checks,
        }
    }
}

impl Results {
    /// The code that the process ends with.
    pub fn exit(&self) -> Exit {
        Exit::from(self.verdict)
    }
}

impl Operations {
    /// Count an event; whether it completed an operation.
    pub fn add(&mut self, kind: Kind) -> bool {
        match kind {
            Kind::Invoke => return false,
            Kind::Ok => self.ok += 1,
            Kind::Fail => self.fail += 1,
            Kind::Info => self.info += 1,
        }
        true
    }

    /// Count the completions; the rate is that of the load.
    pub fn count(events: &[Event], load: Option<&Stage>) -> Self {
        let mut operations = Operations::default();
        let mut in_load = 0;
        for event in events.iter().filter(|event| event.process != Process::Nemesis) {
            if !operations.add(event.kind) {
                continue;
            }
            in_load += u64::from(load.is_some_and(|load| load.start <= event.time && event.time <= load.end));
        }
        let seconds = load.map_or(0.0, |load| load.end.since(load.start).as_secs_f64());
        operations.per_second = if seconds > 0.0 {
            (in_load as f64 / seconds) as u64
        } else {
            0
        };
        operations
    }
}
