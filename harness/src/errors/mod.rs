//! What can go wrong, one file a room: what was attempted, and what to do. Which of it is whose fault, and so the exit code,
//! [`crate::exit`] says.

#![expect(missing_docs, reason = "an error says by itself what it is")]

mod cli;
mod recorder;
mod report;
mod run;
mod serve;
mod system;

pub use cli::CliError;
pub use recorder::RecorderError;
pub use report::ReportError;
pub use run::RunError;
pub use serve::ServeError;
pub use system::SystemError;
