//! The command line, one file a subcommand. The only place that prints to standard output.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod check;
mod control;
mod convert;
mod doctor;
mod gate;
mod inspect;
mod known;
mod list;
mod outputs;
mod pager;
mod replay;
mod report;
mod run;
mod selftest;
mod serve;
mod system;
mod table;
mod value;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use histories::RunFolder;

use crate::errors::CliError;
use crate::exit::{Exit, Failure};
use crate::report::{data, page};

const EXIT_CODES: &str = "\
Exit codes:
  0    pass: every check passed
  1    violation: at least one check failed
  2    inconclusive: no violation, but a check could not decide or the nemesis was not armed
  130  stopped by a second Ctrl-C
  254  the command line or an input file is wrong; nothing was run
  255  the harness could not do its work";

/// Leads a replicated store through faults, records what its clients saw, and judges the record.
#[derive(Parser)]
#[command(name = "harness", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    Convert(convert::Args),
    Doctor(doctor::Args),
    Gate(gate::Args),
    Inspect(inspect::Args),
    Known(known::Args),
    List(list::Args),
    Replay(replay::Args),
    Report(report::Args),
    Selftest(selftest::Args),
    Serve(serve::Args),
    System(system::Args),
}

/// Parse the command line, do it, and say how it ended.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_a_command(&error),
    };
    let done = match cli.command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::check(&args),
        Command::Convert(args) => convert::convert(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Gate(args) => gate::gate(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Known(args) => known::known(&args),
        Command::List(args) => list::list(&args),
        Command::Report(args) => report::report(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Selftest(args) => selftest::selftest(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::System(args) => system::system(&args),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("harness: {failure}");
        failure.exit()
    })
}

/// Help and version are no errors; for everything else clap's own exit code would be that of "inconclusive".
fn not_a_command(error: &clap::Error) -> Exit {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Pass,
        _ => Exit::Usage,
    }
}

/// Print text to standard output; a reader that has gone away (`| head`) is no error.
fn show(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::Stdout(error).into()),
        _ => Ok(()),
    }
}

/// Draw the page of a run, and say where it is. A picture that cannot be drawn changes no verdict.
fn draw(folder: &RunFolder) -> Option<PathBuf> {
    match page::draw(folder, None, data::OPERATIONS) {
        Ok(path) => Some(path),
        Err(failure) => {
            eprintln!("harness: report.html could not be drawn: {failure}");
            None
        }
    }
}

/// Print one JSON document.
fn show_json(document: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(CliError::Json)?;
    show(&(text + "\n"))
}

/// The folder of a run that was named by its path, or as `latest`.
fn run_folder(store: &Path, name: &Path) -> Result<RunFolder, Failure> {
    let path: PathBuf = match name.to_str() {
        Some("latest") => store.join("latest"),
        _ => name.to_owned(),
    };
    let path = std::fs::canonicalize(&path).map_err(|source| CliError::NoRun { path, source })?;
    let folder = RunFolder::at(path);
    if !folder.run_json().is_file() {
        let path = folder.path().to_owned();
        return Err(match histories::format::is_known(&path) {
            true => CliError::OfOthers(path),
            false => CliError::NotARun(path),
        }
        .into());
    }
    Ok(folder)
}

/// Call this at Ctrl-C, once; a second one ends the process as usual.
fn on_interrupt(act: impl FnOnce() + Send + 'static) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Interrupt)?;
    let wait = move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            act();
            if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
                std::process::exit(Exit::Interrupted.code().into());
            }
        }
    };
    std::thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(wait)
        .map(drop)
        .map_err(CliError::Interrupt)
}
