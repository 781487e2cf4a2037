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

    /// Its folder.
    pub fn path(&self) -> PathBuf {
        self.store.path().join("run")
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

/// Where the saved run lies.
pub fn saved() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/sprung")
}
