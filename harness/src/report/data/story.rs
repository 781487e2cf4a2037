//! The cycles of a guided schedule, in the form that storyboards are drawn from.

use std::collections::BTreeMap;

use histories::run_folder::read_lines;
use histories::{LogIndex, RunFolder, Term};
use nemesis::schedules;
use nemesis::schedules::guided::Server;
use nemesis::schedules::guided::record::{self, Fork, Outcome, Record};
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

/// The entry at stake stands on a majority: is it committed?
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
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What happened, in a sentence.
    pub what: String,
    /// When, in microseconds.
    pub t: u64,
    /// The servers; empty where no picture was taken.
    pub servers: Vec<Picture>,
    /// The links that are cut.
    pub cut: Vec<Link>,
    /// Where the entry at stake stands on a majority.
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
    pub outcome: Outcome,
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
    /// Of a story with two ends, which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork: Option<Fork>,
    /// The stages. Empty for a cycle that the page does not draw.
    pub stages: Vec<Stage>,
}

/// All cycles of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stories {
    /// The schedules, in the order in which they had their turns.
    pub schedule: String,
    /// What each of those is about that lead the cluster through stages.
    pub about: Vec<(&'static str, &'static str)>,
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
        for (at, record) in records.iter().enumerate() {
            let wrong = |source| ReportError::Line {
                path: path.clone(),
                line: at + 1,
                source,
            };
            cycles.push(story(record::read_one(record).map_err(wrong)?, nodes));
        }
    }
    let guided = schedule
        .split(',')
        .filter_map(schedules::find)
        .filter(|row| row.guided);
    let drawn = keep_what_shows(&mut cycles);
    Ok(Stories {
        schedule: schedule.to_owned(),
        about: guided.map(|row| (row.name, row.about)).collect(),
        cycles,
        drawn,
    })
}

/// Of very many cycles only some keep their stages: those that caught something, then the first ones.
fn keep_what_shows(cycles: &mut [Story]) -> usize {
    let dull = |story: &Story| match story.outcome {
        Outcome::Sprung => 0,
        outcome if outcome.is_set() => 1,
        _ => 2,
    };
    let mut order: Vec<usize> = (0..cycles.len()).collect();
    order.sort_by_key(|&at| (dull(&cycles[at]), at));
    for &at in order.iter().skip(DRAWN) {
        cycles[at].stages.clear();
    }
    cycles.len().min(DRAWN)
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

fn story(record: Record, nodes: usize) -> Story {
    let of_part = |(role, part): (&String, &record::Part)| -> Vec<(String, NodeId)> {
        let nodes = part.nodes().iter();
        nodes.map(|node| (role.clone(), *node)).collect()
    };
    let key = match &record.written {
        Some(written) => format!("{} = {written}", record.key),
        None => record.key.to_string(),
    };
    Story {
        cycle: record.cycle,
        outcome: record.outcome,
        from: micros(record.started),
        to: micros(record.ended),
        cast: record.cast.iter().flat_map(of_part).collect(),
        rows: rows(&record, nodes),
        index: record.entry.as_ref().map(|entry| entry.index),
        key: Some(key),
        stages: record.stages.iter().map(|stage| drawn(stage, &record)).collect(),
        schedule: record.schedule,
        reason: record.reason,
        terms: record.terms,
        fork: record.fork,
    }
}

/// The servers as the paper draws them, with its names for them; or as they come, without.
fn rows(record: &Record, nodes: usize) -> Vec<(String, NodeId)> {
    if record.rows.is_empty() {
        return NodeId::all(nodes).map(|node| (String::new(), node)).collect();
    }
    let named = (1..).zip(&record.rows);
    named.map(|(at, node)| (format!("S{at}"), *node)).collect()
}

fn drawn(stage: &record::Stage, record: &Record) -> Stage {
    // Of each log the entry at stake with the one before it, or its end.
    let ends = stage.panel.servers.iter().filter_map(|server| server.log.last());
    let last = ends.map(|entry| entry.index.0).max().unwrap_or(0);
    let from = match &record.entry {
        Some(entry) => entry.index.0.saturating_sub(1),
        None => last.saturating_sub(ENTRIES as u64 - 1),
    };
    Stage {
        stage: stage.stage.clone(),
        title: stage.title.clone(),
        what: stage.what.clone(),
        t: micros(stage.t),
        servers: pictures(&stage.panel.servers, LogIndex(from)),
        cut: stage.panel.cut.clone(),
        badge: badge(stage, record),
    }
}

fn badge(stage: &record::Stage, record: &Record) -> Option<Badge> {
    let seen = stage.facts.majority.as_ref()?;
    let seen_by = record.committed_by(&stage.facts);
    Some(Badge {
        lit: !seen_by.is_empty(),
        holders: stage.facts.holders.clone(),
        p: seen.p,
        held_ms: seen.held_ms,
        seen_by,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(cycle: u64, outcome: Outcome) -> Story {
        Story {
            schedule: String::new(),
            cycle,
            outcome,
            reason: String::new(),
            from: 0,
            to: 1,
            cast: Vec::new(),
            rows: Vec::new(),
            terms: BTreeMap::new(),
            index: None,
            key: None,
            fork: None,
            stages: vec![Stage {
                stage: "a".to_owned(),
                title: None,
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
        let mut cycles: Vec<Story> = (1..=400).map(|cycle| story(cycle, Outcome::Missed)).collect();
        cycles[399].outcome = Outcome::Sprung;
        assert_eq!(keep_what_shows(&mut cycles), DRAWN);
        let drawn = |cycle: &&Story| !cycle.stages.is_empty();
        assert_eq!(cycles.iter().filter(drawn).count(), DRAWN);
        assert!(drawn(&&cycles[399]) && !drawn(&&cycles[398]));
    }
}
