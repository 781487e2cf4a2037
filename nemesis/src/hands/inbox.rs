//! What a link has read and not yet handed on: bytes, cut into frames (docs/cluster-node.md).

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::effect::FrameKind;
use crate::evidence::Count;

/// The type of the first frame of a connection.
const HELLO: u8 = 1;

/// Whether frames of this type are of that kind.
pub(super) fn is_of(kind: FrameKind, number: u8) -> bool {
    match number {
        4 => kind == FrameKind::RequestVote,
        5 => kind == FrameKind::RequestVoteReply,
        6 => FrameKind::Batch.is(kind),
        // A heartbeat.
        7 => kind == FrameKind::Append,
        _ => false,
    }
}

/// The length in front of a frame.
const PREFIX: usize = 4;

/// The greatest length that a frame may announce: type and body.
const LONGEST: usize = 16 << 20;

/// How much is read at once, at least.
const READ: usize = 64 << 10;

/// A frame whose length is zero or beyond the limit: whatever this connection carries, it is not the peer protocol.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes")]
pub(super) struct Absurd(usize);

/// A whole frame in the queue.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// With its length prefix.
    bytes: usize,
    kind: u8,
    arrived: Instant,
}

/// What left the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// All frames.
    pub(super) count: Count,
    /// Among them, those of the kind that was asked for.
    pub(super) of_kind: u64,
}

