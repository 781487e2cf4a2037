//! What a run leaves, one type a file.
//!
//! | file of the folder | type |
//! | --- | --- |
//! | run.json | [`Record`], with its [`Settings`] |
//! | status.jsonl | [`StatusLine`] |
//! | nemesis.jsonl | [`nemesis::effect::EffectLine`] |
//! | results.json | [`Results`] |

mod results;
mod run;
mod settings;
mod status;

use histories::run_folder::FolderError;

pub use results::{ArmedCycles, JudgedAs, NamedBy, NotApplicable, Operations, Results, Undecided};
pub use run::{Binary, Host, Record, Recovery, Stage};
pub use settings::{NetworkName, Reads, Settings, SettingsError, leading};
pub use status::StatusLine;

/// A file of a saved run that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Unreadable(pub FolderError);
