//! The hash of the state machine, kept up with every change: the sum of a hash of each key and its value.

use serde_json::Value;

use crate::hash;
use crate::journal::link;

/// The hash of a null, and of a list without elements. Under a key with null stands the same as under one that is not there.
const NULL: u64 = 0;
const LIST: u64 = 1;

/// The hash of all keys and values.
#[derive(Debug, Default)]
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) fn get(&self) -> u64 {
        self.0
    }

    /// The value under a key changed from one of this hash to one of that.
    pub(crate) fn change(&mut self, key: &str, from: u64, to: u64) {
        let key = hash_of(key);
        let part = |value: u64| if value == NULL { 0 } else { link(key, value) };
        self.0 = self.0.wrapping_sub(part(from)).wrapping_add(part(to));
    }
}

/// The hash of a value.
pub(crate) fn value(value: &Value) -> u64 {
    match value {
        Value::Null => NULL,
        Value::Array(elements) => elements
            .iter()
            .fold(LIST, |list, element| link(list, self::value(element))),
        Value::Number(number) => link(
            2,
            number
                .as_i64()
                .map_or_else(|| hash_of(&number.to_string()), |n| n as u64),
        ),
        other => link(3, hash_of(&other.to_string())),
    }
}

/// The hash of a list of this hash with one more element.
pub(crate) fn appended(list: u64, element: &Value) -> u64 {
    let list = if list == NULL { LIST } else { list };
    link(list, value(element))
}

fn hash_of(text: &str) -> u64 {
    hash::of([text.as_bytes()])
}
