//! A saved run in the terminal: verdict, cycles panel by panel, the history around a violation.

use std::fmt::Write;

use histories::run_folder::read_json;
use histories::{Event, History, LogIndex, Process, RunFolder, Value};
use nemesis::schedules::figure8::evidence::{Cycle, Ending};
use nemesis::schedules::guided::{Panel, Server};
use nemesis::{Link, NodeId, ProcessState, Role};
use serde_json::Value as Json;

use super::style::Style;
use super::summary::wrapped;
use crate::exit::Failure;
use crate::judge::nemesis::Saved as Nemesis;
use crate::run::record::Record;

/// So many events are shown before and after the one that is asked for.
const AROUND: usize = 12;
/// So many entries of a log are shown.
const ENTRIES: usize = 5;

/// What is shown of a run.
pub struct Wanted {
    /// Only this cycle.
    pub cycle: Option<u64>,
    /// The history around this event.
    pub around: Option<u64>,
    /// The history of this key.
    pub key: Option<String>,
}

/// What was saved beside the history.
pub struct Saved {
    /// run.json
    pub record: Record,
    path: String,
    results: Option<Json>,
    cycles: Vec<Cycle>,
}

impl Saved {
    /// Read it.
    pub fn load(folder: &RunFolder) -> Result<Self, Failure> {
        let record = Record::load(folder)?;
        let cycles = Nemesis::load(folder, &record)?.figure8().to_vec();
        let results = match folder.results().exists() {
            true => Some(read_json(&folder.results()).map_err(|error| Failure::Usage(error.to_string()))?),
            false => None,
        };
        Ok(Saved {
            record,
            path: folder.path().display().to_string(),
            results,
            cycles,
        })
    }
}

/// The whole text.
pub fn render(saved: &Saved, history: &History, wanted: &Wanted, style: Style) -> Result<String, Failure> {
    let mut out = String::new();
    if wanted.cycle.is_none() && wanted.around.is_none() && wanted.key.is_none() {
        verdict(&mut out, saved, style);
    }
    let only_history = wanted.around.is_some() || wanted.key.is_some();
    if !only_history {
        for cycle in cycles(saved, wanted)? {
            draw_cycle(&mut out, cycle, style);
        }
    }
    if wanted.cycle.is_none() {
        around(&mut out, saved, history, wanted, style)?;
    }
    Ok(out)
}

fn verdict(out: &mut String, saved: &Saved, style: Style) {
    let settings = &saved.record.settings;
    let _ = writeln!(out, "{}", style.bold(&saved.path));
    let _ = writeln!(out, "{}", settings.command_line());
    let Some(results) = &saved.results else {
        let _ = writeln!(
            out,
            "no verdict was saved: the run was cut short; `harness check` judges what it left\n"
        );
        return;
    };
    let _ = writeln!(out, "\nverdict: {}", style.bold(text(results, "verdict")));
    for check in results["checks"].as_array().into_iter().flatten() {
        let reason = wrapped(text(check, "reason"), 34);
        let _ = writeln!(
            out,
            "  {:<16} {:<14} {reason}",
            text(check, "name"),
            text(check, "verdict")
        );
    }
    out.push('\n');
}

fn text<'a>(json: &'a Json, field: &str) -> &'a str {
    json.get(field).and_then(Json::as_str).unwrap_or("?")
}

/// The cycles to be drawn: the one that is asked for, or those that matter most.
fn cycles<'a>(saved: &'a Saved, wanted: &Wanted) -> Result<Vec<&'a Cycle>, Failure> {
    if let Some(number) = wanted.cycle {
        let found = saved.cycles.iter().find(|cycle| cycle.cycle == number);
        let known = saved.cycles.len();
        return found
            .map(|cycle| vec![cycle])
            .ok_or_else(|| Failure::Usage(format!("there is no cycle {number}; the run has {known}")));
    }
    let sprung: Vec<&Cycle> = saved
        .cycles
        .iter()
        .filter(|cycle| cycle.outcome == Ending::Sprung)
        .take(1)
        .collect();
    // Where nothing sprang every cycle is worth a look.
    Ok(if sprung.is_empty() {
        saved.cycles.iter().collect()
    } else {
        sprung
    })
}

