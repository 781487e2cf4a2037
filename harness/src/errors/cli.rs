//! What can be wrong with a command line, and with what it writes.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("--{flag}: {why}")]
    Flag { flag: &'static str, why: String },
    #[error("{name}: {why}")]
    Argument { name: &'static str, why: String },
    #[error("there is no run {}: {source}", path.display())]
    NoRun { path: PathBuf, source: io::Error },
    #[error("{} is no run: it has no run.json", .0.display())]
    NotARun(PathBuf),
    #[error("{} is no run: it has no run.json; `harness check {}` judges its history", .0.display(), .0.display())]
    OfOthers(PathBuf),
    #[error("the run has no node {0:?}; write it like n3")]
    NoNode(String),
    #[error("--dot draws one violation: name one file")]
    ManyDots,
    #[error("{name} can only be read; {} can be written", writable.join(", "))]
    NotWritable {
        name: &'static str,
        writable: Vec<&'static str>,
    },
    #[error(
        "the runs are not alike: {flag} {expected} and {flag} {found}; compare runs with the same settings"
    )]
    NotAlike {
        flag: &'static str,
        expected: String,
        found: String,
    },
    #[error("no bug is left: none of those named is caught by that nemesis; see `harness list bugs`")]
    NoBugLeft,
    #[error("the table of bugs has a run that cannot be, a bug of ours: {0}")]
    Case(clap::Error),
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
    #[error("cannot write the results as JSON: {0}")]
    Json(serde_json::Error),
    #[error("cannot write JUnit XML: {0}")]
    JUnit(#[from] quick_junit::SerializeError),
    #[error(
        "a simulated run is repeated by the program `simulation`, which is neither beside harness nor on PATH: \
         build it with `cargo build --release -p simulation`"
    )]
    NoSimulation,
    #[error("cannot start {}: {source}", path.display())]
    Simulation { path: PathBuf, source: io::Error },
    #[error("`{0}` left no verdict; it tells why when it is run by itself")]
    NotSimulated(String),
    #[error("cannot listen for Ctrl-C: {0}")]
    Interrupt(io::Error),
}

impl CliError {
    /// Whether it is the harness that is at fault, and not what it was given.
    pub fn is_ours(&self) -> bool {
        use CliError::{Case, Interrupt, JUnit, Json, NoSimulation, NotSimulated, Simulation, Stdout};
        matches!(
            self,
            Case(_)
                | Stdout(_)
                | Json(_)
                | JUnit(_)
                | Interrupt(_)
                | NoSimulation
                | Simulation { .. }
                | NotSimulated(_)
        )
    }
}
