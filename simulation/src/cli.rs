//! The command line: which runs, on which seeds, and what is told of them.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use histories::Seed;
use nemesis::Need;
use rayon::prelude::*;
use runs::case::Case;
use runs::cluster_node::BUGS;
use runs::exit::Exit;
use simulation::finding::{Cost, Finding, Row};
use simulation::run::{Options, Plan, RunError};
use simulation::save::{SaveError, save};

const ABOUT: &str = "\
Each seed is a run of its own: real nodes, schedules, workloads and checks in virtual time, on one thread. The same seed gives
the same bytes, on every machine; as many seeds as there are cores run side by side.

Exit codes:
  0    every bug was caught on 99 of 100 seeds; the correct node was clean on as many, and without an alarm on all
  1    a bug was missed more often, or there was a false alarm
  2    neither, but the faults of some runs did not happen, or a check could not decide
  254  the command line is wrong; nothing was run
  255  the simulation could not do its work

Examples:
  simulation --nemesis figure8 --bug commit-any-term --seeds 1000
      how often is it caught, by which check, and after how long
  simulation --nemesis figure8 --bug commit-any-term --seed 7 --seeds 1 --save store
      one of them as a run's folder, for `harness inspect store/latest`
  simulation selftest --seeds 200
      every bug under the schedule that is to catch it, and the correct node under every schedule";

/// Schedules against our own node in virtual time, seed after seed.
#[derive(Parser)]
#[command(name = "simulation", version, after_help = ABOUT)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    runs: Runs,
}

#[derive(Subcommand)]
enum Command {
    /// Every bug under the schedule that is to catch it, and the correct node under every schedule.
    Selftest,
}

#[derive(clap::Args)]
struct Runs {
    /// The schedule; of a selftest only this one, with its bugs.
    #[arg(long, global = true, value_parser = PossibleValuesParser::new(schedules()))]
    nemesis: Option<String>,
    /// Break this rule of the nodes; may be repeated. Of a selftest only this bug.
    #[arg(long = "bug", global = true, value_name = "NAME", value_parser = PossibleValuesParser::new(BUGS.iter().map(|bug| bug.name)))]
    bugs: Vec<String>,
    /// How many seeds.
    #[arg(long, global = true, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them; the others follow it.
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// How long the load of a run lasts, in virtual time.
    #[arg(long, global = true, default_value = "20s", value_parser = duration)]
    duration: Duration,
    /// How long an unguided schedule lets a fault last on average.
    #[arg(long, global = true, default_value = "1s", value_parser = duration)]
    interval: Duration,
    /// How many clients.
    #[arg(long, global = true, default_value_t = 4)]
    clients: usize,
    /// How long each pauses between two operations: drawn from this range of milliseconds.
    #[arg(long, global = true, default_value = "2..12", value_name = "MS..MS", value_parser = range)]
    pause: (u64, u64),
    /// Let the clients' history speak alone.
    #[arg(long, global = true)]
    no_journal: bool,
    /// Save every run, or of several those that did not end as they should, as a folder in this store.
    #[arg(long, global = true, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Print what came of each seed as JSON.
    #[arg(long, global = true)]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 20s or 500ms"))
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("write it like 2..12")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
    match (number(from)?, number(to)?) {
        (from, to) if from < to || to == 0 => Ok((from, to)),
        _ => Err("an empty range; write it like 2..12, or 0..0 for none".to_owned()),
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Save(#[from] SaveError),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nobody is there to be told if that fails.
            let _ = error.print();
            return if is_help { Exit::Pass } else { Exit::Usage }.into();
        }
    };
    match run(&args) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let _ = writeln!(io::stderr(), "simulation: {failure}");
            match failure {
                Failure::Run(RunError::Settings(_) | RunError::Template(_)) => Exit::Usage,
                _ => Exit::Broken,
            }
            .into()
        }
    }
}

fn run(args: &Args) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    for (bugs, case) in cases(args) {
        let row = row(&args.runs, bugs, &case)?;
        if !args.runs.json {
            show(&row)?;
        }
        rows.push(row);
    }
    if args.runs.json {
        serde_json::to_writer_pretty(io::stdout(), &rows).map_err(io::Error::from)?;
        writeln!(io::stdout())?;
    }
    let exits = rows.iter().map(Row::exit);
    Ok(exits.max_by_key(|exit| severity(*exit)).unwrap_or(Exit::Pass))
}