fn draw_cycle(out: &mut String, cycle: &Cycle, style: Style) {
    let ending = serde_json::to_value(cycle.outcome).ok();
    let ending = ending.as_ref().and_then(Json::as_str).unwrap_or("?").to_owned();
    let took = cycle.ended.since(cycle.started).as_millis();
    let title = format!("cycle {} {ending}", cycle.cycle);
    let _ = writeln!(
        out,
        "{}  from {:.3} s, {took} ms; {}",
        style.bold(&title),
        cycle.started.as_secs_f64(),
        cast(cycle)
    );
    let _ = writeln!(out, "  {}", wrapped(&cycle.reason, 2));
    for panel in &cycle.panels {
        draw_panel(out, cycle, panel, style);
    }
    out.push('\n');
}

fn cast(cycle: &Cycle) -> String {
    let name = |node: &Option<NodeId>| node.map_or("?".to_owned(), |node| node.to_string());
    format!(
        "S1 = {}, S5 = {}, L = {}",
        name(&cycle.cast.s1),
        name(&cycle.cast.s5),
        name(&cycle.cast.leader)
    )
}

fn about(panel: &str) -> &'static str {
    match panel {
        "a" => "plant: W on a minority",
        "b" => "rival: another entry at the same index",
        "c" => "trap: W on a majority; commit?",
        "d1" => "spring: the rival leads and overwrites",
        "d2" => "close: an entry of the current term was committed first",
        _ => "",
    }
}

fn draw_panel(out: &mut String, cycle: &Cycle, panel: &Panel, style: Style) {
    let _ = writeln!(
        out,
        "  ({}) {:.3} s  {}",
        panel.panel,
        panel.t.as_secs_f64(),
        about(&panel.panel)
    );
    for server in &panel.servers {
        let _ = writeln!(out, "      {}", draw_server(cycle, panel, server, style));
    }
    if let (Some(trap), "c") = (&cycle.c, panel.panel.as_str()) {
        let committed = cycle.index.is_some_and(|index| trap.commit >= index);
        let _ = writeln!(
            out,
            "      commit? {}: on {} of {}; P = {}; held {} ms",
            if committed { "YES" } else { "no" },
            trap.holders.len(),
            cycle.n,
            trap.p,
            trap.held_ms
        );
    }
}

fn draw_server(cycle: &Cycle, panel: &Panel, server: &Server, style: Style) -> String {
    let part = part(cycle, server.node);
    let state = match (server.process, server.role) {
        (ProcessState::Down, _) => "killed".to_owned(),
        (ProcessState::Paused, _) => "paused".to_owned(),
        (ProcessState::Starting, _) => "starting".to_owned(),
        (_, role) => {
            let role = match role {
                Some(Role::Leader) => "leads",
                Some(Role::Candidate) => "campaigns",
                Some(Role::Follower) => "follows",
                None => "silent",
            };
            let alone = if is_alone(panel, server.node) {
                " alone"
            } else {
                ""
            };
            format!("{role} T{}{alone}", server.term.unwrap_or_default())
        }
    };
    let commit = server.commit.unwrap_or_default();
    let log: Vec<String> = server
        .log
        .iter()
        .take(ENTRIES)
        .map(|entry| {
            let is_w = Some(entry.index) == cycle.index;
            let mark = if entry.index <= commit { "*" } else { "" };
            let text = format!("{}:T{}{mark}", entry.index, entry.term);
            if is_w {
                style.bold(&format!("({text})"))
            } else {
                text
            }
        })
        .collect();
    let more = if server.log.len() > ENTRIES { " …" } else { "" };
    format!("{:<4}{part:<5}{state:<20}{}{more}", server.node, log.join("  "))
}

/// The part that a node plays, as the paper names it.
fn part(cycle: &Cycle, node: NodeId) -> &'static str {
    match () {
        () if cycle.cast.s1 == Some(node) => "S1",
        () if cycle.cast.s5 == Some(node) => "S5",
        () if cycle.cast.cohort.contains(&node) => "C",
        () if cycle.cast.helpers.contains(&node) => "help",
        () => "",
    }
}

