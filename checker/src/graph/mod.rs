//! The graph engines: near-linear decisions for histories whose values tell where they come from.
//!
//! Each takes the decoded operations of one key and answers for good, or says that it does not apply; then
//! the search engine decides. What it calls illegal, it proves with a few operations that the search
//! engine judges again on their own.

pub(crate) mod chains;
mod zones;

/// What a graph engine found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// A legal order, as ids; empty unless it was asked for.
    Legal(Vec<u32>),
    /// Operations, as places in the entries, that have no legal order by themselves.
    Illegal(Vec<usize>),
    /// The history is not of the kind that this engine decides.
    NotApplicable,
}
