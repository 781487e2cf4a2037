//! The checker beside porcupine-rs, in one process run, on the corpus and on seeded synthetic histories.
//!
//! `cargo run --release -p bench -- compare` prints a row per input: our time, theirs, the ratio, and the time to reach; it
//! fails if two verdicts differ; `… -- compare PART` judges the generated histories whose names have PART in them, alone. `… -- engines` prints how long each engine of the search takes. `… -- file [OPERATIONS]`
//! prints file to verdict beside the parse floor (serde_json reading the same file), and the memory; 1,000,000
//! operations unless said otherwise. `… -- supply [SEEDS]` prints whether registers of
//! few values with many unknown writes are decided, legal and not. `… -- limits [long|busy [PART]]` prints how well `harness check` keeps its limits of time and
//! memory. `… -- logs TIMES` judges the etcd logs so many times, for a profiler, `… -- verdicts TIMES` without proofs. The corpus is looked for in `HARNESS_CORPUS`,
//! else beside the checkout.
#![allow(clippy::print_stdout)]

mod clients;
mod compare;
mod file;
mod generate;
mod hard;
mod limits;
mod logs;
mod objects;
mod peer;
mod supply;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use checker::Proof;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["compare"] => compare::run(),
        ["compare", part] => compare::some(part),
        ["file"] => file::run(1_000_000),
        ["file", operations] => file::run(operations.parse()?),
        ["limits"] => limits::run(false, ""),
        ["limits", "busy"] => limits::run_busy(""),
        ["limits", "busy", part] => limits::run_busy(part),
        ["limits", "long"] => limits::run(true, ""),
        ["limits", "long", part] => limits::run(true, part),
        ["supply"] => supply::run(10),
        ["supply", seeds] => supply::run(seeds.parse()?),
        ["engines"] => compare::engines(),
        ["logs", times] => logs::again(&corpus()?, times.parse()?, Proof::Given),
        ["verdicts", times] => logs::again(&corpus()?, times.parse()?, Proof::LeftOut),
        ["stream", path] => file::stream(path),
        _ => bail!(
            "usage: bench compare | bench engines | bench file [OPERATIONS] | bench supply [SEEDS] | bench limits [long|busy [PART]] | bench logs TIMES | bench verdicts TIMES"
        ),
    }
}

fn corpus() -> Result<PathBuf> {
    compare::corpus().context("there is no corpus: name its folder in HARNESS_CORPUS")
}
