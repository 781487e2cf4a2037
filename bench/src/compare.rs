//! Ours beside theirs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use checker::{Budget, Options, Verdict, linearizability, models};
use histories::{History, format};

use crate::generate::{self, Shape};
use crate::peer::{self, Prepared};

/// After this the peer has no answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints a row per input.
pub fn run() -> Result<()> {
    println!("| input | ours | porcupine-rs 0.3 | ratio |\n| --- | --- | --- | --- |");
    match corpus() {
        Some(folder) => of_corpus(&folder)?,
        None => println!("| the corpus | not found | | |"),
    }
    for (name, shape) in SYNTHETIC {
        let history = generate::register(*shape, 1);
        let ours = ours(&history, "cas-register")?;
        let theirs = (shape.operations <= 100_000).then(|| theirs(&peer::register(&history), 1));
        row(name, ours, theirs)?;
    }
    Ok(())
}

const SYNTHETIC: &[(&str, Shape)] = &[
    (
        "unique register, 5 clients, 100k",
        shape(100_000, 5, None, false, 0),
    ),
    (
        "unique register, 5 clients, 1M",
        shape(1_000_000, 5, None, false, 0),
    ),
    ("20 clients saturated, 1k", shape(1_000, 20, None, false, 0)),
    (
        "100 clients, 100k, 200 unknown",
        shape(100_000, 100, None, false, 200),
    ),
    (
        "unique cas-register, 10 clients, 100k",
        shape(100_000, 10, None, true, 0),
    ),
    (
        "5 values, cas, 10 clients, 1M",
        shape(1_000_000, 10, Some(5), true, 0),
    ),
];

const fn shape(operations: usize, clients: usize, values: Option<i64>, cas: bool, unknown: usize) -> Shape {
    Shape {
        operations,
        clients,
        values,
        cas,
        unknown,
    }
}

fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("HARNESS_CORPUS").map_or_else(beside, PathBuf::from);
    folder.join("index.tsv").exists().then_some(folder)
}

/// A verdict, or none, and the time that it took.
type Timed = (Option<bool>, Duration);

/// The etcd logs together, the slowest of them, and each key-value log.
fn of_corpus(folder: &Path) -> Result<()> {
    let index = std::fs::read_to_string(folder.join("index.tsv"))?;
    let mut sum: Option<(Duration, Duration)> = None;
    let mut worst: Option<(String, Timed, Timed)> = None;
    for line in index.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(path), Some(model)) = (columns.next(), columns.next()) else {
            continue;
        };
        if model != "etcd-cas-register" && model != "kv" {
            continue;
        }
        let history = format::read_path(folder.join(path), &format::Options::default())?.history;
        if model == "kv" {
            let (mine, its) = (ours(&history, "kv")?, theirs(&peer::kv(&history), 3));
            row(path, mine, Some(its))?;
            continue;
        }
        let (mine, its) = (
            ours(&history, "cas-register")?,
            theirs(&peer::register(&history), 3),
        );
        same(path, mine, its)?;
        let before = sum.unwrap_or_default();
        sum = Some((before.0 + mine.1, before.1 + its.1));
        if worst.as_ref().is_none_or(|(_, _, slowest)| slowest.1 < its.1) {
            worst = Some((path.to_owned(), mine, its));
        }
    }
    if let (Some((mine, its)), Some((path, my_worst, its_worst))) = (sum, worst) {
        row("the etcd logs, sum of medians", (None, mine), Some((None, its)))?;
        row(&format!("the slowest of them, {path}"), my_worst, Some(its_worst))?;
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ours(history: &History, model: &str) -> Result<Timed> {
    let model = models::find(model).ok_or_else(|| anyhow::anyhow!("no model {model}"))?;
    let mut times = Vec::new();
    let mut verdict = None;
    for _ in 0..if history.events.len() > 100_000 { 3 } else { 9 } {
        let (options, budget) = (Options::default(), Budget::unlimited());
        let start = Instant::now();
        let check = linearizability(&history.header, &history.events, model, &options, &budget)?;
        times.push(start.elapsed());
        verdict = match check.verdict {
            Verdict::Pass => Some(true),
            Verdict::Violation => Some(false),
            Verdict::Inconclusive => None,
        };
    }
    Ok((verdict, median(times)))
}

fn theirs(prepared: &Prepared, times: usize) -> Timed {
    let mut verdict = None;
    let times = (0..times).map(|_| {
        let start = Instant::now();
        verdict = peer::check(prepared, PATIENCE);
        start.elapsed()
    });
    let median = median(times.collect());
    (verdict, median)
}

fn same(name: &str, ours: Timed, theirs: Timed) -> Result<()> {
    let agree = ours.0.is_none() || theirs.0.is_none() || ours.0 == theirs.0;
    ensure!(
        agree,
        "{name}: our verdict is {:?}, theirs {:?}",
        ours.0,
        theirs.0
    );
    Ok(())
}

fn row(name: &str, ours: Timed, theirs: Option<Timed>) -> Result<()> {
    let Some(theirs) = theirs else {
        println!("| {name} | {:.2?} | not asked | |", ours.1);
        return Ok(());
    };
    same(name, ours, theirs)?;
    let unknown = ours.0.is_some() && theirs.0.is_none();
    let mark = if unknown { "no answer in " } else { "" };
    let ratio = theirs.1.as_secs_f64() / ours.1.as_secs_f64().max(1e-9);
    println!(
        "| {name} | {:.2?} | {mark}{:.2?} | {ratio:.0} |",
        ours.1, theirs.1
    );
    Ok(())
}
