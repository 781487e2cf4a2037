//! Cuts between nodes whose protocol is not known: nothing passes, and nobody is told.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use nemesis::faults::RulesSet;
use nemesis::hands::{Direction, FrameForm, Framing, Mark, Packed, Prefix};
use nemesis::{Effect, FrameKind, Link, LinkRule};

use crate::stage::{BOUND, IDLE, N1, N2, Stage, bounded, ready_then, until};

const THERE: Link = Link(N1, N2);
const BACK: Link = Link(N2, N1);

/// n1 and n2, whose peers' port is this test's own, and the connections that come to it.
async fn stage(direction: Direction) -> (Stage, Receiver<TcpStream>) {
    stage_with(direction, None).await
}

async fn stage_with(direction: Direction, form: Option<Arc<FrameForm>>) -> (Stage, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            stream.set_read_timeout(Some(BOUND)).unwrap();
            let _ = tell.send(stream);
        }
    });
    let stage = Stage::new(2, Framing::Stream(direction, form)).await;
    for node in [N1, N2] {
        stage.script(node, &ready_then(IDLE, address, address));
        stage.start(node).await;
    }
    (stage, told)
}

fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream
}

async fn set(stage: &Stage, rule: LinkRule, links: &[Link]) -> RulesSet {
    stage.done(Effect::links(rule, links.iter().copied())).await
}

async fn swallowed(stage: &Stage, link: Link, bytes: u64) {
    until("it is swallowed", || {
        stage.hands.link_counters()[&link].dropped.bytes == bytes
    })
    .await;
}

fn says(mut from: &TcpStream, to: &mut TcpStream, word: &[u8; 4]) {
    from.write_all(word).unwrap();
    let mut heard = [0; 4];
    to.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, word);
}

