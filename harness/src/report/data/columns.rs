//! Columns of numbers, small enough for a page: deltas as variable-length integers, in base64.
//!
//! A number takes a byte for every 7 bits (LEB128); a signed one is first folded (0, -1, 1, -2 … become 0, 1, 2, 3 …).
//! The page reads them back in `page/data.js`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

/// A page holds numbers exactly up to 2^53; folded and told from a text, these stay below that.
pub const EXACT: i64 = 1 << 50;

/// Numbers as they are.
#[derive(Clone, Debug, Default)]
pub struct Column(Vec<u8>);

impl Column {
    /// Add a number.
    pub fn push(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Add a number that may be negative.
    pub fn push_signed(&mut self, number: i64) {
        self.push(((number << 1) ^ (number >> 63)) as u64);
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

/// Numbers that are close to the one before.
#[derive(Clone, Debug, Default)]
pub struct Deltas {
    column: Column,
    last: i64,
}

impl Deltas {
    /// Add a number.
    pub fn push(&mut self, number: u64) {
        let number = number as i64;
        self.column.push_signed(number.wrapping_sub(self.last));
        self.last = number;
    }
}

impl Serialize for Deltas {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.column.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_seven_bits_a_byte_and_signed_ones_are_folded() {
        let mut column = Column::default();
        [0, 127, 128, 300]
            .into_iter()
            .for_each(|number| column.push(number));
        assert_eq!(column.0, [0, 127, 0x80, 1, 0xac, 2]);
        let mut signed = Column::default();
        [0, -1, 1, -64, 64]
            .into_iter()
            .for_each(|number| signed.push_signed(number));
        assert_eq!(signed.0, [0, 1, 2, 127, 0x80, 1]);
    }

    #[test]
    fn deltas_stay_small_where_numbers_grow_slowly() {
        let mut deltas = Deltas::default();
        (0..100u64).for_each(|step| deltas.push(1_000_000_000 + 50 * step));
        assert!(deltas.column.0.len() < 210, "{}", deltas.column.0.len());
    }
}
