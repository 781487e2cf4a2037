//! Frames in a stream whose protocol somebody has told enough of: where one ends, and what kind it is.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use flate2::read::ZlibDecoder;

use super::network::{FrameForm, Packed, Prefix};
use crate::effect::FrameKind;
use crate::evidence::Count;

/// A frame that says it is longer is none: the stream is not what it was said to be.
const LONGEST: usize = 64 << 20;
/// So much of a frame, unpacked, is looked at for what its kind is known by.
const HEAD: u64 = 1 << 10;

/// What is seen of one direction of a stream. It is shown what waits, and told what has gone.
pub(super) struct Sight {
    form: Arc<FrameForm>,
    /// The whole frames that have not gone yet.
    frames: VecDeque<Frame>,
    /// How much of the first has gone.
    begun: usize,
}

struct Frame {
    bytes: usize,
    kind: Option<FrameKind>,
}

impl Frame {
    fn is(&self, kind: FrameKind) -> bool {
        self.kind.is_some_and(|own| own.is(kind))
    }
}

/// The stream is not what it was said to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Strange;

impl Prefix {
    /// How long the frame is that begins so, with its prefix; nothing while too little of it is there.
    fn frame(self, bytes: &[u8]) -> Result<Option<usize>, Strange> {
        let width = usize::from(self.bytes.min(8));
        let Some(prefix) = bytes.get(..width) else {
            return Ok(None);
        };
        let add = |length: usize, byte: &u8| length << 8 | usize::from(*byte);
        let length = match self.little_endian {
            true => prefix.iter().rev().fold(0, add),
            false => prefix.iter().fold(0, add),
        };
        let whole = match self.counts_itself {
            true => length,
            false => length.saturating_add(width),
        };
        match whole > width && whole <= LONGEST {
            true => Ok(Some(whole)),
            false => Err(Strange),
        }
    }
}

impl FrameForm {
    fn kind_of(&self, frame: &[u8]) -> Option<FrameKind> {
        let body = &frame[usize::from(self.length.bytes)..];
        let mut head = Vec::new();
        // What cannot be unpacked is of no kind.
        let _ = match self.packed {
            Packed::Plain => body.take(HEAD).read_to_end(&mut head),
            Packed::Zlib => ZlibDecoder::new(body).take(HEAD).read_to_end(&mut head),
        };
        let fits = |mark: &[u8]| head.windows(mark.len().max(1)).any(|part| part == mark);
        let found = self.kinds.iter().find(|(_, mark)| {
            frame.len() >= mark.at_least && (mark.has.is_empty() || fits(mark.has.as_bytes()))
        });
        found.map(|(kind, _)| *kind)
    }
}

impl Sight {
    /// Nothing was seen yet.
    pub(super) fn new(form: Arc<FrameForm>) -> Self {
        Sight {
            form,
            frames: VecDeque::new(),
            begun: 0,
        }
    }

    /// Look at what came after the last whole frame. How many of these bytes are whole frames, and how many frames they are.
    pub(super) fn look(&mut self, fresh: &[u8]) -> Result<Count, Strange> {
        let mut count = Count::default();
        while let Some(frame) = fresh.get(count.bytes as usize..)
            && let Some(bytes) = self.form.length.frame(frame)?
            && let Some(frame) = frame.get(..bytes)
        {
            let kind = self.form.kind_of(frame);
            self.frames.push_back(Frame { bytes, kind });
            count.add(Count::frame(bytes as u64));
        }
        Ok(count)
    }

    /// The bytes up to and with the `n`th frame of this kind that waits, all whole frames if there are fewer.
    pub(super) fn through(&self, kind: FrameKind, n: u64) -> usize {
        let mut left = n;
        let frames = self.frames.iter().take_while(|frame| {
            let open = left > 0;
            left -= u64::from(open && frame.is(kind));
            open
        });
        let bytes: usize = frames.map(|frame| frame.bytes).sum();
        bytes.saturating_sub(self.begun)
    }

    /// The bytes before the first frame of this kind that has not begun to go.
    pub(super) fn before(&self, kind: FrameKind) -> usize {
        let begun = usize::from(self.begun > 0);
        let whole = self.frames.iter().skip(begun).take_while(|frame| !frame.is(kind));
        let first = self.frames.front().filter(|_| begun > 0);
        let bytes: usize = first.into_iter().chain(whole).map(|frame| frame.bytes).sum();
        bytes.saturating_sub(self.begun)
    }

