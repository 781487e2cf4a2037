//! Whether limits are kept: `harness check` on hard and on large histories, as a process of its own, timed from outside.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use histories::History;
use histories::format::history1;

use crate::generate::{self, Shape};
use crate::hard;

/// How often the memory of the process is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// The exit code of "inconclusive".
const INCONCLUSIVE: i32 = 2;

/// Prints a row per history and limit; `long` asks for the long limits, too.
pub fn run(long: bool) -> Result<()> {
    let harness = std::env::current_exe()?.with_file_name("harness");
    ensure!(
        harness.exists(),
        "there is no {}: build it first, cargo build --release",
        harness.display()
    );
    println!(
        "| input | limit | ended after | over the limit | peak memory | of the limit |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (name, model, history) in inputs() {
        let file = save(&history)?;
        let times: &[u64] = if long { &[1, 5, 60] } else { &[1] };
        for &seconds in times {
            let timeout = Duration::from_secs(seconds);
            let ended = ended(&harness, file.path(), model, timeout, 16 << 30)?;
            ended.row(name, Some(timeout), None);
        }
        let sizes: &[u64] = if long { &[64, 500, 2048] } else { &[64, 500] };
        for &megabytes in sizes {
            let memory = megabytes << 20;
            let ended = ended(&harness, file.path(), model, Duration::from_secs(60), memory)?;
            ended.row(name, None, Some(memory));
        }
    }
    Ok(())
}

fn inputs() -> Vec<(&'static str, &'static str, History)> {
    let large = Shape {
        operations: 2_000_000,
        clients: 10,
        values: Some(5),
        cas: true,
        unknown: 0,
    };
    vec![
        (
            "48 unknown cas, 8 values",
            "cas-register",
            hard::unknown_cas(8, 48, 40, 1),
        ),
        (
            "120 unknown cas, 12 values",
            "cas-register",
            hard::unknown_cas(12, 120, 100, 1),
        ),
        (
            "a file of 2M operations",
            "cas-register",
            generate::register(large, 1),
        ),
    ]
}

fn save(history: &History) -> Result<tempfile::NamedTempFile> {
    let file = tempfile::NamedTempFile::new()?;
    history1::write(history, &mut BufWriter::new(File::create(file.path())?))?;
    Ok(file)
}

/// How a check ended.
struct Ended {
    after: Duration,
    code: Option<i32>,
    peak: u64,
}

impl Ended {
    fn row(&self, name: &str, timeout: Option<Duration>, memory: Option<u64>) {
        let over = timeout.map_or(String::new(), |limit| {
            format!("{:.0} ms", (self.after.as_secs_f64() - limit.as_secs_f64()) * 1e3)
        });
        let limit = match (timeout, memory) {
            (Some(limit), _) => format!("{limit:?}"),
            (_, memory) => format!("{} MiB", memory.unwrap_or_default() >> 20),
        };
        let share = memory.map_or(String::new(), |limit| {
            format!("{:.0} %", 100.0 * self.peak as f64 / limit as f64)
        });
        let verdict = match self.code {
            Some(INCONCLUSIVE) => "",
            Some(0 | 1) => " (decided)",
            _ => " (died)",
        };
        println!(
            "| {name} | {limit} | {:.2?}{verdict} | {over} | {} MB | {share} |",
            self.after,
            self.peak / 1_000_000
        );
    }
}

fn ended(harness: &Path, file: &Path, model: &str, timeout: Duration, memory: u64) -> Result<Ended> {
    let start = Instant::now();
    let mut child = Command::new(harness)
        .args([
            "check",
            "--model",
            model,
            "--timeout",
            &format!("{}ms", timeout.as_millis()),
        ])
        .args(["--memory", &format!("{memory}B")])
        .arg(file)
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start harness check")?;
    let mut peak = 0;
    let status = loop {
        peak = peak_of(&child).unwrap_or(peak).max(peak);
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(LOOK),
        }
    };
    Ok(Ended {
        after: start.elapsed(),
        code: status.code(),
        peak,
    })
}

/// The greatest resident size so far, in bytes.
fn peak_of(child: &Child) -> Option<u64> {
    let path = PathBuf::from(format!("/proc/{}/status", child.id()));
    let status = std::fs::read_to_string(path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
