//! One run of a store under faults, whatever world it happens in: its record, its load, and its verdict.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`record`] | every file of a run's folder, one type each, written and read through it alone |
//! | [`capabilities`] | what a system can tell and do |
//! | [`store`] | what a client may ask of a store, and what it may be told |
//! | [`call`] | what it may be asked for as a whole |
//! | [`transaction`] | what a transaction needs to be told, and what it makes of it |
//! | [`watching`] | what a watch is told |
//! | [`workloads`] | the table of loads: seeded operations, and the model that judges them |
//! | [`case`], [`cluster_node`] | a rule that can be broken on purpose, and the run that shows it; those of our own node |
//! | [`world`], [`sink`] | the two seams: what a run happens in, and where it is written down |
//! | [`course`] | clients, probes, observer and conductor |
//! | [`judge`] | the verdict on a saved run, or on a history by itself |
//! | [`ending`] | how a run ended that was to show a bug, or none |
//! | [`exit`] | the exit codes |
//! | [`stop`] | a flag that is set once |
//!
//! Invariant: nothing here starts a process, opens a socket or prints.

#![warn(unreachable_pub)]

pub mod call;
pub mod capabilities;
pub mod case;
pub mod cluster_node;
pub mod course;
pub mod ending;
pub mod exit;
pub mod judge;
pub mod record;
pub mod sink;
pub mod stop;
pub mod store;
pub mod transaction;
pub mod watching;
pub mod workloads;
pub mod world;
