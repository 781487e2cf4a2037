//! What the benchmarks share: runs of the binary, in a store that goes away, and medians.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A finished run.
pub struct Run {
    /// Its exit code.
    pub exit: i32,
    /// results.json
    pub results: Value,
    /// Its folder.
    pub folder: PathBuf,
    /// The most memory that the harness held, in MB, where the system tells.
    pub peak_mb: u64,
}

/// Where the runs go.
pub struct Store(tempfile::TempDir);

impl Store {
    pub fn new() -> Self {
        Store(tempfile::tempdir().expect("a temporary folder"))
    }

    /// `harness run` with these words.
    pub fn run(&self, words: &str) -> Run {
        let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
            .arg("run")
            .args(words.split_whitespace())
            .args(["--json", "--quiet", "--store"])
            .arg(self.0.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the harness starts");
        let stdout = child.stdout.take().expect("its output is piped");
        let results = std::thread::spawn(move || serde_json::from_reader(stdout).unwrap_or(Value::Null));
        let mut peak_mb = 0;
        let status = loop {
            match child.try_wait().expect("the harness can be waited for") {
                Some(status) => break status,
                None => peak_mb = peak_mb.max(resident_mb(child.id())),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let folder = std::fs::canonicalize(self.0.path().join("latest")).expect("the run's folder");
        let results = results.join().expect("the reader does not panic");
        Run {
            exit: status.code().unwrap_or(-1),
            results,
            folder,
            peak_mb,
        }
    }
}

impl Run {
    /// The verdict of one check.
    pub fn check(&self, name: &str) -> &str {
        let checks = self.results["checks"].as_array().into_iter().flatten();
        let check = checks.into_iter().find(|check| check["name"] == name);
        check.and_then(|check| check["verdict"].as_str()).unwrap_or("?")
    }

    /// The lines of a file of the run.
    pub fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Its folder is not needed any more.
    pub fn forget(self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The peak of the resident memory so far.
fn resident_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value below which so many of a hundred lie.
pub fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values
        .get((values.len() * percent / 100).min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

/// The number behind a flag such as `--seeds 5`.
pub fn flag(name: &str, default: u64) -> u64 {
    let args: Vec<String> = std::env::args().collect();
    let at = args.iter().position(|arg| arg == name);
    at.and_then(|at| args.get(at + 1)?.parse().ok())
        .unwrap_or(default)
}
