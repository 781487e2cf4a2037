//! The summary at the end of a run or a check: to be understood in ten seconds.

use std::fmt::Write;

use runs::record::Record;
use runs::record::Results;

use super::style::{Style, word};
use super::undecided;
use crate::flags::again;

/// So many violations are told; the rest is counted.
const TOLD: usize = 3;

/// How much of the proofs is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The first few violations.
    Few,
    /// Every violation, with the reason of each edge.
    All,
}
/// Text is broken at this column.
const WIDTH: usize = 110;

/// The summary, as text. `record` is known for a run, not for a history by itself.
pub(crate) fn render(results: &Results, record: Option<&Record>, depth: Depth, style: Style) -> String {
    let mut out = String::new();
    headline(&mut out, results, record, style);
    for check in &results.checks {
        let verdict = format!("{:<13}", word(check.verdict));
        let _ = write!(
            out,
            "  {:<16} {} ",
            check.name,
            style.verdict(check.verdict, &verdict)
        );
        out.push_str(&wrapped(&check.reason, 32));
        out.push('\n');
    }
    for check in &results.not_applicable {
        let _ = writeln!(
            out,
            "  {:<16} {:<13} {}",
            check.name,
            "not applicable",
            wrapped(&check.reason, 32)
        );
    }
    for name in &results.left_out {
        let _ = writeln!(
            out,
            "  {name:<16} {:<13} --no-journal: the client history speaks alone",
            "left out"
        );
    }
    for note in &results.notes {
        let _ = writeln!(out, "  note             {}", wrapped(note, 19));
    }
    out.push('\n');
    judged_as(&mut out, results);
    numbers(&mut out, results, record);
    proofs(&mut out, results, depth, style);
    undecided(&mut out, results, depth, style);
    if let Some(record) = record {
        let _ = writeln!(out, "\n  again       {}", again(record));
    }
    out
}

fn headline(out: &mut String, results: &Results, record: Option<&Record>, style: Style) {
    let verdict = style.verdict(results.verdict, &word(results.verdict).to_uppercase());
    let about = match record {
        Some(record) => about(record),
        None => results.run.clone(),
    };
    let _ = writeln!(out, "\n{verdict}  {}\n", style.bold(&about));
}

fn about(record: &Record) -> String {
    let settings = &record.settings;
    let mut about = format!(
        "{} on {} nodes of {} (profile {}), seed {}",
        settings.nemesis, settings.nodes, settings.system, settings.profile, settings.seed
    );
    if let (true, Some(load)) = (record.interrupted, record.load_stage()) {
        let _ = write!(
            about,
            ", INTERRUPTED after {:.1} s of {}",
            load.end.since(load.start).as_secs_f64(),
            humantime::format_duration(settings.duration)
        );
    }
    if !settings.bugs.is_empty() {
        let _ = write!(about, ", with the bug {}", settings.bugs.join(", "));
    }
    about
}

/// The model and who names it, what it started from, and what it was held to.
fn judged_as(out: &mut String, results: &Results) {
    let Some(judged) = &results.judged_as else { return };
    let by = judged.by.as_ref().map_or(String::new(), |by| format!(": {by}"));
    let _ = writeln!(out, "  model       {}, {}{by}", judged.model, judged.from.told());
    if let Some(initial) = &judged.initial {
        let _ = writeln!(out, "  start       {initial}");
    }
    let analysis = judged
        .analysis
        .iter()
        .map(|analysis| format!("analysis {analysis}"));
    let level = judged.consistency.iter().map(|level| format!("level {level}"));
    let said: Vec<String> = level.chain(analysis).collect();
    if !said.is_empty() {
        let _ = writeln!(out, "  held to     {}", said.join(", "));
    }
}

fn numbers(out: &mut String, results: &Results, record: Option<&Record>) {
    let cycles = &results.cycles;
    if *cycles != Default::default() {
        let _ = writeln!(out, "  cycles      {cycles}");
    }
    let operations = &results.operations;
    let _ = write!(
        out,
        "  operations  {} ok, {} fail, {} info",
        operations.ok, operations.fail, operations.info
    );
    // A run that was cut short does not know when its load ended.
    if record.is_some_and(|record| record.load_stage().is_some()) {
        let _ = write!(
            out,
            "; {} a second\n  outage      {} ms at the longest",
            operations.per_second, results.outage_longest_ms
        );
    }
    out.push('\n');
    if record.is_some() {
        let _ = writeln!(out, "  saved       {}", results.run);
    }
}

fn proofs(out: &mut String, results: &Results, depth: Depth, style: Style) {
    let told = if depth == Depth::All { usize::MAX } else { TOLD };
    for (number, violation) in results.violations.iter().take(told).enumerate() {
        let title = match &violation.key {
            Some(key) => format!("{} {}, key {key}", number + 1, violation.check),
            None => format!("{} {}", number + 1, violation.check),
        };
        let _ = writeln!(out, "\n  {}", style.bold(&title));
        for line in violation.why.lines() {
            let _ = writeln!(out, "    {}", wrapped(line, 4));
        }
        for edge in violation.edges.iter().filter(|_| depth == Depth::All) {
            let _ = writeln!(
                out,
                "    #{} -> #{}  {}",
                edge.from,
                edge.to,
                edge.reason.as_str()
            );
        }
    }
    let more = results.violations.len().saturating_sub(told);
    if more > 0 {
        let _ = writeln!(out, "\n  and {more} more: results.json has them all");
    }
}

/// How far the check came with what it could not decide: the first key, or all.
fn undecided(out: &mut String, results: &Results, depth: Depth, style: Style) {
    let most = if depth == Depth::All { usize::MAX } else { 1 };
    for (check, key) in undecided::keys(results).take(most) {
        let title = match &key.key {
            Some(key) => format!("{check}, key {key}, undecided"),
            None => format!("{check}, undecided"),
        };
        let _ = writeln!(out, "\n  {}", style.bold(&title));
        out.push_str(&told(&key.why, 4));
    }
}

/// Prose whose lines have an indentation of their own, under this one.
pub(crate) fn told(prose: &str, indent: usize) -> String {
    let lines = prose.lines().map(|line| {
        let words = line.trim_start();
        let indent = indent + line.len() - words.len();
        format!("{:indent$}{}\n", "", wrapped(words, indent + 2))
    });
    lines.collect()
}

/// Break a line at 110 columns; what follows is indented by `indent`.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        let width = word.chars().count();
        if column > indent && column + width > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        }
        if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_indentation() {
        assert_eq!(told("Let\n  T1 = read", 4), "    Let\n      T1 = read\n");
    }

    #[test]
    fn long_text_is_broken_and_keeps_every_word() {
        let text = "word ".repeat(60);
        let wrapped = wrapped(text.trim_end(), 4);
        assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(wrapped.split_whitespace().count(), 60);
    }
}
