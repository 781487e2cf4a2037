//! `harness run`: start a cluster, lead it through faults, judge what its clients saw.

use clap::ValueEnum;
use runs::judge::Limits;
use runs::record::Settings;
use runs::stop::Stop;

use super::control::Control;
use super::outputs::Outputs;
use super::{show, show_json};
use crate::exit::{Exit, Failure};
use crate::flags::{Flags, command_line};
use crate::report::outcome::Outcome;
use crate::report::style::Style;
use crate::report::summary;
use crate::run::progress::Progress;
use crate::trial::{Trial, trial};

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
pub(super) struct Args {
    #[command(flatten)]
    flags: Flags,
    /// Then lead the correct node through the same schedule with the same seed, for comparison; the exit code stays that of
    /// the tested run.
    #[arg(long, requires = "bug")]
    control: bool,
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

/// Run, judge, and tell of it; the exit code says what came of it.
pub(super) fn run(args: Args) -> Result<Exit, Failure> {
    let (json, control, outputs) = (args.json, args.control, args.outputs.clone());
    let progress = match args.progress {
        _ if args.quiet => Progress::Quiet,
        ProgressArg::Auto => Progress::auto(),
        ProgressArg::Bar => Progress::Bar,
        ProgressArg::Plain => Progress::Plain,
        ProgressArg::None => Progress::Quiet,
    };
    let settings = args.flags.settings()?;
    settings.validate()?;
    if progress != Progress::Quiet {
        eprintln!("seed {}; {}", settings.seed, command_line(&settings));
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
        Ok(super::on_interrupt(move || interrupt.set())?)
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
