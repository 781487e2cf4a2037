//! `run.json`: what was run, on what, and when each stage began and ended.

use std::path::PathBuf;

use histories::run_folder::{FolderError, read_json, write_json};
use histories::{Nanos, RunFolder};
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::settings::Settings;
use crate::capabilities::Capabilities;

/// A binary that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binary {
    /// Where it was.
    pub path: PathBuf,
    /// What it was.
    pub sha256: String,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system and architecture.
    pub os: String,
    /// Its kernel's version.
    pub kernel: String,
    /// How many threads can run at once.
    pub cores: usize,
}

/// A stage of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// When it began.
    pub start: Nanos,
    /// When it ended.
    pub end: Nanos,
}

/// What the recovery came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// When everything was healed.
    pub healed: Nanos,
    /// When a write was acknowledged again.
    pub recovered: Option<Nanos>,
    /// The longest that this machine took meanwhile to put a block of the harness's own on disk; none where that was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowest_sync: Option<Nanos>,
}

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this document: 1.
    pub run: u32,
    /// The version of the harness.
    pub version: String,
    /// When it began, in UTC.
    pub began: String,
    /// The command line.
    pub argv: Vec<String>,
    /// Whether it was played in virtual time; then `argv` repeats it, byte for byte.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// Every setting.
    pub settings: Settings,
    /// The run that was made beside it under the same schedule and seed, by its folder's name in the same group: of a run with a
    /// bug its control, and of a control the run with the bug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterpart: Option<PathBuf>,
    /// What the system tells and does, whatever becomes of its description later. Runs of before this was written are all
    /// of `cluster-node`.
    #[serde(default = "Capabilities::all")]
    pub capabilities: Capabilities,
    /// What took part.
    pub binaries: Vec<Binary>,
    /// On what.
    pub host: Host,
    /// The stages so far.
    pub stages: Vec<Stage>,
    /// When each schedule had its turn, by its name.
    #[serde(default)]
    pub acts: Vec<Stage>,
    /// After the heal.
    pub recovery: Option<Recovery>,
    /// When the monitor saw a violation, which then ended the load.
    #[serde(default)]
    pub violated: Option<Nanos>,
    /// Whether the user ended the load early.
    pub interrupted: bool,
    /// Whether the run came to its end; a run that did not proves nothing but its violations.
    pub finished: bool,
}

impl Record {
    /// The record of a run that begins.
    pub fn begin(
        settings: Settings,
        capabilities: Capabilities,
        began: String,
        argv: Vec<String>,
        binaries: Vec<Binary>,
        host: Host,
    ) -> Self {
        Record {
            run: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            began,
            argv,
            simulated: false,
            settings,
            counterpart: None,
            capabilities,
            binaries,
            host,
            stages: Vec::new(),
            acts: Vec::new(),
            recovery: None,
            violated: None,
            interrupted: false,
            finished: false,
        }
    }

    /// A stage has ended.
    pub fn stage(&mut self, name: &str, start: Nanos, end: Nanos) {
        self.stages.push(Stage {
            name: name.to_owned(),
            start,
            end,
        });
    }

    /// Write it.
    pub fn save(&self, folder: &RunFolder) -> Result<(), FolderError> {
        write_json(&folder.run_json(), self)
    }

    /// Read it.
    pub fn load(folder: &RunFolder) -> Result<Self, Unreadable> {
        read_json(&folder.run_json()).map_err(Unreadable)
    }

    /// The counterpart's folder, if it is there.
    pub fn counterpart(&self, folder: &RunFolder) -> Option<RunFolder> {
        let name = self.counterpart.as_ref()?.file_name()?;
        let there = RunFolder::at(folder.path().parent()?.join(name));
        there.run_json().is_file().then_some(there)
    }

    /// The load's beginning and end, if it was reached.
    pub fn load_stage(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == "load")
    }
}
