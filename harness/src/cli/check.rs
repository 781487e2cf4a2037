//! `harness check`: judge a saved run or a history again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use histories::format::Independent;

use super::{duration, run_folder, show, show_json};
use crate::exit::{Exit, Failure};
use crate::judge::{self, Limits};
use crate::report::style::Style;
use crate::report::summary;
use crate::run::record::Record;

const EXAMPLES: &str = "\
Examples:
  harness check latest
      judge the newest run again; the same verdict, the same exit code
  harness check histories/corpus/good/figure8-refused.jsonl
      judge a history by itself";

/// Judge a saved run, or a history file, again: the same checks, the same exit code.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A run's folder, `latest`, a history file, or `-` for standard input.
    #[arg(value_name = "RUN|FILE")]
    target: PathBuf,
    /// The model, where it is not the one that the history names.
    #[arg(long, value_parser = PossibleValuesParser::new(checker::models::TABLE.iter().map(|row| row.name)))]
    model: Option<String>,
    /// The file's format; without it, it is recognised from the content.
    #[arg(long, value_parser = PossibleValuesParser::new(histories::format::TABLE.iter().map(|row| row.name)))]
    format: Option<String>,
    /// Whether a value [k v] of an imported history is a key and its value.
    #[arg(long, default_value = "auto", value_parser = ["auto", "yes", "no"])]
    independent: String,
    /// How long the check of linearizability may take.
    #[arg(long, default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

/// Do it.
pub fn check(args: &Args) -> Result<Exit, Failure> {
    let limits = Limits {
        timeout: args.timeout,
        model: args.model.clone(),
        format: args.format.clone(),
        independent: match args.independent.as_str() {
            "yes" => Independent::Yes,
            "no" => Independent::No,
            _ => Independent::Auto,
        },
        ..Limits::default()
    };
    let (results, record) = if is_run(&args.store, &args.target) {
        let folder = run_folder(&args.store, &args.target)?;
        (judge::run(&folder, &limits)?, Some(Record::load(&folder)?))
    } else {
        (judge::file(&args.target, &limits)?, None)
    };
    if args.json {
        show_json(&results)?;
    } else {
        show(&summary::render(&results, record.as_ref(), Style::of_stdout()))?;
    }
    Ok(results.exit())
}

/// A folder is a run; everything else is a history.
fn is_run(store: &Path, target: &Path) -> bool {
    target.is_dir() || (target.as_os_str() == "latest" && store.join("latest").exists())
}
