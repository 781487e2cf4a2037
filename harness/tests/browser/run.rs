//! A saved run for the page: a real one, cut short, in which the trap sprang (`sprung/`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of the saved run that a test may change.
pub struct Run {
    store: tempfile::TempDir,
}

impl Run {
    /// As it was saved.
    pub fn sprung() -> Self {
        Run::changed(|_, text| text)
    }

    /// With every file's text changed.
    pub fn changed(change: impl Fn(&str, String) -> String) -> Self {
        let run = Run {
            store: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(run.path()).unwrap();
        let mut copied = 0;
        for entry in fs::read_dir(saved()).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let text = change(&name, fs::read_to_string(entry.path()).unwrap());
            fs::write(run.path().join(name), text).unwrap();
            copied += 1;
        }
        assert_eq!(copied, 6, "the saved run has six files");
        run
    }

    /// With a history that depth-first alone does not decide within 64 MiB, and what the check said.
    pub fn undecided() -> Self {
        let run = Run::changed(|name, text| match name {
            "history.jsonl" => hard(),
            _ => text,
        });
        let output = Command::new(env!("CARGO_BIN_EXE_harness"))
            .args(["check", "--engine", "depth-first", "--memory", "64MiB", "--json"])
            .arg(run.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.stdout.is_empty(), "{stderr}");
        fs::write(run.path().join("results.json"), output.stdout).unwrap();
        run
    }

    /// Its folder.
    pub fn path(&self) -> PathBuf {
        self.store.path().join("run")
    }

    /// What `harness inspect` tells of it.
    pub fn inspect(&self) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_harness"))
            .arg("inspect")
            .arg(self.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Draw its page.
    pub fn draw(&self, more: &[&str]) -> PathBuf {
        let output = Command::new(env!("CARGO_BIN_EXE_harness"))
            .arg("report")
            .arg(self.path())
            .args(more)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        self.path().join("report.html")
    }
}

/// A hundred writes one after the other, then sixty cas that are all in flight, and beside them a read, a write, and a
/// read of what was overwritten.
fn hard() -> String {
    let header = r#"{"history":1,"workload":"register","model":"cas-register","keyed":true,"initial":null}"#;
    let mut lines = vec![header.to_owned()];
    let mut event = |process: usize, kind: &str, f: &str, value: &str| {
        let (index, node) = (lines.len() - 1, process % 5 + 1);
        let time = index * 1_000_000;
        lines.push(format!(
            r#"{{"index":{index},"time":{time},"process":{process},"type":"{kind}","f":"{f}","key":"k","value":{value},"node":"n{node}"}}"#
        ));
    };
    for value in 0..100 {
        event(99, "invoke", "write", &value.to_string());
        event(99, "ok", "write", &value.to_string());
    }
    let cas: Vec<String> = (0..60)
        .map(|at| {
            format!(
                "[{},{}]",
                (at % 12 + 1 + (at * at * 5 + at / 12 * 7) % 11) % 12,
                at % 12
            )
        })
        .collect();
    (0..60).for_each(|at| event(at, "invoke", "cas", &cas[at]));
    for (f, argument, result) in [
        ("read", "null", "99"),
        ("write", "0", "0"),
        ("read", "null", "99"),
    ] {
        event(99, "invoke", f, argument);
        event(99, "ok", f, result);
    }
    (0..60).for_each(|at| event(at, "ok", "cas", &cas[at]));
    lines.join("\n") + "\n"
}

/// Where the saved run lies.
pub fn saved() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/sprung")
}
