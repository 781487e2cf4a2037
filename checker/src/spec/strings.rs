//! Operations on a string.

use std::sync::Arc;

/// Pieces of a string, one after the other.
pub(crate) type Pieces = Arc<[u32]>;

/// An operation on one string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Get(Pieces),
    Put(Pieces),
    Append(Pieces),
}