fn severity(exit: Exit) -> u8 {
    match exit {
        Exit::Pass => 0,
        Exit::Inconclusive => 1,
        _ => 2,
    }
}

/// The schedules that the simulated cluster can be led through.
fn schedules() -> impl Iterator<Item = &'static str> {
    nemesis::schedules::within(&Need::OVER_FRAMES).map(|row| row.name)
}

/// Which runs there are: what is broken, and under which conditions.
fn cases(args: &Args) -> Vec<(Vec<String>, Case)> {
    let runs = &args.runs;
    let is_wanted = |schedule: &str| runs.nemesis.as_deref().is_none_or(|wanted| wanted == schedule);
    let is_named = |bug: &str| runs.bugs.is_empty() || runs.bugs.iter().any(|named| named == bug);
    let schedules = schedules();
    match args.command {
        Some(Command::Selftest) => {
            let bugs = BUGS
                .iter()
                .filter(|bug| is_wanted(bug.case.schedule) && is_named(bug.name));
            let broken = bugs.map(|bug| (vec![bug.name.to_owned()], bug.case));
            let correct = schedules.filter(|schedule| is_wanted(schedule) && runs.bugs.is_empty());
            broken
                .chain(correct.map(|schedule| (Vec::new(), Case::under(schedule))))
                .collect()
        }
        None => {
            // A bug's own conditions, where its schedule is the one that is asked for.
            let first = BUGS
                .iter()
                .find(|bug| runs.bugs.first().is_some_and(|named| named == bug.name));
            let own = first.map(|bug| bug.case).filter(|case| is_wanted(case.schedule));
            let named = schedules
                .into_iter()
                .find(|schedule| runs.nemesis.as_deref() == Some(schedule));
            let case = own.unwrap_or(Case::under(named.unwrap_or("figure8")));
            vec![(runs.bugs.clone(), case)]
        }
    }
}

/// Play these runs, as many side by side as there are cores; each on one thread.
fn row(runs: &Runs, bugs: Vec<String>, case: &Case) -> Result<Row, Failure> {
    let options = Options {
        duration: runs.duration,
        interval: runs.interval,
        clients: runs.clients,
        pause_ms: runs.pause,
        journals: !runs.no_journal,
        filler: None,
    };
    let plan = Plan::new(case, &bugs, &options)?;
    let seeds = runs.seed..runs.seed.saturating_add(runs.seeds);
    let findings: Result<Vec<Finding>, Failure> = seeds
        .into_par_iter()
        .map(|seed| one(runs, &plan, Seed(seed)))
        .collect();
    Ok(Row {
        under: case.describe(),
        words: plan.words().join(" "),
        bugs,
        seeds: findings?,
    })
}

fn one(runs: &Runs, plan: &Plan, seed: Seed) -> Result<Finding, Failure> {
    let begun = of_this_thread();
    let played = plan.play(seed)?;
    let is_played = of_this_thread();
    let results = played.judge()?;
    let cost = Cost {
        virtual_time: played.took(),
        played: is_played.saturating_sub(begun),
        judged: of_this_thread().saturating_sub(is_played),
    };
    let has_bug = !plan.settings.bugs.is_empty();
    let finding = Finding::of(seed, has_bug, &played, &results, cost);
    if let Some(store) = &runs.save
        && (runs.seeds == 1 || !finding.is_good())
    {
        let folder = save(&played, &results, store)?;
        writeln!(io::stderr(), "seed {seed}: saved in {}", folder.path().display())?;
    }
    Ok(finding)
}

/// Time of a core that this thread has taken, whatever else the machine does.
fn of_this_thread() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// So many seeds that did not end as they should are told of each row.
const TOLD: usize = 3;

fn show(row: &Row) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", row.told())?;
    for bad in row.bad().take(TOLD) {
        let reason = bad.reason.as_deref().unwrap_or("");
        writeln!(
            out,
            "  seed {}: {:?}: {reason}\n    simulation {} --seed {} --seeds 1 --save store && harness inspect store/latest",
            bad.seed, bad.ending, row.words, bad.seed
        )?;
    }
    Ok(())
}