/// A queue of frames in one buffer: `[..start]` is gone, `[start..whole]` are whole frames, `[whole..end]` is the
/// beginning of another one, and the rest is room to read into.
pub(super) struct Inbox {
    buffer: Vec<u8>,
    start: usize,
    whole: usize,
    end: usize,
    frames: VecDeque<Frame>,
    /// How much of the first frame is gone already.
    begun: usize,
    /// What came in since it was last asked for.
    offered: Count,
    /// How many of the frames, at the end, nobody has looked at.
    unseen: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Inbox {
            buffer: vec![0; READ],
            start: 0,
            whole: 0,
            end: 0,
            frames: VecDeque::new(),
            begun: 0,
            offered: Count::default(),
            unseen: 0,
        }
    }

    /// Room to read into; never empty.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.whole, self.end) = (0, 0, 0);
        }
        if self.buffer.len() - self.end < READ / 4 {
            self.make_room();
        }
        &mut self.buffer[self.end..]
    }

    /// Move what is there to the front if that frees half of the buffer; otherwise, so that nothing is moved again and
    /// again, double it.
    fn make_room(&mut self) {
        if self.start >= self.buffer.len() / 2 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.whole -= self.start;
            self.end -= self.start;
            self.start = 0;
        } else {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }

    /// That many bytes were read into the room.
    pub(super) fn filled(&mut self, bytes: usize) -> Result<(), Absurd> {
        self.end += bytes;
        let arrived = Instant::now();
        while let Some((length, kind)) = self.next_header()? {
            if self.end - self.whole < PREFIX + length {
                break;
            }
            let bytes = PREFIX + length;
            self.whole += bytes;
            self.frames.push_back(Frame { bytes, kind, arrived });
            self.offered.add(Count::frame(bytes as u64));
            self.unseen += 1;
        }
        Ok(())
    }

    /// The announced length and the type of the frame that begins at `whole`, once both are there.
    fn next_header(&self) -> Result<Option<(usize, u8)>, Absurd> {
        let unread = &self.buffer[self.whole..self.end];
        let Some((prefix, rest)) = unread.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*prefix) as usize;
        if length == 0 || length > LONGEST {
            return Err(Absurd(length));
        }
        Ok(rest.first().map(|kind| (length, *kind)))
    }

    /// What came in since this was last asked.
    pub(super) fn take_offered(&mut self) -> Count {
        std::mem::take(&mut self.offered)
    }

    /// The first bytes of the queue.
    pub(super) fn first(&self, bytes: usize) -> &[u8] {
        &self.buffer[self.start..self.start + bytes]
    }

    /// How many bytes of whole frames wait.
    pub(super) fn waiting(&self) -> usize {
        self.whole - self.start
    }

    /// Look at the frames that came since this was last done; none of them has gone yet.
    pub(super) fn look_at_new(&mut self, mut look: impl FnMut(u8, &[u8])) {
        let new = self.frames.len() - std::mem::take(&mut self.unseen).min(self.frames.len());
        let bytes: usize = self.frames.range(new..).map(|frame| frame.bytes).sum();
        let mut at = self.whole - bytes;
        for frame in self.frames.range(new..) {
            look(frame.kind, &self.buffer[at..at + frame.bytes]);
            at += frame.bytes;
        }
    }

    /// Whether a frame has been handed on in part.
    pub(super) fn is_mid_frame(&self) -> bool {
        self.begun > 0
    }

    /// The bytes up to and with the `n`th frame of this kind, all if there are fewer.
    pub(super) fn through(&self, kind: FrameKind, n: u64) -> usize {
        let mut left = n;
        self.bytes_while(|frame| {
            let open = left > 0;
            left -= u64::from(open && is_of(kind, frame.kind));
            open
        })
    }

    /// The bytes before the first frame of this kind.
    pub(super) fn before(&self, kind: FrameKind) -> usize {
        // What has begun is not held.
        let mut begun = self.begun > 0;
        self.bytes_while(|frame| std::mem::take(&mut begun) || !is_of(kind, frame.kind))
    }

    /// The bytes of the frames that arrived at `moment` or before.
    pub(super) fn arrived_by(&self, moment: Instant) -> usize {
        self.bytes_while(|frame| frame.arrived <= moment)
    }

    fn bytes_while(&self, mut wanted: impl FnMut(&Frame) -> bool) -> usize {
        let frames = self.frames.iter().take_while(|frame| wanted(frame));
        let bytes: usize = frames.map(|frame| frame.bytes).sum();
        bytes.saturating_sub(self.begun)
    }

    /// When the first frame arrived.
    pub(super) fn first_arrived(&self) -> Option<Instant> {
        self.frames.front().map(|frame| frame.arrived)
    }

    /// The size of the first frame, and whether it is a Hello.
    pub(super) fn first_frame(&self) -> Option<(usize, bool)> {
        let frame = self.frames.front()?;
        Some((frame.bytes, frame.kind == HELLO))
    }

    /// That many bytes went out; a frame has left with its last byte. Frames of this kind are counted by themselves.
    pub(super) fn advance(&mut self, bytes: usize, counted: Option<FrameKind>) -> Left {
        self.start += bytes;
        self.begun += bytes;
        let mut left = Left::default();
        while let Some(frame) = self.frames.front().filter(|frame| frame.bytes <= self.begun) {
            self.begun -= frame.bytes;
            left.count.add(Count::frame(frame.bytes as u64));
            left.of_kind += u64::from(counted.is_some_and(|kind| is_of(kind, frame.kind)));
            self.frames.pop_front();
        }
        left
    }

    /// The first frame has been handed on, and is not to be counted.
    pub(super) fn pass_uncounted(&mut self) {
        if let Some(frame) = self.frames.front() {
            self.offered = self.offered.since(Count::frame(frame.bytes as u64));
            self.advance(frame.bytes, None);
        }
    }

    /// Drop every whole frame; one that was handed on in part counts with all its bytes.
    pub(super) fn drop_waiting(&mut self) -> Count {
        let waiting = self.waiting();
        self.advance(waiting, None).count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: usize) -> Vec<u8> {
        let mut bytes = (body as u32 + 1).to_le_bytes().to_vec();
        bytes.push(kind);
        bytes.resize(PREFIX + 1 + body, 7);
        bytes
    }

    fn feed(inbox: &mut Inbox, mut bytes: &[u8]) -> Result<(), Absurd> {
        while !bytes.is_empty() {
            let room = inbox.room();
            let n = room.len().min(bytes.len()).min(1000);
            room[..n].copy_from_slice(&bytes[..n]);
            inbox.filled(n)?;
            bytes = &bytes[n..];
        }
        Ok(())
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut inbox = Inbox::new();
        let sent: Vec<u8> = (0..200).flat_map(|i| frame(2 + (i % 7) as u8, i * 37)).collect();
        feed(&mut inbox, &sent).unwrap();
        assert_eq!(inbox.take_offered().frames, 200);
        let mut got = Vec::new();
        let mut count = Count::default();
        while inbox.waiting() > 0 {
            let n = inbox.waiting().min(777);
            got.extend_from_slice(inbox.first(n));
            count.add(inbox.advance(n, None).count);
        }
        assert_eq!(got, sent);
        assert_eq!(
            count,
            Count {
                frames: 200,
                bytes: sent.len() as u64
            }
        );
    }

    #[test]
    fn entries_are_counted_through_what_comes_between() {
        let mut inbox = Inbox::new();
        for kind in [7, 6, 8, 6, 8, 6] {
            feed(&mut inbox, &frame(kind, 5)).unwrap();
        }
        let entries = FrameKind::AppendEntries;
        assert_eq!(inbox.through(entries, 0), 0);
        assert_eq!(inbox.through(entries, 1), 20);
        assert_eq!(inbox.through(entries, 2), 40);
        assert_eq!(inbox.through(entries, 9), 60);
        assert_eq!(inbox.advance(25, Some(entries)).of_kind, 1);
        assert!(inbox.is_mid_frame());
        assert_eq!(inbox.through(entries, 1), 15);
        assert_eq!(inbox.drop_waiting(), Count { frames: 4, bytes: 40 });
        assert!(!inbox.is_mid_frame());
    }

    #[test]
    fn each_frame_is_looked_at_once() {
        let mut inbox = Inbox::new();
        let seen = |inbox: &mut Inbox| {
            let mut seen = Vec::new();
            inbox.look_at_new(|kind, bytes| seen.push((kind, bytes.to_vec())));
            seen
        };
        feed(&mut inbox, &frame(4, 3)).unwrap();
        feed(&mut inbox, &frame(5, 0)).unwrap();
        assert_eq!(seen(&mut inbox), [(4, frame(4, 3)), (5, frame(5, 0))]);
        inbox.advance(6, None);
        feed(&mut inbox, &frame(6, 90_000)).unwrap();
        assert_eq!(seen(&mut inbox), [(6, frame(6, 90_000))]);
        assert!(seen(&mut inbox).is_empty());
    }

    #[test]
    fn a_frame_of_16_mib_passes_and_a_longer_one_is_absurd() {
        let mut inbox = Inbox::new();
        feed(&mut inbox, &frame(6, LONGEST - 1)).unwrap();
        assert_eq!(inbox.waiting(), PREFIX + LONGEST);
        let longer = (LONGEST as u32 + 1).to_le_bytes();
        assert_eq!(feed(&mut inbox, &longer), Err(Absurd(LONGEST + 1)));
        assert_eq!(feed(&mut Inbox::new(), &[0; 4]), Err(Absurd(0)));
    }
}
