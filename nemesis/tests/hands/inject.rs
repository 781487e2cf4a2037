//! Frames that are recorded on n1's link to n2, and delivered by hand.

use nemesis::evidence::Count;
use nemesis::faults::FramesInjected;
use nemesis::hands::{Direction, Framing};
use nemesis::{Effect, FrameKind, Link, LinkRule, Outcome};

use crate::frame_links::{APPEND_ENTRIES, HEARTBEAT, LINK, Wire};
use crate::stage::Stage;

fn record(kind: FrameKind, first: u64) -> Effect {
    let links = vec![LINK];
    Effect::Record { kind, first, links }
}

fn inject() -> Effect {
    Effect::Inject { links: vec![LINK] }
}

#[tokio::test]
async fn what_was_recorded_is_delivered_once_more_and_only_once() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    let _: serde_json::Value = wire.stage.done(record(FrameKind::AppendEntries, 2)).await;
    for (number, kind) in (1..).zip([
        HEARTBEAT,
        APPEND_ENTRIES,
        HEARTBEAT,
        APPEND_ENTRIES,
        APPEND_ENTRIES,
    ]) {
        sender.send(kind, number);
        assert_eq!(receiver.next(), (kind, number));
    }
    let before = wire.traffic();
    let put: FramesInjected = wire.stage.done(inject()).await;
    assert_eq!((put.links[0].link, put.links[0].recorded), (LINK, 2));
    assert_eq!(put.links[0].delivered, Count { frames: 2, bytes: 26 });
    assert_eq!(receiver.next(), (APPEND_ENTRIES, 2));
    assert_eq!(receiver.next(), (APPEND_ENTRIES, 4));
    assert_eq!(wire.traffic(), before, "what is put in is nobody's traffic");
    let reason = wire.stage.skipped(inject()).await;
    assert!(reason.starts_with("nothing was recorded"), "{reason}");
    sender.send(HEARTBEAT, 6);
    assert_eq!(receiver.next(), (HEARTBEAT, 6));
}

#[tokio::test]
async fn a_cut_link_records_and_takes_what_is_put_in() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    let _ = wire.rule(LinkRule::Cut).await;
    let _: serde_json::Value = wire.stage.done(record(FrameKind::RequestVote, 8)).await;
    for number in 0..3 {
        sender.send(4, number);
    }
    wire.offered(3).await;
    let _: FramesInjected = wire.stage.done(inject()).await;
    for number in 0..3 {
        assert_eq!(receiver.next(), (4, number));
    }
    let ended = wire.rule(LinkRule::Pass).await.ended;
    assert!(ended[0].proves_cut(), "{ended:?}");
}

#[tokio::test]
async fn a_frame_is_put_in_between_two_others_and_never_inside_one() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    let _: serde_json::Value = wire.stage.done(record(FrameKind::AppendEntries, 1)).await;
    sender.send(APPEND_ENTRIES, 7);
    assert_eq!(receiver.next(), (APPEND_ENTRIES, 7));
    // More than the sockets hold, so that a frame is on its way in part.
    let flood = std::thread::spawn(move || {
        sender.send_all(HEARTBEAT, 0..400_000);
        sender
    });
    wire.offered(1000).await;
    let stage = &wire.stage;
    let taking = std::thread::spawn(move || {
        let (mut next, mut put_in) = (0, 0);
        while next < 400_000 {
            match receiver.next() {
                (APPEND_ENTRIES, 7) => put_in += 1,
                frame => {
                    assert_eq!(frame, (HEARTBEAT, next));
                    next += 1;
                }
            }
        }
        (put_in, receiver)
    });
    let _: FramesInjected = stage.done(inject()).await;
    let (put_in, mut receiver) = taking.join().unwrap();
    let put_in = if put_in == 1 {
        put_in
    } else {
        u64::from(receiver.next() == (APPEND_ENTRIES, 7))
    };
    assert_eq!(put_in, 1);
    drop(flood.join().unwrap());
}

#[tokio::test]
async fn without_a_connection_nothing_is_delivered() {
    let wire = Wire::new().await;
    let (mut sender, mut receiver) = wire.connect();
    let _: serde_json::Value = wire.stage.done(record(FrameKind::AppendEntries, 1)).await;
    sender.send(APPEND_ENTRIES, 1);
    assert_eq!(receiver.next(), (APPEND_ENTRIES, 1));
    drop(sender);
    assert_eq!(receiver.rest(), 0);
    let outcome = wire.stage.hands.apply(&inject()).await;
    assert!(matches!(outcome, Outcome::Indeterminate { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_plain_stream_knows_no_frames() {
    let stage = Stage::new(2, Framing::Stream(Direction::Bytes, None)).await;
    for effect in [record(FrameKind::AppendEntries, 1), inject()] {
        assert!(stage.skipped(effect).await.starts_with("frames are not known"));
    }
    let stage = Stage::new(2, Framing::Frames).await;
    let links = vec![Link(nemesis::NodeId(0), nemesis::NodeId(5))];
    assert_eq!(
        stage.skipped(Effect::Inject { links }).await,
        "there is no such link"
    );
}
