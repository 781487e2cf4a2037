//! `harness selftest`: every seeded bug must be caught, and the correct node must not be.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use clap::builder::PossibleValuesParser;
use histories::Seed;
use nemesis::Need;
use runs::case::Bug;
use runs::ending::Ending;
use runs::judge::Limits;
use runs::record::Settings;
use runs::stop::Stop;

use super::outputs::put;
use super::table::{Table, aligned};
use super::{show, show_json};
use crate::errors::CliError;
use crate::exit::{Exit, Failure};
use crate::flags::duration;
use crate::flags::{Flags, all_bugs};
use crate::run::progress::Progress;
use crate::selftest::crew::work;
use crate::selftest::finding::Finding;
use crate::selftest::junit;
use crate::selftest::matrix::{Job, Matrix};
use crate::selftest::summary::{Row, Standing, Summary};
use crate::trial::trial;

const ABOUT: &str = "\
Each bug runs under the schedule that is to catch it, until a check finds a violation; the correct node runs under the
same schedules and all others, and must pass. A violation in a run whose faults did not really happen is no catch, and any violation of
the correct node is a failure. With ten seeds, a bug must be caught in nine.

Exit codes:
  0    every bug was caught, and every run of the correct node passed
  1    a bug was missed, or there was a false alarm
  2    neither, but the faults of some runs did not happen, or a check could not decide
  130  interrupted
  254  the command line is wrong; nothing was run
  255  the harness could not do its work

Examples:
  harness selftest
      every bug, one seed each
  harness selftest --bug commit-any-term --bug vote-length-only --seeds 10
      two of them, with ten seeds";

/// The folder in the store.
const STORE: &str = "selftest";

/// Every seeded bug must be caught by its schedule, and the correct node must pass the same schedules.
#[derive(clap::Args)]
#[command(after_help = ABOUT)]
pub(super) struct Args {
    /// How many seeds each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this bug, and the correct node under its schedule; may be repeated.
    #[arg(long = "bug", value_name = "NAME", value_parser = PossibleValuesParser::new(all_bugs()))]
    bugs: Vec<String>,
    /// Only this nemesis, with its bugs; may be repeated.
    #[arg(long = "nemesis", value_name = "NAME", value_parser = PossibleValuesParser::new(schedules_of_all()))]
    nemeses: Vec<String>,
    /// How long a bug may hide.
    #[arg(long, default_value = "60s", value_parser = duration)]
    duration: Duration,
    /// How long the correct node is led through each schedule.
    #[arg(long, default_value = "20s", value_parser = duration)]
    correct_duration: Duration,
    /// How many runs side by side; more than two on two cores disturb each other.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// The node's binary; without it it is looked for beside harness, then on PATH.
    #[arg(long, value_name = "FILE")]
    node_bin: Option<PathBuf>,
    /// Where the runs are kept, in a folder of their own: `selftest`.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Keep the runs that ended as they should, too.
    #[arg(long)]
    keep: bool,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
    /// Write the outcome as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// No progress on standard error.
    #[arg(long, short)]
    quiet: bool,
}

/// `harness run`, to read its words.
#[derive(Parser)]
struct Run {
    #[command(flatten)]
    flags: Flags,
}

/// Run the matrix, and tell what was caught; the exit code says what came of it.
pub(super) fn selftest(args: &Args) -> Result<Exit, Failure> {
    let matrix = Matrix {
        bugs: bugs(args)?,
        schedules: schedules(args),
        seeds: args.seeds,
        first_seed: Seed(args.seed),
        duration: args.duration,
        correct_duration: args.correct_duration,
    };
    let jobs = matrix.jobs();
    // What cannot be is said before anything runs.
    for job in &jobs {
        settings(args, job)?.validate()?;
    }
    let stop = Stop::unset();
    let interrupt = stop.clone();
    super::on_interrupt(move || interrupt.set())?;
    let began = Instant::now();
    let (ended, total) = (AtomicUsize::new(0), jobs.len());
    let findings = work(&jobs, args.jobs.into(), &stop, |_, job| {
        let finding = one(args, job, &stop);
        let number = ended.fetch_add(1, Ordering::Relaxed) + 1;
        if !args.quiet {
            eprintln!("[{number:>3}/{total}] {}: {}", job.name(), told(&finding));
        }
        finding
    });
    let findings = jobs
        .iter()
        .zip(findings)
        .map(|(job, finding)| (*job, finding.unwrap_or_else(|| Finding::not_run(job))));
    tidy(&args.store.join(STORE));
    let summary = Summary::of(&matrix, &findings.collect::<Vec<_>>(), began.elapsed());
    if let Some(path) = &args.junit {
        let xml = junit::render(&summary).map_err(CliError::from)?;
        put(path, xml.as_bytes())?;
    }
    match args.json {
        true => show_json(&summary)?,
        false => show(&render(&summary))?,
    }
    Ok(summary.exit())
}

fn bugs(args: &Args) -> Result<Vec<&'static Bug>, Failure> {
    let wanted = |bug: &&Bug| {
        let named = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
        named(&args.bugs, bug.name) && named(&args.nemeses, bug.case.schedule)
    };
    let all = systems::all().into_iter().flat_map(|row| row.bugs);
    let bugs: Vec<&Bug> = all.filter(wanted).collect();
    match bugs.is_empty() && schedules(args).is_empty() {
        true => Err(CliError::NoBugLeft.into()),
        false => Ok(bugs),
    }
}

/// Those that our own node can be led through.
fn schedules_of_all() -> impl Iterator<Item = &'static str> {
    nemesis::schedules::within(&Need::OVER_FRAMES).map(|row| row.name)
}

