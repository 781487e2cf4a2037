//! Golden scripts: `tests/scripts/*.txt`, every one of them.
//!
//! ```text
//! # a comment
//! schedule kill nodes=5 seed=1 interval=1000      begin anew; milliseconds
//! leader n3 7                                     n3 leads term 7
//! elections off                                   nobody is elected when the leader is gone
//! dies n2                                         n2 dies by itself
//! traffic off                                     nobody sends anything from here on
//! play 5000                                       go on for 5 s; prints the effects
//! armed 60                                        what a run of 60 s would be told
//! ```
//!
//! What a command prints stands below it, indented. Renewed by `UPDATE_SCRIPTS=1 cargo test -p nemesis`, and only
//! when the difference is understood.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use histories::Seed;
use nemesis::effect::EffectLine;
use nemesis::schedule::{Evidence, Settings};
use nemesis::schedules::find;
use nemesis::{Need, NodeId, Outcome, ProcessState};

use crate::cluster::Play;

#[test]
fn every_script_plays_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let written = std::fs::read_to_string(&path).unwrap();
        let now = Script::default().perform(&written);
        let renewed = std::env::var_os("UPDATE_SCRIPTS").is_some();
        if renewed {
            std::fs::write(&path, &now).unwrap();
        }
        assert!(
            now == written || renewed,
            "{}: it now plays\n{now}",
            path.display()
        );
        played += 1;
    }
    assert!(played >= 4, "only {played} scripts were found");
}

#[derive(Default)]
struct Script {
    name: String,
    play: Option<Play>,
    /// How many effects were told already.
    told: usize,
}

impl Script {
    /// The script, with what its commands print now.
    fn perform(mut self, script: &str) -> String {
        let mut text = String::new();
        for line in script.lines().filter(|line| !line.starts_with(' ')) {
            text += line;
            text += "\n";
            if !line.is_empty() && !line.starts_with('#') {
                let words: Vec<&str> = line.split_whitespace().collect();
                self.command(&words, &mut text);
            }
        }
        text
    }

    fn command(&mut self, words: &[&str], text: &mut String) {
        match words {
            ["schedule", name, settings @ ..] => self.begin(name, settings),
            ["leader", node, term] => self.play().lead(node_of(node), term.parse().unwrap()),
            ["elections", on_off] => self.play().elections = *on_off == "on",
            ["dies", node] => self.play().processes[node_of(node).0] = ProcessState::Down,
            ["traffic", on_off] => self.play().traffic = *on_off == "on",
            ["play", ms] => {
                let span = Duration::from_millis(ms.parse().unwrap());
                self.play().play(span);
                self.tell(text);
            }
            ["armed", seconds] => self.judge(seconds.parse().unwrap(), text),
            other => panic!("no such command: {other:?}"),
        }
    }

    fn begin(&mut self, name: &str, settings: &[&str]) {
        let settings: BTreeMap<&str, u64> = settings
            .iter()
            .map(|word| word.split_once('=').unwrap())
            .map(|(name, value)| (name, value.parse().unwrap()))
            .collect();
        let settings = Settings {
            nodes: settings["nodes"] as usize,
            seed: Seed(settings["seed"]),
            interval: Duration::from_millis(settings["interval"]),
            can: vec![Need::Processes, Need::Restarts, Need::Links, Need::Delays],
            filler: None,
            failover: Duration::from_millis(300),
            tells: Vec::new(),
        };
        self.play = Some(Play::new(name, &settings));
        self.name = name.to_owned();
        self.told = 0;
    }

    fn play(&mut self) -> &mut Play {
        self.play.as_mut().expect("a schedule first")
    }

    fn tell(&mut self, text: &mut String) {
        let told = self.told;
        let play = self.play();
        let mut choice = None;
        for line in &play.lines[told..] {
            if line.choice != choice {
                choice.clone_from(&line.choice);
                let _ = writeln!(
                    text,
                    "  {:>6}  {}",
                    line.planned.as_ms(),
                    choice.as_ref().unwrap()
                );
            }
            let _ = writeln!(text, "            {}", effect(line));
        }
        let _ = writeln!(text, "  stage   {}", play.schedule.stage());
        let _ = writeln!(text, "  tally   {}", play.schedule.tally());
        self.told = play.lines.len();
    }

    fn judge(&mut self, seconds: u64, text: &mut String) {
        let row = find(&self.name).unwrap();
        let armed = (row.armed)(&Evidence {
            effects: &self.play().lines,
            records: &[],
            ran: Duration::from_secs(seconds),
            interval: Duration::ZERO,
        });
        let word = if armed.armed { "armed" } else { "not armed" };
        let _ = writeln!(text, "  {word}: {}", armed.reason);
        let _ = writeln!(text, "  {}", armed.details);
    }
}

fn node_of(name: &str) -> NodeId {
    NodeId::from_name(name).unwrap()
}

fn effect(line: &EffectLine) -> String {
    let skipped = match &line.outcome {
        Outcome::Skipped { reason } => format!("   skipped: {reason}"),
        _ => String::new(),
    };
    let (word, whom) = (line.effect.word(), line.effect.whom());
    format!("{word} {whom}{skipped}")
}
