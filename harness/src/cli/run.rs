//! `harness run`: start a cluster, lead it through faults, judge what its clients saw.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use histories::Seed;

use super::control::Control;
use super::outputs::Outputs;
use super::{duration, show, show_json};
use crate::exit::{Exit, Failure};
use crate::judge::Limits;
use crate::report::outcome::Outcome;
use crate::report::style::Style;
use crate::report::summary;
use crate::run::progress::Progress;
use crate::run::settings::{Reads, Settings, leading};
use crate::run::stop::Stop;
use crate::systems;
use crate::trial::{Trial, trial};
use crate::workloads;

const EXAMPLES: &str = "\
Examples:
  harness run --nemesis figure8 --duration 60s
      lead five nodes through Raft's Figure 8 for a minute; exit 0 says that the trap was set and nothing was lost
  harness run --nemesis figure8 --bug commit-any-term --until-violation
      the same with the rule of Raft section 5.4.2 switched off: exit 1, with the operations that prove it
  harness run --nemesis figure8 --bug commit-any-term --control
      then the correct node under the same schedule and seed: report.html has the rule ON behind its switch
  harness run --nemesis chaos --duration 5m --clients 50 --seed 7
      a seeded mix of kills, pauses, partitions and delays";

/// Start a cluster, lead it through faults, record every operation, and judge the record.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to test.
    #[arg(long, default_value = "cluster-node", value_parser = names(systems::TABLE.iter().map(|row| row.name)))]
    system: String,
    /// How many nodes; without it what the nemesis is made for, mostly 5.
    #[arg(long)]
    nodes: Option<usize>,
    /// Which faults, and when; several, as in `kill,partition`, share the time in turn.
    #[arg(long, default_value = "figure8", value_delimiter = ',', value_parser = names(nemesis::TABLE.iter().map(|row| row.name)))]
    nemesis: Vec<String>,
    /// How long a fault of an unguided nemesis lasts on average, and the calm after it.
    #[arg(long, default_value = "3s", value_parser = duration)]
    interval: Duration,
    /// Which operations; without it what the nemesis is made for, mostly register.
    #[arg(long, value_parser = names(workloads::TABLE.iter().map(|row| row.name)))]
    workload: Option<String>,
    /// How long the load lasts, such as 60s or 5m.
    #[arg(long, default_value = "60s", value_parser = duration)]
    duration: Duration,
    /// How many clients at a time.
    #[arg(long, default_value_t = 10)]
    clients: usize,
    /// Operations a second of all clients together, at most.
    #[arg(long)]
    rate: Option<f64>,
    /// Fixes everything that the harness chooses; without it one is drawn and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Break a rule of the node on purpose; may be repeated (see `harness list bugs`).
    #[arg(long = "bug", value_name = "NAME", value_parser = names(all_bugs()))]
    bugs: Vec<String>,
    /// Then lead the correct node through the same schedule with the same seed, for comparison; the exit code stays that of
    /// the tested run.
    #[arg(long, requires = "bugs")]
    control: bool,
    /// The node's settings; without it what the nemesis is made for: fig8 under most guided ones, prod otherwise.
    #[arg(long, value_parser = names(all_profiles()))]
    profile: Option<String>,
    /// The node's binary; without it it is looked for beside harness, then on PATH.
    #[arg(long, value_name = "FILE")]
    node_bin: Option<PathBuf>,
    /// How long a client waits for an answer before its outcome is unknown.
    #[arg(long, default_value = "1s", value_parser = duration)]
    op_timeout: Duration,
    /// Where the outcome is unknown, ask again elsewhere with the same session, five times as long as for one answer.
    #[arg(long)]
    retry: bool,
    /// Which nodes the clients read from: the leader, or any node, which forwards to it.
    #[arg(long, value_enum, default_value = "leader")]
    reads: Reads,
    /// How soon after the heal a write must be acknowledged again.
    #[arg(long, default_value = "10s", value_parser = duration)]
    max_recovery: Duration,
    /// How long the check of linearizability may take.
    #[arg(long, default_value = "60s", value_parser = duration)]
    check_timeout: Duration,
    /// End the load at the first violation.
    #[arg(long)]
    until_violation: bool,
    /// Let the client history speak alone: leave out the check raft-safety, which rests on the nodes' own words.
    #[arg(long)]
    no_journal: bool,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Print results.json on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// How progress is shown on standard error.
    #[arg(long, value_enum, default_value = "auto")]
    progress: ProgressArg,
    /// The same as --progress none.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    outputs: Outputs,
}

impl Args {
    /// With this binary of the node, where one is named.
    pub fn with_node_bin(self, node_bin: Option<PathBuf>) -> Self {
        Args { node_bin, ..self }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProgressArg {
    /// A few lines that redraw themselves on a terminal, plain lines elsewhere.
    Auto,
    /// A few lines that redraw themselves.
    Bar,
    /// A plain line every few seconds.
    Plain,
    /// Nothing.
    None,
}

fn names(names: impl Iterator<Item = &'static str>) -> PossibleValuesParser {
    PossibleValuesParser::new(names.collect::<Vec<_>>())
}

pub fn all_bugs() -> impl Iterator<Item = &'static str> {
    systems::TABLE.iter().flat_map(|row| row.bugs).map(|bug| bug.name)
}

fn all_profiles() -> impl Iterator<Item = &'static str> {
    systems::TABLE.iter().flat_map(|row| row.profiles).copied()
}

