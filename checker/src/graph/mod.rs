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

use crate::search::Entry;

/// What a graph engine found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision<O> {
    /// A legal order, as ids; empty unless it was asked for.
    Legal(Vec<u32>),
    /// Operations, or weaker ones in their place, that have no legal order by themselves.
    Illegal(Vec<Entry<O>>),
    /// The history is not of the kind that this engine decides.
    NotApplicable,
}
