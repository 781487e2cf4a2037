//! What the links cost: how soon a cut is in force, how much goes through, and how much processor time it takes.
//! Prints figures, judges none: `cargo bench -p nemesis`.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // a benchmark prints, and may fail plainly

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nemesis::evidence;
use nemesis::faults::RulesSet;
use nemesis::hands::{Clock, Framing, Hands, Logs, Network, NodeCommand, Ready};
use nemesis::{Effect, Link, LinkRule, NodeId};

const NODES: usize = 5;
const SPAN: Duration = Duration::from_secs(2);

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (sink, echo) = (sink(), echo());
    let hands = runtime.block_on(cluster(folder.path(), echo, sink));
    println!("frame links");
    flood(&hands, 100);
    flood(&hands, 64 << 10);
    paced(&hands);
    println!("cuts");
    runtime.block_on(cuts(&hands));
    println!("client links");
    round_trips("direct", echo, 50);
    let links = links_thread();
    let before = on_processor(links);
    let trips = round_trips("proxied", hands.client_address(NodeId(0)), 50);
    let cost = (on_processor(links) - before).as_nanos() as f64 / trips as f64;
    println!("  {:<34} {:>8.1} µs of processor time each", "", cost / 1e3);
}

/// Nodes that only report where the benchmark itself listens.
async fn cluster(folder: &Path, client: SocketAddr, peer: SocketAddr) -> Hands {
    let hands = Hands::new(NODES, Network::Proxies(Framing::Frames), Clock::start())
        .await
        .unwrap();
    for node in NodeId::all(NODES) {
        let file = |what: &str| folder.join(format!("{node}.{what}"));
        let ready_file = file("ready");
        let report = format!(r#"{{"client":"{client}","peer":"{peer}"}}"#);
        let script = format!("echo '{report}' > $0.new && mv $0.new $0 && exec sleep 1000");
        hands.set_command(
            node,
            NodeCommand::new(
                "/bin/sh",
                vec!["-c".into(), OsString::from(script), ready_file.clone().into()],
                Ready::File(ready_file),
                Logs {
                    stdout: file("out"),
                    stderr: file("err"),
                },
            ),
        );
        assert!(hands.apply(&Effect::Start(node)).await.is_installed());
    }
    hands
}

/// Takes everything and answers nothing.
fn sink() -> SocketAddr {
    listen(|mut stream| {
        let mut buffer = vec![0; 1 << 20];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    })
}

/// Answers with what it gets.
fn echo() -> SocketAddr {
    listen(|mut stream| {
        let mut buffer = vec![0; 4096];
        stream.set_nodelay(true).unwrap();
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
    })
}

fn listen(serve: impl Fn(TcpStream) + Copy + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    address
}

fn frame(kind: u8, bytes: usize) -> Vec<u8> {
    let mut frame = ((bytes - 4) as u32).to_le_bytes().to_vec();
    frame.push(kind);
    frame.resize(bytes, 0);
    frame
}

/// Send frames of this size on a link: `burst` at a time, `pause` between.
fn send(
    hands: &Hands,
    link: Link,
    bytes: usize,
    burst: usize,
    pause: Duration,
    stop: &Arc<AtomicBool>,
) -> JoinHandle<()> {
    let mut stream = TcpStream::connect(hands.peer_address(link)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&frame(1, 16)).unwrap();
    let (frames, stop) = (frame(6, bytes).repeat(burst), Arc::clone(stop));
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            stream.write_all(&frames).unwrap();
            if !pause.is_zero() {
                thread::sleep(pause);
            }
        }
    })
}

/// As much as goes through one link.
fn flood(hands: &Hands, bytes: usize) {
    let link = Link(NodeId(0), NodeId(1));
    let stop = Arc::default();
    let sender = send(
        hands,
        link,
        bytes,
        (64 << 10) / bytes.min(64 << 10),
        Duration::ZERO,
        &stop,
    );
    let (frames, busy) = measured(hands, link);
    stop.store(true, Ordering::Relaxed);
    sender.join().unwrap();
    let seconds = SPAN.as_secs_f64();
    println!(
        "  flood of {bytes:>6}-byte frames        {:>10.0} frames/s {:>8.0} MB/s {:>8.2} µs of processor time each",
        frames as f64 / seconds,
        frames as f64 * bytes as f64 / seconds / 1e6,
        busy.as_nanos() as f64 / frames as f64 / 1e3,
    );
}