fn is_reset(mut stream: TcpStream) {
    let end = stream.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_cut_swallows_one_way_and_is_seen_at_the_heal() {
    let (stage, peers) = stage(Direction::Bytes).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    says(&down, &mut up, b"ping");
    says(&up, &mut down, b"pong");
    set(&stage, LinkRule::Cut, &[THERE]).await;
    down.write_all(b"lost").unwrap();
    swallowed(&stage, THERE, 4).await;
    says(&up, &mut down, b"here");
    let healed = set(&stage, LinkRule::Pass, &[THERE]).await;
    assert!(healed.ended[0].proves_cut(), "{healed:?}");
    assert_eq!(healed.ended[0].traffic.offered.bytes, 4);
    is_reset(down);
    is_reset(up);
    let down = dial(stage.hands.peer_address(THERE));
    says(&down, &mut peers.recv().unwrap(), b"anew");
}

#[tokio::test]
async fn by_dialler_both_ways_of_a_connection_are_one_link() {
    let (stage, peers) = stage(Direction::Dialer).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    set(&stage, LinkRule::Cut, &[BACK]).await;
    says(&down, &mut up, b"ping");
    says(&up, &mut down, b"pong");
    set(&stage, LinkRule::Cut, &[THERE]).await;
    up.write_all(b"lost").unwrap();
    swallowed(&stage, THERE, 4).await;
    set(&stage, LinkRule::Pass, &[THERE]).await;
    is_reset(down);
    is_reset(up);
}

#[tokio::test]
async fn what_was_not_swallowed_from_lives_on() {
    let (stage, peers) = stage(Direction::Bytes).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    says(&down, &mut up, b"ping");
    set(&stage, LinkRule::Cut, &[THERE, BACK]).await;
    set(&stage, LinkRule::Pass, &[THERE, BACK]).await;
    says(&down, &mut up, b"more");
    says(&up, &mut down, b"back");
}

#[tokio::test]
async fn the_end_of_one_is_not_told_through_a_cut() {
    let (stage, peers) = stage(Direction::Bytes).await;
    let down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    set(&stage, LinkRule::Cut, &[THERE]).await;
    drop(down);
    // Whatever the other says goes nowhere, and is not answered by a reset.
    let mut said = 0;
    while stage.hands.link_counters()[&BACK].dropped.bytes == 0 {
        up.write_all(b"more").unwrap();
        said += 4;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    up.set_nonblocking(true).unwrap();
    assert_eq!(
        up.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock,
        "{said}"
    );
    up.set_nonblocking(false).unwrap();
    set(&stage, LinkRule::Pass, &[THERE]).await;
    is_reset(up);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_receiver_that_takes_nothing_gets_no_more_after_a_cut() {
    let (stage, peers) = stage(Direction::Bytes).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    down.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    // It reads nothing: the kernel's room for it fills up, what waits on our side too, and then nobody takes any more.
    let mut flood = || while down.write_all(&[7; 1 << 16]).is_ok() {};
    flood();
    let before = stage.hands.link_counters()[&THERE].delivered.bytes;
    set(&stage, LinkRule::Cut, &[THERE]).await;
    flood();
    let mut got = 0;
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = up.read(&mut buffer) {
        got += read as u64;
    }
    assert!(
        got < before,
        "what waited in the kernel came through: {got} of {before}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_new_connection_completes_only_after_the_heal() {
    let (stage, peers) = stage(Direction::Bytes).await;
    let address = stage.hands.peer_address(THERE);
    for link in [THERE, BACK] {
        set(&stage, LinkRule::Cut, &[link]).await;
        let dialling = std::thread::spawn(move || dial(address));
        until("it has tried", || stage.hands.link_counters()[&link].refused > 0).await;
        assert!(!dialling.is_finished());
        let healed = set(&stage, LinkRule::Pass, &[link]).await;
        assert!(healed.ended[0].proves_cut(), "{healed:?}");
        let down = dialling.join().unwrap();
        says(&down, &mut peers.recv().unwrap(), b"ping");
    }
}

/// Two letters, the first of which says what is meant: votes, or entries of at least six bytes.
fn in_words() -> Arc<FrameForm> {
    let mark = |has: &str, at_least| Mark {
        has: has.to_owned(),
        at_least,
    };
    Arc::new(FrameForm {
        length: Prefix {
            bytes: 1,
            little_endian: true,
            counts_itself: false,
        },
        packed: Packed::Plain,
        kinds: vec![
            (FrameKind::RequestVote, mark("vote", 0)),
            (FrameKind::AppendEntries, mark("add", 6)),
        ],
    })
}

fn framed(words: &[&str]) -> Vec<u8> {
    let framed = words
        .iter()
        .flat_map(|word| [&[word.len() as u8][..], word.as_bytes()].concat());
    framed.collect()
}

fn hears(by: &mut TcpStream, words: &[&str]) {
    let wanted = framed(words);
    let mut heard = vec![0; wanted.len()];
    by.read_exact(&mut heard).unwrap();
    assert_eq!(heard, wanted, "{words:?}");
}

#[tokio::test]
async fn where_frames_are_known_a_link_stops_after_one_of_a_kind() {
    let (stage, peers) = stage_with(Direction::Bytes, Some(in_words())).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    let hold = |kind| LinkRule::PassThenHold(kind, 1);
    set(&stage, hold(FrameKind::RequestVote), &[THERE]).await;
    let said = ["add", "vote 1", "add", "add long", "add", "vote 2"];
    // A frame comes in parts.
    let all = framed(&said);
    let (first, rest) = all.split_at(7);
    down.write_all(first).unwrap();
    hears(&mut up, &said[..1]);
    down.write_all(rest).unwrap();
    hears(&mut up, &said[1..2]);
    let ended = set(&stage, hold(FrameKind::AppendEntries), &[THERE]).await.ended;
    assert_eq!((ended[0].left, ended[0].traffic.delivered.frames), (Some(0), 2));
    hears(&mut up, &said[2..4]);
    // The other way nothing is held.
    up.write_all(&framed(&["back"])).unwrap();
    hears(&mut down, &["back"]);
    set(&stage, LinkRule::Pass, &[THERE]).await;
    hears(&mut up, &said[4..]);
    set(&stage, LinkRule::HoldFrom(FrameKind::Append), &[THERE]).await;
    down.write_all(&framed(&["vote", "add long", "vote"])).unwrap();
    hears(&mut up, &["vote"]);
    let ended = set(&stage, LinkRule::Pass, &[THERE]).await.ended;
    assert!(ended[0].proves_hold(), "{ended:?}");
    hears(&mut up, &["add long", "vote"]);
    set(&stage, LinkRule::PassThenCut(1), &[THERE]).await;
    down.write_all(&framed(&["vote", "add long", "lost"])).unwrap();
    hears(&mut up, &["vote", "add long"]);
    swallowed(&stage, THERE, 5).await;
}

#[tokio::test]
async fn what_is_held_is_dropped_by_a_cut_and_the_connection_is_over() {
    let (stage, peers) = stage_with(Direction::Bytes, Some(in_words())).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    set(
        &stage,
        LinkRule::PassThenHold(FrameKind::RequestVote, 1),
        &[THERE],
    )
    .await;
    down.write_all(&framed(&["vote", "kept"])).unwrap();
    hears(&mut up, &["vote"]);
    set(&stage, LinkRule::Cut, &[THERE]).await;
    swallowed(&stage, THERE, 5).await;
    set(&stage, LinkRule::Pass, &[THERE]).await;
    is_reset(down);
    is_reset(up);
}

#[tokio::test]
async fn what_is_delayed_comes_later_and_in_order() {
    let (stage, peers) = stage(Direction::Bytes).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    says(&down, &mut up, b"ping");
    let delay = Duration::from_millis(120);
    set(&stage, LinkRule::DelayMs(120), &[THERE]).await;
    let began = Instant::now();
    down.write_all(b"late").unwrap();
    // The other way nothing is delayed.
    says(&up, &mut down, b"soon");
    down.write_all(b"more").unwrap();
    let mut heard = [0; 8];
    up.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"latemore");
    assert!(began.elapsed() >= delay, "{:?}", began.elapsed());
    // What waits is let go by the next rule, and nothing comes after what was sent later.
    set(&stage, LinkRule::DelayMs(3_600_000), &[THERE]).await;
    down.write_all(b"kept").unwrap();
    until("it has come", || {
        stage.hands.link_counters()[&THERE].offered.bytes == 16
    })
    .await;
    let ended = set(&stage, LinkRule::Pass, &[THERE]).await.ended;
    assert_eq!(ended[0].traffic.delivered.bytes, 0);
    let mut heard = [0; 4];
    up.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"kept");
    says(&down, &mut up, b"then");
}

#[tokio::test]
async fn a_delay_takes_in_what_a_sender_has_and_a_cut_drops_it() {
    let (stage, peers) = stage(Direction::Bytes).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let up = peers.recv().unwrap();
    set(&stage, LinkRule::DelayMs(3_600_000), &[THERE]).await;
    // More than the sockets have room for.
    down.write_all(&vec![7; 6 << 20]).unwrap();
    let offered = || stage.hands.link_counters()[&THERE].offered.bytes;
    until("all of it has come", || offered() == 6 << 20).await;
    set(&stage, LinkRule::Cut, &[THERE]).await;
    swallowed(&stage, THERE, 6 << 20).await;
    set(&stage, LinkRule::Pass, &[THERE]).await;
    is_reset(down);
    is_reset(up);
}

#[tokio::test]
async fn what_has_not_come_to_its_end_was_not_held() {
    let (stage, peers) = stage_with(Direction::Bytes, Some(in_words())).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    let hold = LinkRule::HoldFrom(FrameKind::Append);
    set(&stage, hold, &[THERE]).await;
    let all = framed(&["add long"]);
    let (first, rest) = all.split_at(4);
    down.write_all(first).unwrap();
    let offered = || stage.hands.link_counters()[&THERE].offered.bytes == 4;
    until("a part is offered", offered).await;
    let ended = set(&stage, hold, &[THERE]).await.ended;
    assert!(!ended[0].proves_hold(), "{ended:?}");
    let none = LinkRule::PassThenHold(FrameKind::RequestVote, 0);
    set(&stage, none, &[THERE]).await;
    let ended = set(&stage, none, &[THERE]).await.ended;
    assert!(!ended[0].proves_hold(), "{ended:?}");
    // The sender ends while the rest is held: both are handed on after it.
    down.write_all(rest).unwrap();
    let offered = || stage.hands.link_counters()[&THERE].offered.bytes == all.len() as u64;
    until("all is offered", offered).await;
    down.shutdown(std::net::Shutdown::Write).unwrap();
    bounded(async { while !set(&stage, none, &[THERE]).await.ended[0].proves_hold() {} }).await;
    set(&stage, LinkRule::Pass, &[THERE]).await;
    hears(&mut up, &["add long"]);
    assert_eq!(up.read(&mut [0]).unwrap(), 0);
}

#[tokio::test]
async fn a_receiver_that_goes_while_frames_are_held_is_missed_at_once() {
    let (stage, peers) = stage_with(Direction::Bytes, Some(in_words())).await;
    let mut down = dial(stage.hands.peer_address(THERE));
    let mut up = peers.recv().unwrap();
    let hold = LinkRule::PassThenHold(FrameKind::RequestVote, 1);
    set(&stage, hold, &[THERE]).await;
    down.write_all(&framed(&["vote", "kept"])).unwrap();
    hears(&mut up, &["vote"]);
    let offered = || stage.hands.link_counters()[&THERE].offered.bytes == 10;
    until("all is offered", offered).await;
    socket2::SockRef::from(&up)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(up);
    is_reset(down);
    swallowed(&stage, THERE, 5).await;
}

#[tokio::test]
async fn frames_are_not_known() {
    let (stage, _) = stage(Direction::Bytes).await;
    let counted = Effect::links(LinkRule::PassThenCut(5), [THERE]);
    assert!(stage.skipped(counted).await.starts_with("frames are not known"));
}
