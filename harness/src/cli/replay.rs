//! `harness replay`: the same settings, seed and schedule again, several times.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use checker::{CheckName, Verdict};
use runs::judge::Limits;
use runs::record::Record;
use runs::record::Results;
use runs::record::Settings;
use runs::stop::Stop;
use serde_json::json;

use super::{run_folder, show, show_json};
use crate::errors::CliError;
use crate::exit::{Exit, Failure};
use crate::flags::again;
use crate::report::style::{Style, word};
use crate::run::progress::Progress;
use crate::trial::{Trial, allow_network, trial};

const EXAMPLES: &str = "\
Examples:
  harness replay latest -k 10
      the newest run again, ten times: how often does the same check fail?";

/// Do a saved run again, with the same settings, seed and schedule, and count how often it fails in the same way.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A run's folder, or `latest`.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: PathBuf,
    /// How many times.
    #[arg(short = 'k', long = "times", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// The cluster of the run may be hurt again: needed where the harness did not start it.
    #[arg(long)]
    i_own_this_cluster: bool,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Print what came of it as JSON.
    #[arg(long)]
    json: bool,
    /// No progress on standard error.
    #[arg(long, short)]
    quiet: bool,
}

/// Repeat a saved run; the exit code says what came of it.
pub(super) fn replay(args: &Args) -> Result<Exit, Failure> {
    let original = Record::load(&run_folder(&args.store, &args.run)?)?;
    let original = Record {
        settings: Settings {
            store: args.store.clone(),
            owned: args.i_own_this_cluster,
            ..original.settings
        },
        ..original
    };
    original.settings.validate()?;
    if !original.simulated {
        // Before the thread that waits for Ctrl-C.
        allow_network(&original.settings)?;
    }
    let progress = if args.quiet {
        Progress::Quiet
    } else {
        Progress::auto()
    };
    let stop = Stop::unset();
    let interrupt = stop.clone();
    super::on_interrupt(move || interrupt.set())?;
    let mut trials = Vec::new();
    for number in 1..=args.times {
        if !args.quiet {
            eprintln!("{number} of {}: {}", args.times, again(&original));
        }
        let trial = match original.simulated {
            true => simulated(&original)?,
            false => trial(&original.settings, progress, Limits::default(), || Ok(()))?,
        };
        let _ = super::draw(&trial.folder);
        trials.push(trial);
        if stop.is_set() {
            break;
        }
    }
    let exit = worst(&trials);
    if args.json {
        show_json(&document(&trials, exit))?;
    } else {
        show(&render(&original, &trials, Style::of_stdout()))?;
    }
    Ok(exit)
}

/// Have a simulated run played again, by the program that may link the node.
fn simulated(original: &Record) -> Result<Trial, Failure> {
    let program = systems::binary("simulation").ok_or(CliError::NoSimulation)?;
    let store = &original.settings.store;
    let mut command = Command::new(&program);
    command
        .args(original.argv.iter().skip(1))
        .arg("--save")
        .arg(store);
    // What it tells the saved run tells, too.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let ended = command.status().map_err(|source| CliError::Simulation {
        path: program,
        source,
    })?;
    let left_none = || CliError::NotSimulated(again(original));
    // Whatever the verdict was, it was saved: only other ends leave no run.
    if !matches!(ended.code(), Some(0..=2)) {
        return Err(left_none().into());
    }
    let folder = run_folder(store, "latest".as_ref())?;
    let results = Results::load(&folder)?.ok_or_else(left_none)?;
    Ok(Trial {
        record: Record::load(&folder)?,
        results,
        folder,
    })
}

/// A run's exit code is that of its verdict; the worst one counts.
fn worst(trials: &[Trial]) -> Exit {
    let verdicts = trials.iter().map(|trial| trial.results.verdict);
    verdicts.max().map_or(Exit::Inconclusive, Exit::from)
}

/// How often each check did not pass, by what it said.
fn failures(results: &[&Results]) -> BTreeMap<(Verdict, CheckName), usize> {
    let mut failures = BTreeMap::new();
    for check in results.iter().flat_map(|results| &results.checks) {
        if check.verdict != Verdict::Pass {
            *failures.entry((check.verdict, check.name)).or_default() += 1;
        }
    }
    failures
}

fn render(original: &Record, trials: &[Trial], style: Style) -> String {
    let mut out = String::new();
    for (number, trial) in trials.iter().enumerate() {
        let results = &trial.results;
        let verdict = style.verdict(results.verdict, &format!("{:<13}", word(results.verdict)));
        let worst = results.checks.iter().max_by_key(|check| check.verdict);
        let reason = worst
            .filter(|check| check.verdict != Verdict::Pass)
            .map_or(String::new(), |check| format!("{}: {}", check.name, check.reason));
        let _ = writeln!(out, "{:>3}  {verdict} {reason}", number + 1);
        let _ = writeln!(out, "     {}", results.run);
    }
    out.push('\n');
    let results: Vec<&Results> = trials.iter().map(|trial| &trial.results).collect();
    let passed = results.iter().filter(|results| results.verdict == Verdict::Pass);
    let _ = writeln!(out, "{} of {} passed", passed.count(), trials.len());
    for ((verdict, check), times) in failures(&results).iter().rev() {
        let _ = writeln!(out, "{times} of {}: {} of {check}", trials.len(), word(*verdict));
    }
    let _ = writeln!(out, "\n  once        {}", again(original));
    out
}

fn document(trials: &[Trial], exit: Exit) -> serde_json::Value {
    let results: Vec<&Results> = trials.iter().map(|trial| &trial.results).collect();
    let failures = failures(&results);
    let failures = failures
        .iter()
        .map(|((verdict, check), times)| json!({ "check": check, "verdict": verdict, "times": times }));
    json!({
        "replay": 1, "exit": exit.code(), "times": trials.len(),
        "failures": failures.collect::<Vec<_>>(), "runs": results,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_check_and_verdict() {
        let results = |verdict| {
            Results::of(vec![checker::Check {
                name: CheckName::Durability,
                verdict,
                reason: String::new(),
                details: json!({}),
                violations: Vec::new(),
            }])
        };
        let all = [Verdict::Pass, Verdict::Violation, Verdict::Violation].map(results);
        let counted = failures(&all.iter().collect::<Vec<_>>());
        let wanted = ((Verdict::Violation, CheckName::Durability), 2);
        assert_eq!(counted.into_iter().collect::<Vec<_>>(), [wanted]);
    }
}
