//! `harness convert`: a history in another format.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use checker::models::Guess;
use clap::builder::PossibleValuesParser;
use histories::Value;
use histories::format::{self, Imported, Independent, Options};
use runs::judge::GUESSED;

use super::value::value;
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
    /// The model that judges it, where it is not the one that the history names or suggests.
    #[arg(long, value_parser = PossibleValuesParser::new(checker::models::TABLE.iter().map(|row| row.name)))]
    model: Option<String>,
    /// What there is before the first operation, where the history does not say it: JSON, or a word.
    #[arg(long, value_name = "VALUE", value_parser = value, allow_hyphen_values = true)]
    initial: Option<Value>,
    /// Whether a value [k v] is a key and its value.
    #[arg(long, value_enum, default_value = "auto")]
    independent: Independent,
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
        independent: args.independent,
        ..Options::default()
    };
    let mut imported = match args.input.as_os_str() == "-" {
        true => format::read(std::io::stdin().lock(), &options),
        false => format::read_path(&args.input, &options),
    }?;
    name_the_model(&mut imported, args);
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

/// The header keeps what judges the history, so that the new file gets the verdict of the old one. Where that is a guess, the
/// header says so; where the operations suggest several models, or contradict the only one, there is nothing to keep.
fn name_the_model(imported: &mut Imported, args: &Args) {
    let header = &mut imported.history.header;
    if let Some(initial) = &args.initial {
        header.initial = initial.clone();
    }
    if args.model.is_some() {
        header.model = args.model.clone();
        header.other.remove(GUESSED);
    }
    if header.model.is_some() || imported.has_header {
        return;
    }
    let guess = Guess::of(&imported.history.events);
    if let Some(model) = guess.model() {
        header.model = Some(model.to_owned());
        header.other.insert(GUESSED.to_owned(), guess.by.into());
    }
}

fn output(path: &Path) -> std::io::Result<Box<dyn Write>> {
    Ok(match path.as_os_str() == "-" {
        true => Box::new(BufWriter::new(std::io::stdout().lock())),
        false => Box::new(BufWriter::new(File::create(path)?)),
    })
}
