//! Links of the peer protocol: the test itself is the sender and the receiver of n1's link to n2.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nemesis::evidence::{Count, Traffic};
use nemesis::faults::{Killed, RulesSet};
use nemesis::hands::Framing;
use nemesis::{Effect, FrameKind, Link, LinkRule};

use crate::stage::{BOUND, IDLE, N1, N2, Stage, nowhere, ready_then, until};

pub const LINK: Link = Link(N1, N2);
pub const HELLO: u8 = 1;
pub const APPEND_ENTRIES: u8 = 6;
pub const HEARTBEAT: u8 = 7;

/// The bytes of a small frame: length, type, number.
const SMALL: u64 = 4 + 1 + 8;

/// A cluster of two, where n2 listens at the test.
pub struct Wire {
    pub stage: Stage,
    listener: TcpListener,
}

impl Wire {
    pub async fn new() -> Self {
        let stage = Stage::new(2, Framing::Frames).await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = listener.local_addr().unwrap();
        stage.script(N2, &ready_then(IDLE, nowhere(), peer));
        stage.start(N2).await;
        Wire { stage, listener }
    }

    /// Dial as n1 would, say hello, and accept as n2 would.
    pub fn connect(&self) -> (Sender, Receiver) {
        let mut sender = Sender::dial(&self.stage);
        sender.send(HELLO, 0);
        let mut receiver = self.accept();
        assert_eq!(receiver.next(), (HELLO, 0));
        (sender, receiver)
    }

    fn accept(&self) -> Receiver {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        Receiver(stream)
    }

    pub async fn rule(&self, rule: LinkRule) -> RulesSet {
        self.stage.done(Effect::links(rule, [LINK])).await
    }

    pub fn traffic(&self) -> Traffic {
        self.stage.hands.link_counters()[&LINK]
    }

    pub async fn offered(&self, frames: u64) {
        until("the frames are offered", || {
            self.traffic().offered.frames >= frames
        })
        .await;
    }
}

pub struct Sender(TcpStream);

impl Sender {
    fn dial(stage: &Stage) -> Self {
        Sender(TcpStream::connect(stage.hands.peer_address(LINK)).unwrap())
    }

    pub fn send(&mut self, kind: u8, number: u64) {
        self.0.write_all(&frame(kind, number, 0)).unwrap();
    }

    pub fn send_all(&mut self, kind: u8, numbers: std::ops::Range<u64>) {
        let bytes: Vec<u8> = numbers.flat_map(|number| frame(kind, number, 0)).collect();
        self.0.write_all(&bytes).unwrap();
    }
}

fn frame(kind: u8, number: u64, padding: usize) -> Vec<u8> {
    let length = (1 + 8 + padding) as u32;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(number.to_le_bytes());
    bytes.resize(4 + length as usize, 0);
    bytes
}

pub struct Receiver(TcpStream);

impl Receiver {
    /// The type and the number of the next frame.
    pub fn next(&mut self) -> (u8, u64) {
        self.try_next().expect("a frame")
    }

    fn try_next(&mut self) -> std::io::Result<(u8, u64)> {
        let mut prefix = [0; 4];
        self.0.read_exact(&mut prefix)?;
        let mut rest = vec![0; u32::from_le_bytes(prefix) as usize];
        self.0.read_exact(&mut rest)?;
        Ok((rest[0], u64::from_le_bytes(rest[1..9].try_into().unwrap())))
    }

    /// How many whole frames still come before the connection ends, in order.
    pub fn rest(&mut self) -> u64 {
        let mut frames = 0;
        while self.try_next().is_ok() {
            frames += 1;
        }
        frames
    }
}

fn small(frames: u64) -> Count {
    Count {
        frames,
        bytes: frames * SMALL,
    }
}

#[tokio::test]
async fn frames_pass_and_are_counted() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    sender.send_all(HEARTBEAT, 1..1001);
    for number in 1..1001 {
        assert_eq!(receiver.next(), (HEARTBEAT, number));
    }
    let traffic = wire.traffic();
    assert_eq!((traffic.offered, traffic.delivered), (small(1000), small(1000)));
    assert!(traffic.dropped.is_zero());
    let big = frame(APPEND_ENTRIES, 7, 3 << 20);
    let writer = std::thread::spawn(move || sender.0.write_all(&big).map(|()| sender));
    assert_eq!(receiver.next(), (APPEND_ENTRIES, 7));
    drop(writer.join().unwrap().unwrap());
    assert_eq!(receiver.rest(), 0);
}

