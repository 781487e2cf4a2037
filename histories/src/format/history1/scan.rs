//! The fast path: one event straight from its line.
//!
//! It knows a line in the order and spelling in which [`write_event`](super::write_event) writes it, without blanks
//! and without escapes, and checks every byte of it. Whatever is out of the ordinary (another order, an escape, an
//! unknown field, a number of 19 digits, a mistake) is left to the full parser, which understands it or says what is
//! wrong. So the two never disagree, which a test holds them to.
//!
//! Strings and integers are read eight bytes at a time, as words of 64 bits ("SWAR").

use super::full::Expected;
use super::view::{EventRef, ListRef, ValueRef};
use crate::event::{Kind, Process};
use crate::units::{LogIndex, Nanos, Term};

/// Deeper arrays go to the full parser, which has a limit of its own.
const DEPTH_MAX: usize = 8;

/// The event at an offset of the text, and the offset behind its newline; none if the line is out of the ordinary.
#[inline]
pub(super) fn event(text: &str, at: usize, expected: Expected) -> Option<(EventRef<'_>, usize)> {
    let mut cursor = Cursor {
        text,
        bytes: text.as_bytes(),
        at,
    };
    cursor.eats(b"{\"index\":")?;
    let index = cursor.digits()?;
    cursor.eats(b",\"time\":")?;
    let time = Nanos(cursor.digits()?);
    if index != expected.index || time < expected.time {
        return None;
    }
    cursor.eats(b",\"process\":")?;
    let process = cursor.process()?;
    let kind = cursor.kind()?;
    let f = cursor.string()?;
    let mut event = EventRef::head(index, time, process, kind, f);
    if cursor.has(b",\"key\":") {
        // `"key":null` is no key.
        event.key = Some(cursor.value(DEPTH_MAX)?).filter(|key| !matches!(key, ValueRef::Null));
    }
    if cursor.has(b",\"value\":") {
        event.value = cursor.value(DEPTH_MAX)?;
    }
    if cursor.has(b",\"node\":\"") {
        event.node = Some(cursor.string()?);
    }
    if !cursor.has(b"}\n") {
        cursor.rare_fields(&mut event)?;
        cursor.eats(b"}\n")?;
    }
    Some((event, cursor.at))
}

/// The value that a checked text begins with, and what follows it.
pub(super) fn value(text: &str) -> Option<(ValueRef<'_>, &str)> {
    let mut cursor = Cursor {
        text,
        bytes: text.as_bytes(),
        at: 0,
    };
    let value = cursor.value(DEPTH_MAX)?;
    Some((value, &text[cursor.at..]))
}

