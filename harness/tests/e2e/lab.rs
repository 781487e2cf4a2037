//! What the tests share: the binary under test, a store of its own for each test, and how to look for leftovers.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A test's own place.
pub struct Lab {
    pub folder: tempfile::TempDir,
}

impl Lab {
    pub fn new() -> Self {
        Lab {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// `harness` with these words, in the folder of this test.
    pub fn bare(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command
            .args(words.split_whitespace())
            .current_dir(self.folder.path());
        command.env_remove("RUST_BACKTRACE");
        command
    }

    /// The same with the store of this test, in the folder where the tests are.
    pub fn command(&self, words: &str) -> Command {
        let mut command = self.bare(words);
        command.arg("--store").arg(self.store()).current_dir(".");
        command
    }

    pub fn harness(&self, words: &str) -> Ended {
        Ended::from(self.command(words).output().unwrap())
    }

    /// The processes that have this test's store in their command line: its nodes.
    pub fn nodes(&self) -> Vec<u32> {
        let store = std::fs::canonicalize(self.folder.path()).unwrap();
        let store = store.to_str().unwrap().to_owned();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains("--data") && line.contains(&store)
        })
        .collect()
    }
}

/// How a command ended.
pub struct Ended {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            exit: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

impl Ended {
    #[track_caller]
    pub fn with(self, exit: i32) -> Self {
        assert_eq!(
            self.exit, exit,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// What `--json` printed.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// The check of that name.
#[track_caller]
pub fn check<'a>(results: &'a Value, name: &str) -> &'a Value {
    let checks = results["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check {name}: {results}"))
}

/// Wait until it is so.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether this machine lets the harness make network namespaces; where it must, that it does not is an error.
pub fn has_namespaces() -> bool {
    let has = succeeds("unshare", &["-rn", "true"]);
    assert!(
        has || std::env::var_os("HARNESS_NAMESPACES_REQUIRED").is_none(),
        "HARNESS_NAMESPACES_REQUIRED is set, and `unshare -rn true` fails"
    );
    has || skipped("this machine allows no network namespaces")
}

/// Whether there is a Python for the nodes that are written in it.
pub fn has_python() -> bool {
    succeeds("python3", &["--version"]) || skipped("there is no python3")
}

/// Whether there is an etcd.
pub fn has_etcd() -> bool {
    succeeds("etcd", &["--version"]) || skipped("there is no etcd")
}

/// Say that a test is skipped.
pub fn skip(why: &str) {
    skipped(why);
}

pub fn succeeds(program: &str, words: &[&str]) -> bool {
    let ended = Command::new(program).args(words).output();
    ended.is_ok_and(|ended| ended.status.success())
}

/// Say that a test is skipped; false.
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn skipped(why: &str) -> bool {
    eprintln!("SKIPPED: {why}");
    false
}