/// What a leader with four followers sends and gets at 8,000 writes a second without batches: every frame alone.
fn paced(hands: &Hands) {
    let stop = Arc::default();
    let followers = || NodeId::all(NODES).skip(1);
    let links = followers().flat_map(|node| [Link(NodeId(0), node), Link(node, NodeId(0))]);
    let senders: Vec<_> = links
        .map(|link| send(hands, link, 200, 1, Duration::from_micros(60), &stop))
        .collect();
    let before: u64 = delivered(hands, Link::all(NODES));
    let (_, busy) = measured(hands, Link(NodeId(0), NodeId(1)));
    let frames = delivered(hands, Link::all(NODES)) - before;
    stop.store(true, Ordering::Relaxed);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    println!(
        "  eight links, one frame at a time   {:>10.0} frames/s {:>8.0} % of a processor {:>8.2} µs each",
        frames as f64 / SPAN.as_secs_f64(),
        100.0 * busy.as_secs_f64() / SPAN.as_secs_f64(),
        busy.as_nanos() as f64 / frames as f64 / 1e3,
    );
}

/// How many frames a link delivered in the span, and how long the links' thread was on a processor.
fn measured(hands: &Hands, link: Link) -> (u64, Duration) {
    thread::sleep(Duration::from_millis(200));
    let links = links_thread();
    let (frames, busy) = (delivered(hands, [link]), on_processor(links));
    thread::sleep(SPAN);
    (delivered(hands, [link]) - frames, on_processor(links) - busy)
}

fn delivered(hands: &Hands, links: impl IntoIterator<Item = Link>) -> u64 {
    let counters = hands.link_counters();
    links
        .into_iter()
        .map(|link| counters[&link].delivered.frames)
        .sum()
}

/// Cut and heal every link again and again while frames flow on all of them.
async fn cuts(hands: &Hands) {
    let stop = Arc::default();
    let senders: Vec<_> = Link::all(NODES)
        .map(|link| send(hands, link, 200, 4, Duration::from_millis(1), &stop))
        .collect();
    let mut took = Vec::new();
    for _ in 0..500 {
        for rule in [LinkRule::Cut, LinkRule::Pass] {
            let begun = Instant::now();
            let outcome = hands.apply(&Effect::links(rule, Link::all(NODES))).await;
            let whole = begun.elapsed().as_micros() as u64;
            let set: RulesSet = evidence::of(&outcome).unwrap();
            took.push((set.in_force_us, whole));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    for (name, share) in [("median", 0.5), ("99 of 100", 0.99), ("longest of 1000", 1.0)] {
        let (in_force, whole) = at(share);
        println!("  20 links in force, {name:<15} {in_force:>10} µs (with its evidence {whole} µs)");
    }
}

/// So many clients, each with one request in flight.
fn round_trips(name: &str, address: SocketAddr, clients: usize) -> u64 {
    let stop: Arc<AtomicBool> = Arc::default();
    let client = |_| {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut buffer, mut trips) = ([7; 200], 0);
            while !stop.load(Ordering::Relaxed) {
                stream.write_all(&buffer).unwrap();
                stream.read_exact(&mut buffer).unwrap();
                trips += 1;
            }
            trips
        })
    };
    let threads: Vec<JoinHandle<u64>> = (0..clients).map(client).collect();
    thread::sleep(SPAN);
    stop.store(true, Ordering::Relaxed);
    let trips: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    let rate = trips as f64 / SPAN.as_secs_f64();
    println!("  {name:<7} round trips of 50 clients {rate:>10.0} /s");
    trips
}

/// The thread that serves the links.
fn links_thread() -> u32 {
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        if std::fs::read_to_string(task.join("comm")).unwrap().trim() == "nemesis-links" {
            return task.file_name().unwrap().to_str().unwrap().parse().unwrap();
        }
    }
    panic!("the links have no thread");
}

/// How long the thread was on a processor so far.
fn on_processor(thread: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}
