//! A history event by event, in memory that does not grow with the file.

use std::io::Read;

use super::full::{self, Expected};
use super::view::EventRef;
use super::{LINE_BYTES_MAX, scan};
use crate::event::Event;
use crate::format::error::{FormatError, Problem};
use crate::history::Header;
use crate::units::Nanos;

/// What is read at once. Small enough that a block is still in the cache when it is scanned.
const BLOCK_BYTES: usize = 256 * 1024;

/// The events of a file, one after the other.
///
/// ```
/// use histories::format::history1::Events;
/// let text = br#"{"history":1,"model":"register"}
/// {"index":0,"time":5,"process":0,"type":"invoke","f":"write","value":1}
/// "#;
/// let mut events = Events::open(text.as_slice())?;
/// while let Some(event) = events.next_event()? {
///     assert_eq!((event.f, event.value.as_int()), ("write", Some(1)));
/// }
/// # Ok::<(), histories::format::FormatError>(())
/// ```
#[derive(Debug)]
pub struct Events<R> {
    lines: Lines<R>,
    header: Header,
    text: String,
    cursor: Cursor,
}

impl<R: Read> Events<R> {
    /// Reads the header. The input needs no buffer of its own.
    pub fn open(input: R) -> Result<Self, FormatError> {
        Self::with_block_bytes(input, BLOCK_BYTES)
    }

    /// The same, reading about this much at once.
    pub(super) fn with_block_bytes(input: R, block_bytes: usize) -> Result<Self, FormatError> {
        let (lines, header, text) = Lines::open(input, block_bytes)?;
        Ok(Events {
            lines,
            header,
            text,
            cursor: Cursor::new(Expected::START),
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next event; none at the end of the file.
    ///
    /// After an error there is nothing more to be had.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<EventRef<'_>>, FormatError> {
        while self.cursor.at == self.text.len() {
            let text = std::mem::take(&mut self.text);
            // Text and cursor stay together, so that whoever asks again at the end is told the same.
            self.cursor.at = 0;
            match self.lines.next_lines(text, self.cursor.expected)? {
                Some(text) => self.text = text,
                None => return Ok(None),
            }
        }
        self.cursor.next(&self.text).map(Some)
    }
}

/// The text of a file in blocks of whole lines, to be scanned on several threads.
///
/// Each block knows what its first event has to follow, so every one can be checked by itself. Of several errors the
/// one on the smallest line is the one that [`Events`] gives.
#[derive(Debug)]
pub struct Blocks<R> {
    lines: Lines<R>,
    header: Header,
    /// The lines behind the header in the first block.
    first: Option<String>,
    expected: Expected,
}

impl<R: Read> Blocks<R> {
    /// Reads the header.
    pub fn open(input: R) -> Result<Self, FormatError> {
        Self::with_block_bytes(input, BLOCK_BYTES)
    }

    /// The same with blocks of about this size; a thread's errands cost less where they are larger.
    pub fn with_block_bytes(input: R, block_bytes: usize) -> Result<Self, FormatError> {
        let (lines, header, text) = Lines::open(input, block_bytes.max(1))?;
        Ok(Blocks {
            lines,
            header,
            first: Some(text),
            expected: Expected::START,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next block; none at the end of the file. A block that is done with may give its memory to the next.
    pub fn next_block(&mut self, used: Option<Block>) -> Result<Option<Block>, FormatError> {
        let used = used.map_or_else(String::new, |block| block.text);
        let text = match self.first.take().filter(|text| !text.is_empty()) {
            Some(first) => first,
            None => match self.lines.next_lines(used, self.expected)? {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        let block = Block {
            text,
            expected: self.expected,
        };
        let newlines = memchr::memchr_iter(b'\n', block.text.as_bytes()).count() as u64;
        // Only the last block can end without a newline; what is expected behind it does not matter.
        self.expected = Expected {
            index: self.expected.index + newlines,
            time: block.last_time(),
        };
        Ok(Some(block))
    }
}

/// Whole lines of events.
#[derive(Debug)]
pub struct Block {
    text: String,
    expected: Expected,
}

impl Block {
    /// The index of its first event.
    pub fn first_index(&self) -> u64 {
        self.expected.index
    }

    /// Its events.
    pub fn events(&self) -> BlockEvents<'_> {
        BlockEvents {
            text: &self.text,
            cursor: Cursor::new(self.expected),
        }
    }

    /// The time of the last event; that of the block before if the last line is malformed, which is an error anyway.
    fn last_time(&self) -> Nanos {
        let text = self.text.strip_suffix('\n').unwrap_or(&self.text);
        let line = text.rsplit('\n').next().unwrap_or_default();
        serde_json::from_str::<Event>(line).map_or(self.expected.time, |event| event.time)
    }
}

/// The events of a [`Block`].
#[derive(Debug)]
pub struct BlockEvents<'b> {
    text: &'b str,
    cursor: Cursor,
}

impl BlockEvents<'_> {
    /// The next event; none at the end of the block.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<EventRef<'_>>, FormatError> {
        if self.cursor.at == self.text.len() {
            return Ok(None);
        }
        self.cursor.next(self.text).map(Some)
    }
}

/// Where in a text of whole lines the next event begins.
#[derive(Debug)]
struct Cursor {
    at: usize,
    expected: Expected,
    /// The event that the full parser made, for as long as its view lives.
    full: Option<Box<Event>>,
}

impl Cursor {
    fn new(expected: Expected) -> Self {
        Cursor {
            at: 0,
            expected,
            full: None,
        }
    }

    #[inline(always)]
    fn next<'a>(&'a mut self, text: &'a str) -> Result<EventRef<'a>, FormatError> {
        match scan::event(text, self.at, self.expected) {
            Some((event, end)) => {
                self.at = end;
                self.expected = self.expected.after(event.time);
                Ok(event)
            }
            None => self.next_by_full_parser(text),
        }
    }

    #[cold]
    fn next_by_full_parser<'a>(&'a mut self, text: &str) -> Result<EventRef<'a>, FormatError> {
        let rest = &text.as_bytes()[self.at..];
        let (line, last) = match memchr::memchr(b'\n', rest) {
            Some(newline) => (&rest[..newline], false),
            None => (rest, true),
        };
        let event = full::event(line, self.expected, last)?;
        self.at += line.len() + usize::from(!last);
        self.expected = self.expected.after(event.time);
        Ok(EventRef::from(&**self.full.insert(Box::new(event))))
    }
}

/// The input cut at newlines, and checked to be UTF-8.
#[derive(Debug)]
struct Lines<R> {
    input: R,
    block_bytes: usize,
    /// The beginning of a line whose end has not been read.
    begun: Vec<u8>,
    /// A line that is no UTF-8, and what follows it.
    malformed: Option<Vec<u8>>,
}

impl<R: Read> Lines<R> {
    /// Reads the header, and gives the lines that were read with it.
    fn open(input: R, block_bytes: usize) -> Result<(Self, Header, String), FormatError> {
        let mut lines = Lines {
            input,
            block_bytes,
            begun: Vec::new(),
            malformed: None,
        };
        let block = lines.next_bytes(Vec::new(), 1)?;
        if block.is_empty() {
            return Err(FormatError::at(
                1,
                1,
                Problem::expected("a history/1 header", "an empty file"),
            ));
        }
        let line_end = memchr::memchr(b'\n', &block).unwrap_or(block.len());
        let header = full::header(&block[..line_end])?;
        let behind = block.get(line_end + 1..).unwrap_or_default().to_vec();
        let text = lines.text_of(behind);
        Ok((lines, header, text))
    }

