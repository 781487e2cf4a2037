//! Porcupine's etcd logs, as many as the corpus has: verdicts alone, as the peer gives them, and verdicts with their proofs.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use checker::{Budget, Options, Proof, linearizability, models};
use histories::format::{self, Imported};

use crate::compare::{files, ours, row, same, theirs};
use crate::peer;

/// How many logs Porcupine has; the goals are for all of them.
const ALL: usize = 102;

/// The logs, and how they are judged.
fn logs(folder: &Path) -> Result<Vec<(String, Imported, Options)>> {
    let paths = files(folder, "etcd-cas-register")?;
    let log = |path: String| {
        let log = format::read_path(folder.join(&path), &format::Options::default())?;
        let options = implied(&log);
        Ok((path, log, options))
    };
    paths.into_iter().map(log).collect()
}

/// How the log's format wants it to be judged.
fn implied(log: &Imported) -> Options {
    let failed_cas = match log.failed_cas {
        format::FailedCas::DidNotHappen => checker::FailedCas::DidNotHappen,
        format::FailedCas::Observation => checker::FailedCas::Observation,
    };
    Options {
        failed_cas,
        ..Options::default()
    }
}

/// A row for verdicts, one for proofs, one for the slowest log, and one from files to verdicts.
pub fn rows(folder: &Path) -> Result<()> {
    let logs = logs(folder)?;
    let (mut alone, mut proved, mut its) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut worst = None;
    for (path, log, options) in &logs {
        let verdict = Options {
            proof: Proof::LeftOut,
            ..*options
        };
        let mine = ours(&log.history, "cas-register", &verdict)?;
        let with_proof = ours(&log.history, "cas-register", options)?;
        let theirs = theirs(&peer::register(&log.history, log.failed_cas), 3);
        same(path, mine, theirs)?;
        same(path, with_proof, theirs)?;
        (alone, proved, its) = (alone + mine.1, proved + with_proof.1, its + theirs.1);
        if worst
            .as_ref()
            .is_none_or(|(_, _, slowest): &(_, _, (_, Duration))| slowest.1 < theirs.1)
        {
            worst = Some((path, with_proof, theirs));
        }
    }
    let share = logs.len() as f64 / ALL as f64;
    let name = format!("{} of the {ALL} etcd logs, sum of medians", logs.len());
    let its = Some((None, its));
    row(
        &format!("{name}, verdicts"),
        (None, alone),
        its,
        Some(3.0 * share),
    )?;
    row(&format!("{name}, with proofs"), (None, proved), its, None)?;
    if let Some((path, mine, its)) = worst {
        let name = format!("the slowest of them for it, {path}, with its proof");
        row(&name, mine, Some(its), Some(0.5))?;
    }
    from_files(folder)
}

/// The logs as files, one after the other, as many as Porcupine has.
fn from_files(folder: &Path) -> Result<()> {
    let start = Instant::now();
    for path in files(folder, "etcd-cas-register")?.iter().cycle().take(ALL) {
        let log = format::read_path(folder.join(path), &format::Options::default())?;
        judge(&log, &implied(&log))?;
    }
    let mine = (None, start.elapsed());
    row("102 etcd logs, from files to verdicts", mine, None, Some(30.0))
}

fn judge(log: &Imported, options: &Options) -> Result<()> {
    let model = models::find("cas-register").context("no cas-register")?;
    let header = &log.history.header;
    linearizability(header, &log.history.events, model, options, &Budget::unlimited())?;
    Ok(())
}

/// Judges all of them so many times, for a profiler.
pub fn again(folder: &Path, times: usize, proof: Proof) -> Result<()> {
    let logs = logs(folder)?;
    ensure!(!logs.is_empty(), "there are no etcd logs in {}", folder.display());
    let start = Instant::now();
    for _ in 0..times {
        for (_, log, options) in &logs {
            judge(log, &Options { proof, ..*options })?;
        }
    }
    println!(
        "{} logs, {:.2?} a time",
        logs.len(),
        start.elapsed() / times as u32
    );
    Ok(())
}
