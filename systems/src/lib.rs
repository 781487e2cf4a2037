//! What can be tested: how a system's processes start, how it is spoken to, and what its answers mean.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`system`] | what the harness asks of a system, and its row |
//! | [`table`] | the systems there are; open while the program runs |
//! | `cluster_node` | our own node |
//! | [`error`] | why a system cannot be had |

#![warn(unreachable_pub)]

mod cluster_node;
pub mod error;
pub mod system;
pub mod table;

pub use error::SystemError;
pub use system::{Build, Row, Settings, System, binary};
pub use table::{add, all, row};
