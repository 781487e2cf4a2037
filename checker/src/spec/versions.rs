//! Operations on a register that counts its updates.

/// What an operation does; values by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    /// It saw a value, maybe an unknown one.
    Read(Option<u32>),
    Write(u32),
    Cas(u32, u32),
}

/// An operation, and the version that it saw or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Action {
    pub access: Access,
    pub version: Option<u32>,
    /// Whether versions may be passed over: then operations that are legal together are legal without some of them.
    pub gaps: bool,
}

impl Action {
    /// The value that the register holds under the operation's version.
    pub(crate) fn value(&self) -> Option<u32> {
        match self.access {
            Access::Read(value) => value,
            Access::Write(value) | Access::Cas(_, value) => Some(value),
        }
    }

    pub(crate) fn is_read(&self) -> bool {
        matches!(self.access, Access::Read(_))
    }

    /// Every legal order is sorted by this: updates before the reads of what they made.
    pub(crate) fn rank(&self) -> Option<u64> {
        let twice = 2 * u64::from(self.version?);
        Some(if self.is_read() { twice + 1 } else { twice })
    }
}
