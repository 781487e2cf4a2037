//! What can be tested: how a system's processes start, how it is spoken to, and what its answers mean.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`system`] | what the harness asks of a system, and its row |
//! | [`table`] | the systems there are; open while the program runs |
//! | `cluster_node` | our own node |
//! | [`builtin`] | the described systems that come with the harness |
//! | [`description`], [`reading`] | what a file may say of a system, and reading it |
//! | `commands` | what a description's commands become in a run |
//! | `http_client`, `secrets` | clients of HTTP, and who they say that they are |
//! | `foreign` | a described system |
//! | `init` | what is done once, when its nodes run |
//! | `maelstrom` | programs that speak Maelstrom's protocol |
//! | `protocols` | how its clients speak, one file each |
//! | `meaning` | what its answers mean |
//! | `seen` | what its templates see |
//! | `transactions` | several operations as one, in one request or in two |
//! | `updates` | a compare-and-set by revision, in two requests |
//! | `watches` | what a watch is told |
//! | [`error`] | why a system cannot be had |

#![warn(unreachable_pub)]

pub mod builtin;
mod cluster_node;
mod commands;
pub mod description;
pub mod error;
mod foreign;
mod http_client;
mod init;
mod maelstrom;
mod meaning;
mod protocols;
pub mod reading;
mod secrets;
mod seen;
pub mod system;
pub mod table;
mod transactions;
mod updates;
mod watches;

pub use commands::CommandError;
pub use error::{NotDone, SystemError};
pub use meaning::Basis;
pub use secrets::SecretError;
pub use system::{Build, Cluster, Row, Settings, Source, System, binary};
pub use table::{add, all, from_file, row};
