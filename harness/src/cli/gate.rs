//! `harness gate`: is a release worse than the one before it?

use std::path::PathBuf;
use std::time::Duration;

use checker::Verdict;
use histories::RunFolder;
use runs::judge;
use runs::record::Record;
use runs::record::{Results, Settings};
use serde::Serialize;
use serde_json::json;

use super::table::{Table, aligned};
use super::{run_folder, show, show_json};
use crate::errors::CliError;
use crate::exit::{Exit, Failure};
use crate::report::figures::{Figures, median};
use crate::report::style::{Style, word};

const EXAMPLES: &str = "\
Examples:
  harness gate latest --baseline store/release-1.4
      fail if recovery, outage or latency got worse by more than a quarter
  harness gate run1 run2 run3 --baseline old1 --baseline old2 --baseline old3 --latency 10%
      medians of three runs each, and at most a tenth more latency";

/// Compare saved runs with a baseline: exit 1 if they are worse by more than the margin, or if one of them is a violation.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Runs' folders, or `latest`; several of one kind count by their median.
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// What they are compared with; may be repeated.
    #[arg(long, value_name = "RUN", required = true)]
    baseline: Vec<PathBuf>,
    /// How much longer the recovery after the heal, and the longest outage, may take.
    #[arg(long, default_value = "25%", value_parser = percent)]
    recovery: Percent,
    /// How much higher the latency may be, median and 99th percentile.
    #[arg(long, default_value = "25%", value_parser = percent)]
    latency: Percent,
    /// Less than this is noise, whatever it is in percent: of recovery and outage …
    #[arg(long, default_value = "250ms", value_parser = crate::flags::duration)]
    recovery_noise: Duration,
    /// … and of latency.
    #[arg(long, default_value = "2ms", value_parser = crate::flags::duration)]
    latency_noise: Duration,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// A margin: 25 for 25 %.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
struct Percent(f64);

fn percent(text: &str) -> Result<Percent, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(Percent(percent)),
        _ => Err("write it like 25%".to_owned()),
    }
}

/// A saved run with its verdict and its figures.
struct Run {
    settings: Settings,
    verdict: Option<Verdict>,
    figures: Figures,
}

/// One figure of both sides.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    figure: &'static str,
    baseline_us: Option<u64>,
    now_us: Option<u64>,
    allowed_us: Option<u64>,
    verdict: Verdict,
}

/// Compare saved runs with a baseline; the exit code says what came of it.
pub(super) fn gate(args: &Args) -> Result<Exit, Failure> {
    let load = |paths: &[PathBuf]| -> Result<Vec<Run>, Failure> {
        let one = |path: &PathBuf| Run::load(&run_folder(&args.store, path)?);
        paths.iter().map(one).collect()
    };
    let (now, before) = (load(&args.runs)?, load(&args.baseline)?);
    alike(before.iter().chain(&now))?;
    let rows = compare(args, &before, &now);
    let of_runs = now.iter().map(|run| run.verdict.unwrap_or(Verdict::Inconclusive));
    let verdict = rows
        .iter()
        .map(|row| row.verdict)
        .chain(of_runs)
        .chain(before.iter().map(Run::as_baseline))
        .max()
        .unwrap_or(Verdict::Inconclusive);
    if args.json {
        let runs = now.iter().map(|run| run.verdict).collect::<Vec<_>>();
        let document = json!({
            "gate": 1, "verdict": verdict, "exit": Exit::from(verdict).code(), "runs": runs, "figures": rows,
            "margins": {"recovery_percent": args.recovery, "latency_percent": args.latency},
        });
        show_json(&document)?;
    } else {
        show(&text(&rows, (&before, &now), verdict, Style::of_stdout()))?;
    }
    Ok(Exit::from(verdict))
}

impl Run {
    /// What was no pass itself says nothing about what is compared with it.
    fn as_baseline(&self) -> Verdict {
        match self.verdict {
            Some(Verdict::Pass) => Verdict::Pass,
            _ => Verdict::Inconclusive,
        }
    }

    fn load(folder: &RunFolder) -> Result<Self, Failure> {
        let record = Record::load(folder)?;
        let history = judge::read_history(folder, !record.finished)?;
        let verdict = Results::load(folder)?.map(|results| results.verdict);
        Ok(Run {
            figures: Figures::of(&record, &history.events),
            settings: record.settings,
            verdict,
        })
    }
}

