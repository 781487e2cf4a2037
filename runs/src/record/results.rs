//! `results.json`: the verdict with all that belongs to it (DESIGN section 6).

use std::collections::BTreeMap;

use checker::{Attempt, Check, CheckName, Verdict, Violation};
use histories::RunFolder;
use histories::run_folder::read_json;
use histories::{Event, Kind, Process, Seed, Value};
use nemesis::schedules::guided::record::Tally;
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::run::Stage;
use crate::exit::Exit;

/// The document.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// By what the history was judged; none where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_as: Option<JudgedAs>,
    /// Every check.
    pub checks: Vec<Check>,
    /// Checks that were left out because somebody asked for it; they prove nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<CheckName>,
    /// Checks that the system never promised to feed; they prove nothing and doubt nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_applicable: Vec<NotApplicable>,
    /// What is to be known beside the verdict, a sentence each: what another tool said of the same history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How many operations.
    pub operations: Operations,
    /// The longest time without a success while operations could begin.
    pub outage_longest_ms: u64,
    /// The cycles of a guided schedule by what they came to.
    #[serde(default)]
    pub cycles: Tally,
    /// What proves the violations.
    pub violations: Vec<Violation>,
}

/// By what a history was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedAs {
    /// The model.
    pub model: String,
    /// Who says that it is this model.
    pub from: NamedBy,
    /// What a guess rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What was taken to be there before the first operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<String>,
    /// `linearizable`, or which analysis judged by less than a legal order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<String>,
    /// What an order had to respect; none where none was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<String>,
}

/// Who says which model judges a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedBy {
    /// The header of the history.
    #[default]
    Header,
    /// `--model`.
    Flag,
    /// The format, which is of one model.
    Format,
    /// Its operations suggest it, and no other.
    Guess,
}

impl NamedBy {
    /// For a person.
    pub fn told(self) -> &'static str {
        match self {
            NamedBy::Header => "named by the history's header",
            NamedBy::Flag => "named by --model",
            NamedBy::Format => "implied by the file's format",
            NamedBy::Guess => "guessed",
        }
    }
}

/// Completed operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
            judged_as: None,
            left_out: Vec::new(),
            not_applicable: Vec::new(),
            notes: Vec::new(),
            operations: Operations::default(),
            outage_longest_ms: 0,
            cycles: Default::default(),
            violations: checks.iter().flat_map(|check| check.violations.clone()).collect(),
            checks,
        }
    }
}

impl Results {
    /// The saved verdict on a run; none where it was cut short, or is not over.
    pub fn load(folder: &RunFolder) -> Result<Option<Self>, Unreadable> {
        if !folder.results().exists() {
            return Ok(None);
        }
        let mut results: Results = read_json(&folder.results()).map_err(Unreadable)?;
        results.place_attempts();
        Ok(Some(results))
    }

    /// At first the attempts stood in the details of their check alone, one for each of its violations.
    fn place_attempts(&mut self) {
        #[derive(Deserialize)]
        struct Details {
            attempts: Vec<Option<Attempt>>,
        }
        for check in &self.checks {
            let Ok(details) = Details::deserialize(&check.details) else {
                continue;
            };
            let found = self
                .violations
                .iter_mut()
                .filter(|violation| violation.check == check.name);
            for (violation, attempt) in found.zip(details.attempts) {
                violation.attempt = violation.attempt.take().or(attempt);
            }
        }
    }

    /// The check of that name.
    pub fn check(&self, name: CheckName) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// Whether the check of that name was made, and passed.
    pub fn passed(&self, name: CheckName) -> bool {
        self.check(name)
            .is_some_and(|check| check.verdict == Verdict::Pass)
    }

    /// Which checks found a violation.
    pub fn violated(&self) -> Vec<CheckName> {
        let violated = |check: &&Check| check.verdict == Verdict::Violation;
        self.checks
            .iter()
            .filter(violated)
            .map(|check| check.name)
            .collect()
    }

    /// What is known of the keys that a check could not decide.
    pub fn undecided(&self) -> Vec<(CheckName, Undecided)> {
        #[derive(Deserialize)]
        struct Details {
            undecided: Vec<Undecided>,
        }
        let of = |check: &Check| {
            let details = Details::deserialize(&check.details).ok();
            let keys = details.into_iter().flat_map(|details| details.undecided);
            keys.map(|key| (check.name, key)).collect::<Vec<_>>()
        };
        self.checks.iter().flat_map(of).collect()
    }

    /// The cycles of a guided schedule as the check `armed` counted them; none without one.
    pub fn armed_cycles(&self) -> Option<ArmedCycles> {
        ArmedCycles::deserialize(&self.check(CheckName::Armed)?.details).ok()
    }

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

/// A check that cannot be made of this system, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotApplicable {
    /// Which check.
    pub name: CheckName,
    /// What the system does not tell.
    pub reason: String,
}

/// The cycles of a guided schedule, and how many were needed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ArmedCycles {
    /// So many of each class that is needed.
    pub needed: u64,
    /// How many came to which end.
    pub cycles: BTreeMap<String, u64>,
}

/// What a check knows of a key that it could not decide.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Undecided {
    /// The key; null where the history is not keyed.
    #[serde(default)]
    pub key: Value,
    /// How many operations it has.
    pub operations: u64,
    /// Completed ones that the longest legal order explains.
    #[serde(default)]
    pub explained: u64,
    /// Those in flight where it ends: one of them has to come next.
    #[serde(default)]
    pub stuck: Vec<u64>,
    /// The end of that order, of the first undecided keys.
    #[serde(default)]
    pub attempt: Option<Attempt>,
    /// How far an order of the key's operations gets, in prose.
    #[serde(default)]
    pub why: Option<String>,
}
