//! The storyboard in text: a cycle of a guided schedule, stage by stage, with what every server held.

use std::fmt::Write;

use histories::LogIndex;
use nemesis::schedules::figure8::evidence::Cycle;
use nemesis::schedules::guided::record::Record as Guided;
use nemesis::schedules::guided::{Panel, Server};
use nemesis::{Link, NodeId, ProcessState, Role};
use serde::Serialize;
use serde_json::Value as Json;

use super::style::Style;
use super::summary::wrapped;

/// So many entries of a log are shown.
const ENTRIES: usize = 5;

/// The cast of a cycle, and the entry at stake, where it has one.
struct Parts {
    names: Vec<(NodeId, String)>,
    at_stake: Option<LogIndex>,
}

impl Parts {
    fn of(&self, node: NodeId) -> String {
        let played = self
            .names
            .iter()
            .filter(|(who, _)| *who == node)
            .map(|(_, part)| part.as_str());
        played.collect::<Vec<_>>().join(",")
    }
}

/// A cycle of figure8.
pub fn figure8(cycle: &Cycle, style: Style) -> String {
    let mut out = String::new();
    let name = |node: &Option<NodeId>| node.map_or("?".to_owned(), |node| node.to_string());
    let cast = format!(
        "S1 = {}, S5 = {}, L = {}",
        name(&cycle.cast.s1),
        name(&cycle.cast.s5),
        name(&cycle.cast.leader)
    );
    title(
        &mut out,
        (cycle.cycle, &word(&cycle.outcome)),
        (cycle.started, cycle.ended),
        &cast,
        &cycle.reason,
        style,
    );
    let parts = parts(cycle);
    for panel in &cycle.panels {
        draw_panel(&mut out, panel, about(&panel.panel), &parts, style);
        if panel.panel == "c" {
            badge(&mut out, cycle);
        }
    }
    out.push('\n');
    out
}

/// A cycle of any other guided schedule.
pub fn guided(cycle: &Guided, style: Style) -> String {
    let mut out = String::new();
    let cast: Vec<String> = cycle
        .cast
        .iter()
        .map(|(part, node)| format!("{part} = {node}"))
        .collect();
    title(
        &mut out,
        (cycle.cycle, &word(&cycle.outcome)),
        (cycle.started, cycle.ended),
        &cast.join(", "),
        &cycle.reason,
        style,
    );
    let parts = Parts {
        names: cycle
            .cast
            .iter()
            .map(|(part, node)| (*node, part.clone()))
            .collect(),
        at_stake: None,
    };
    for stage in &cycle.stages {
        draw_panel(&mut out, &stage.panel, &stage.what, &parts, style);
    }
    for read in &cycle.reads {
        let value = read
            .value
            .as_ref()
            .map_or("no answer".to_owned(), ToString::to_string);
        let _ = writeln!(out, "  last read of {} at {}: {value}", read.key, read.node);
    }
    out.push('\n');
    out
}

/// As it is spelled in the record.
fn word(outcome: &impl Serialize) -> String {
    let word = serde_json::to_value(outcome).ok();
    word.as_ref().and_then(Json::as_str).unwrap_or("?").to_owned()
}

fn title(
    out: &mut String,
    (number, ending): (u64, &str),
    (started, ended): (histories::Nanos, histories::Nanos),
    cast: &str,
    reason: &str,
    style: Style,
) {
    let took = ended.since(started).as_millis();
    let title = style.bold(&format!("cycle {number} {ending}"));
    let _ = writeln!(
        out,
        "{title}  from {:.3} s, {took} ms; {cast}",
        started.as_secs_f64()
    );
    let _ = writeln!(out, "  {}", wrapped(reason, 2));
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

/// Who plays which part, as the paper names it.
fn parts(cycle: &Cycle) -> Parts {
    let cast = &cycle.cast;
    let cohort = cast.cohort.iter().filter(|node| Some(**node) != cast.s1);
    let mut names: Vec<(NodeId, String)> = Vec::new();
    names.extend(cast.s1.map(|node| (node, "S1".to_owned())));
    names.extend(cast.s5.map(|node| (node, "S5".to_owned())));
    names.extend(cohort.map(|node| (*node, "C".to_owned())));
    names.extend(cast.helpers.iter().map(|node| (*node, "help".to_owned())));
    Parts {
        names,
        at_stake: cycle.index,
    }
}

fn badge(out: &mut String, cycle: &Cycle) {
    let Some(trap) = &cycle.c else { return };
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

fn draw_panel(out: &mut String, panel: &Panel, about: &str, parts: &Parts, style: Style) {
    let _ = writeln!(
        out,
        "  ({}) {:.3} s  {}",
        panel.panel,
        panel.t.as_secs_f64(),
        wrapped(about, 17)
    );
    let width = panel
        .servers
        .iter()
        .map(|server| parts.of(server.node).chars().count())
        .max()
        .unwrap_or(0);
    for server in &panel.servers {
        let part = parts.of(server.node);
        let state = state(panel, server);
        let log = log(server, parts.at_stake, style);
        let _ = writeln!(out, "      {:<4}{part:<width$} {state:<20}{log}", server.node);
    }
}

fn state(panel: &Panel, server: &Server) -> String {
    let role = match (server.process, server.role) {
        (ProcessState::Down, _) => return "killed".to_owned(),
        (ProcessState::Paused, _) => return "paused".to_owned(),
        (ProcessState::Starting, _) => return "starting".to_owned(),
        (ProcessState::Running, Some(Role::Leader)) => "leads",
        (ProcessState::Running, Some(Role::Candidate)) => "campaigns",
        (ProcessState::Running, Some(Role::Follower)) => "follows",
        (ProcessState::Running, None) => "silent",
    };
    let alone = if is_alone(panel, server.node) {
        " alone"
    } else {
        ""
    };
    format!("{role} T{}{alone}", server.term.unwrap_or_default())
}

fn log(server: &Server, at_stake: Option<LogIndex>, style: Style) -> String {
    let commit = server.commit.unwrap_or_default();
    let entry = |entry: &nemesis::view::TailEntry| {
        let mark = if entry.index <= commit { "*" } else { "" };
        let text = format!("{}:T{}{mark}", entry.index, entry.term);
        if Some(entry.index) == at_stake {
            style.bold(&format!("({text})"))
        } else {
            text
        }
    };
    // A story of its own begins where its cycle does; what matters of it is the end.
    let skipped = match at_stake {
        Some(_) => 0,
        None => server.log.len().saturating_sub(ENTRIES),
    };
    let shown: Vec<String> = server.log.iter().skip(skipped).take(ENTRIES).map(entry).collect();
    let more = |is_more| if is_more { "…" } else { "" };
    let left = more(skipped > 0);
    let right = more(server.log.len() > skipped + ENTRIES);
    [left, &shown.join("  "), right]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_alone(panel: &Panel, node: NodeId) -> bool {
    let mut others = panel
        .servers
        .iter()
        .map(|server| server.node)
        .filter(|other| *other != node)
        .peekable();
    others.peek().is_some() && others.all(|other| panel.cut.contains(&Link(node, other)))
}