fn is_alone(panel: &Panel, node: NodeId) -> bool {
    let others = panel
        .servers
        .iter()
        .map(|server| server.node)
        .filter(|other| *other != node);
    others.clone().count() > 0
        && others
            .into_iter()
            .all(|other| panel.cut.contains(&Link(node, other)))
}

/// The history around the violation, around an event, or of a key.
fn around(
    out: &mut String,
    saved: &Saved,
    history: &History,
    wanted: &Wanted,
    style: Style,
) -> Result<(), Failure> {
    let (key, centre, marked) = match (&wanted.key, wanted.around) {
        (Some(key), at) => (Some(Value::from(key.as_str())), at, Vec::new()),
        (None, Some(at)) => (None, Some(at), vec![at]),
        (None, None) => match first_violation(saved) {
            Some((key, operations)) => (key, operations.first().copied(), operations),
            None => return Ok(()),
        },
    };
    if centre.is_some_and(|at| at >= history.events.len() as u64) {
        let events = history.events.len();
        return Err(Failure::Usage(format!(
            "there is no event {}; the history has {events}",
            centre.unwrap_or(0)
        )));
    }
    for violation in violations(saved)
        .filter(|_| wanted.key.is_none() && wanted.around.is_none())
        .take(1)
    {
        let _ = writeln!(out, "{}", wrapped(text(violation, "why"), 0));
        out.push('\n');
    }
    let about: Vec<&Event> = history
        .events
        .iter()
        .filter(|event| match &key {
            Some(key) => event.key.as_ref() == Some(key) || event.process == Process::Nemesis,
            None => true,
        })
        .collect();
    let from = centre.map_or(0, |centre| {
        about
            .partition_point(|event| event.index < centre)
            .saturating_sub(AROUND)
    });
    let until = match (centre, marked.last()) {
        (None, _) => about.len(),
        (Some(_), last) => {
            let last = last.copied().or(centre).unwrap_or(0);
            about.partition_point(|event| event.index <= last) + AROUND
        }
    };
    for event in &about[from..until.min(about.len())] {
        let line = event_line(event);
        let line = if marked.contains(&event.index) {
            style.bold(&line)
        } else {
            line
        };
        let _ = writeln!(out, "{line}");
    }
    Ok(())
}

fn violations(saved: &Saved) -> impl Iterator<Item = &Json> {
    saved
        .results
        .iter()
        .filter_map(|results| results["violations"].as_array())
        .flatten()
}

/// The key and the operations of the first violation that names some.
fn first_violation(saved: &Saved) -> Option<(Option<Value>, Vec<u64>)> {
    violations(saved).find_map(|violation| {
        let operations: Vec<u64> = violation["operations"]
            .as_array()?
            .iter()
            .filter_map(Json::as_u64)
            .collect();
        let key = violation
            .get("key")
            .and_then(|key| serde_json::from_value(key.clone()).ok());
        (!operations.is_empty()).then_some((key, operations))
    })
}

fn event_line(event: &Event) -> String {
    let kind = serde_json::to_value(event.kind).ok();
    let kind = kind.as_ref().and_then(Json::as_str).unwrap_or("?").to_owned();
    let mut line = format!(
        "{:>8} {:>10.4} s  {:<8} {kind:<7} {:<6}",
        event.index,
        event.time.as_secs_f64(),
        event.process.to_string(),
        event.f
    );
    if let Some(key) = &event.key {
        let _ = write!(line, " {key}");
    }
    if event.value != Value::Null || event.kind == histories::Kind::Ok {
        let _ = write!(line, " {}", event.value);
    }
    if let Some(node) = &event.node {
        let _ = write!(line, " at {node}");
    }
    if let Some((LogIndex(index), term)) = event.at {
        let _ = write!(line, " [{index}, T{term}]");
    }
    if let Some(error) = &event.error {
        let _ = write!(line, " {error}");
    }
    line
}
