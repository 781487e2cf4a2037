//! `harness known`: bugs of shipped software, each found by one command, before it was mended and after.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::SystemTime;

use histories::Seed;
use runs::ending::Ending;
use runs::stop::Stop;

use super::outputs::put;
use super::table::{Table, aligned};
use super::{show, show_json};
use crate::errors::KnownError;
use crate::exit::{Exit, Failure};
use crate::known::lead::{Job, Which, own_program};
use crate::known::packages;
use crate::known::row::{self, Row, Side};
use crate::known::summary::{self, Standing, Told, Version};
use crate::selftest::crew::work;

const ABOUT: &str = "\
A row of the table pins two versions of a store by the hashes of their packages. `run` leads
both through the same run: the one with the bug must be caught, in nine of ten seeds, and the
one without it must pass, armed.

Exit codes:
  0    every bug was shown, and every version without it passed
  1    a bug was not shown, or a version without it was found to have it
  2    neither, but a run says nothing, or a package is not to be had any more
  130  interrupted
  254  the command line or a row is wrong; nothing was run
  255  the harness could not do its work

Examples:
  harness known list
      the table
  harness known run pysyncobj-figure8
      PySyncObj 0.3.11 loses an acknowledged write, and 0.3.12 does not
  harness known run --seeds 10 --unguided --markdown track-record.md
      all of them, beside the same time by chance, as a table for a web page";

/// Find known bugs of shipped software, before they were mended and after.
#[derive(clap::Args)]
#[command(after_help = ABOUT)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Show the table.
    List,
    /// Bring the packages of a row.
    Get {
        /// The row, by its name or its file.
        name: String,
        #[command(flatten)]
        kept: Kept,
    },
    /// Lead both versions through the same run.
    Run(Run),
}

#[derive(clap::Args)]
struct Kept {
    /// Where packages are kept; without it `harness/known` in the folder of caches.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Run {
    /// The rows, by name or file; all, if none is named.
    names: Vec<String>,
    /// How many seeds each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Also lead the version with the bug by chance for the same time.
    #[arg(long)]
    unguided: bool,
    /// How many runs side by side.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Where the runs are kept.
    #[arg(long, default_value = "store/known", value_name = "DIR")]
    store: PathBuf,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
    /// Write the outcome as a table in Markdown, with today's date.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// No progress on standard error.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    kept: Kept,
}

impl Kept {
    /// Bring the packages of one version, if it has any. Tells where they are unpacked.
    fn get(&self, row: &Row, (which, side): (Which, &Side)) -> Result<PathBuf, KnownError> {
        match side.packages.is_empty() {
            true => Ok(PathBuf::new()),
            false => packages::get(side, &self.folder(row, which)?),
        }
    }

    /// The folder of one version's packages.
    fn folder(&self, row: &Row, which: Which) -> Result<PathBuf, KnownError> {
        let cache = match &self.cache {
            Some(named) => named.clone(),
            None => {
                let named = |name| std::env::var_os(name).map(PathBuf::from);
                let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
                cache.ok_or(KnownError::NoCache)?.join("harness/known")
            }
        };
        let side = match which {
            Which::After => "after",
            Which::Before | Which::Unguided => "before",
        };
        // Nodes work in folders of their own, so the path is absolute.
        let folder = std::path::absolute(cache.join(&row.name).join(side));
        folder.map_err(|source| KnownError::Cache { path: cache, source })
    }
}

/// Show the table, or what its rows come to.
pub(super) fn known(args: &Args) -> Result<Exit, Failure> {
    match &args.what {
        What::List => {
            show(&listed(&row::all()?))?;
            Ok(Exit::Pass)
        }
        What::Get { name, kept } => get(&row::find(name)?, kept),
        What::Run(run) => lead(run),
    }
}

fn listed(rows: &[Row]) -> String {
    let after = |row: &Row| {
        row.after
            .as_ref()
            .map_or("–".to_owned(), |side| side.version.clone())
    };
    let mut out = aligned(&Table {
        head: vec!["name", "before", "after", "vendor", "bug"],
        rows: rows
            .iter()
            .map(|row| {
                let before = row.before.version.clone();
                vec![
                    row.name.clone(),
                    before,
                    after(row),
                    row.vendor.clone(),
                    row.bug.clone(),
                ]
            })
            .collect(),
    });
    out.push('\n');
    for row in rows {
        let _ = writeln!(out, "{}\n  harness run {}\n  {}", row.name, row.run, row.source);
    }
    out
}

