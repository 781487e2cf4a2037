//! What the tests share: small programs that act as nodes, and waiting for conditions.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use nemesis::evidence;
use nemesis::faults::Started;
use nemesis::hands::{Clock, Framing, Hands, Logs, Network, NodeCommand, Ready};
use nemesis::{Effect, NodeId, Outcome};
use serde::de::DeserializeOwned;

pub const N1: NodeId = NodeId(0);
pub const N2: NodeId = NodeId(1);
pub const N3: NodeId = NodeId(2);

/// How long anything may take before a test gives up.
pub const BOUND: Duration = Duration::from_secs(20);

/// A node that does nothing, until it is told to end.
pub const IDLE: &str = "exec sleep 1000";

/// A cluster whose nodes are shell scripts, in a folder of its own.
pub struct Stage {
    pub hands: Hands,
    pub folder: tempfile::TempDir,
}

impl Stage {
    pub async fn new(nodes: usize, framing: Framing) -> Self {
        Stage::on(nodes, Network::Proxies(framing)).await
    }

    pub async fn on(nodes: usize, network: Network) -> Self {
        Stage {
            hands: Hands::new(nodes, network, Clock::start()).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Three idle nodes that run.
    pub async fn idle() -> Self {
        let stage = Stage::new(3, Framing::Frames).await;
        for node in NodeId::all(3) {
            stage.script(node, &ready_then(IDLE, nowhere(), nowhere()));
            stage.start(node).await;
        }
        stage
    }

    /// Have the node be this script; `$READY` is its ready file.
    pub fn script(&self, node: NodeId, script: &str) {
        self.hands
            .set_command(node, command(self.folder.path(), node, script));
    }

    pub async fn start(&self, node: NodeId) -> Started {
        self.done(Effect::Start(node)).await
    }

    /// Carry out an effect that must succeed, and return its evidence.
    pub async fn done<E: DeserializeOwned>(&self, effect: Effect) -> E {
        let outcome = self.hands.apply(&effect).await;
        evidence::of(&outcome).unwrap_or_else(|| panic!("{effect:?} came to {outcome:?}"))
    }

    /// Carry out an effect that must be skipped, and return the reason.
    pub async fn skipped(&self, effect: Effect) -> String {
        match self.hands.apply(&effect).await {
            Outcome::Skipped { reason } => reason,
            other => panic!("{effect:?} came to {other:?}"),
        }
    }
}

/// The command that runs a script as this node.
pub fn command(folder: &Path, node: NodeId, script: &str) -> NodeCommand {
    let file = |what: &str| folder.join(format!("{node}.{what}"));
    let ready_file = file("ready");
    let script = format!("READY={}\n{script}", ready_file.display());
    NodeCommand::new(
        "/bin/sh",
        ["-c".to_owned(), script].map(OsString::from).into(),
        Ready::File(ready_file),
        Logs {
            stdout: file("out"),
            stderr: file("err"),
        },
    )
}

/// A script that reports these addresses and goes on with `rest`.
pub fn ready_then(rest: &str, client: SocketAddr, peer: SocketAddr) -> String {
    let report = format!(r#"{{"ready":1,"client":"{client}","peer":"{peer}"}}"#);
    format!("echo '{report}' > $READY.new && mv $READY.new $READY\n{rest}")
}

/// An address where nobody listens.
pub fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

/// Wait for a condition.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Wait for an answer, but not for ever.
pub async fn bounded<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, answer).await.expect("waited in vain")
}

/// Whether the process is there; a zombie whose parent is gone too is not.
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some(Some('Z' | 'X') | None))
}
