//! Nodes as processes, and a few lines of HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

/// So long a condition is waited for; only a broken node needs it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Look until it is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A node that was started, whether it gets ready or not. It dies with this value.
pub struct Node {
    child: Child,
    said: Option<JoinHandle<String>>,
    ready_file: PathBuf,
    client: String,
}

/// Start a node on the folder.
pub fn spawn(folder: &Path, args: &[&str]) -> Node {
    spawn_as("n1", folder, args)
}

fn spawn_as(id: &str, folder: &Path, args: &[&str]) -> Node {
    let ready_file = folder.join("ready.json");
    let _ = fs::remove_file(&ready_file);
    let mut child = Command::new(env!("CARGO_BIN_EXE_cluster-node"))
        .args(["--id", id, "--data"])
        .arg(folder.join("data"))
        .arg("--ready-file")
        .arg(&ready_file)
        .args(args)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let said = thread::spawn(move || {
        stderr
            .lines()
            .map_while(Result::ok)
            .map(|line| line + "\n")
            .collect()
    });
    Node {
        child,
        said: Some(said),
        ready_file,
        client: String::new(),
    }
}

impl Node {
    /// A cluster of one that leads.
    pub fn alone(folder: &Path) -> Self {
        Node::start(folder, &[])
    }

    /// The same with more arguments.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        let mut node = spawn(folder, args);
        node.wait_until_ready();
        eventually("a leader", || node.status("")["role"] == "leader");
        node
    }

    /// What the ready file says.
    pub fn wait_until_ready(&mut self) -> Value {
        eventually("the ready file", || {
            assert!(self.child.try_wait().unwrap().is_none(), "the node has ended");
            self.ready_file.exists()
        });
        let ready: Value = serde_json::from_slice(&fs::read(&self.ready_file).unwrap()).unwrap();
        self.client = ready["client"].as_str().unwrap().to_owned();
        ready
    }

    pub fn op(&self, body: Value) -> (u16, Value) {
        self.http("POST", "/op", &body.to_string())
    }

    pub fn status(&self, query: &str) -> Value {
        let (status, page) = self.http("GET", &format!("/status{query}"), "");
        assert_eq!(status, 200, "{page}");
        page
    }

    /// The HTTP status and the document of the answer.
    pub fn http(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.client).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: n\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    /// Its standard input; it ends when this is dropped.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; it ends with 0. What it has said.
    pub fn stop(self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let (code, said) = self.end();
        assert_eq!(code, Some(0), "{said}");
        said
    }

    /// Its exit code when it has ended by itself, and what it has said.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut code = None;
        eventually("the node's end", || {
            let status = self.child.try_wait().unwrap();
            code = status.and_then(|status| status.code());
            status.is_some()
        });
        let said = self.said.take().unwrap().join().unwrap();
        (code, said)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three nodes; each is dialled through a listener of the test, whose address is known before the node runs.
pub struct Cluster {
    pub nodes: Vec<Node>,
}

impl Cluster {
    pub fn of_three(folder: &Path) -> Self {
        let relays: Vec<Relay> = (0..3).map(|_| Relay::listen()).collect();
        let mut nodes = Vec::new();
        for (at, relay) in relays.iter().enumerate() {
            let others = relays.iter().enumerate().filter(|(other, _)| *other != at);
            let peers: Vec<String> = others
                .map(|(other, to)| format!("--peer=n{}={}", other + 1, to.address))
                .collect();
            let home = folder.join(format!("n{}", at + 1));
            fs::create_dir(&home).unwrap();
            let mut args: Vec<&str> = peers.iter().map(String::as_str).collect();
            args.extend(["--journal", home.to_str().unwrap()]);
            let mut node = spawn_as(&format!("n{}", at + 1), &home, &args);
            let ready = node.wait_until_ready();
            *relay.target.lock().unwrap() = ready["peer"].as_str().unwrap().parse().ok();
            nodes.push(node);
        }
        Cluster { nodes }
    }

    /// The node that leads, as soon as the others know.
    pub fn leader(&self) -> usize {
        let mut leader = 0;
        eventually("one leader for all", || {
            let statuses: Vec<Value> = self.nodes.iter().map(|node| node.status("")).collect();
            let leads = statuses.iter().position(|status| status["role"] == "leader");
            leader = leads.unwrap_or_default();
            let all_agree = statuses
                .iter()
                .all(|status| status["leader"] == statuses[leader]["id"]);
            leads.is_some() && all_agree && statuses[leader]["commit"] == statuses[leader]["last"]["index"]
        });
        leader
    }
}

/// Passes connections on to a node as soon as it is known where it listens.
struct Relay {
    address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
}

impl Relay {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new(None));
        let to = Arc::clone(&target);
        // These threads end with the test's process.
        thread::spawn(move || {
            for incoming in listener.incoming().map_while(Result::ok) {
                let outgoing = to
                    .lock()
                    .unwrap()
                    .and_then(|address: SocketAddr| TcpStream::connect(address).ok());
                if let Some(outgoing) = outgoing {
                    copy(incoming.try_clone().unwrap(), outgoing.try_clone().unwrap());
                    copy(outgoing, incoming);
                }
            }
        });
        Relay { address, target }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
