//! The cycles of a guided schedule, in the one form that storyboards are drawn from.
//!
//! figure8 has a record of its own; every other guided schedule writes a [`Record`], each stage with the panel of that
//! moment.

use std::collections::BTreeMap;

use histories::run_folder::read_lines;
use histories::{LogIndex, RunFolder, Term};
use nemesis::schedules::figure8::evidence::{Cycle, Ending};
use nemesis::schedules::guided::Server;
use nemesis::schedules::guided::record::{self, Record};
use nemesis::{Link, NodeId, ProcessState, Role};
use runs::record::Unreadable;
use serde::Serialize;
use serde_json::Value as Json;

use super::faults::micros;
use crate::errors::ReportError;
use crate::exit::Failure;

/// A page draws so many cycles: those that show something first.
const DRAWN: usize = 150;
/// So many entries of a log are drawn.
const ENTRIES: usize = 7;

/// An entry of a log: index, term, and the beginning of its hash.
pub type Entry = (LogIndex, Term, String);

/// A server at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Picture {
    /// Which.
    pub node: NodeId,
    /// Its process.
    pub process: ProcessState,
    /// What it says of itself, where it could be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// See `role`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<Term>,
    /// See `role`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<LogIndex>,
    /// The end of its log.
    pub log: Vec<Entry>,
    /// How many more entries it has behind that.
    pub more: usize,
}

/// The moment of (c): is the entry committed?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Badge {
    /// Whether somebody took it for committed.
    pub lit: bool,
    /// Who holds it.
    pub holders: Vec<NodeId>,
    /// How many hold an entry of the leader's own term.
    #[serde(rename = "P")]
    pub p: usize,
    /// How long it stood so.
    pub held_ms: u64,
    /// What says that it was committed: a commit index, a reader, the client who wrote it.
    pub seen_by: Vec<&'static str>,
}

/// A stage, with the picture of its moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// `a`, `b`, `c`, `d1` …
    pub stage: String,
    /// What happened, in a sentence.
    pub what: String,
    /// When, in microseconds.
    pub t: u64,
    /// The servers; empty where no picture was taken.
    pub servers: Vec<Picture>,
    /// The links that are cut.
    pub cut: Vec<Link>,
    /// At figure8's (c).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub badge: Option<Badge>,
}

/// A cycle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Story {
    /// Of which schedule.
    pub schedule: String,
    /// Counts from 1 within its schedule.
    pub cycle: u64,
    /// `SPRUNG`, `REFUSED` …
    pub outcome: String,
    /// Why, in one sentence.
    pub reason: String,
    /// From when, in microseconds.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// Who plays which part: `S1` → n3. A node may play several.
    pub cast: Vec<(String, NodeId)>,
    /// The rows of the picture, from top to bottom, as `S1` … with their nodes.
    pub rows: Vec<(String, NodeId)>,
    /// The terms by the names of the paper.
    pub terms: BTreeMap<String, Term>,
    /// The index of the entry at stake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<LogIndex>,
    /// The key of the entry at stake, and what it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether the trap of d1 or of d2 was meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
    /// The stages. Empty for a cycle that the page does not draw.
    pub stages: Vec<Stage>,
}

/// All cycles of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stories {
    /// The schedules, in the order in which they had their turns.
    pub schedule: String,
    /// The cycles, schedule by schedule.
    pub cycles: Vec<Story>,
    /// How many of them have their stages.
    pub drawn: usize,
}

/// Read the cycles of a run; none where its schedule is not a guided one.
pub fn read(folder: &RunFolder, schedule: &str, nodes: usize, unfinished: bool) -> Result<Stories, Failure> {
    let mut cycles = Vec::new();
    for name in schedule.split(',') {
        let path = folder.cycles(name);
        let records: Vec<Json> = read_lines(&path, unfinished).map_err(Unreadable)?;
        for (at, record) in records.into_iter().enumerate() {
            let story = match record.get("stages") {
                Some(_) => serde_json::from_value(record).map(|record| common(&record, nodes)),
                None => serde_json::from_value(record).map(|cycle| figure8(&cycle, nodes)),
            };
            let wrong = |source| ReportError::Line {
                path: path.clone(),
                line: at + 1,
                source,
            };
            cycles.push(story.map_err(wrong)?);
        }
    }
    let drawn = keep_what_shows(&mut cycles);
    Ok(Stories {
        schedule: schedule.to_owned(),
        cycles,
        drawn,
    })
}