/// The correct node is led through every schedule, be there a bug of it or not, unless only some bugs are asked for.
fn schedules(args: &Args) -> Vec<&'static str> {
    let all = schedules_of_all();
    let wanted = |name: &&str| args.nemeses.is_empty() || args.nemeses.iter().any(|one| one == name);
    match args.bugs.is_empty() {
        true => all.filter(wanted).collect(),
        false => Vec::new(),
    }
}

/// The settings are those that `harness run` makes of the same words.
fn settings(args: &Args, job: &Job) -> Result<Settings, Failure> {
    let mut words = vec!["harness run".to_owned()];
    words.extend(job.words());
    if let Some(node_bin) = &args.node_bin {
        words.extend(["--node-bin".to_owned(), node_bin.display().to_string()]);
    }
    let run = Run::try_parse_from(words).map_err(CliError::Case)?;
    let settings = run.flags.settings()?;
    Ok(Settings {
        store: args.store.join(STORE),
        ..settings
    })
}

/// Do one run. Where the journals end it before the clients see anything, another one tells what the clients would see.
fn one(args: &Args, job: &Job, stop: &Stop) -> Finding {
    let mut finding = once(args, job, stop);
    if finding.is_by_journals_alone() && !stop.is_set() {
        let alone = job.without_journals();
        let found = once(args, &alone, stop);
        finding.history_alone = found.ending == Ending::Caught;
        // That the clients see nothing of it is no failure.
        if let (Some(folder), false) = (found.folder, args.keep) {
            remove(&folder);
        }
    }
    finding
}

/// Do a run, and keep its folder only where somebody may want to look at it.
fn once(args: &Args, job: &Job, stop: &Stop) -> Finding {
    let limits = Limits {
        stop: stop.clone(),
        ..Limits::default()
    };
    let ran = settings(args, job).and_then(|settings| trial(&settings, Progress::Quiet, limits, || Ok(())));
    let mut finding = Finding::of(job, ran.as_ref());
    if let Ok(trial) = &ran {
        if finding.is_good() && !args.keep {
            remove(trial.folder.path());
            finding.folder = None;
        } else {
            let _ = super::draw(&trial.folder);
        }
    }
    finding
}

/// Whatever remains is only in the way; the outcome does not depend on it.
fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        eprintln!("harness: cannot remove {}: {error}", folder.display());
    }
}

/// What removed runs leave behind: a link to nothing, and empty folders.
fn tidy(store: &Path) {
    let latest = store.join("latest");
    if !latest.exists() {
        let _ = std::fs::remove_file(latest);
    }
    let groups = std::fs::read_dir(store).into_iter().flatten().flatten();
    // A folder that is not empty stays.
    groups.for_each(|group| drop(std::fs::remove_dir(group.path())));
    let _ = std::fs::remove_dir(store);
}

fn told(finding: &Finding) -> String {
    let after = finding
        .after
        .map_or(String::new(), |after| format!(" after {}", seconds(after)));
    match finding.ending {
        Ending::Caught => {
            let by: Vec<&str> = finding.by.iter().map(|check| check.as_str()).collect();
            format!("caught by {}{after}", by.join(", "))
        }
        Ending::Clean => "passed, and armed".to_owned(),
        Ending::FalseAlarm => format!("FALSE ALARM{after}: {}", reason(finding)),
        Ending::Missed => format!("MISSED: {}", reason(finding)),
        Ending::Unarmed => format!("unarmed: {}", reason(finding)),
        Ending::Undecided => format!("undecided: {}", reason(finding)),
        Ending::Broken => format!("could not be run: {}", reason(finding)),
        Ending::NotRun => "interrupted".to_owned(),
    }
}

fn reason(finding: &Finding) -> &str {
    finding.reason.as_deref().unwrap_or("")
}

fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

fn render(summary: &Summary) -> String {
    let mut out = aligned(&Table {
        head: vec!["bug", "under", "caught", "by", "median", "history alone"],
        rows: summary.bugs.iter().map(bug_cells).collect(),
    });
    out.push('\n');
    out.push_str(&aligned(&Table {
        head: vec!["the correct node under", "passed", "armed"],
        rows: summary.correct.iter().map(correct_cells).collect(),
    }));
    out.push('\n');
    for row in summary.rows().filter(|row| row.standing != Standing::Good) {
        failures(&mut out, row);
    }
    let good = |rows: &[Row]| rows.iter().filter(|row| row.standing == Standing::Good).count();
    let _ = writeln!(
        out,
        "{} of {} bugs caught; the correct node passed, armed, {} of {} schedules; {}",
        good(&summary.bugs),
        summary.bugs.len(),
        good(&summary.correct),
        summary.correct.len(),
        humantime::format_duration(Duration::from_secs(summary.took.as_secs())),
    );
    out
}

fn of(times: usize, row: &Row) -> String {
    format!("{times} of {}", row.runs.len())
}

fn bug_cells(row: &Row) -> Vec<String> {
    let by: Vec<&str> = row.by().iter().map(|(check, _)| check.as_str()).collect();
    vec![
        row.bug.unwrap_or_default().to_owned(),
        row.case.describe(),
        of(row.count(Ending::Caught), row),
        by.join(", "),
        row.median().map_or(String::new(), seconds),
        of(row.history_alone(), row),
    ]
}

fn correct_cells(row: &Row) -> Vec<String> {
    vec![
        row.case.describe(),
        of(row.count(Ending::Clean), row),
        of(row.armed(), row),
    ]
}

/// Every run that did not end as it should, with the command that does it again.
fn failures(out: &mut String, row: &Row) {
    for run in row.runs.iter().filter(|run| !run.is_good()) {
        let _ = writeln!(out, "{}\n  {}", told(run), run.command);
        if let Some(folder) = &run.folder {
            let _ = writeln!(out, "  saved in {}", folder.display());
        }
        out.push('\n');
    }
}
