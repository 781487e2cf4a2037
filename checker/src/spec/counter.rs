//! Operations on a counter.

/// An operation on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Add(i64),
    /// It adds the first number, and found the second.
    FetchAdd(i64, i64),
    Read(i64),
}

impl Action {
    /// What it adds; none for a read.
    pub(crate) fn delta(self) -> Option<i64> {
        match self {
            Action::Add(delta) | Action::FetchAdd(delta, _) => Some(delta),
            Action::Read(_) => None,
        }
    }
}