/// Of very many cycles only some keep their stages: those that caught something, then the first ones.
fn keep_what_shows(cycles: &mut [Story]) -> usize {
    let dull = |story: &Story| match story.outcome.as_str() {
        "SPRUNG" => 0,
        "MISSED" | "UNFINISHED" => 2,
        _ => 1,
    };
    let mut order: Vec<usize> = (0..cycles.len()).collect();
    order.sort_by_key(|&at| (dull(&cycles[at]), at));
    for &at in order.iter().skip(DRAWN) {
        cycles[at].stages.clear();
    }
    cycles.len().min(DRAWN)
}

fn figure8(cycle: &Cycle, nodes: usize) -> Story {
    let from = cycle
        .index
        .map_or(LogIndex(0), |index| LogIndex(index.0.saturating_sub(1)));
    let stages = cycle.panels.iter().map(|panel| Stage {
        stage: panel.panel.clone(),
        what: caption(cycle, &panel.panel),
        t: micros(panel.t),
        servers: pictures(&panel.servers, from),
        cut: panel.cut.clone(),
        badge: (panel.panel == "c").then(|| badge(cycle)).flatten(),
    });
    let terms = [
        ("T2", cycle.terms.t2),
        ("T3", cycle.terms.t3),
        ("T4", cycle.terms.t4),
        ("T5", cycle.terms.t5),
    ];
    Story {
        schedule: "figure8".to_owned(),
        cycle: cycle.cycle,
        outcome: word(&cycle.outcome),
        reason: cycle.reason.clone(),
        from: micros(cycle.started),
        to: micros(cycle.ended),
        cast: cast(cycle),
        rows: rows(cycle, nodes),
        terms: terms
            .into_iter()
            .filter_map(|(name, term)| Some((name.to_owned(), term?)))
            .collect(),
        index: cycle.index,
        key: cycle
            .written
            .as_ref()
            .map(|written| format!("{} = {written}", cycle.key)),
        arm: Some(word(&cycle.arm)),
        stages: stages.collect(),
    }
}

/// The word that an enum is written as.
fn word(value: &impl Serialize) -> String {
    let json = serde_json::to_value(value).ok();
    json.as_ref().and_then(Json::as_str).unwrap_or("?").to_owned()
}

fn cast(cycle: &Cycle) -> Vec<(String, NodeId)> {
    let cast = &cycle.cast;
    let one = |name: &str, node: Option<NodeId>| node.map(|node| (name.to_owned(), node));
    let many = |name: &str, nodes: &[NodeId]| -> Vec<(String, NodeId)> {
        nodes.iter().map(|node| (name.to_owned(), *node)).collect()
    };
    one("S1", cast.s1)
        .into_iter()
        .chain(many("cohort", &cast.cohort))
        .chain(one("S5", cast.s5))
        .chain(many("helper", &cast.helpers))
        .chain(one("L", cast.leader))
        .collect()
}

/// The servers in the paper's order: S1 and its cohort, the helpers, the others, the rival last.
fn rows(cycle: &Cycle, nodes: usize) -> Vec<(String, NodeId)> {
    let cast = &cycle.cast;
    let mut order: Vec<NodeId> = Vec::with_capacity(nodes);
    let firsts = cast.s1.into_iter().chain(cast.cohort.iter().copied());
    let helpers = cast.helpers.iter().copied();
    for node in firsts.chain(helpers).chain(NodeId::all(nodes)) {
        if !order.contains(&node) && cast.s5 != Some(node) {
            order.push(node);
        }
    }
    order.extend(cast.s5);
    named(order)
}

fn named(order: Vec<NodeId>) -> Vec<(String, NodeId)> {
    let name = |(at, node)| (format!("S{}", at + 1), node);
    order.into_iter().enumerate().map(name).collect()
}

fn pictures(servers: &[Server], from: LogIndex) -> Vec<Picture> {
    let picture = |server: &Server| {
        let log: Vec<Entry> = server
            .log
            .iter()
            .filter(|entry| entry.index >= from)
            .map(|entry| {
                let hash: String = entry.hash.chars().take(8).collect();
                (entry.index, entry.term, hash)
            })
            .collect();
        Picture {
            node: server.node,
            process: server.process,
            role: server.role,
            term: server.term,
            commit: server.commit,
            more: log.len().saturating_sub(ENTRIES),
            log: log.into_iter().take(ENTRIES).collect(),
        }
    };
    servers.iter().map(picture).collect()
}

fn badge(cycle: &Cycle) -> Option<Badge> {
    let (trap, index) = cycle.c.as_ref().zip(cycle.index)?;
    let mut seen_by = Vec::new();
    if trap.commit >= index {
        seen_by.push("a commit index");
    }
    if trap.read.is_some() && trap.read == cycle.written {
        seen_by.push("a reader");
    }
    if trap.acknowledged {
        seen_by.push("the client who wrote it");
    }
    Some(Badge {
        lit: cycle.was_committed(),
        holders: trap.holders.clone(),
        p: trap.p,
        held_ms: trap.held_ms,
        seen_by,
    })
}