    /// The next whole lines, in the memory of a text that is done with; none at the end.
    fn next_lines(&mut self, used: String, expected: Expected) -> Result<Option<String>, FormatError> {
        if let Some(malformed) = self.malformed.take() {
            return Err(no_utf8(&malformed, expected));
        }
        let bytes = self.next_bytes(used.into_bytes(), expected.line())?;
        if bytes.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.text_of(bytes)))
    }

    /// Whole lines, and the last one even if no newline ends it; nothing at the end.
    fn next_bytes(&mut self, mut block: Vec<u8>, line: u64) -> Result<Vec<u8>, FormatError> {
        block.clear();
        block.append(&mut self.begun);
        loop {
            let before = block.len();
            let mut limited = self.input.by_ref().take(self.block_bytes as u64);
            block.reserve(self.block_bytes);
            limited
                .read_to_end(&mut block)
                .map_err(|source| FormatError::Read { file: None, source })?;
            if block.len() == before {
                return Ok(block);
            }
            if let Some(newline) = memchr::memrchr(b'\n', &block[before..]) {
                let end = before + newline + 1;
                self.begun.extend_from_slice(&block[end..]);
                block.truncate(end);
                return Ok(block);
            }
            if block.len() > LINE_BYTES_MAX {
                return Err(FormatError::at(
                    line,
                    1,
                    Problem::LineTooLong {
                        limit: LINE_BYTES_MAX,
                    },
                ));
            }
        }
    }

    /// The lines up to the first one that is no UTF-8.
    fn text_of(&mut self, block: Vec<u8>) -> String {
        String::from_utf8(block).unwrap_or_else(|error| {
            let valid = error.utf8_error().valid_up_to();
            let mut valid_lines = error.into_bytes();
            let line = memchr::memrchr(b'\n', &valid_lines[..valid]).map_or(0, |newline| newline + 1);
            self.malformed = Some(valid_lines.split_off(line));
            String::from_utf8(valid_lines).unwrap_or_default()
        })
    }
}

/// The error of a line that is no UTF-8; the full parser knows where in it.
fn no_utf8(malformed: &[u8], expected: Expected) -> FormatError {
    let line_end = memchr::memchr(b'\n', malformed);
    let line = &malformed[..line_end.unwrap_or(malformed.len())];
    full::event(line, expected, line_end.is_none())
        .err()
        .unwrap_or_else(|| {
            FormatError::at(
                expected.line(),
                1,
                Problem::expected("text in UTF-8", "other bytes"),
            )
        })
}
