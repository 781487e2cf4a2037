//! Ours beside theirs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use checker::{Budget, Engine, Options, Verdict, linearizability, models};
use histories::History;
use histories::format::{self, FailedCas};

use crate::generate::{self, Shape};
use crate::objects::{Kv, Lists, Set, Transactions};
use crate::peer::{self, Prepared};
use crate::{clients, hard, logs};

/// After this the peer has no answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints a row per input.
pub fn run() -> Result<()> {
    println!("| input | ours | porcupine-rs 0.3 | ratio | to reach |\n| --- | --- | --- | --- | --- |");
    match corpus() {
        Some(folder) => of_corpus(&folder)?,
        None => println!("| the corpus | not found | | | |"),
    }
    of_strings()?;
    for (name, shape, goal) in SYNTHETIC {
        let history = generate::register(*shape, 1);
        let ours = ours(&history, "cas-register", &Options::default())?;
        let theirs = (shape.operations <= 100_000)
            .then(|| theirs(&peer::register(&history, FailedCas::DidNotHappen), 1));
        row(name, ours, theirs, Some(*goal))?;
    }
    of_collections()
}

/// How long each engine of the search takes, and who decides where they race.
pub fn engines() -> Result<()> {
    println!("| input | depth-first | breadth-first | raced |\n| --- | --- | --- | --- |");
    let mut inputs: Vec<(String, &str, History)> = vec![
        ("kv, 50 clients, legal".to_owned(), "kv", strings(None)),
        (
            "kv, 50 clients, illegal".to_owned(),
            "kv",
            strings(Some(KV_STALE)),
        ),
    ];
    for (name, shape, _) in SYNTHETIC {
        let shape = Shape {
            operations: shape.operations.min(100_000),
            ..*shape
        };
        inputs.push(((*name).to_owned(), "cas-register", generate::register(shape, 1)));
    }
    for (values, unknown, reads) in [(4, 16, 12), (6, 20, 14), (8, 20, 14)] {
        let name = format!("{unknown} unknown cas, {values} values, {reads} reads");
        inputs.push((name, "cas-register", hard::unknown_cas(values, unknown, reads, 1)));
    }
    for (name, model, history) in &inputs {
        print!("| {name} |");
        for engine in [Engine::DepthFirst, Engine::BreadthFirst, Engine::Search] {
            let options = Options {
                engine,
                ..Options::default()
            };
            let (verdict, time) = ours(history, model, &options)?;
            let word = verdict.map_or("?", |legal| if legal { "pass" } else { "violation" });
            print!(" {word} {time:.2?} |");
        }
        println!();
    }
    Ok(())
}

/// The get of this number misses the last append.
const KV_STALE: u64 = 500;

/// A history of the shape of Porcupine's c50 logs.
fn strings(stale: Option<u64>) -> History {
    clients::history(Kv::new(stale), true, 1_700, 50, 1)
}

/// Porcupine's c50 logs are not in the corpus; histories of their shape stand for them.
fn of_strings() -> Result<()> {
    for (name, stale, goal) in [
        ("kv, 50 clients, legal (like c50-ok)", None, 2.0),
        ("kv, 50 clients, illegal (like c50-bad)", Some(KV_STALE), 10.0),
    ] {
        let history = strings(stale);
        let its = theirs(&peer::kv(&history), 1);
        row(
            name,
            ours(&history, "kv", &Options::default())?,
            Some(its),
            Some(goal),
        )?;
    }
    Ok(())
}

/// Name, model, and how to make one.
type Made = (&'static str, &'static str, fn() -> History);

const COLLECTIONS: &[Made] = &[
    ("list appends and reads, 100k", "append", || {
        clients::history(Lists::new(), true, 100_000, 20, 1)
    }),
    ("a set of 1M elements, read 10 times", "set", || {
        clients::history(Set::new(100_000), false, 1_000_000, 20, 1)
    }),
    ("list-append, 100k transactions", "list-append", || {
        clients::history(Transactions::new(true), false, 100_000, 20, 1)
    }),
    ("rw-register, 100k transactions", "rw-register", || {
        clients::history(Transactions::new(false), false, 100_000, 20, 1)
    }),
];

fn of_collections() -> Result<()> {
    for (name, model, make) in COLLECTIONS {
        let mine = ours(&make(), model, &Options::default())?;
        ensure!(mine.0 == Some(true), "{name}: {:?}", mine.0);
        row(name, mine, None, Some(1000.0))?;
    }
    Ok(())
}

/// Judges the generated histories whose names have this in them, for a profiler.
pub fn some(part: &str) -> Result<()> {
    let registers = SYNTHETIC.iter().filter(|(name, ..)| name.contains(part));
    for (name, shape, goal) in registers {
        let history = generate::register(*shape, 1);
        row(
            name,
            ours(&history, "cas-register", &Options::default())?,
            None,
            Some(*goal),
        )?;
    }
    for (name, model, make) in COLLECTIONS.iter().filter(|(name, ..)| name.contains(part)) {
        row(
            name,
            ours(&make(), model, &Options::default())?,
            None,
            Some(1000.0),
        )?;
    }
    Ok(())
}

