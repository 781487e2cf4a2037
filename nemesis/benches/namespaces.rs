//! What namespaces cost: how soon nodes in them are up, how soon a cut or a heal is in force, and how much goes through a link
//! beside the plain loopback. Prints figures, judges none: `cargo bench -p nemesis --bench namespaces`.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // a benchmark prints, and may fail plainly

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nemesis::evidence;
use nemesis::faults::RulesSet;
use nemesis::hands::{
    Clock, Direction, Framing, Hands, Logs, Network, NodeCommand, Plan, Ready, allow_namespaces,
};
use nemesis::{Effect, Link, LinkRule, NodeId};
use tokio::task::JoinSet;

const NODES: usize = 5;
const SPAN: Duration = Duration::from_secs(2);
const PEERS: u16 = 7000;
const CLIENTS: u16 = 8000;
const THERE: Link = Link(NodeId(0), NodeId(1));

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [node, address, ready] = &words[..]
        && node == "node"
    {
        return act(address, ready);
    }
    allow_namespaces().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..5 {
        runtime.block_on(up(&tempfile::tempdir().unwrap()));
    }
    let folder = tempfile::tempdir().unwrap();
    let hands = runtime.block_on(up(&folder));
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let loopback = plain.local_addr().unwrap();
    thread::spawn(move || serve(&plain, answer));
    measure("plain loopback", |what| carry_out(what, &loopback.to_string()));
    measure("a link of two namespaces", |what| {
        ask(hands.client_address(THERE.0), what)
    });
    runtime.block_on(cuts(&hands));
}

/// Five nodes, from nothing to the last that is ready.
async fn up(folder: &tempfile::TempDir) -> Hands {
    let begun = Instant::now();
    let plan = Plan {
        framing: Framing::Stream(Direction::Bytes, None),
        peer_ports: vec![PEERS],
        client_ports: vec![CLIENTS],
    };
    let hands = Hands::new(NODES, Network::Namespaces(plan), Clock::start());
    let hands = hands.await.unwrap();
    let networks = begun.elapsed();
    let mut starts = JoinSet::new();
    for node in NodeId::all(NODES) {
        let address = hands.own_address(node).unwrap().to_string();
        hands.set_command(node, command(folder.path(), node, &address));
        let hands = hands.clone();
        starts.spawn(async move { hands.apply(&Effect::Start(node)).await });
    }
    let started = starts.join_all().await;
    assert!(started.iter().all(nemesis::Outcome::is_installed), "{started:?}");
    println!(
        "  {NODES} namespaces with all listeners after {networks:>8.1?}, nodes up after {:>8.1?}",
        begun.elapsed()
    );
    hands
}

fn command(folder: &Path, node: NodeId, address: &str) -> NodeCommand {
    let file = |what: &str| folder.join(format!("{node}.{what}"));
    let ready_file = file("ready");
    NodeCommand::new(
        std::env::current_exe().unwrap(),
        ["node".into(), OsString::from(address), ready_file.clone().into()].into(),
        Ready::File(ready_file),
        Logs {
            stdout: file("out"),
            stderr: file("err"),
        },
    )
}

/// A node: its peers are answered; a client has it measure.
fn act(address: &str, ready: &str) {
    let peers = TcpListener::bind((address, PEERS)).unwrap();
    let clients = TcpListener::bind((address, CLIENTS)).unwrap();
    let said = format!(r#"{{"client":"{address}:{CLIENTS}"}}"#);
    std::fs::write(format!("{ready}.new"), said).unwrap();
    std::fs::rename(format!("{ready}.new"), ready).unwrap();
    thread::spawn(move || serve(&peers, answer));
    serve(&clients, |mut stream| {
        let mut order = [0; 32];
        let length = stream.read(&mut order).unwrap();
        let order = String::from_utf8_lossy(&order[..length]).into_owned();
        let (what, to) = order.split_at(1);
        writeln!(stream, "{}", carry_out(what, to)).unwrap();
    });
}

fn serve(listener: &TcpListener, with: fn(TcpStream)) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        stream.set_nodelay(true).unwrap();
        thread::spawn(move || with(stream));
    }
}

/// The first byte says what is wanted: everything taken, or everything sent back.
fn answer(mut stream: TcpStream) {
    let (mut first, mut buffer) = ([0], vec![0; 1 << 18]);
    if stream.read_exact(&mut first).is_err() {
        return;
    }
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        if first == *b"e" && stream.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
}

/// Flood an address for a while (bytes a second), or send a word there and back (a second).
fn carry_out(what: &str, to: &str) -> f64 {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut buffer, end, mut done) = (vec![7; 1 << 16], Instant::now() + SPAN, 0);
    stream.write_all(what.as_bytes()).unwrap();
    while Instant::now() < end {
        if what == "e" {
            stream.write_all(&buffer[..200]).unwrap();
            stream.read_exact(&mut buffer[..200]).unwrap();
            done += 1;
        } else {
            stream.write_all(&buffer).unwrap();
            done += buffer.len();
        }
    }
    done as f64 / SPAN.as_secs_f64()
}

/// Have a node do it to its peer.
fn ask(client: SocketAddr, what: &str) -> f64 {
    let mut stream = TcpStream::connect(client).unwrap();
    write!(stream, "{what}127.0.0.2:{PEERS}").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said.trim().parse().unwrap()
}

fn measure(name: &str, figure: impl Fn(&str) -> f64) {
    let (flood, trips) = (figure("f"), figure("e"));
    println!(
        "  {name:<26} {:>8.0} MB/s {trips:>10.0} round trips/s, one at a time",
        flood / 1e6
    );
}

/// Cut and heal every link again and again.
async fn cuts(hands: &Hands) {
    let mut took = Vec::new();
    for _ in 0..500 {
        for rule in [LinkRule::Cut, LinkRule::Pass] {
            let begun = Instant::now();
            let outcome = hands.apply(&Effect::links(rule, Link::all(NODES))).await;
            let whole = begun.elapsed().as_micros() as u64;
            let set: RulesSet = evidence::of(&outcome).unwrap();
            took.push((set.in_force_us, whole));
        }
    }
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    for (name, share) in [("median", 0.5), ("99 of 100", 0.99), ("longest of 1000", 1.0)] {
        let (in_force, whole) = at(share);
        println!("  20 links in force, {name:<15} {in_force:>6} µs (with its evidence {whole} µs)");
    }
}
