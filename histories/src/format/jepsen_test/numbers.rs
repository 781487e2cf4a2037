//! Scalars of Fressian whose bytes are not yet their text.

use std::borrow::Cow;
use std::fmt::Write;

use crate::format::edn::Edn;

/// Longer integers are shown as they stand, in base 16.
const DIGITS_MAX: usize = 64;

/// Bytes as two digits each, behind a word that says so.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(BYTES.len() + 2 * bytes.len());
    text.push_str(BYTES);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

const BYTES: &str = "#bytes ";

/// A `bigint` or, with a scale, a `bigdec`, from the bytes of its two's complement, the greatest first.
pub(super) fn decimal<'a>(hexadecimal: &str, scale: &Edn<'_>) -> Edn<'a> {
    let digits = hexadecimal.strip_prefix(BYTES).unwrap_or_default();
    let pairs = (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16));
    let bytes: Vec<u8> = pairs.flatten().collect();
    let number = match bytes.len() {
        0 => "0".into(),
        1..=DIGITS_MAX => in_tens(&bytes),
        _ => format!("0x{digits}"),
    };
    match (scale, number.parse()) {
        (Edn::Nil, Ok(number)) => Edn::Int(number),
        (Edn::Nil, Err(_)) => Edn::Number(format!("{number}N").into()),
        (scale, _) => Edn::Number(format!("{number}E-{scale}M").into()),
    }
}

fn in_tens(bytes: &[u8]) -> String {
    let is_negative = bytes[0] >= 0x80;
    let mut magnitude = bytes.to_vec();
    if is_negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            let (sum, over) = (!*byte).overflowing_add(carry.into());
            (*byte, carry) = (sum, over);
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|&byte| byte > 0) {
        let mut rest = 0;
        for byte in &mut magnitude {
            let number = rest << 8 | u32::from(*byte);
            (*byte, rest) = ((number / 10) as u8, number % 10);
        }
        digits.push(char::from(b'0' + rest as u8));
    }
    if digits.is_empty() {
        digits.push('0');
    }
    if is_negative {
        digits.push('-');
    }
    digits.into_iter().rev().collect()
}

/// Fressian writes each half of a surrogate pair by itself, in three bytes.
pub(super) fn unpacked_text(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.into()),
            Err(_) => with_surrogates(bytes).map(Cow::Owned),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Some(text.into()),
            Err(error) => with_surrogates(error.as_bytes()).map(Cow::Owned),
        },
    }
}

fn with_surrogates(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, more @ ..] = rest {
        let (unit, used) = match (first, more) {
            (0x00..=0x7f, _) => (u16::from(*first), 0),
            (0xc0..=0xdf, [a, ..]) => (u16::from(first & 0x1f) << 6 | tail(*a)?, 1),
            (0xe0..=0xef, [a, b, ..]) => (u16::from(first & 0x0f) << 12 | tail(*a)? << 6 | tail(*b)?, 2),
            _ => return None,
        };
        units.push(unit);
        rest = &more[used..];
    }
    String::from_utf16(&units).ok()
}

fn tail(byte: u8) -> Option<u16> {
    (byte & 0xc0 == 0x80).then(|| u16::from(byte & 0x3f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bigint_is_its_decimal_digits() {
        let of = |bytes: &[u8]| decimal(&hexadecimal(bytes), &Edn::Nil);
        assert_eq!(of(&[]), Edn::Int(0));
        assert_eq!(of(&[0xff]), Edn::Int(-1));
        assert_eq!(of(&[0x01, 0x00]), Edn::Int(256));
        assert_eq!(of(&[0x80]), Edn::Int(-128));
        let two_to_64 = [1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(of(&two_to_64), Edn::Number("18446744073709551616N".into()));
        assert_eq!(decimal("#bytes 7b", &Edn::Int(2)), Edn::Number("123E-2M".into()));
    }

    #[test]
    fn a_letter_in_two_halves_is_one() {
        let smile = [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80];
        assert_eq!(unpacked_text(Cow::Borrowed(&smile)).as_deref(), Some("😀"));
        assert_eq!(unpacked_text(Cow::Borrowed(&smile[..3])), None);
        assert_eq!(unpacked_text(Cow::Borrowed(&[0xc3])), None);
    }
}
