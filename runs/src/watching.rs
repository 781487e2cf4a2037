//! What a watch is told: changes of keys, each with the revision that the store gave to it.

use std::time::Duration;

use histories::Value;

/// A watch that is to be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The keys that begin with it are watched.
    pub prefix: String,
    /// The first revision of which it wants to be told; the first of all is 1.
    pub from: i64,
    /// After so long without a word it is given up.
    pub idle: Duration,
}

/// A change of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Value,
    /// What stands there since.
    pub value: Value,
    /// Its number in the store's one count of all changes.
    pub revision: i64,
}

/// Takes what a watch is told, in the order in which it is.
pub type Tell<'a> = &'a (dyn Fn(Vec<Change>) + Send + Sync);

impl Watch {
    /// The first key behind all that begin with the prefix.
    pub fn until(&self) -> String {
        let mut letters: Vec<char> = self.prefix.chars().collect();
        while let Some(last) = letters.pop() {
            if let Some(next) = char::from_u32(last as u32 + 1) {
                letters.push(next);
                break;
            }
        }
        letters.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_letter() {
        let until = |prefix: &str| {
            let watch = Watch {
                prefix: prefix.to_owned(),
                from: 1,
                idle: Duration::ZERO,
            };
            watch.until()
        };
        assert_eq!([until("k"), until("ab")], ["l", "ac"]);
    }
}
