//! `pass-then-cut`: links that hand so many AppendEntries with entries on, and nothing more. With it a story has a log end
//! where it wants.

use super::{cut, rules};
use crate::fault::{Fault, Need};

/// The row of this fault.
pub static PASS_THEN_CUT: Fault = Fault {
    name: "pass-then-cut",
    about: "links between nodes hand on so many frames with entries, then nothing; they are healed",
    need: Need::Counts,
    undo: rules::heal,
    proof: |spell| rules::ended(spell).is_some_and(|ended| ended.left == Some(0)),
    look: Some(cut::LOOK),
    chance: None,
};
