//! A cluster of somebody else's: its own folder, addresses that no other test has, and a description of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::lab::{Lab, wait_until};

/// Numbers the clusters of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

pub struct Theirs {
    pub lab: Lab,
    address: String,
}

impl Theirs {
    /// Started by `others`, or by `harness`; reached by a shell.
    pub fn new(started_by: &str) -> Self {
        Theirs::edited(started_by, &[])
    }

    pub fn edited(started_by: &str, edits: &[(&str, &str)]) -> Self {
        Theirs::reached_by(started_by, "\"sh\", \"-c\"", edits)
    }

    /// Reached by these words, each in quotes.
    pub fn reached_by(started_by: &str, shell: &str, edits: &[(&str, &str)]) -> Self {
        let lab = Lab::new();
        // 127.0.0.0/8 is this machine's: every cluster has a /24 of its own.
        let number = std::process::id() * 16 + NEXT.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.{}.{}", 64 + number / 250 % 128, number % 250);
        let program = PathBuf::from(env!("CARGO_BIN_EXE_harness")).with_file_name("cluster-node");
        let mut text = include_str!("store.toml").to_owned();
        for (from, to) in edits {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        for (mark, is) in [
            ("STARTED_BY", started_by),
            ("ADDRESS", &address),
            ("SHELL", shell),
            ("PLACE", lab.folder.path().to_str().unwrap()),
            ("PROGRAM", program.to_str().unwrap()),
        ] {
            text = text.replace(mark, is);
        }
        let theirs = Theirs { lab, address };
        std::fs::write(theirs.file(), text).unwrap();
        theirs
    }

    pub fn place(&self) -> &Path {
        self.lab.folder.path()
    }

    /// Its description.
    pub fn file(&self) -> PathBuf {
        self.place().join("their-store.toml")
    }

    /// Have somebody else start it.
    pub fn start(&self) {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_harness")).with_file_name("cluster-node");
        for id in 1..=3 {
            let mut command = Command::new(&program);
            let (name, address) = (format!("n{id}"), format!("{}.{id}", self.address));
            command
                .arg(format!("--id={name}"))
                .arg(format!("--data={}", self.place().join(&name).display()))
                .arg(format!("--client-listen={address}:7000"))
                .arg(format!("--peer-listen={address}:7001"))
                .stdout(std::process::Stdio::null())
                .stderr(std::fs::File::create(self.place().join(format!("{name}.err"))).unwrap());
            for peer in (1..=3).filter(|peer| *peer != id) {
                command.arg(format!("--peer=n{peer}={}.{peer}:7001", self.address));
            }
            std::fs::create_dir(self.place().join(&name)).unwrap();
            let child = command.spawn().unwrap();
            std::fs::write(self.place().join(format!("{name}.pid")), child.id().to_string()).unwrap();
            let mut child = child;
            // Nobody's zombie: a killed node is gone at once.
            std::thread::spawn(move || child.wait());
        }
        wait_until("every node listens", Duration::from_secs(10), || {
            (1..=3).all(|id| std::net::TcpStream::connect(format!("{}.{id}:7000", self.address)).is_ok())
        });
    }

    /// The processes as its own files name them.
    pub fn pids(&self) -> Vec<u32> {
        let pid = |id| {
            let text = std::fs::read_to_string(self.place().join(format!("n{id}.pid"))).ok()?;
            text.trim().parse().ok()
        };
        (1..=3).filter_map(pid).collect()
    }

    /// Those of them that live.
    pub fn alive(&self) -> Vec<u32> {
        let mut pids = self.pids();
        pids.retain(|pid| state(*pid).is_some());
        pids
    }

    /// The state of each process, as in /proc.
    pub fn states(&self) -> Vec<char> {
        self.pids().into_iter().filter_map(state).collect()
    }
}

/// None of one that has ended.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = stat.rsplit_once(')')?.1.trim_start().chars().next()?;
    (state != 'Z').then_some(state)
}

impl Drop for Theirs {
    fn drop(&mut self) {
        for pid in self.alive() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid as i32) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}