#[tokio::test]
async fn a_cut_drops_and_counts_and_keeps_the_connection() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    sender.send(HEARTBEAT, 1);
    assert_eq!(receiver.next(), (HEARTBEAT, 1));
    let cut = wire.rule(LinkRule::Cut).await;
    assert_eq!(cut.ended[0].was, LinkRule::Pass);
    assert_eq!(cut.ended[0].traffic.delivered, small(1));
    sender.send_all(APPEND_ENTRIES, 100..110);
    wire.offered(11).await;
    let healed = wire.rule(LinkRule::Pass).await;
    let ended = &healed.ended[0];
    assert!(ended.proves_cut(), "{ended:?}");
    assert_eq!(
        (ended.traffic.offered, ended.traffic.dropped),
        (small(10), small(10))
    );
    sender.send(HEARTBEAT, 2);
    assert_eq!(receiver.next(), (HEARTBEAT, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_delivered_after_a_cut_is_in_force() {
    let wire = Arc::new(Wire::new().await);
    let (mut sender, mut receiver) = wire.connect();
    let stop = Arc::new(AtomicBool::new(false));
    let received = Arc::new(AtomicU64::new(0));
    let flood = std::thread::spawn({
        let (stop, wire, received) = (Arc::clone(&stop), Arc::clone(&wire), Arc::clone(&received));
        move || {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                // A cut resets a connection whose receiver lags so far that the link blocks; that is another story.
                while wire.traffic().delivered.frames > received.load(Ordering::Relaxed) + 500 {
                    std::thread::yield_now();
                }
                sender.send_all(HEARTBEAT, sent..sent + 10);
                sent += 10;
            }
            drop(sender);
            sent
        }
    });
    let counter = std::thread::spawn({
        let received = Arc::clone(&received);
        move || {
            while receiver.try_next().is_ok() {
                received.fetch_add(1, Ordering::Relaxed);
            }
            received.load(Ordering::Relaxed)
        }
    });
    for _ in 0..100 {
        let _ = wire.rule(LinkRule::Cut).await;
        let at_cut = wire.traffic();
        until("something was offered to the cut link", || {
            wire.traffic().offered.frames > at_cut.offered.frames + 50
        })
        .await;
        let healed = wire.rule(LinkRule::Pass).await;
        assert!(healed.ended[0].proves_cut(), "{healed:?}");
        let at_heal = wire.traffic().delivered.frames;
        until("something passes again", || {
            wire.traffic().delivered.frames > at_heal
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    let sent = flood.join().unwrap();
    let received = counter.join().unwrap();
    let traffic = wire.traffic();
    assert_eq!(traffic.offered.frames, sent);
    assert_eq!(traffic.delivered.frames, received);
    assert_eq!(traffic.dropped.frames, sent - received);
}

#[tokio::test]
async fn a_hello_passes_a_cut_link() {
    let wire = Wire::new().await;
    let _ = wire.rule(LinkRule::Cut).await;
    let (mut sender, mut receiver) = wire.connect();
    sender.send(HEARTBEAT, 1);
    wire.offered(1).await;
    let _ = wire.rule(LinkRule::Pass).await;
    sender.send(HEARTBEAT, 2);
    assert_eq!(receiver.next(), (HEARTBEAT, 2));
}

#[tokio::test]
async fn a_delay_keeps_the_order() {
    let delay = Duration::from_millis(60);
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    let _ = wire.rule(LinkRule::DelayMs(60)).await;
    let begun = Instant::now();
    for number in 0..50 {
        sender.send(HEARTBEAT, number);
    }
    let first = std::thread::spawn(move || {
        let first = receiver.next();
        (first, Instant::now(), receiver)
    });
    let ((_, number), arrived, mut receiver) = first.join().unwrap();
    assert_eq!(number, 0);
    assert!(arrived - begun >= delay);
    for number in 1..50 {
        assert_eq!(receiver.next(), (HEARTBEAT, number));
    }
    let healed = wire.rule(LinkRule::Pass).await;
    assert!(healed.ended[0].proves_delay(), "{healed:?}");
}

#[tokio::test]
async fn what_a_delay_holds_goes_on_at_a_heal_and_is_lost_at_a_cut() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    let _ = wire.rule(LinkRule::DelayMs(3_600_000)).await;
    sender.send_all(HEARTBEAT, 0..10);
    wire.offered(10).await;
    let _ = wire.rule(LinkRule::Cut).await;
    // Even a cut that is over before anybody looks.
    let _ = wire.rule(LinkRule::DelayMs(3_600_000)).await;
    until("they are dropped", || wire.traffic().dropped == small(10)).await;
    sender.send_all(HEARTBEAT, 10..20);
    wire.offered(20).await;
    let _ = wire.rule(LinkRule::Pass).await;
    sender.send(HEARTBEAT, 20);
    for number in 10..21 {
        assert_eq!(receiver.next(), (HEARTBEAT, number));
    }
}

#[tokio::test]
async fn so_many_entries_pass_and_no_more() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    let _ = wire.rule(LinkRule::PassThenCut(2)).await;
    let kinds = [
        HEARTBEAT,
        APPEND_ENTRIES,
        HEARTBEAT,
        APPEND_ENTRIES,
        HEARTBEAT,
        APPEND_ENTRIES,
    ];
    for (number, kind) in (0..).zip(kinds) {
        sender.send(kind, number);
    }
    wire.offered(6).await;
    for number in 0..4 {
        assert_eq!(receiver.next(), (kinds[number as usize], number));
    }
    until("the rest is dropped", || wire.traffic().dropped == small(2)).await;
    let ended = wire.rule(LinkRule::Pass).await.ended;
    assert_eq!((ended[0].left, ended[0].traffic.delivered), (Some(0), small(4)));
    sender.send(HEARTBEAT, 6);
    assert_eq!(receiver.next(), (HEARTBEAT, 6));
}

#[tokio::test]
async fn so_many_entries_pass_and_the_rest_is_kept() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    let hold = LinkRule::PassThenHold(FrameKind::AppendEntries, 1);
    let _ = wire.rule(hold).await;
    for (number, kind) in (0..).zip([HEARTBEAT, APPEND_ENTRIES, HEARTBEAT, APPEND_ENTRIES]) {
        sender.send(kind, number);
    }
    wire.offered(4).await;
    assert_eq!(receiver.next(), (HEARTBEAT, 0));
    assert_eq!(receiver.next(), (APPEND_ENTRIES, 1));
    // Said again, it hands one more on.
    let ended = wire.rule(hold).await.ended;
    assert_eq!((ended[0].left, ended[0].traffic.delivered), (Some(0), small(2)));
    assert_eq!(receiver.next(), (HEARTBEAT, 2));
    assert_eq!(receiver.next(), (APPEND_ENTRIES, 3));
    sender.send(HEARTBEAT, 4);
    wire.offered(5).await;
    let _ = wire.rule(LinkRule::Pass).await;
    assert_eq!(receiver.next(), (HEARTBEAT, 4));
    let _ = wire
        .rule(LinkRule::PassThenHold(FrameKind::AppendEntries, 0))
        .await;
    sender.send(HEARTBEAT, 5);
    wire.offered(6).await;
    let _ = wire.rule(LinkRule::Cut).await;
    until("what was kept is dropped", || wire.traffic().dropped == small(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_resets_a_receiver_that_does_not_take_what_it_is_sent() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    let writer = std::thread::spawn(move || {
        let bytes = frame(APPEND_ENTRIES, 1, 100_000);
        while sender.0.write_all(&bytes).is_ok() {}
    });
    let mut before = Traffic::default();
    let mut looked = Instant::now();
    until("nothing moves any more", || {
        let now = wire.traffic();
        if now != before {
            (before, looked) = (now, Instant::now());
        }
        before.delivered.frames > 0 && looked.elapsed() > Duration::from_millis(200)
    })
    .await;
    let _ = wire.rule(LinkRule::Cut).await;
    writer.join().unwrap();
    let delivered = wire.traffic().delivered.frames;
    assert!(receiver.rest() <= delivered);
    let error = receiver.0.read(&mut [0]).map_err(|error| error.kind());
    assert!(
        matches!(error, Ok(0) | Err(ErrorKind::ConnectionReset)),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_absurd_length_closes_the_connection() {
    let wire = Wire::new().await;
    for length in [0_u32, (16 << 20) + 1] {
        let (mut sender, mut receiver) = wire.connect();
        sender.0.write_all(&length.to_le_bytes()).unwrap();
        assert_eq!(receiver.rest(), 0);
    }
}

#[tokio::test]
async fn the_address_of_a_link_stays_over_restarts() {
    let mut wire = Wire::new().await;
    let _: Killed = wire.stage.done(Effect::Kill(N2)).await;
    let mut down = Sender::dial(&wire.stage);
    down.0.set_read_timeout(Some(BOUND)).unwrap();
    assert!(matches!(down.0.read(&mut [0]), Ok(0) | Err(_)), "nobody is there");
    wire.listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = wire.listener.local_addr().unwrap();
    wire.stage.script(N2, &ready_then(IDLE, nowhere(), peer));
    wire.stage.start(N2).await;
    let (mut sender, mut receiver) = wire.connect();
    sender.send(HEARTBEAT, 5);
    assert_eq!(receiver.next(), (HEARTBEAT, 5));
}

#[tokio::test]
async fn the_end_of_the_receiver_ends_the_connection() {
    let wire = Wire::new().await;
    let (sender, receiver) = wire.connect();
    sender.0.set_read_timeout(Some(BOUND)).unwrap();
    drop(receiver);
    let end = (&sender.0).read(&mut [0]).map_err(|error| error.kind());
    assert!(matches!(end, Ok(0) | Err(ErrorKind::ConnectionReset)), "{end:?}");
}
