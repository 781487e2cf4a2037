//! A walk over bytes of a file: every step is checked, and every error has its place in the file.

use super::edn::Fault;

/// Some bytes of a file, and how far they were read.
#[derive(Clone, Debug)]
pub(super) struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the first of them stands in the file.
    base: usize,
}

impl<'a> Bytes<'a> {
    /// These bytes, of which the first stands at `base` of the file.
    pub(super) fn new(bytes: &'a [u8], base: usize) -> Self {
        Bytes { bytes, at: 0, base }
    }

    /// The next byte's place in the file.
    pub(super) fn offset(&self) -> usize {
        self.base + self.at
    }

    /// How many there are still.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize, expected: &'static str) -> Result<&'a [u8], Fault> {
        let left = self.left();
        if count > left {
            let found = format!("the end after {left} of {count} bytes");
            return Err(Fault::expected(self.offset(), expected, found));
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    /// The next `N` bytes.
    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, expected)?);
        Ok(array)
    }

    /// A byte.
    pub(super) fn byte(&mut self, expected: &'static str) -> Result<u8, Fault> {
        self.array(expected).map(|[byte]: [u8; 1]| byte)
    }

    /// An integer of 16 bits, the greatest byte first, as Java writes them.
    pub(super) fn i16(&mut self, expected: &'static str) -> Result<i16, Fault> {
        self.array(expected).map(i16::from_be_bytes)
    }

    /// An integer of 32 bits, the greatest byte first.
    pub(super) fn i32(&mut self, expected: &'static str) -> Result<i32, Fault> {
        self.array(expected).map(i32::from_be_bytes)
    }

    /// An integer of 64 bits, the least byte first.
    pub(super) fn u64_le(&mut self, expected: &'static str) -> Result<u64, Fault> {
        self.array(expected).map(u64::from_le_bytes)
    }

    /// An integer of 64 bits, the greatest byte first.
    pub(super) fn i64(&mut self, expected: &'static str) -> Result<i64, Fault> {
        self.array(expected).map(i64::from_be_bytes)
    }
}
