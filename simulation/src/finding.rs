//! What runs of one kind came to, seed by seed and together.

use std::collections::BTreeMap;
use std::time::Duration;

use checker::CheckName;
use histories::{Nanos, Seed};
use runs::ending::Ending;
use runs::exit::Exit;
use runs::record::Results;
use serde::Serialize;

use crate::run::Played;

/// A bug counts as caught if so many of a hundred seeds caught it.
const CAUGHT_OF_HUNDRED: usize = 99;

/// What one seed came to.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The seed.
    pub seed: Seed,
    /// What its run was worth: a catch, an alarm, a clean run, or none of these.
    pub ending: Ending,
    /// Which checks found a violation.
    pub by: Vec<CheckName>,
    /// When the operations that show it first were over, in virtual time of the load; unknown where none does.
    #[serde(serialize_with = "ms", rename = "after_ms")]
    pub after: Option<Duration>,
    /// Why it is not as it should be.
    pub reason: Option<String>,
    /// What it cost.
    #[serde(skip)]
    pub cost: Cost,
}

fn ms<S: serde::Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_millis() as u64).serialize(serializer)
}

/// What runs cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Time that passed in them.
    pub virtual_time: Duration,
    /// Time of a core to play them.
    pub played: Duration,
    /// … and to judge them.
    pub judged: Duration,
}

impl Finding {
    /// What a judged run came to; `has_bug` where something is broken in it on purpose.
    pub fn of(seed: Seed, has_bug: bool, played: &Played, results: &Results, cost: Cost) -> Self {
        let ending = Ending::of(has_bug, results);
        Finding {
            seed,
            ending,
            after: after(played, results),
            reason: ending.reason(results),
            by: results.violated(),
            cost,
        }
    }

    /// Whether it ended as it should.
    pub fn is_good(&self) -> bool {
        self.ending.is_good()
    }
}

fn after(played: &Played, results: &Results) -> Option<Duration> {
    let begin = played.left.record.load_stage()?.start;
    let events = &played.left.history.events;
    let over = |index: &u64| events.get(*index as usize).map(|event| event.time);
    let shown = results.violations.iter().filter_map(|violation| {
        let times = violation.operations.iter().filter_map(over);
        times.max()
    });
    shown.min().map(|time: Nanos| time.since(begin))
}

/// The runs of one bug, or of the correct node under one schedule.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What is broken; nothing of the correct node.
    pub bugs: Vec<String>,
    /// Under which conditions.
    pub under: String,
    /// The words that make such a run, but for the seed.
    pub words: String,
    /// Each seed.
    pub seeds: Vec<Finding>,
}

impl Row {
    /// How many seeds ended like this.
    pub fn count(&self, ending: Ending) -> usize {
        self.seeds.iter().filter(|seed| seed.ending == ending).count()
    }

    /// How many ended as they should.
    pub fn good(&self) -> usize {
        self.seeds.iter().filter(|seed| seed.is_good()).count()
    }

    /// Those that did not.
    pub fn bad(&self) -> impl Iterator<Item = &Finding> {
        self.seeds.iter().filter(|seed| !seed.is_good())
    }

    /// As `harness selftest` would end: a bug is to be caught on 99 of 100 seeds, the correct node clean on all, and armed on
    /// as many.
    pub fn exit(&self) -> Exit {
        let enough = |times: usize| times * 100 >= self.seeds.len() * CAUGHT_OF_HUNDRED;
        let is_undecided = self.count(Ending::Undecided) > 0;
        match self.bugs.is_empty() {
            true if self.count(Ending::FalseAlarm) > 0 => Exit::Violation,
            true if enough(self.good()) && !is_undecided => Exit::Pass,
            false if enough(self.good()) => Exit::Pass,
            false if !enough(self.good() + self.count(Ending::Unarmed)) => Exit::Violation,
            _ => Exit::Inconclusive,
        }
    }

    fn by(&self) -> String {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for check in self.seeds.iter().flat_map(|seed| &seed.by) {
            *times.entry(check.as_str()).or_default() += 1;
        }
        let told: Vec<String> = times
            .iter()
            .map(|(check, times)| format!("{check} {times}"))
            .collect();
        told.join(", ")
    }

    fn median(&self) -> Option<Duration> {
        let mut times: Vec<Duration> = self.seeds.iter().filter_map(|seed| seed.after).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    /// What they cost together.
    pub fn cost(&self) -> Cost {
        self.seeds.iter().fold(Cost::default(), |sum, seed| Cost {
            virtual_time: sum.virtual_time + seed.cost.virtual_time,
            played: sum.played + seed.cost.played,
            judged: sum.judged + seed.cost.judged,
        })
    }

    /// One line about it.
    pub fn told(&self) -> String {
        let what = match self.bugs.is_empty() {
            true => "the correct node".to_owned(),
            false => self.bugs.join(" + "),
        };
        let word = if self.bugs.is_empty() { "clean" } else { "caught" };
        let mut line = format!(
            "{what:<27} {:<18} {word} {} of {}",
            self.under,
            self.good(),
            self.seeds.len()
        );
        for (ending, word) in [
            (Ending::FalseAlarm, "FALSE ALARMS"),
            (Ending::Missed, "missed"),
            (Ending::Unarmed, "unarmed"),
            (Ending::Undecided, "undecided"),
        ] {
            if self.count(ending) > 0 {
                line += &format!(", {word} {}", self.count(ending));
            }
        }
        if !self.bugs.is_empty() {
            line += &format!("; by {}", self.by());
        }
        if let Some(median) = self.median() {
            line += &format!("; after {:.1} s", median.as_secs_f64());
        }
        let Cost {
            virtual_time,
            played,
            judged,
        } = self.cost();
        let times = |cost: Duration| virtual_time.as_secs_f64() / cost.as_secs_f64().max(1e-9);
        line + &format!(
            "; {:.0} x real time a core, {:.0} x with checks",
            times(played),
            times(played + judged)
        )
    }
}
