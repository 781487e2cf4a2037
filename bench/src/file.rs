//! From a file to a verdict, beside the parse floor.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use checker::{Options, Stream, Verdict, models};
use histories::format::history1::{Blocks, write_event, write_header};

use crate::generate::{self, Shape, Start};

/// Writes a history of a unique register, and times reading and judging it.
pub fn run(operations: usize) -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    generate(file.as_file(), operations)?;
    let megabytes = file.as_file().metadata()?.len() / 1_000_000;
    println!("{operations} operations, {megabytes} MB, one write in 500 unknown");
    println!("to reach: 1M in 0.25 s and 40 MB, 10M in 1.5 s and 160 MB");
    let start = Instant::now();
    for line in BufReader::new(File::open(file.path())?).lines() {
        std::hint::black_box(serde_json::from_str::<serde_json::Value>(&line?)?);
    }
    println!("serde_json alone, to its values: {:.2?}", start.elapsed());
    // A process of its own, for its memory.
    let status = Command::new(std::env::current_exe()?)
        .arg("stream")
        .arg(file.path())
        .status()?;
    ensure!(status.success(), "the stream did not pass");
    Ok(())
}

/// Writes the history a million operations at a time.
fn generate(file: &File, operations: usize) -> Result<()> {
    let mut out = BufWriter::new(file);
    let (mut start, mut left, mut line) = (Start::default(), operations, Vec::new());
    while left > 0 {
        let operations = left.min(1_000_000);
        let shape = Shape {
            operations,
            clients: 10,
            values: None,
            cas: false,
            unknown: operations / 1000,
        };
        let history = generate::part(shape, left as u64, &mut start);
        if line.is_empty() {
            write_header(&mut line, &history.header);
            out.write_all(&line)?;
        }
        for event in &history.events {
            line.clear();
            write_event(&mut line, event);
            out.write_all(&line)?;
        }
        left -= operations;
    }
    out.flush()?;
    Ok(())
}

/// Judges one file, and prints the time and the greatest resident size.
pub fn stream(path: &str) -> Result<()> {
    let start = Instant::now();
    let blocks = Blocks::open(File::open(path)?)?;
    let register = models::find("register").context("no register")?;
    let stream = Stream::of(blocks.header(), register, &Options::default()).context("not for a stream")?;
    let check = stream.run(blocks, |_| true).context("not proved")?;
    ensure!(check.verdict == Verdict::Pass, "{}", check.reason);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or("VmHWM: unknown");
    println!(
        "file to verdict: {:.2?}, {}",
        start.elapsed(),
        most.split_whitespace().collect::<Vec<_>>().join(" ")
    );
    Ok(())
}
