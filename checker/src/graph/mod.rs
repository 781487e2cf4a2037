//! The graph engines: near-linear decisions for histories whose values tell where they come from.
//!
//! Each takes the decoded operations of one key and answers for good, or says that it does not apply; then
//! the search engine decides. What it calls illegal, it proves with a few operations that the search
//! engine judges again on their own.

pub(crate) mod chains;
pub(crate) mod deadlines;
pub(crate) mod pairs;
pub(crate) mod rank;
pub(crate) mod strings;
pub(crate) mod versions;
mod zones;
