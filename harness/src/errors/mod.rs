//! What can go wrong, one file a room: what was attempted, and what to do. Which of it is whose fault, and so the exit code,
//! [`crate::exit`] says.

mod cli;
mod known;
mod recorder;
mod report;
mod run;
mod serve;

pub(crate) use cli::CliError;
pub(crate) use known::KnownError;
pub(crate) use recorder::RecorderError;
pub(crate) use report::ReportError;
pub(crate) use run::RunError;
pub(crate) use serve::ServeError;