/// Do it.
pub fn run(args: Args) -> Result<Exit, Failure> {
    let (json, control, outputs) = (args.json, args.control, args.outputs.clone());
    let progress = match args.progress {
        _ if args.quiet => Progress::Quiet,
        ProgressArg::Auto => Progress::auto(),
        ProgressArg::Bar => Progress::Bar,
        ProgressArg::Plain => Progress::Plain,
        ProgressArg::None => Progress::Quiet,
    };
    let settings = resolve(args)?;
    settings.validate()?;
    if progress != Progress::Quiet {
        eprintln!("seed {}; {}", settings.seed, settings.command_line());
    }
    let stop = Stop::unset();
    let tested = run_and_judge(&settings, progress, &stop);
    let mut tested = match tested {
        Ok(tested) => tested,
        Err(failure) => {
            // CI is told of a run that could not be done, too.
            let outcomes = [Outcome::not_done(&settings, failure)];
            outputs.write(&outcomes)?;
            let [Outcome { results, .. }] = outcomes;
            return results.map(|results| results.exit());
        }
    };
    show_tested(&tested, json)?;
    let exit = tested.results.exit();
    let interrupted = stop.is_set() || tested.record.interrupted;
    let control = (control && !interrupted).then(|| Control::lead(&mut tested, progress, &stop));
    if let Some(control) = &control {
        match json {
            true => eprint!("{}", control.line(Style::plain())),
            false => show(&control.line(Style::of_stdout()))?,
        }
    }
    let outcomes: Vec<Outcome> = [Outcome::from(tested)]
        .into_iter()
        .chain(control.map(Control::outcome))
        .collect();
    outputs.write(&outcomes)?;
    Ok(exit)
}

fn run_and_judge(settings: &Settings, progress: Progress, stop: &Stop) -> Result<Trial, Failure> {
    let limits = Limits {
        stop: stop.clone(),
        ..Limits::default()
    };
    let interrupt = stop.clone();
    let trial = trial(settings, progress, limits, || {
        super::on_interrupt(move || interrupt.set())
    })?;
    Ok(trial)
}

/// Said at once: a control takes as long again.
fn show_tested(tested: &Trial, json: bool) -> Result<(), Failure> {
    let report = super::draw(&tested.folder);
    if json {
        return show_json(&tested.results);
    }
    let (results, record) = (&tested.results, Some(&tested.record));
    let summary = summary::render(results, record, summary::Depth::Few, Style::of_stdout());
    let report = report.map_or(String::new(), |path| {
        format!("  report      {}\n", path.display())
    });
    show(&(summary + &report))
}

/// Every setting fully expanded.
pub fn resolve(args: Args) -> Result<Settings, Failure> {
    let system = systems::find(&args.system)
        .ok_or_else(|| Failure::Usage(format!("there is no system {:?}", args.system)))?;
    let rows: Vec<_> = args
        .nemesis
        .iter()
        .filter_map(|name| nemesis::schedule::find(name))
        .collect();
    let nemesis = leading(&rows)
        .ok_or_else(|| Failure::Usage(format!("there is no nemesis {:?}", args.nemesis.join(","))))?;
    let default = match nemesis.profile {
        nemesis::Profile::Bare => system.profiles.first(),
        nemesis::Profile::Full => system.profiles.last(),
    };
    let mut bugs = args.bugs;
    bugs.dedup();
    Ok(Settings {
        program: program(args.node_bin, system)?,
        profile: args
            .profile
            .or(default.map(|name| (*name).to_owned()))
            .unwrap_or_default(),
        system: args.system,
        bugs,
        nodes: args.nodes.unwrap_or(nemesis.nodes),
        nemesis: args.nemesis.join(","),
        interval: args.interval,
        workload: args.workload.unwrap_or_else(|| nemesis.workload.to_owned()),
        duration: args.duration,
        clients: args.clients,
        rate: args.rate,
        // Small enough to be read aloud, and exact in every JSON reader.
        seed: Seed(args.seed.unwrap_or_else(|| rand::random::<u32>().into())),
        op_timeout: args.op_timeout,
        retry: args.retry,
        reads: args.reads,
        max_recovery: args.max_recovery,
        check_timeout: args.check_timeout,
        until_violation: args.until_violation,
        journals: !args.no_journal,
        store: args.store,
    })
}

/// The node's binary: as named, or beside this one, or on PATH.
fn program(named: Option<PathBuf>, system: &systems::Row) -> Result<PathBuf, Failure> {
    let missing = |tried: &str| {
        Failure::Broken(format!(
            "cannot find {} ({tried}); {}",
            system.binary, system.how_to_get
        ))
    };
    if let Some(named) = named {
        return found(&named).ok_or_else(|| missing(&named.display().to_string()));
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|me| found(&me.parent()?.join(system.binary)));
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find_map(|folder| found(&folder.join(system.binary)))
    };
    beside
        .or_else(on_path)
        .ok_or_else(|| missing("neither beside harness nor on PATH"))
}

fn found(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok().filter(|path| path.is_file())
}
