//! `harness report`: draw the page of a saved run anew.

use std::path::PathBuf;

use super::{run_folder, show};
use crate::exit::{Exit, Failure};
use crate::report::{data, page};

const EXAMPLES: &str = "\
Examples:
  harness report latest                     write report.html into the newest run's folder
  harness report latest --compare OTHER     with the cycles of another run behind the switch of the rule";

/// Draw report.html of saved runs anew, from their files.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Folders of runs, or `latest`.
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// A run with the other rule, to look at beside each of these.
    #[arg(long, value_name = "RUN")]
    compare: Option<PathBuf>,
    /// So many operations are drawn one by one; of longer runs those around what failed.
    #[arg(long, value_name = "N", default_value_t = data::OPERATIONS)]
    operations: usize,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
}

/// Draw the pages of saved runs; the exit code says what came of it.
pub(super) fn report(args: &Args) -> Result<Exit, Failure> {
    let compare = args.compare.as_ref();
    let compare = compare.map(|run| run_folder(&args.store, run)).transpose()?;
    for run in &args.runs {
        let folder = run_folder(&args.store, run)?;
        let path = page::draw(&folder, compare.as_ref(), args.operations)?;
        show(&format!("{}\n", path.display()))?;
    }
    Ok(Exit::Pass)
}
