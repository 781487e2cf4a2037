//! Every guided schedule: it sets its trap at every size and on many seeds, misses honestly where
//! the cluster does not play along, and does one cycle word for word.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use histories::{Nanos, Seed};
use nemesis::schedule::{Evidence, Row, Settings};
use nemesis::schedules::TABLE;
use nemesis::schedules::guided::record::{Outcome, Record, read};
use nemesis::{Armed, Effect, LinkRule, Schedule};

use crate::model::{Cluster, Rules};

/// The sizes that a schedule is made for.
fn sizes(row: &Row) -> std::ops::RangeInclusive<usize> {
    row.least_nodes..=7
}

fn stories() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(|row| row.guided)
}

fn told(effect: &Effect) -> String {
    match effect {
        Effect::Links { rule, links } => {
            let links: Vec<String> = links
                .iter()
                .map(|link| format!("{}>{}", link.0, link.1))
                .collect();
            let word = match rule {
                LinkRule::Cut => "cut".to_owned(),
                LinkRule::Pass => "pass".to_owned(),
                other => format!("{other:?}"),
            };
            format!("{word} {}", links.join(" "))
        }
        Effect::Record { links, .. } | Effect::Inject { links } => {
            let links: Vec<String> = links
                .iter()
                .map(|link| format!("{}>{}", link.0, link.1))
                .collect();
            format!("{} {}", effect.word(), links.join(" "))
        }
        Effect::Clients { nodes, .. } => {
            let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            format!("{} {}", effect.word(), nodes.join(" "))
        }
        Effect::Start(node) | Effect::Kill(node) | Effect::Pause(node) | Effect::Resume(node) => {
            format!("{} {node}", effect.word())
        }
        Effect::Probe(probe) => format!(
            "probe {} {} at {}",
            serde_json::json!(probe.op),
            probe.key,
            probe.node
        ),
        Effect::Gate { .. } => effect.word().to_owned(),
    }
}

pub struct Played {
    pub records: Vec<Record>,
    pub armed: Armed,
    pub script: String,
}

pub struct Play {
    schedule: Box<dyn Schedule>,
    cluster: Cluster,
    script: String,
    saved: Vec<serde_json::Value>,
}

impl Play {
    fn new(row: &Row, nodes: usize, seed: u64) -> Self {
        Play::under(row, nodes, seed, Rules::CORRECT)
    }

    pub fn under(row: &Row, nodes: usize, seed: u64, rules: Rules) -> Self {
        let settings = Settings {
            nodes,
            seed: Seed(seed),
            interval: Duration::ZERO,
            can: Vec::new(),
        };
        Play {
            schedule: (row.build)(&settings),
            cluster: Cluster::new(nodes, seed, rules),
            script: String::new(),
            saved: Vec::new(),
        }
    }

    /// One look of the schedule, and what it asks for is done, except what `refuse` says.
    fn turn(&mut self, refuse: impl Fn(&Effect) -> bool) {
        self.cluster.tick();
        for effect in self.schedule.observe(&self.cluster.view()) {
            let (now, stage) = (self.cluster.now.as_ms(), self.schedule.stage());
            let _ = writeln!(self.script, "{now:>6} ms  {stage:<12} {}", told(&effect));
            let outcome = match refuse(&effect) {
                true => nemesis::evidence::skipped("refused"),
                false => self.cluster.apply(&effect),
            };
            self.schedule.on_outcome(&effect, &outcome);
        }
        self.save();
    }

    fn save(&mut self) {
        for record in self.schedule.take_records() {
            let read: Record = serde_json::from_value(record.clone()).unwrap();
            for stage in &read.stages {
                let _ = writeln!(self.script, "           ({}) {}", stage.stage, stage.what);
            }
            let _ = writeln!(self.script, "           => {:?}: {}", read.outcome, read.reason);
            self.saved.push(record);
        }
    }

    pub fn until(mut self, row: &Row, seconds: u64, refuse: impl Fn(&Effect) -> bool) -> Played {
        while self.cluster.now < Nanos::from_ms(seconds * 1000) {
            self.turn(&refuse);
        }
        Played {
            records: read(&self.saved).unwrap(),
            armed: (row.armed)(&Evidence {
                effects: &[],
                records: &self.saved,
                ran: Duration::from_secs(seconds),
            }),
            script: self.script,
        }
    }
}

