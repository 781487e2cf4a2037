//! `figure8`: the trap of Raft section 5.4.2, set for a live cluster again and again.
//!
//! ```text
//!        (a) plant        (b) rival          (c) trap              (d1) spring      or   (d2) close
//!   S1   1 2  leads T2    1 2  out           1 2   leads T4        1 2  out              1 2 4  out
//!   S2   1 2              1 2  out           1 2                   1 3                   1 2 4
//!   S3   1                1                  1 2   a majority!     1 3                   1 2 4
//!   S4   1                1                  1     commit?         1 3                   1
//!   S5   1                1 3  leads T3      1 3   out             1 3  leads T5         1 3  refused
//! ```
//!
//! At (c) an entry of an *older* term stands on a majority. A leader that commits it then loses it at (d1); one that
//! waits for an entry of its own term, as at (d2), has it for good. Each cycle plays one of the two ends, and
//! leaves one [`evidence::Cycle`] that proves, stage by stage, that it was reached.
//!
//! | file | what |
//! | --- | --- |
//! | `machine` | the step machine: which step follows, and what happens when one takes too long |
//! | `steps` | the steps to the trap: (a) plant, (b) rival, and what all steps share |
//! | `fork` | (c) trap, and its two ends: (d1) spring, (d2) close |
//! | `heal` | 0 settle and (e) heal |
//! | [`evidence`] | what a cycle leaves, and what the cycles prove together |

pub mod evidence;
mod fork;
mod heal;
mod machine;
mod steps;

use crate::schedule::{Profile, Row};
use crate::tells::Tells;

/// The row of this schedule.
pub const ROW: Row = Row {
    name: "figure8",
    about: "Raft section 5.4.2, Figure 8: an entry on a majority that can still be overwritten",
    least_nodes: 3,
    nodes: 5,
    guided: true,
    needs: &[Tells::Leader, Tells::Term, Tells::Commit, Tells::LogTail],
    profile: Profile::Bare,
    workload: "register",
    build: |settings| Box::new(machine::Figure8::new(settings)),
    armed: evidence::armed,
};
