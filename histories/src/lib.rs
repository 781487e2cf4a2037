//! What happened: events, histories, their file formats, and the run folder.
//!
//! This crate knows no policy and gives no verdict. It is the common language of the other rooms: the
//! recorder writes [`Event`]s, the checker reads a [`History`], the nemesis speaks of [`Nanos`] and
//! [`NodeName`]s.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`units`] | a type for every kind of number: [`Nanos`], [`Seed`], [`Term`], [`LogIndex`] |
//! | [`value`] | [`Value`]: what stands in `key` and `value` |
//! | [`event`] | [`Event`], [`Kind`], [`Process`] |
//! | [`history`] | [`Header`], [`History`] |
//! | [`mod@format`] | the file formats: one file each, and a table |
//! | [`journal`] | what a node writes of itself: appends, votes, commits, applies |
//! | [`run_folder`] | [`RunFolder`]: what lies where in a saved run |
//!
//! ```
//! use histories::{Kind, Value};
//! assert!(Kind::Info.is_completion());
//! assert_eq!(Value::from(12).to_string(), "12");
//! ```

#![warn(unreachable_pub)]

pub mod event;
pub mod format;
pub mod history;
pub mod journal;
pub mod run_folder;
pub mod units;
pub mod value;

pub use event::{Event, Kind, Process};
pub use history::{Header, History};
pub use run_folder::RunFolder;
pub use units::{Incarnation, LogIndex, Nanos, NodeName, Seed, Term};
pub use value::Value;
