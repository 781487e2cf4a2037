//! Whether limits are kept: `harness check` on hard and on large histories, as a process of its own, timed from outside.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use histories::History;
use histories::format::{self, history1};

use crate::generate::{self, Shape};
use crate::{hard, supply};

/// How often the memory of the process is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// The exit code of "inconclusive".
const INCONCLUSIVE: i32 = 2;

/// The same beside two loops that are always busy.
pub fn run_busy(part: &str) -> Result<()> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let result = run(true, part);
        over.store(true, Relaxed);
        result
    })
}

/// Prints a row per history and limit; `long` asks for the long limits, too, `part` for the inputs that have it in their names.
pub fn run(long: bool, part: &str) -> Result<()> {
    let harness = std::env::current_exe()?.with_file_name("harness");
    ensure!(
        harness.exists(),
        "there is no {}: build it first, cargo build --release",
        harness.display()
    );
    println!(
        "| input | limit | ended after | over the limit | peak memory | of the limit |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (name, write) in INPUTS.iter().filter(|(name, _)| name.contains(part)) {
        let file = tempfile::NamedTempFile::new()?;
        write(&mut BufWriter::new(File::create(file.path())?))?;
        let times: &[u64] = if long { &[1, 5, 60] } else { &[1] };
        for &seconds in times {
            let timeout = Duration::from_secs(seconds);
            let ended = ended(&harness, file.path(), timeout, 16 << 30)?;
            ended.row(name, Some(timeout), None);
        }
        let sizes: &[u64] = if long { &[64, 500, 2048] } else { &[64, 500] };
        for &megabytes in sizes {
            let memory = megabytes << 20;
            let ended = ended(&harness, file.path(), Duration::from_secs(60), memory)?;
            ended.row(name, None, Some(memory));
        }
    }
    Ok(())
}

/// Writes a history into a file.
type Writer = fn(&mut dyn Write) -> Result<()>;

const INPUTS: &[(&str, Writer)] = &[
    ("48 unknown cas, 8 values", |out| {
        Ok(history1::write(&hard::unknown_cas(8, 48, 40, 1), out)?)
    }),
    ("120 unknown cas, 12 values", |out| {
        Ok(history1::write(&hard::unknown_cas(12, 120, 100, 1), out)?)
    }),
    (supply::FAMILIES[0].0, |out| of_family(0, out)),
    (supply::FAMILIES[1].0, |out| of_family(1, out)),
    ("history/1, 2M operations", |out| {
        Ok(history1::write(&large(), out)?)
    }),
    ("Jepsen's EDN, 2M operations", |out| {
        let write = format::by_name("jepsen-edn")?.write.context("no export")?;
        Ok(write(&large(), out)?)
    }),
    ("elle-cli's JSON, 2M operations", elle_json),
];

/// A history of the family, with one read that lies.
fn of_family(at: usize, out: &mut dyn Write) -> Result<()> {
    let history = supply::history(supply::FAMILIES[at], 1, supply::Lie::Stale(100));
    Ok(history1::write(&history, out)?)
}

/// Two million operations on one register with few values.
fn large() -> History {
    let shape = Shape {
        operations: 2_000_000,
        clients: 10,
        values: Some(5),
        cas: true,
        unknown: 0,
    };
    generate::register(shape, 1)
}

/// The same as one JSON array.
fn elle_json(out: &mut dyn Write) -> Result<()> {
    let mut before = '[';
    for event in large().events {
        write!(out, "{before}")?;
        serde_json::to_writer(&mut *out, &event)?;
        before = ',';
    }
    Ok(writeln!(out, "]")?)
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

fn ended(harness: &Path, file: &Path, timeout: Duration, memory: u64) -> Result<Ended> {
    let start = Instant::now();
    let mut child = Command::new(harness)
        .args([
            "check",
            "--model",
            "cas-register",
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