/// Only like is compared with like: otherwise it is the settings that differ, and not the release.
fn alike<'a>(mut runs: impl Iterator<Item = &'a Run>) -> Result<(), Failure> {
    let Some(first) = runs.next() else { return Ok(()) };
    let kind = |settings: &Settings| {
        [
            ("--system", settings.system.clone()),
            ("--nemesis", settings.nemesis.clone()),
            ("--nodes", settings.nodes.to_string()),
            ("--profile", settings.profile.clone()),
            ("--workload", settings.workload.clone()),
            ("--clients", settings.clients.to_string()),
            (
                "--rate",
                settings.rate.map_or("none".to_owned(), |rate| rate.to_string()),
            ),
        ]
    };
    let expected = kind(&first.settings);
    for run in runs {
        let other = kind(&run.settings);
        if let Some(((flag, expected), (_, found))) = expected
            .iter()
            .zip(&other)
            .find(|(expected, found)| expected != found)
        {
            return Err(CliError::NotAlike {
                flag,
                expected: expected.clone(),
                found: found.clone(),
            }
            .into());
        }
    }
    Ok(())
}

type Figure = (&'static str, fn(&Figures) -> Option<Duration>);

const RECOVERY: &[Figure] = &[
    ("recovery", |figures| figures.recovery),
    ("longest outage", |figures| figures.outage),
];

const LATENCY: &[Figure] = &[
    ("latency p50", |figures| figures.latency_p50),
    ("latency p99", |figures| figures.latency_p99),
];

fn compare(args: &Args, before: &[Run], now: &[Run]) -> Vec<Row> {
    let side = |runs: &[Run], figure: fn(&Figures) -> Option<Duration>| {
        median(runs.iter().map(|run| figure(&run.figures)))
    };
    let row = |(name, figure): &Figure, margin, noise| {
        judge_figure(name, side(before, *figure), side(now, *figure), margin, noise)
    };
    let recovery = RECOVERY
        .iter()
        .map(|figure| row(figure, args.recovery, args.recovery_noise));
    let latency = LATENCY
        .iter()
        .map(|figure| row(figure, args.latency, args.latency_noise));
    recovery.chain(latency).collect()
}

/// What was there before and is not there now is worse; what never was there tells nothing.
fn judge_figure(
    figure: &'static str,
    before: Option<Duration>,
    now: Option<Duration>,
    margin: Percent,
    noise: Duration,
) -> Row {
    let allowed = before.map(|before| before.mul_f64(1.0 + margin.0 / 100.0).max(before + noise));
    let verdict = match (allowed, now) {
        (Some(allowed), Some(now)) if now <= allowed => Verdict::Pass,
        (Some(_), _) => Verdict::Violation,
        (None, _) => Verdict::Inconclusive,
    };
    let us = |span: Option<Duration>| span.map(|span| span.as_micros() as u64);
    Row {
        figure,
        baseline_us: us(before),
        now_us: us(now),
        allowed_us: us(allowed),
        verdict,
    }
}

fn text(rows: &[Row], (before, now): (&[Run], &[Run]), verdict: Verdict, style: Style) -> String {
    let ms = |us: Option<u64>| us.map_or("none".to_owned(), |us| format!("{:.2} ms", us as f64 / 1000.0));
    let word_for = |verdict| match verdict {
        Verdict::Pass => "not worse",
        Verdict::Violation => "worse",
        Verdict::Inconclusive => "not known",
    };
    let cells = |row: &Row| {
        vec![
            row.figure.to_owned(),
            ms(row.baseline_us),
            ms(row.now_us),
            ms(row.allowed_us),
            word_for(row.verdict).to_owned(),
        ]
    };
    let table = aligned(&Table {
        head: vec!["figure", "baseline", "now", "allowed", ""],
        rows: rows.iter().map(cells).collect(),
    });
    let mut out = table;
    for (what, runs) in [("a run", now), ("a baseline", before)] {
        for run in runs.iter().filter(|run| run.verdict != Some(Verdict::Pass)) {
            let verdict = run.verdict.map_or("unfinished", word);
            out += &format!("{what} is no pass: {verdict}, seed {}\n", run.settings.seed);
        }
    }
    let word = word_for(verdict).to_uppercase();
    out + &format!("\n{}\n", style.verdict(verdict, &word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worse_is_more_than_the_margin_and_more_than_noise() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let noise = Duration::from_millis(2);
        let judge = |before, now| judge_figure("latency p99", before, now, Percent(25.0), noise).verdict;
        assert_eq!(judge(ms(100), ms(125)), Verdict::Pass);
        assert_eq!(judge(ms(100), ms(126)), Verdict::Violation);
        assert_eq!(judge(ms(1), ms(3)), Verdict::Pass);
        assert_eq!(judge(ms(100), None), Verdict::Violation);
        assert_eq!(judge(None, ms(1)), Verdict::Inconclusive);
    }

    #[test]
    fn a_margin_is_a_percentage() {
        assert_eq!(percent("25%"), Ok(Percent(25.0)));
        assert_eq!(percent("7.5"), Ok(Percent(7.5)));
        assert!(percent("-1%").is_err() && percent("much").is_err() && percent("inf").is_err());
    }
}
