//! What the binary `harness` is made of: it leads a replicated store through faults, records what its clients saw, and judges the record.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`cli`] | the command line, one file a subcommand |
//! | [`run`] | a run, stage by stage |
//! | `trial` | a run with its verdict |
//! | `selftest` | the tester, tested |
//! | [`report`] | what a person sees |
//! | `doctor` | what this machine and a system can do, and what is missing |
//! | `serve` | the store in a browser |
//! | `flags` | the flags of a run, and the command that repeats it |
//! | `errors`, `exit` | what can go wrong, and the exit codes |

#![warn(unreachable_pub)]

pub mod cli;
mod doctor;
mod errors;
mod exit;
mod flags;
mod known;
pub mod report;
pub mod run;
mod selftest;
mod serve;
mod trial;
