//! What can be tested: how a system's processes start, how it is spoken to, and what its answers mean.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`system`] | what the harness asks of a system, and its row |
//! | [`table`] | the systems there are; open while the program runs |
//! | `cluster_node` | our own node |
//! | [`builtin`] | the described systems that come with the harness |
//! | [`description`], [`reading`] | what a file may say of a system, and reading it |
//! | `foreign` | a described system |
//! | `init` | what is done once, when its nodes run |
//! | `maelstrom` | programs that speak Maelstrom's protocol |
//! | `protocols` | how its clients speak, one file each |
//! | `meaning` | what its answers mean |
//! | `seen` | what its templates see |
//! | `transactions` | several operations as one, in one request or in two |
//! | `watches` | what a watch is told |
//! | [`error`] | why a system cannot be had |

#![warn(unreachable_pub)]

pub mod builtin;
mod cluster_node;
pub mod description;
pub mod error;
mod foreign;
mod init;
mod maelstrom;
mod meaning;
mod protocols;
pub mod reading;
mod seen;
pub mod system;
pub mod table;
mod transactions;
mod watches;

pub use error::{NotDone, SystemError};
pub use meaning::Basis;
pub use system::{Build, Row, Settings, Source, System, binary};
pub use table::{add, all, from_file, row};
