//! The storyboard in text: a cycle of a guided schedule, stage by stage, with what every server held.

use std::fmt::Write;

use histories::LogIndex;
use nemesis::schedules::guided::record::{Part, Record as Cycle, Stage};
use nemesis::schedules::guided::{Panel, Server};
use nemesis::{Link, NodeId, ProcessState, Role};

use super::style::Style;
use super::summary::wrapped;

/// So many entries of a log are shown.
const ENTRIES: usize = 5;

/// A cycle.
pub(super) fn cycle(cycle: &Cycle, style: Style) -> String {
    let mut out = String::new();
    title(&mut out, cycle, style);
    for stage in &cycle.stages {
        draw_panel(&mut out, stage, cycle, style);
        badge(&mut out, stage, cycle);
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

fn title(out: &mut String, cycle: &Cycle, style: Style) {
    let title = style.bold(&format!("cycle {} {}", cycle.cycle, cycle.outcome));
    let took = cycle.ended.since(cycle.started).as_millis();
    let names = |part: &Part| part.to_string().replace(", ", " ");
    let cast = cycle.cast.iter();
    let cast: Vec<String> = cast
        .map(|(role, part)| format!("{role} = {}", names(part)))
        .collect();
    let (from, cast) = (cycle.started.as_secs_f64(), cast.join(", "));
    let _ = writeln!(out, "{title}  from {from:.3} s, {took} ms; {cast}");
    let _ = writeln!(out, "  {}", wrapped(&cycle.reason, 2));
}

/// Which parts the node plays.
fn parts(cycle: &Cycle, node: NodeId) -> String {
    let played = cycle.cast.iter().filter(|(_, part)| part.nodes().contains(&node));
    played
        .map(|(role, _)| role.as_str())
        .collect::<Vec<_>>()
        .join(",")
}

/// Where the entry at stake stands on a majority: who takes it for committed.
fn badge(out: &mut String, stage: &Stage, cycle: &Cycle) {
    let Some(seen) = &stage.facts.majority else { return };
    let by = cycle.committed_by(&stage.facts).join(", ");
    let _ = writeln!(
        out,
        "      commit? {}: on {} of {}; P = {}; held {} ms",
        if by.is_empty() {
            "no".to_owned()
        } else {
            format!("YES ({by})")
        },
        stage.facts.holders.len(),
        cycle.n,
        seen.p,
        seen.held_ms
    );
}

fn draw_panel(out: &mut String, stage: &Stage, cycle: &Cycle, style: Style) {
    let panel = &stage.panel;
    let title = stage
        .title
        .as_ref()
        .map_or(String::new(), |title| format!("{title}: "));
    let about = wrapped(&format!("{title}{}", stage.what), 17);
    let _ = writeln!(out, "  ({}) {:.3} s  {about}", stage.stage, stage.t.as_secs_f64());
    let at_stake = cycle.entry.as_ref().map(|entry| entry.index);
    let width = panel
        .servers
        .iter()
        .map(|server| parts(cycle, server.node).chars().count())
        .max()
        .unwrap_or(0);
    for server in &panel.servers {
        let part = parts(cycle, server.node);
        let state = state(panel, server);
        let log = log(server, at_stake, style);
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
