//! The same through the system's own sshd, on the loopback and with keys of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::theirs::Theirs;
use super::{run, undo};
use crate::lab::{check, skip, succeeds, wait_until};

/// Where there must be one, that there is none is an error.
fn skipped(why: &str) -> Option<Sshd> {
    assert!(
        std::env::var_os("HARNESS_SSHD_REQUIRED").is_none(),
        "HARNESS_SSHD_REQUIRED is set, and {why}"
    );
    skip(why);
    None
}

/// An sshd of this test's.
struct Sshd {
    child: Child,
    place: tempfile::TempDir,
    port: u16,
}

impl Sshd {
    /// None, and it is said why, where the system has none or does not let us have one.
    fn start() -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str| place.path().join(name);
        let program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter();
        let Some(program) = program.into_iter().find(|path| Path::new(path).exists()) else {
            return skipped("there is no sshd");
        };
        for key in ["host", "user"] {
            let path = file(key);
            let path = path.to_str().unwrap();
            if !succeeds("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", path]) {
                return skipped("ssh-keygen makes no keys");
            }
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin prohibit-password\n",
            file("host").display(),
            file("user.pub").display()
        );
        std::fs::write(file("config"), config).unwrap();
        let host = std::fs::read_to_string(file("host.pub")).unwrap();
        std::fs::write(file("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
        let mut child = command(program)
            .args(["-D", "-e", "-f"])
            .arg(file("config"))
            .stderr(std::fs::File::create(file("log")).unwrap())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if child.try_wait().unwrap().is_some() || Instant::now() > deadline {
                let said = std::fs::read_to_string(file("log")).unwrap();
                let _ = child.kill();
                return skipped(&format!("sshd does not start: {said}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Sshd { child, place, port })
    }

    /// The words that lead to a shell there: no passwords, and the host's key is checked.
    fn words(&self) -> String {
        let file = |name: &str| self.place.path().join(name).display().to_string();
        let words = [
            "ssh",
            "-F",
            "/dev/null",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            &format!("UserKnownHostsFile={}", file("known")),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "ConnectTimeout=3",
            "-i",
            &file("user"),
            "-p",
            &self.port.to_string(),
            "127.0.0.1",
        ]
        .map(|word| format!("{word:?}"));
        words.join(", ")
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// As root sshd wants a folder that a system without services does not have: it has one in a namespace of its own.
fn command(program: &str) -> Command {
    if !rustix::process::geteuid().is_root() || Path::new("/run/sshd").exists() {
        return Command::new(program);
    }
    let within = "mount -t tmpfs none /run && mkdir /run/sshd && exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", within, program]);
    command
}

#[test]
fn nodes_that_ssh_starts_are_killed_and_paused_by_ssh() {
    let Some(sshd) = Sshd::start() else { return };
    let theirs = Theirs::reached_by("harness", &sshd.words(), &[]);
    let words = "--nemesis kill,pause --duration 8s --interval 800ms --clients 3 --seed 3 --json --quiet";
    let results = theirs.lab.harness(&run(&theirs, words)).with(0).json();
    assert_eq!(check(&results, "armed")["verdict"], "pass", "{results}");
    assert_eq!(undo(&theirs.lab), "");
    assert!(theirs.alive().is_empty());
}

/// The way to the host is lost while a node is paused: what is owed is named, with the command that does it.
#[test]
fn a_connection_that_is_lost_in_the_middle_of_a_fault_leaves_the_command_that_undoes_it() {
    let Some(mut sshd) = Sshd::start() else { return };
    let theirs = Theirs::reached_by(
        "others",
        &sshd.words(),
        &[("within = \"10s\"\nlogs", "within = \"4s\"\nlogs")],
    );
    theirs.start();
    let words =
        "--nemesis pause --duration 5s --interval 2s --clients 3 --seed 3 --i-own-this-cluster --quiet";
    let mut harness = theirs.lab.command(&run(&theirs, words));
    let harness = harness
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("a node is paused", Duration::from_secs(20), || {
        theirs.states().contains(&'T')
    });
    sshd.stop();
    let ended = crate::lab::Ended::from(harness.wait_with_output().unwrap()).with(255);
    for wanted in [
        "cannot undo a fault: resume",
        "Connection refused",
        "kill -CONT",
        "/undo has the commands",
    ] {
        assert!(ended.stderr.contains(wanted), "{wanted}: {}", ended.stderr);
    }
    assert!(undo(&theirs.lab).contains("kill -CONT"));
}
