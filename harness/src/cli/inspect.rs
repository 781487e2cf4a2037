//! `harness inspect`: look at a saved run without judging it again.

use std::path::PathBuf;

use super::{run_folder, show};
use crate::exit::{Exit, Failure};
use crate::judge;
use crate::report::inspect;
use crate::report::style::Style;

const EXAMPLES: &str = "\
Examples:
  harness inspect                  the newest run: verdict, cycles, the history around a violation
  harness inspect latest --cycle 3 one cycle of it, panel by panel";

/// Look at a saved run: its verdict, its cycles panel by panel, the history around a violation.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A run's folder, or `latest`.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: PathBuf,
    /// Only this cycle of a guided schedule.
    #[arg(long)]
    cycle: Option<u64>,
    /// The history around this event, instead of around the violation.
    #[arg(long, value_name = "INDEX")]
    around: Option<u64>,
    /// The history of this key only.
    #[arg(long)]
    key: Option<String>,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
}

/// Do it.
pub fn inspect(args: &Args) -> Result<Exit, Failure> {
    let folder = run_folder(&args.store, &args.run)?;
    let saved = inspect::Saved::load(&folder)?;
    let wanted = inspect::Wanted {
        cycle: args.cycle,
        around: args.around,
        key: args.key.clone(),
    };
    let history = judge::read_history(&folder, !saved.record.finished)?;
    show(&inspect::render(&saved, &history, &wanted, Style::of_stdout())?)?;
    Ok(Exit::Pass)
}
