//! The blocks of `test.jepsen`, as `jepsen.store.format` documents them, with two facts from its code: the version takes
//! four bytes (the text says 32), and the header of a block has sixteen for its type, of which the first two are used.
//!
//! ```text
//! file   "JEPSEN" | version: 4 | offset of the index: 8 | blocks
//! block  length with this header: 8 | CRC-32: 4 | type: 2 | zeroes: 14 | data
//! index  id of the root: 4 | (id: 4 | offset: 8)*
//! ```

use std::collections::HashMap;

use crate::format::bytes::Bytes;
use crate::format::edn::Fault;

/// How the file begins.
pub(super) const MAGIC: &[u8] = b"JEPSEN";

/// Version 0 has its history in one block; version 1 in chunks.
const VERSIONS: std::ops::RangeInclusive<i32> = 0..=1;

const HEADER_BYTES: usize = 28;
const TYPE_AT: usize = 12;
const CHECKSUM_AT: usize = 8;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Index,
    Fressian,
    PartialMap,
    FressianStream,
    BigVector,
}

impl Kind {
    fn of(number: i16) -> Option<Self> {
        Some(match number {
            1 => Kind::Index,
            2 => Kind::Fressian,
            3 => Kind::PartialMap,
            4 => Kind::FressianStream,
            5 => Kind::BigVector,
            _ => return None,
        })
    }
}

/// A block whose checksum is right.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) kind: Kind,
    pub(super) data: Bytes<'a>,
    /// Where it begins.
    pub(super) offset: usize,
}

/// The file and its index.
#[derive(Debug)]
pub(super) struct File<'a> {
    bytes: &'a [u8],
    offsets: HashMap<i32, i64>,
    /// The block of the test.
    pub(super) root: i32,
}

impl<'a> File<'a> {
    /// Reads the header and the index.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut header = Bytes::new(bytes, 0);
        if header.take(MAGIC.len(), "JEPSEN")? != MAGIC {
            return Err(Fault::expected(0, "JEPSEN", "other bytes"));
        }
        let at = header.offset();
        let version = header.i32("a version")?;
        if !VERSIONS.contains(&version) {
            let found = format!("version {version}");
            return Err(Fault::expected(
                at,
                "version 0 or 1 of Jepsen's store format",
                found,
            ));
        }
        let at = header.offset();
        let index = header.i64("the offset of the index")?;
        if index == 0 {
            return Err(Fault::expected(
                at,
                "the offset of the index",
                "0: the test had only begun; its operations stand in jepsen.log beside it",
            ));
        }
        let mut file = File {
            bytes,
            offsets: HashMap::new(),
            root: 0,
        };
        let block = file.block_at(index, at)?;
        if block.kind != Kind::Index {
            return Err(unexpected(&block, "the block of the index"));
        }
        file.read_index(block.data)?;
        Ok(file)
    }

    fn read_index(&mut self, mut data: Bytes<'_>) -> Result<(), Fault> {
        self.root = data.i32("the root's id")?;
        while data.left() > 0 {
            let id = data.i32("a block's id")?;
            self.offsets.insert(id, data.i64("a block's offset")?);
        }
        Ok(())
    }

    /// The block of this id, which stands at `from`.
    pub(super) fn block(&self, id: i64, from: usize) -> Result<Block<'a>, Fault> {
        let known = i32::try_from(id).ok().and_then(|id| self.offsets.get(&id));
        let offset = known.ok_or_else(|| {
            let found = format!("the id {id}");
            Fault::expected(from, "the id of a block that the index has", found)
        })?;
        self.block_at(*offset, from)
    }

    /// The block at this offset, which stands at `from`.
    fn block_at(&self, offset: i64, from: usize) -> Result<Block<'a>, Fault> {
        let outside = || {
            let found = format!("{offset} of {} bytes", self.bytes.len());
            Fault::expected(from, "the offset of a block inside the file", found)
        };
        let begin = usize::try_from(offset).map_err(|_| outside())?;
        let rest = self.bytes.get(begin..).ok_or_else(outside)?;
        let mut header = Bytes::new(rest, begin);
        let length = header.i64("the length of a block")?;
        let fits = |length: &usize| (HEADER_BYTES..=rest.len()).contains(length);
        let length = usize::try_from(length).ok().filter(fits).ok_or_else(|| {
            let found = format!("{length}, with {} bytes left in the file", rest.len());
            Fault::expected(begin, "the length of a block, with its header of 28 bytes", found)
        })?;
        let block = &rest[..length];
        let promised = header.i32("a checksum")?;
        if checksum(block) != promised as u32 {
            let found = format!("CRC-32 {:08x}", checksum(block));
            let expected = "the checksum that the block's header says";
            return Err(Fault::expected(begin + CHECKSUM_AT, expected, found));
        }
        let number = header.i16("a block's type")?;
        let kind = Kind::of(number).ok_or_else(|| {
            let found = format!("type {number}");
            Fault::expected(begin + TYPE_AT, "a block's type from 1 to 5", found)
        })?;
        Ok(Block {
            kind,
            data: Bytes::new(&block[HEADER_BYTES..], begin + HEADER_BYTES),
            offset: begin,
        })
    }
}

/// Of the data first, then of the header without its checksum: a writer knows the length last.
fn checksum(block: &[u8]) -> u32 {
    let mut header = [0; HEADER_BYTES];
    header.copy_from_slice(&block[..HEADER_BYTES]);
    header[CHECKSUM_AT..TYPE_AT].fill(0);
    // A header is made anew for the checksum: what stands behind its type does not count.
    header[TYPE_AT + 2..].fill(0);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&block[HEADER_BYTES..]);
    crc.update(&header);
    crc.finalize()
}

/// A block of another kind than it has to be.
pub(super) fn unexpected(block: &Block<'_>, expected: &'static str) -> Fault {
    let found = format!("a block of type {:?}", block.kind);
    Fault::expected(block.offset + TYPE_AT, expected, found)
}
