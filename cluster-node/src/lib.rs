//! `cluster-node`: a Raft key-value store, whose rules can be broken one by one.
//!
//! ```text
//!   HTTP ─┐                    ┌─ storage: one write and one fdatasync for a batch
//!         ├─► inbox ─► node ───┼─ raft: step(now, input) → persist, then send, apply, reply
//!   peers ┘         (a thread) └─ outbox ─► peers, HTTP; and the board, which HTTP's status reads
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`raft`] | the core: no I/O, no clock |
//! | [`machine`] | keys, values, sessions |
//! | [`storage`] | the log file |
//! | [`journal`] | what the node writes about itself |
//! | [`node`], [`shell`] | what brings these together, without socket, file and clock, and what it is joined to for them |
//! | [`thread`] | the thread that runs it |
//! | [`inbox`], [`outbox`], [`board`] | the ways in and out of that thread |
//! | [`forward`] | writes that a follower hands to its leader |
//! | [`frame`], [`peers`] | the peer protocol, and its sockets |
//! | [`http`], [`answer`] | the client interface |
//! | [`cli`] | the command line, and the ready file |
//! | [`process`] | from the command line to the end |
//!
//! It is a library only so that tests and the crate `simulation` reach the node without its sockets; nothing else uses it
//! (ARCHITECTURE.md).
//!
//! ```
//! use cluster_node::raft::{Action, Input, Raft, Recovered, config::{Config, Profile}, types::{Millis, RequestId}};
//!
//! // A cluster of one elects itself as soon as its patience ends, and commits what it has persisted.
//! let config = Config::of(Profile::Fig8);
//! let mut raft = Raft::new("n1".into(), vec![], config, 7, Recovered::default(), Millis(0));
//! raft.step(raft.next_deadline(), Input::Tick);
//! let write = Input::Propose { id: RequestId(1), payload: [1].into() };
//! let actions = raft.step(raft.next_deadline(), write);
//! assert!(matches!(actions[..], [Action::Persist(_), Action::Apply { waiter: Some(RequestId(1)), .. }]));
//! ```
//!
//! Invariant: nothing leaves a node (no message, no answer) before what it promises is on disk.

#![warn(unreachable_pub)]

pub mod answer;
pub mod board;
pub mod cli;
mod digest;
pub mod forward;
pub mod frame;
mod hash;
pub mod http;
pub mod inbox;
pub mod journal;
mod log;
pub mod machine;
pub mod node;
pub mod outbox;
pub mod peers;
pub mod process;
pub mod raft;
pub mod shell;
pub mod storage;
pub mod thread;
