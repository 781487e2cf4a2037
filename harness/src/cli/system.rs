//! `harness system`: the systems that can be tested, as the files that they are.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use systems::builtin::{self, Builtin};

use super::{show, show_json};
use crate::exit::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  harness system show etcd
      the file that describes etcd
  harness system new mine --like etcd
      a copy of it, ./mine.toml, to begin with; then harness run --system ./mine.toml
  harness system check mine.toml
      whether it can be followed, before anything is started";

/// Show the descriptions of systems, or begin one of your own (docs/systems.md).
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Print a description that comes with the harness.
    Show {
        /// Of which system.
        #[arg(value_parser = names())]
        name: String,
    },
    /// Write a description of your own, to begin with.
    New {
        /// The system's name: small letters, digits and hyphens.
        name: String,
        /// The system whose description is copied: the one that starts and answers most like yours.
        #[arg(long, value_parser = names(), default_value = "etcd")]
        like: String,
    },
    /// Read a description, and say what is wrong with it.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print the JSON Schema of a description.
    Schema,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(builtin::TABLE.iter().map(|row| row.name))
}

/// Show or begin a description; the exit code says what came of it.
pub(super) fn system(args: &Args) -> Result<Exit, Failure> {
    match &args.what {
        What::Show { name } => show(found(name)?.text)?,
        What::New { name, like } => new(name, found(like)?)?,
        What::Check { file } => {
            let row = systems::from_file(file).map_err(systems::SystemError::from)?;
            show(&format!("{} can be followed: {}\n", file.display(), row.about))?;
        }
        What::Schema => show_json(&systems::description::schema())?,
    }
    Ok(Exit::Pass)
}

fn found(name: &str) -> Result<&'static Builtin, Failure> {
    let found = builtin::TABLE.iter().find(|row| row.name == name);
    found.ok_or_else(|| runs::record::SettingsError::unknown("system", name).into())
}

fn new(name: &str, like: &Builtin) -> Result<(), Failure> {
    let text = like
        .text
        .replacen(&format!("name = {:?}", like.name), &format!("name = {name:?}"), 1);
    // A name that no system may have is told before a file is left behind.
    like.read(&text, name).map_err(systems::SystemError::from)?;
    let path = PathBuf::from(format!("{name}.toml"));
    write_new(&path, &text)?;
    for (beside, text) in like.files {
        write_new(Path::new(beside), text)?;
    }
    show(&format!(
        "{path} describes {like}; make it yours, then\n  harness system check {path}\n  harness run --system ./{path}\n",
        path = path.display(),
        like = like.name,
    ))
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let written = std::fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(Failure::cannot_write(path))
}
