//! How a system is asked for a transaction.

use schemars::JsonSchema;
use serde::Deserialize;

/// A transaction is asked for in one request (`whole`), or in two: all of its keys are read, and what it writes is
/// committed if none of them has changed since (`read`, `commit`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Txn<T> {
    /// Do all of it. Its template sees `{{ value }}`, the transaction as JSON, `[["append", 3, 7], ["r", 4, null]]`, and
    /// `micros`, each with `f`, `key` and `value` (as JSON; none for a read). Its answer has the transaction with what was read
    /// filled in, or what `each` leads to is one for each of `micros`.
    pub whole: Option<T>,
    /// Tell the values of `keys`, all as of one moment. What `each` leads to in its answer is one for each of them, in their
    /// order, or says by `key` which one it is for. By itself it does a transaction that only reads.
    pub read: Option<T>,
    /// Put all of `writes`, each with `key` and `value` (as JSON), if each of `reads` is still as it was found: each with `key`,
    /// `revision` (what stood there in the answer to `read`, 0 where nothing is there) and `value` (as JSON; none where nothing is
    /// there). A transaction that only writes has no `reads`.
    pub commit: Option<T>,
}

/// A request that is part of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    #[default]
    Whole,
    /// What its keys hold.
    Read,
    /// What it makes of that.
    Commit,
}

impl<T> Txn<T> {
    /// The request for this part.
    pub(crate) fn get(&self, part: Part) -> Option<&T> {
        match part {
            Part::Whole => self.whole.as_ref(),
            Part::Read => self.read.as_ref(),
            Part::Commit => self.commit.as_ref(),
        }
    }

    /// Every request that there is.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        [&self.whole, &self.read, &self.commit].into_iter().flatten()
    }

    /// Whether it is one of the two ways.
    pub(crate) fn is_a_way(&self) -> bool {
        matches!(
            (&self.whole, &self.read, &self.commit),
            (Some(_), None, None) | (None, Some(_), Some(_))
        )
    }
}