#[test]
fn every_trap_is_set_at_every_size_on_every_seed() {
    for row in stories() {
        for nodes in sizes(row) {
            for seed in 0..5 {
                let played = Play::new(row, nodes, seed).until(row, 12, |_| false);
                let place = format!("{}, n = {nodes}, seed {seed}", row.name);
                assert!(
                    played.armed.armed,
                    "{place}: {}\n{}",
                    played.armed.reason, played.script
                );
                let set = played.records.iter().filter(|record| record.outcome.is_set());
                // Two in three: the rest is what a missed election costs.
                assert!(
                    set.count() * 3 >= played.records.len() * 2,
                    "{place}\n{}",
                    played.script
                );
            }
        }
    }
}

#[test]
fn a_record_has_its_cast_its_stages_in_order_and_its_reads() {
    for row in stories() {
        let played = Play::new(row, row.nodes, 3).until(row, 30, |_| false);
        let first = played
            .records
            .iter()
            .find(|record| record.outcome.is_set())
            .unwrap();
        assert_eq!((first.schedule.as_str(), first.n), (row.name, row.nodes));
        assert!(!first.cast.is_empty() && first.stages.len() >= 2, "{first:?}");
        let order: Vec<(&str, Nanos)> = first
            .stages
            .iter()
            .map(|stage| (stage.stage.as_str(), stage.t))
            .collect();
        assert!(order.is_sorted(), "{}: {order:?}", row.name);
        assert!(first.reads.iter().all(|read| read.value.is_some()), "{first:?}");
        assert!(first.started < first.ended);
    }
}

#[test]
fn the_same_seed_plays_the_same_story() {
    for row in stories() {
        let script = || Play::new(row, row.nodes, 7).until(row, 10, |_| false).script;
        assert_eq!(script(), script());
    }
}

#[test]
fn a_cluster_that_does_not_play_along_is_a_miss_with_stage_and_reason() {
    for row in stories() {
        // Nothing that is done to links or nodes comes into force: no story can be told.
        let refuse = |effect: &Effect| !matches!(effect, Effect::Gate { .. } | Effect::Probe(_));
        let played = Play::new(row, row.nodes, 1).until(row, 60, refuse);
        assert!(!played.armed.armed, "{}: {}", row.name, played.armed.reason);
        assert!(
            played.armed.reason.starts_with("trap not set: 0 "),
            "{}",
            played.armed.reason
        );
        assert!(!played.records.is_empty(), "{}", row.name);
        for record in &played.records {
            assert_eq!(record.outcome, Outcome::Missed, "{}", played.script);
            assert!(record.reason.starts_with('('), "{}", record.reason);
        }
    }
}

#[test]
fn a_cycle_that_the_end_of_the_load_cuts_off_counts_only_if_its_trap_was_set() {
    for row in stories() {
        let mut play = Play::new(row, row.nodes, 1);
        while !play.schedule.stage().contains("(a)") {
            play.turn(|_| false);
        }
        play.schedule.interrupt(&play.cluster.view());
        play.save();
        let cut: Record = serde_json::from_value(play.saved.pop().unwrap()).unwrap();
        assert_eq!(cut.outcome, Outcome::Unfinished);
        assert_eq!(cut.reason, "(a) the load ended");
    }
}

/// Renewed by `UPDATE_SCRIPTS=1 cargo test -p nemesis`, and only when the difference is understood.
#[test]
fn one_cycle_of_each_word_for_word() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guided");
    for row in stories() {
        let mut play = Play::new(row, row.nodes, 1);
        // A story with two ends has each of them in turn.
        let cycles = if row.name == "figure8" { 2 } else { 1 };
        while play.saved.len() < cycles {
            play.turn(|_| false);
        }
        let path = folder.join(format!("{}.txt", row.name));
        if std::env::var_os("UPDATE_SCRIPTS").is_some() {
            std::fs::write(&path, &play.script).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(play.script, golden, "{}", row.name);
    }
}
