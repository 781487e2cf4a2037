//! A journal line by line, in memory that does not grow with the file.

use std::io::{self, Read};

use super::event::Event;
use super::plain;
use super::problem::{LINE_BYTES_MAX, Problem};
use super::raw::Raw;
use crate::units::{Incarnation, Nanos, NodeName, Term};

/// The version of the format that this reader knows.
const VERSION: u64 = 1;
/// What is read at once.
const BLOCK_BYTES: usize = 64 * 1024;
/// A line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Which line of the file, from 1.
    pub number: u64,
    /// When, on the machine's monotonic clock; for people.
    pub mono: Nanos,
    /// The node's term after the event.
    pub term: Term,
    /// What happened.
    pub event: Event<'a>,
}

/// What is wrong, and on which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {problem}")]
pub struct Malformed {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: Problem,
}

/// The lines of one file.
///
/// A last line without its newline is left out. Whoever asks again after the end sees what was written since.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    node: NodeName,
    incarnation: Incarnation,
    /// What every line begins with, up to its number.
    prefix: Vec<u8>,
    buffer: Vec<u8>,
    /// What of the buffer has not been given out: from here to `filled`.
    at: usize,
    filled: usize,
    /// Up to here there is no newline.
    searched: usize,
    lines: u64,
}

impl<R: Read> Reader<R> {
    /// The journal of this node's incarnation. The input needs no buffer of its own.
    pub fn new(input: R, node: impl Into<NodeName>, incarnation: Incarnation) -> Self {
        let node: NodeName = node.into();
        let name = serde_json::Value::from(node.as_str());
        Reader {
            input,
            prefix: format!("{{\"v\":{VERSION},\"n\":{name},\"inc\":{},\"s\":", incarnation.0).into_bytes(),
            node,
            incarnation,
            buffer: vec![0; BLOCK_BYTES],
            at: 0,
            filled: 0,
            searched: 0,
            lines: 0,
        }
    }

    /// How many lines were read.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The next whole line; none at the end.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, Malformed> {
        let number = self.lines + 1;
        let malformed = |problem| Malformed {
            line: number,
            problem,
        };
        let Some(end) = self.line_end().map_err(malformed)? else {
            return Ok(None);
        };
        let begin = std::mem::replace(&mut self.at, end + 1);
        self.searched = end + 1;
        self.lines = number;
        self.parse(begin, end).map(Some).map_err(malformed)
    }

    fn parse(&self, begin: usize, end: usize) -> Result<Line<'_>, Problem> {
        let text = &self.buffer[begin..end];
        let seq = self.lines - 1;
        if let Some(plain) = plain::read(text, &self.prefix)
            && plain.seq == seq
            && seq > 0
        {
            return Ok(Line {
                number: self.lines,
                mono: plain.mono,
                term: plain.term,
                event: plain.event,
            });
        }
        let raw: Raw<'_> = serde_json::from_slice(text).map_err(|error| {
            // The place in the text is that in the line.
            Problem::Json(error.to_string().replace("at line 1 column", "at column"))
        })?;
        if raw.v != VERSION {
            return Err(Problem::Version { found: raw.v });
        }
        if raw.n.as_str() != self.node.as_str() {
            return Err(Problem::Node {
                expected: self.node.clone(),
                found: raw.n.to_string(),
            });
        }
        if raw.inc != self.incarnation.0 {
            return Err(Problem::Incarnation {
                expected: self.incarnation,
                found: raw.inc,
            });
        }
        if raw.s != seq {
            return Err(Problem::Gap {
                expected: seq,
                found: raw.s,
            });
        }
        let (mono, term) = (raw.mono, raw.term);
        let event = raw.event()?;
        if matches!(event, Event::Boot(_)) != (seq == 0) {
            return Err(Problem::Boot);
        }
        Ok(Line {
            number: self.lines,
            mono,
            term,
            event,
        })
    }

    /// Where the next newline is, reading on if need be.
    fn line_end(&mut self) -> Result<Option<usize>, Problem> {
        loop {
            if let Some(length) = memchr::memchr(b'\n', &self.buffer[self.searched..self.filled]) {
                return Ok(Some(self.searched + length));
            }
            self.searched = self.filled;
            if self.filled - self.at > LINE_BYTES_MAX {
                return Err(Problem::TooLong);
            }
            if self.fill().map_err(|error| Problem::Read(error.to_string()))? == 0 {
                return Ok(None);
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.filled == self.buffer.len() {
            self.buffer.copy_within(self.at..self.filled, 0);
            self.filled -= self.at;
            self.searched -= self.at;
            self.at = 0;
            if self.filled == self.buffer.len() {
                self.buffer.resize(self.filled * 2, 0);
            }
        }
        loop {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(count) => {
                    self.filled += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