struct Cursor<'a> {
    text: &'a str,
    /// The same text.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    fn has(&mut self, literal: &[u8]) -> bool {
        let there = self
            .bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(literal));
        self.at += if there { literal.len() } else { 0 };
        there
    }

    #[inline(always)]
    fn eats(&mut self, literal: &[u8]) -> Option<()> {
        self.has(literal).then_some(())
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next eight bytes, the first one lowest; zeros behind the end, which are neither digits nor in a string.
    #[inline(always)]
    fn word(&self) -> u64 {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.first_chunk::<8>() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => rest
                .iter()
                .rev()
                .fold(0, |word, &byte| word << 8 | u64::from(byte)),
        }
    }

    /// An integer of 1 to 18 digits, without a sign or a leading zero.
    #[inline(always)]
    fn digits(&mut self) -> Option<u64> {
        let word = self.word();
        let count = digits_of(word);
        if count == 0 || count > 1 && word as u8 == b'0' {
            return None;
        }
        self.at += count;
        let number = number_of(word, count);
        if count < 8 {
            Some(number)
        } else {
            self.more_digits(number)
        }
    }

    /// What follows the first eight digits.
    #[inline(always)]
    fn more_digits(&mut self, mut number: u64) -> Option<u64> {
        for most in [8, 2] {
            let word = self.word();
            let count = digits_of(word);
            if count > most {
                return None;
            }
            if count > 0 {
                number = number * POWERS[count] + number_of(word, count);
                self.at += count;
            }
            if count < 8 {
                break;
            }
        }
        Some(number)
    }

    /// An integer with a sign. `-0` is a float to JSON's readers.
    #[inline(always)]
    fn integer(&mut self) -> Option<i64> {
        let negative = self.has(b"-");
        let number = self.digits()? as i64;
        match (negative, number) {
            (true, 0) => None,
            (true, number) => Some(-number),
            (false, number) => Some(number),
        }
    }

    #[inline(always)]
    fn process(&mut self) -> Option<Process> {
        match self.has(b"\"nemesis\"") {
            true => Some(Process::Nemesis),
            false => self.digits().map(Process::Client),
        }
    }

    #[inline(always)]
    fn kind(&mut self) -> Option<Kind> {
        self.eats(b",\"type\":\"")?;
        let kind = match self.word().to_le_bytes() {
            [b'i', b'n', b'v', ..] => self.eats(b"invoke").map(|()| Kind::Invoke),
            [b'i', ..] => self.eats(b"info").map(|()| Kind::Info),
            [b'o', ..] => self.eats(b"ok").map(|()| Kind::Ok),
            _ => self.eats(b"fail").map(|()| Kind::Fail),
        }?;
        self.eats(b"\",\"f\":\"")?;
        Some(kind)
    }

    /// What stands between here and the closing quote; the opening one has been read.
    #[inline(always)]
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        loop {
            let stop = stop_of(self.word());
            self.at += stop;
            if stop < 8 {
                break;
            }
        }
        if self.peek() != Some(b'"') {
            return None;
        }
        self.at += 1;
        self.text.get(start..self.at - 1)
    }

    #[inline(always)]
    fn value(&mut self, depth: usize) -> Option<ValueRef<'a>> {
        match self.peek()? {
            b'0'..=b'9' | b'-' => self.integer().map(ValueRef::Int),
            b'"' => {
                self.at += 1;
                self.string().map(ValueRef::Text)
            }
            b'n' => self.eats(b"null").map(|()| ValueRef::Null),
            b't' => self.eats(b"true").map(|()| ValueRef::Bool(true)),
            b'f' => self.eats(b"false").map(|()| ValueRef::Bool(false)),
            b'[' => self.list(depth).map(ValueRef::List),
            _ => None,
        }
    }

    /// Checks an array; its elements are read again when they are asked for.
    fn list(&mut self, depth: usize) -> Option<ListRef<'a>> {
        let depth = depth.checked_sub(1)?;
        self.at += 1;
        let start = self.at;
        if !self.has(b"]") {
            self.value(depth)?;
            while self.has(b",") {
                self.value(depth)?;
            }
            self.eats(b"]")?;
        }
        self.text.get(start..self.at - 1).map(ListRef::checked)
    }

    /// What many events lack.
    fn rare_fields(&mut self, event: &mut EventRef<'a>) -> Option<()> {
        if self.has(b",\"error\":\"") {
            event.error = Some(self.string()?);
        }
        if self.has(b",\"message\":\"") {
            event.message = Some(self.string()?);
        }
        if self.has(b",\"seq\":") {
            event.seq = Some(self.digits()?);
        }
        if self.has(b",\"at\":[") {
            let index = LogIndex(self.digits()?);
            self.eats(b",")?;
            event.at = Some((index, Term(self.digits()?)));
            self.eats(b"]")?;
        }
        event.is_final = self.has(b",\"final\":true");
        Some(())
    }
}

/// The byte in every one of a word's eight places.
#[inline(always)]
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// 10 to the power of 0 to 8.
const POWERS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// How many digits the word begins with.
///
/// A digit is 0 to 9 after the exclusive or; adding 0x76 carries anything above 9 into the byte's top bit. A carry out
/// of a byte reaches only the bytes behind the first non-digit.
#[inline(always)]
fn digits_of(word: u64) -> usize {
    let zero_based = word ^ each(b'0');
    let not_digits = (zero_based.wrapping_add(each(0x76)) | zero_based) & each(0x80);
    (not_digits.trailing_zeros() / 8) as usize
}

/// The number of the first `count` digits of a word, at least one: pairs, then fours, then all eight, with the absent
/// ones in front as zeros.
#[inline(always)]
fn number_of(word: u64, count: usize) -> u64 {
    let zero_based = (word ^ each(b'0')) << (64 - 8 * count);
    let pairs = zero_based.wrapping_mul(10).wrapping_add(zero_based >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// How many bytes of the word stand before a quote, a backslash or a control character.
///
/// Each term has its lowest set bit in the first such byte; what a borrow adds lies behind it.
#[inline(always)]
fn stop_of(word: u64) -> usize {
    let zero_in = |word: u64| word.wrapping_sub(each(1)) & !word;
    let control = word.wrapping_sub(each(b' ')) & !word;
    let stops = (zero_in(word ^ each(b'"')) | zero_in(word ^ each(b'\\')) | control) & each(0x80);
    (stops.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_in_every_place_of_a_word() {
        for place in 0..8 {
            for byte in 0..=255u8 {
                let mut digits = *b"12345678";
                digits[place] = byte;
                let count = if byte.is_ascii_digit() { 8 } else { place };
                let word = u64::from_le_bytes(digits);
                assert_eq!(digits_of(word), count, "{digits:?}");
                if count > 0 {
                    let number: u64 = std::str::from_utf8(&digits[..count]).unwrap().parse().unwrap();
                    assert_eq!(number_of(word, count), number, "{digits:?}");
                }

                for filler in [b'a', 0x7f, 0x80, 0xff, b'"' + 1, b'\\' + 1] {
                    let mut letters = [filler; 8];
                    letters[place] = byte;
                    let stops = byte < b' ' || byte == b'"' || byte == b'\\';
                    let stop = if stops { place } else { 8 };
                    assert_eq!(stop_of(u64::from_le_bytes(letters)), stop, "{letters:?}");
                }
            }
        }
    }
}
