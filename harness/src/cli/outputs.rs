//! What `run` and `check` write for CI beside what they print.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::errors::CliError;
use crate::exit::Failure;
use crate::report::outcome::Outcome;
use crate::report::{github, junit};

/// The variable in which GitHub Actions names the file of the job summary.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// For CI.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Outputs {
    /// Write the checks as JUnit XML; an inconclusive one is an error there, never a success.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Annotate what is not green for GitHub Actions, and write its job summary.
    #[arg(long)]
    github: bool,
}

impl Outputs {
    /// Write what was asked for. Annotations go to standard error: standard output may be a document, and the runner
    /// reads both.
    pub(super) fn write(&self, outcomes: &[Outcome]) -> Result<(), Failure> {
        if let Some(path) = &self.junit {
            let xml = junit::render(outcomes).map_err(CliError::from)?;
            put(path, xml.as_bytes())?;
        }
        if self.github {
            eprint!("{}", github::annotations(outcomes));
            match std::env::var_os(SUMMARY) {
                Some(path) => append(Path::new(&path), &github::summary(outcomes))?,
                None => eprintln!("harness: {SUMMARY} is not set, so no job summary is written"),
            }
        }
        Ok(())
    }
}

/// Write a whole file.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(Failure::cannot_write(path))
}

fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Failure::cannot_write(path))
}