    /// So many bytes have gone: how many frames were ended by them, and how many of those are of the kind.
    pub(super) fn advance(&mut self, bytes: usize, kind: Option<FrameKind>) -> (u64, u64) {
        self.begun += bytes;
        let (mut ended, mut of_kind) = (0, 0);
        while let Some(frame) = self.frames.pop_front_if(|frame| frame.bytes <= self.begun) {
            self.begun -= frame.bytes;
            ended += 1;
            of_kind += u64::from(kind.is_some_and(|kind| frame.is(kind)));
        }
        (ended, of_kind)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::super::network::Mark;
    use super::*;

    fn form(packed: Packed) -> Arc<FrameForm> {
        let mark = |has: &str, at_least| Mark {
            has: has.to_owned(),
            at_least,
        };
        Arc::new(FrameForm {
            length: Prefix {
                bytes: 4,
                little_endian: true,
                counts_itself: false,
            },
            packed,
            kinds: vec![
                (FrameKind::RequestVote, mark("request_vote", 0)),
                (FrameKind::AppendEntries, mark("append", 40)),
            ],
        })
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32).to_le_bytes()[..], body].concat()
    }

    #[test]
    fn frames_are_seen_whole_and_counted_by_kind() {
        let frames = [
            framed(b"append"),
            framed(b"request_vote 1"),
            framed(&[b"append".as_slice(), &[7; 60]].concat()),
            framed(b"request_vote 2"),
        ];
        let stream = frames.concat();
        let [first, second, third, _] = frames.each_ref().map(Vec::len);
        for cut in 0..stream.len() {
            let mut sight = Sight::new(form(Packed::Plain));
            let seen = sight.look(&stream[..cut]).unwrap();
            let rest = sight.look(&stream[seen.bytes as usize..]).unwrap();
            assert_eq!(seen.frames + rest.frames, 4, "cut at {cut}");
            assert_eq!(sight.through(FrameKind::RequestVote, 1), first + second);
            assert_eq!(sight.through(FrameKind::AppendEntries, 1), first + second + third);
            assert_eq!(sight.through(FrameKind::AppendEntries, 2), stream.len());
            assert_eq!(sight.through(FrameKind::AppendEntries, 0), 0);
            assert_eq!(sight.before(FrameKind::Append), first + second);
            assert_eq!(sight.before(FrameKind::RequestVoteReply), stream.len());
            assert_eq!(sight.advance(first + 3, Some(FrameKind::RequestVote)), (1, 0));
            assert_eq!(sight.through(FrameKind::RequestVote, 1), second - 3);
            // What has begun is not held.
            assert_eq!(sight.before(FrameKind::RequestVote), second - 3 + third);
            assert_eq!(sight.advance(second - 3, Some(FrameKind::RequestVote)), (1, 1));
        }
    }

    #[test]
    fn what_is_packed_is_looked_into() {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
        packed.write_all(b"a request_vote, packed").unwrap();
        let stream = framed(&packed.finish().unwrap());
        let mut sight = Sight::new(form(Packed::Zlib));
        sight.look(&stream).unwrap();
        assert_eq!(sight.advance(stream.len(), Some(FrameKind::RequestVote)), (1, 1));
    }

    #[test]
    fn a_length_beyond_reason_is_strange() {
        let mut sight = Sight::new(form(Packed::Plain));
        assert_eq!(sight.look(&[0, 0, 0, 0, 1]), Err(Strange));
        assert_eq!(sight.look(&[0xff; 8]), Err(Strange));
        assert_eq!(sight.look(&[9, 0]), Ok(Count::default()));
    }

    #[test]
    fn lengths_are_read_as_they_are_said_to_be_written() {
        let prefix = |bytes, little_endian, counts_itself| Prefix {
            bytes,
            little_endian,
            counts_itself,
        };
        assert_eq!(prefix(4, false, false).frame(&[0, 0, 1, 2, 9]), Ok(Some(262)));
        assert_eq!(prefix(4, true, true).frame(&[7, 0, 0, 0]), Ok(Some(7)));
        assert_eq!(prefix(2, false, true).frame(&[0, 9]), Ok(Some(9)));
        assert_eq!(prefix(2, false, true).frame(&[0, 2]), Err(Strange));
    }
}
