//! Frames: how peers speak over TCP (docs/cluster-node.md). Reading and writing bytes only, no sockets.

use serde::{Deserialize, Serialize};

use crate::forward::{Forward, Forwarded};
use crate::raft::types::Message;

/// The version of the peer protocol.
pub const VERSION: u32 = 1;
/// A longer frame is nonsense.
pub const LONGEST: usize = 16 << 20;

/// The first frame of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`].
    pub version: u32,
    /// The cluster's name.
    pub cluster: String,
    /// Who dials.
    pub from: String,
    /// Who is dialled.
    pub to: String,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Who speaks.
    Hello(Hello),
    /// What the core says.
    Message(Message),
    /// A client's write, handed on.
    Forward(Forward),
    /// What came of it.
    Forwarded(Forwarded),
}

/// A frame that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Its length.
    #[error("a frame of {0} bytes; at least 1 and at most {LONGEST} are allowed")]
    Length(usize),
    /// Its type.
    #[error("a frame of the unknown type {0}")]
    Type(u8),
    /// Its body.
    #[error("a frame of type {0} whose body cannot be read: {1}")]
    Body(u8, postcard::Error),
}

const HELLO: u8 = 1;
const FORWARD: u8 = 11;
const FORWARDED: u8 = 12;

fn type_of(message: &Message) -> u8 {
    match message {
        Message::PreVote { .. } => 2,
        Message::PreVoteReply { .. } => 3,
        Message::RequestVote { .. } => 4,
        Message::RequestVoteReply { .. } => 5,
        Message::AppendEntries { entries, .. } if !entries.is_empty() => 6,
        Message::AppendEntries { .. } => 7,
        Message::AppendEntriesReply { .. } => 8,
        Message::ReadIndex { .. } => 9,
        Message::ReadIndexReply { .. } => 10,
    }
}

/// Append a frame to `out`.
pub fn write(out: &mut Vec<u8>, frame: &Frame) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    // Writing to memory cannot fail.
    let body = match frame {
        Frame::Hello(hello) => {
            out.push(HELLO);
            postcard::to_allocvec(hello)
        }
        Frame::Message(message) => {
            out.push(type_of(message));
            postcard::to_allocvec(message)
        }
        Frame::Forward(forward) => {
            out.push(FORWARD);
            postcard::to_allocvec(forward)
        }
        Frame::Forwarded(forwarded) => {
            out.push(FORWARDED);
            postcard::to_allocvec(forwarded)
        }
    };
    out.extend_from_slice(&body.unwrap_or_default());
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// How many bytes [`write()`] appends for it.
pub fn length(frame: &Frame) -> usize {
    use postcard::ser_flavors::Size;
    fn of(body: &impl Serialize) -> usize {
        // Counting cannot fail.
        postcard::serialize_with_flavor(body, Size::default()).unwrap_or_default()
    }
    let body = match frame {
        Frame::Hello(hello) => of(hello),
        Frame::Message(message) => of(message),
        Frame::Forward(forward) => of(forward),
        Frame::Forwarded(forwarded) => of(forwarded),
    };
    4 + 1 + body
}

/// A body without anything after it.
fn whole<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, postcard::Error> {
    match postcard::take_from_bytes(body)? {
        (value, []) => Ok(value),
        _ => Err(postcard::Error::DeserializeBadEncoding),
    }
}

/// The first whole frame of `bytes` and how many bytes it takes; none if there is none yet.
pub fn read(bytes: &[u8]) -> Result<Option<(Frame, usize)>, FrameError> {
    let Some(length) = bytes
        .get(..4)
        .and_then(|four| four.try_into().ok())
        .map(u32::from_le_bytes)
    else {
        return Ok(None);
    };
    let length = length as usize;
    if length == 0 || length > LONGEST {
        return Err(FrameError::Length(length));
    }
    let Some(rest) = bytes.get(4..4 + length) else {
        return Ok(None);
    };
    let (kind, body) = (rest[0], &rest[1..]);
    let wrong = |error| FrameError::Body(kind, error);
    let frame = match kind {
        HELLO => Frame::Hello(whole(body).map_err(wrong)?),
        FORWARD => Frame::Forward(whole(body).map_err(wrong)?),
        FORWARDED => Frame::Forwarded(whole(body).map_err(wrong)?),
        2..=10 => {
            let message: Message = whole(body).map_err(wrong)?;
            if type_of(&message) != kind {
                return Err(FrameError::Type(kind));
            }
            Frame::Message(message)
        }
        other => return Err(FrameError::Type(other)),
    };
    Ok(Some((frame, 4 + length)))
}

/// What has arrived on a connection and is not yet a whole frame.
#[derive(Debug, Default)]
pub struct Incoming {
    bytes: Vec<u8>,
    /// Where the next frame begins; what is before it has been taken.
    at: usize,
}

impl Incoming {
    /// Where to put what arrives.
    pub fn room(&mut self) -> &mut Vec<u8> {
        // Only what is left of a frame is moved, once for all the frames before it.
        self.bytes.drain(..std::mem::take(&mut self.at));
        &mut self.bytes
    }

    /// The next frame; none if it has not arrived as a whole.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((frame, length)) = read(&self.bytes[self.at..])? else {
            return Ok(None);
        };
        self.at += length;
        Ok(Some(frame))
    }
}