fn get(row: &Row, kept: &Kept) -> Result<Exit, Failure> {
    for (which, side) in sides(row, false) {
        match kept.get(row, (which, side)) {
            Ok(_) if side.packages.is_empty() => show(&format!("{}: what is installed\n", side.version))?,
            Ok(folder) => show(&format!("{}: {}\n", side.version, folder.display()))?,
            Err(gone @ KnownError::NotToBeHad { .. }) => {
                eprintln!("harness: {gone}");
                return Ok(Exit::Inconclusive);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Exit::Pass)
}

fn sides(row: &Row, unguided: bool) -> Vec<(Which, &Side)> {
    let chance = (unguided && row.unguided.is_some()).then_some((Which::Unguided, &row.before));
    let after = row.after.as_ref().map(|side| (Which::After, side));
    [Some((Which::Before, &row.before)), chance, after]
        .into_iter()
        .flatten()
        .collect()
}

fn lead(args: &Run) -> Result<Exit, Failure> {
    let rows = match args.names.as_slice() {
        [] => row::all()?,
        names => names
            .iter()
            .map(|name| row::find(name))
            .collect::<Result<_, _>>()?,
    };
    let stop = Stop::unset();
    let interrupt = stop.clone();
    super::on_interrupt(move || interrupt.set())?;
    let mut told = Vec::new();
    for row in &rows {
        if stop.is_set() {
            break;
        }
        told.push(one(args, row, &stop)?);
    }
    match args.json {
        true => show_json(&told)?,
        false => show(&rendered(&told))?,
    }
    // The last: what it took long to find out is not lost for a file that cannot be written.
    if let Some(path) = &args.markdown {
        put(path, markdown(&told).as_bytes())?;
    }
    match stop.is_set() {
        true => Ok(Exit::Interrupted),
        false => Ok(summary::exit(&told)),
    }
}

/// All runs of a row.
fn one(args: &Run, row: &Row, stop: &Stop) -> Result<Told, Failure> {
    let harness = own_program()?;
    let mut versions = Vec::new();
    for (which, side) in sides(row, args.unguided) {
        let packages = match args.kept.get(row, (which, side)) {
            Ok(folder) => folder,
            // Who interrupts has interrupted its client, too.
            Err(_) if stop.is_set() => return Ok(Told::not_run(row, None)),
            Err(gone @ KnownError::NotToBeHad { .. }) => {
                return Ok(Told::not_run(row, Some(gone.to_string())));
            }
            Err(error) => return Err(error.into()),
        };
        let seeds = (0..args.seeds).map(|number| Seed(args.seed.wrapping_add(number)));
        let job = |seed| Job::new(row, (which, side), seed, (&packages, &args.store));
        let jobs = seeds.map(job).collect::<Result<Vec<Job>, _>>()?;
        let findings = work(&jobs, args.jobs.into(), stop, |_, job| {
            let finding = job.lead(&row.caught_by, &harness, stop);
            if !args.quiet {
                let (version, seed, took) = (&side.version, job.seed, finding.took.as_secs_f64());
                let why = finding
                    .reason
                    .as_deref()
                    .map_or(String::new(), |why| format!(": {why}"));
                let (kind, ending) = (kind(which), word(finding.ending));
                eprintln!(
                    "{} {version} ({kind}), seed {seed}: {ending} after {took:.1} s{why}",
                    row.name
                );
            }
            finding
        });
        versions.push(Version {
            which,
            version: side.version.clone(),
            runs: findings
                .into_iter()
                .zip(&jobs)
                .map(|(finding, job)| finding.unwrap_or_else(|| job.not_run()))
                .collect(),
        });
    }
    Ok(Told::of(row, versions))
}

fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Caught => "caught",
        Ending::Clean => "passed, armed",
        Ending::Unarmed => "unarmed",
        Ending::Undecided => "undecided",
        Ending::Missed => "not shown",
        Ending::FalseAlarm => "FOUND TO HAVE IT",
        Ending::Broken => "could not be run",
        Ending::NotRun => "interrupted",
    }
}

fn kind(which: Which) -> &'static str {
    match which {
        Which::Before => "has it",
        Which::Unguided => "has it, by chance",
        Which::After => "mended",
    }
}

fn cells(told: &Told, version: &Version) -> Vec<String> {
    let by: Vec<&str> = version.by().iter().map(|(check, _)| check.as_str()).collect();
    let done = match version.which {
        Which::After => "passed",
        Which::Before | Which::Unguided => "caught",
    };
    vec![
        told.name.clone(),
        version.version.clone(),
        kind(version.which).to_owned(),
        format!("{done} {} of {}", version.good(), version.runs.len()),
        by.join(", "),
        version
            .median()
            .map_or(String::new(), |median| format!("{:.1} s", median.as_secs_f64())),
    ]
}

const HEAD: [&str; 6] = ["bug", "version", "", "runs", "by", "median"];

fn rows(told: &[Told]) -> Vec<Vec<String>> {
    let versions = told
        .iter()
        .flat_map(|row| row.versions.iter().map(|version| cells(row, version)));
    versions.collect()
}

fn rendered(told: &[Told]) -> String {
    let mut out = aligned(&Table {
        head: HEAD.to_vec(),
        rows: rows(told),
    });
    out.push('\n');
    for row in told {
        if let Some(why) = &row.not_to_be_had {
            let _ = writeln!(out, "{}: {why}", row.name);
        }
        let bad = row
            .versions
            .iter()
            .filter(|version| version.which != Which::Unguided);
        let bad = bad.flat_map(|version| &version.runs);
        for run in bad.filter(|run| !run.ending.is_good() && run.ending != Ending::NotRun) {
            let why = run.reason.as_deref().unwrap_or_default();
            let _ = writeln!(
                out,
                "{}: {}: {why}\n  {}",
                row.name,
                word(run.ending),
                run.command
            );
        }
    }
    let good = told
        .iter()
        .filter(|row| row.standing == Standing::Reproduced)
        .count();
    let _ = writeln!(out, "{good} of {} as they should be", told.len());
    out
}

/// A table that is made and not written: with the day, and how much of a machine it was.
fn markdown(told: &[Told]) -> String {
    let day = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut out = format!(
        "# Track record\n\nMade by `harness known run --markdown FILE` on {}, {cores} cores. *Caught* says how many seeds showed it, *median* how long that took; \
         *mended* is the same run of a version without the bug, which has to pass with its faults proved.\n\n",
        &day[..10]
    );
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    out += &line(&HEAD.map(str::to_owned));
    out += &line(&HEAD.map(|_| "---".to_owned()));
    rows(told).iter().for_each(|cells| out += &line(cells));
    out.push('\n');
    for row in told {
        let _ = writeln!(
            out,
            "- **{}**: {}. {}. <{}>",
            row.name, row.bug, row.vendor, row.source
        );
        if let Some(why) = &row.not_to_be_had {
            let _ = writeln!(out, "  Not run: {why}.");
        }
    }
    out
}
