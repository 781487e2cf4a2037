//! History in, verdict out.
//!
//! Checks, each a function from events to a [`Check`]: [`linearizability`] (is there a legal order?), [`durability()`] (is
//! everything acknowledged still there?), [`revisions`] (do the store's own numbers agree with the order of things?), [`activity`]
//! (did enough happen to mean anything?).
//! What an operation means is said by a [`Model`](models::Model) of the table [`models::TABLE`]. A verdict points
//! into the history by the `index` of invocations.
//!
//! Invariant: this crate opens no file, reads no clock, draws nothing and prints nothing. What a check may
//! spend comes in as a [`Budget`], and at its end the verdict is inconclusive, never a guess.
//!
//! From top to bottom; a module uses only what stands below it (`harness/tests/arrows`):
//!
//! | module | what it holds |
//! | --- | --- |
//! | `linearizability`, `durability`, `revisions`, `activity` | the checks |
//! | [`Stream`] | a register whose values are written once, judged while its history is read |
//! | [`RaftSafety`] | the invariants of Raft, in what nodes wrote of themselves |
//! | [`models`] | the table of models, one file each with its row |
//! | `judge` | one key: decode, decide, prove |
//! | `transactions` | transactions over many keys, as Elle judges them |
//! | `final_reads` | what the last reads must show of what was acknowledged |
//! | `explain`, `unfinished` | a violation told in prose; what is known of a key whose check was stopped |
//! | `attempt` | how far a legal order gets, step by step |
//! | `shrink`, `certify` | from a violation to the few operations that prove it; the independent verifier of a pass |
//! | `graph` | near-linear engines for histories whose values tell where they come from |
//! | `search` | the search engine for any model, with its pruning rules |
//! | `decode` | from a history's operations to a specification's |
//! | `spec` | what an operation does to a state, and the operations that the graph engines know |
//! | `operations` | events to operations, split by key |
//! | `proved` | what a verdict rests on, and when there is nothing to prove |
//! | `in_flight`, `error`, `budget`, `options`, [`Subject`], `levels`, `verdict` | what all of them need |
//!
//! ```
//! use checker::{Budget, Options, Verdict, linearizability, models};
//!
//! let header = serde_json::from_str(r#"{"history": 1, "initial": null}"#)?;
//! let events: Vec<histories::Event> = serde_json::from_str(r#"[
//!     {"index": 0, "time": 0, "process": 0, "type": "invoke", "f": "write", "value": 1},
//!     {"index": 1, "time": 5, "process": 0, "type": "ok",     "f": "write", "value": 1},
//!     {"index": 2, "time": 6, "process": 1, "type": "invoke", "f": "read"},
//!     {"index": 3, "time": 9, "process": 1, "type": "ok",     "f": "read",  "value": null}
//! ]"#)?;
//! let register = models::find("register").ok_or("no such model")?;
//! let check = linearizability(&header, &events, register, &Options::default(), &Budget::unlimited())?;
//! assert_eq!(check.verdict, Verdict::Violation);
//! assert_eq!(check.violations[0].operations, [0, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(unreachable_pub)]

pub mod models;

mod activity;
mod attempt;
mod budget;
mod certify;
mod decode;
mod durability;
mod error;
mod explain;
mod final_reads;
mod graph;
mod in_flight;
mod judge;
mod levels;
mod linearizability;
mod operations;
mod options;
mod proved;
mod raft_safety;
mod revisions;
mod search;
mod shrink;
mod spec;
mod stream;
mod subject;
#[cfg(test)]
mod testing;
mod transactions;
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "seeds come from the environment")]
mod twins;
mod unfinished;
mod verdict;
mod watch;

pub use activity::activity;
pub use budget::{Budget, Stop};
pub use durability::durability;
pub use error::HistoryError;
pub use levels::{Isolation, Level, Levels, Order};
pub use linearizability::linearizability;
pub use options::{
    Analysis, Assume, Assumption, Bank, Engine, FailedCas, NullRead, Options, Proof, StaleReads,
};
pub use proved::{Proved, Reading, Vacuous};
pub use raft_safety::{Journal, JournalsError, RaftSafety};
pub use revisions::{READ_REVISIONS, REVISION, revisions};
pub use stream::{Glance, Stream};
pub use subject::Subject;
pub use verdict::{Attempt, Check, CheckName, Edge, Reason, Step, Verdict, Violation};
pub use watch::{PREFIX, WATCH, WATCHER, watch};
