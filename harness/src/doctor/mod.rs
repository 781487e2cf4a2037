//! What this machine and a system can do, and what is missing, in the order in which to mend it.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`machine`] | what is there before a system is named |
//! | [`plan`] | what a node is asked, and what its answers have to be |
//! | [`folder`] | where the nodes live meanwhile |
//! | [`examine`] | the nodes that are started, asked and hurt: the only part with effects on them |
//! | [`seen`] | what was seen of a system |
//! | [`findings`] | what follows from it |

pub(crate) mod examine;
pub(crate) mod findings;
pub(crate) mod folder;
pub(crate) mod machine;
mod plan;
pub(crate) mod seen;
