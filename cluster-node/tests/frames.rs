//! Frames: what is written is read again, in whatever portions it arrives; nonsense is an error, never a panic.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says plainly what cannot fail"
)]

use cluster_node::forward::{Forward, Forwarded};
use cluster_node::frame::{self, Frame, FrameError, Hello, Incoming, LONGEST, VERSION};
use cluster_node::raft::types::{Entry, LogIndex, Message, Position, Refusal, RequestId, Round, Term};
use proptest::prelude::*;

fn position() -> impl Strategy<Value = Position> {
    (any::<u64>(), any::<u64>()).prop_map(|(index, term)| Position {
        index: LogIndex(index),
        term: Term(term),
    })
}

fn refusal() -> impl Strategy<Value = Option<Refusal>> {
    prop::option::of(prop::sample::select(vec![
        Refusal::Log,
        Refusal::Voted,
        Refusal::Leader,
    ]))
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let entry = (
        any::<u64>(),
        any::<u64>(),
        prop::collection::vec(any::<u8>(), 0..50),
    );
    let entry = entry.prop_map(|(term, index, payload)| Entry {
        term: Term(term),
        index: LogIndex(index),
        payload: payload.into(),
    });
    prop::collection::vec(entry, 0..4)
}

fn message() -> impl Strategy<Value = Message> {
    let term = || any::<u64>().prop_map(Term);
    let index = || any::<u64>().prop_map(LogIndex);
    let round = || any::<u64>().prop_map(Round);
    let id = || any::<u64>().prop_map(RequestId);
    prop_oneof![
        (term(), position()).prop_map(|(term, last)| Message::PreVote { term, last }),
        (term(), refusal()).prop_map(|(term, refused)| Message::PreVoteReply { term, refused }),
        (term(), position()).prop_map(|(term, last)| Message::RequestVote { term, last }),
        (term(), refusal()).prop_map(|(term, refused)| Message::RequestVoteReply { term, refused }),
        (term(), position(), entries(), index(), round()).prop_map(|(term, prev, entries, commit, round)| {
            Message::AppendEntries {
                term,
                prev,
                entries,
                commit,
                round,
            }
        }),
        (term(), prop::option::of(index()), index(), round()).prop_map(|(term, matched, hint, round)| {
            Message::AppendEntriesReply {
                term,
                matched,
                hint,
                round,
            }
        }),
        (term(), id()).prop_map(|(term, id)| Message::ReadIndex { term, id }),
        (term(), id(), prop::option::of(index())).prop_map(|(term, id, index)| Message::ReadIndexReply {
            term,
            id,
            index
        }),
    ]
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let hello = (any::<u32>(), ".{0,9}", ".{0,9}", ".{0,9}");
    let hello = hello.prop_map(|(version, cluster, from, to)| {
        Frame::Hello(Hello {
            version,
            cluster,
            from,
            to,
        })
    });
    let payload = prop::collection::vec(any::<u8>(), 0..50);
    let forward = (any::<u64>(), payload).prop_map(|(id, payload)| {
        Frame::Forward(Forward {
            id: RequestId(id),
            payload: payload.into(),
        })
    });
    let forwarded = (any::<u64>(), position(), ".{0,9}").prop_map(|(id, at, outcome)| {
        Frame::Forwarded(Forwarded {
            id: RequestId(id),
            at,
            outcome,
        })
    });
    prop_oneof![1 => hello, 8 => message().prop_map(Frame::Message), 1 => forward, 1 => forwarded]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(frames in prop::collection::vec(any_frame(), 0..6), portion in 1..80_usize) {
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| frame::write(&mut bytes, frame));
        let (mut incoming, mut read) = (Incoming::default(), Vec::new());
        for portion in bytes.chunks(portion) {
            incoming.room().extend_from_slice(portion);
            while let Some(frame) = incoming.next_frame().unwrap() {
                read.push(frame);
            }
        }
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn arbitrary_bytes_never_panic(kind in any::<u8>(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = frame::read(&body);
        let mut framed = (body.len() as u32 + 1).to_le_bytes().to_vec();
        framed.push(kind);
        framed.extend(&body);
        // With a whole frame there is an outcome, and it takes no more than the frame.
        if let Some((_, length)) = frame::read(&framed).unwrap_or(None) {
            prop_assert_eq!(length, framed.len());
        }
    }

    #[test]
    fn a_changed_byte_never_panics(frame in any_frame(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, &frame);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let _ = frame::read(&bytes);
    }
}

#[test]
fn nonsense_is_an_error() {
    let framed = |length: u32, rest: &[u8]| [&length.to_le_bytes()[..], rest].concat();
    assert!(matches!(frame::read(&framed(0, &[])), Err(FrameError::Length(0))));
    let absurd = LONGEST as u32 + 1;
    assert!(matches!(
        frame::read(&framed(absurd, &[])),
        Err(FrameError::Length(_))
    ));
    assert!(matches!(
        frame::read(&framed(1, &[13])),
        Err(FrameError::Type(13))
    ));
    assert!(matches!(
        frame::read(&framed(1, &[6])),
        Err(FrameError::Body(6, _))
    ));
    // The longest allowed length only waits for its bytes.
    assert!(frame::read(&framed(LONGEST as u32, &[6])).unwrap().is_none());
    // Each type byte belongs to one kind of message, which proxies count by.
    let mut bytes = Vec::new();
    let read = Message::ReadIndex {
        term: Term(1),
        id: RequestId(1),
    };
    frame::write(&mut bytes, &Frame::Message(read));
    bytes[4] = 10;
    assert!(matches!(frame::read(&bytes), Err(FrameError::Type(10))));
    // Nothing follows the body within a frame.
    bytes[4] = 9;
    bytes[0] += 1;
    bytes.push(0);
    assert!(matches!(frame::read(&bytes), Err(FrameError::Body(9, _))));
    assert_eq!(VERSION, 1);
}