fn caption(cycle: &Cycle, panel: &str) -> String {
    let node = |node: Option<NodeId>| node.map_or("?".to_owned(), |node| node.to_string());
    let term = |name: &str, term: Option<Term>| match term {
        Some(term) => format!("{name} (term {term})"),
        None => name.to_owned(),
    };
    let index = cycle.index.map_or("?".to_owned(), |index| index.to_string());
    let list = |nodes: &[NodeId]| nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ");
    let (s1, s5, leader) = (node(cycle.cast.s1), node(cycle.cast.s5), node(cycle.cast.leader));
    match panel {
        "a" => format!(
            "S1 ({s1}) leads {} and writes W at index {index}; it reaches {} only, a minority.",
            term("T2", cycle.terms.t2),
            list(&cycle.cast.cohort)
        ),
        "b" => format!(
            "{} is out. S5 ({s5}) wins {} and writes an entry of its own at the same index.",
            list(&cycle.cast.cohort),
            term("T3", cycle.terms.t3)
        ),
        "c" => {
            let holders = cycle.c.as_ref().map_or(String::new(), |trap| list(&trap.holders));
            format!(
                "S5 is out. {leader} leads {} and copies W, an entry of an older term, to a majority: {holders}. \
                 Is it committed?",
                term("T4", cycle.terms.t4)
            )
        }
        "d1" if cycle.outcome == Ending::Sprung => format!(
            "{leader} is out before an entry of its own term reached a majority. S5 ({s5}) leads {} and \
             overwrites index {index}: what was committed is gone.",
            term("T5", cycle.terms.t5)
        ),
        "d1" => format!(
            "{leader} is out before an entry of its own term reached a majority. S5 ({s5}) leads {} and \
             overwrites index {index}, which nobody had taken for committed.",
            term("T5", cycle.terms.t5)
        ),
        "d2" => format!(
            "{leader} first commits an entry of its own term, and W with it. S5 ({s5}) can no longer win: W stays."
        ),
        _ => String::new(),
    }
}

fn common(record: &Record, nodes: usize) -> Story {
    Story {
        schedule: record.schedule.clone(),
        cycle: record.cycle,
        outcome: word(&record.outcome),
        reason: record.reason.clone(),
        from: micros(record.started),
        to: micros(record.ended),
        cast: record
            .cast
            .iter()
            .map(|(part, node)| (part.clone(), *node))
            .collect(),
        rows: NodeId::all(nodes).map(|node| (String::new(), node)).collect(),
        terms: BTreeMap::new(),
        index: None,
        key: Some(record.key.to_string()),
        arm: None,
        stages: record.stages.iter().map(common_stage).collect(),
    }
}

fn common_stage(stage: &record::Stage) -> Stage {
    // Of each log its end.
    let ends = stage.panel.servers.iter().filter_map(|server| server.log.last());
    let last = ends.map(|entry| entry.index.0).max().unwrap_or(0);
    Stage {
        stage: stage.stage.clone(),
        what: stage.what.clone(),
        t: micros(stage.t),
        servers: pictures(
            &stage.panel.servers,
            LogIndex(last.saturating_sub(ENTRIES as u64 - 1)),
        ),
        cut: stage.panel.cut.clone(),
        badge: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(cycle: u64, outcome: &str) -> Story {
        Story {
            schedule: String::new(),
            cycle,
            outcome: outcome.to_owned(),
            reason: String::new(),
            from: 0,
            to: 1,
            cast: Vec::new(),
            rows: Vec::new(),
            terms: BTreeMap::new(),
            index: None,
            key: None,
            arm: None,
            stages: vec![Stage {
                stage: "a".to_owned(),
                what: String::new(),
                t: 0,
                servers: Vec::new(),
                cut: Vec::new(),
                badge: None,
            }],
        }
    }

    #[test]
    fn of_very_many_cycles_the_one_that_caught_something_is_drawn() {
        let mut cycles: Vec<Story> = (1..=400).map(|cycle| story(cycle, "MISSED")).collect();
        cycles[399].outcome = "SPRUNG".to_owned();
        assert_eq!(keep_what_shows(&mut cycles), DRAWN);
        let drawn = |cycle: &&Story| !cycle.stages.is_empty();
        assert_eq!(cycles.iter().filter(drawn).count(), DRAWN);
        assert!(drawn(&&cycles[399]) && !drawn(&&cycles[398]));
    }
}
