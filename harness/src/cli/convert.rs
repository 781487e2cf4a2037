//! `harness convert`: a history in another format.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use histories::format::{self, Options};

use crate::errors::CliError;
use crate::exit::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  harness convert history.edn history.jsonl
      Jepsen's history as history/1
  harness convert store/latest/history.jsonl history.edn --to jepsen-edn
      a run of ours for Jepsen's and Knossos's tools";

/// Write a history in another format.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The history, or `-` for standard input.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The new file, or `-` for standard output.
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// The format of IN; without it, it is recognised from the content.
    #[arg(long, value_parser = PossibleValuesParser::new(format::TABLE.iter().map(|row| row.name)))]
    from: Option<String>,
    /// The format of OUT; without it jepsen-edn for a name that ends in .edn, and history1 otherwise.
    #[arg(long, value_parser = PossibleValuesParser::new(writable()))]
    to: Option<String>,
}

fn writable() -> Vec<&'static str> {
    format::TABLE
        .iter()
        .filter(|row| row.write.is_some())
        .map(|row| row.name)
        .collect()
}

/// Write a history in another format; the exit code says what came of it.
pub(super) fn convert(args: &Args) -> Result<Exit, Failure> {
    let options = Options {
        format: args.from.as_deref(),
        ..Options::default()
    };
    let imported = match args.input.as_os_str() == "-" {
        true => format::read(std::io::stdin().lock(), &options),
        false => format::read_path(&args.input, &options),
    }?;
    let by_name = if args.output.extension().is_some_and(|end| end == "edn") {
        "jepsen-edn"
    } else {
        "history1"
    };
    let row = format::by_name(args.to.as_deref().unwrap_or(by_name))?;
    let Some(write) = row.write else {
        return Err(CliError::NotWritable {
            name: row.name,
            writable: writable(),
        }
        .into());
    };
    let cannot = Failure::cannot_write(&args.output);
    let mut out = output(&args.output).map_err(&cannot)?;
    write(&imported.history, &mut out)
        .and_then(|()| out.flush())
        .map_err(cannot)?;
    Ok(Exit::Pass)
}

fn output(path: &Path) -> std::io::Result<Box<dyn Write>> {
    Ok(match path.as_os_str() == "-" {
        true => Box::new(BufWriter::new(std::io::stdout().lock())),
        false => Box::new(BufWriter::new(File::create(path)?)),
    })
}
