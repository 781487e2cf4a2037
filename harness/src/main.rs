//! `harness`: leads a replicated store through faults, records what its clients saw, and judges the record.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`cli`] | the command line, one file a subcommand |
//! | [`run`] | a run, stage by stage |
//! | [`judge`] | the verdict on a saved run |
//! | [`report`] | what a person sees |
//! | [`systems`], [`workloads`] | the tables of what can be tested, and with what load |
//! | [`exit`] | the exit codes |

mod cli;
mod exit;
mod judge;
mod report;
mod run;
mod systems;
mod workloads;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main().into()
}