/// Name, shape, and the milliseconds to reach.
const SYNTHETIC: &[(&str, Shape, f64)] = &[
    (
        "unique register, 5 clients, 100k",
        shape(100_000, 5, None, false, 0),
        30.0,
    ),
    (
        "unique register, 5 clients, 1M",
        shape(1_000_000, 5, None, false, 0),
        250.0,
    ),
    ("20 clients saturated, 1k", shape(1_000, 20, None, false, 0), 5.0),
    (
        "100 clients, 100k, 200 unknown",
        shape(100_000, 100, None, false, 200),
        60.0,
    ),
    (
        "unique cas-register, 10 clients, 100k",
        shape(100_000, 10, None, true, 0),
        1000.0,
    ),
    (
        "5 values, cas, 10 clients, 1M",
        shape(1_000_000, 10, Some(5), true, 0),
        500.0,
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

/// Where the corpus is.
pub fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("HARNESS_CORPUS").map_or_else(beside, PathBuf::from);
    folder.join("index.tsv").exists().then_some(folder)
}

/// A verdict, or none, and the time that it took.
pub type Timed = (Option<bool>, Duration);

/// The files of the corpus for a model.
pub fn files(folder: &Path, wanted: &str) -> Result<Vec<String>> {
    let index = std::fs::read_to_string(folder.join("index.tsv"))?;
    let rows = index.lines().skip(1).map(|line| line.split('\t'));
    let wanted =
        rows.filter_map(|mut row| Some((row.next()?, row.next()?)).filter(|(_, model)| *model == wanted));
    Ok(wanted.map(|(path, _)| path.to_owned()).collect())
}

fn read(path: &Path) -> Result<History> {
    Ok(format::read_path(path, &format::Options::default())?.history)
}

/// Each key-value log, and the etcd logs together.
fn of_corpus(folder: &Path) -> Result<()> {
    for path in files(folder, "kv")? {
        let history = read(&folder.join(&path))?;
        let its = theirs(&peer::kv(&history), 3);
        let mine = ours(&history, "kv", &Options::default())?;
        row(&path, mine, Some(its), None)?;
    }
    logs::rows(folder)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Our verdict.
pub fn ours(history: &History, model: &str, options: &Options) -> Result<Timed> {
    let model = models::find(model).ok_or_else(|| anyhow::anyhow!("no model {model}"))?;
    let mut times = Vec::new();
    let mut verdict = None;
    for _ in 0..if history.events.len() > 100_000 { 3 } else { 9 } {
        let budget = Budget::unlimited();
        let start = Instant::now();
        let check = linearizability(&history.header, &history.events, model, options, &budget)?;
        times.push(start.elapsed());
        verdict = match check.verdict {
            Verdict::Pass => Some(true),
            Verdict::Violation => Some(false),
            Verdict::Inconclusive => None,
        };
    }
    Ok((verdict, median(times)))
}

/// The peer's.
pub fn theirs(prepared: &Prepared, times: usize) -> Timed {
    let mut verdict = None;
    let times = (0..times).map(|_| {
        let start = Instant::now();
        verdict = peer::check(prepared, PATIENCE);
        start.elapsed()
    });
    let median = median(times.collect());
    (verdict, median)
}

/// Fails if two verdicts differ.
pub fn same(name: &str, ours: Timed, theirs: Timed) -> Result<()> {
    let agree = ours.0.is_none() || theirs.0.is_none() || ours.0 == theirs.0;
    ensure!(
        agree,
        "{name}: our verdict is {:?}, theirs {:?}",
        ours.0,
        theirs.0
    );
    Ok(())
}

/// A row; the goal is in milliseconds.
pub fn row(name: &str, ours: Timed, theirs: Option<Timed>, goal: Option<f64>) -> Result<()> {
    let reached = |goal: f64| {
        if ours.1.as_secs_f64() * 1e3 <= goal {
            "reached"
        } else {
            "SHORT"
        }
    };
    let goal = goal.map_or(String::new(), |goal| format!("{goal:.1} ms: {}", reached(goal)));
    let Some(theirs) = theirs else {
        println!("| {name} | {:.2?} | not asked | | {goal} |", ours.1);
        return Ok(());
    };
    same(name, ours, theirs)?;
    let unknown = ours.0.is_some() && theirs.0.is_none();
    let mark = if unknown { "no answer in " } else { "" };
    let ratio = theirs.1.as_secs_f64() / ours.1.as_secs_f64().max(1e-9);
    println!(
        "| {name} | {:.2?} | {mark}{:.2?} | {ratio:.0} | {goal} |",
        ours.1, theirs.1
    );
    Ok(())
}
