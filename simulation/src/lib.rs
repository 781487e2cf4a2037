//! The cluster in virtual time: real nodes, real schedules, workloads and checks, one seed; no thread, no socket, no sleep.
//!
//! ```text
//!   runs::course: clients, conductor, observer ──► world: futures, ready at their moment ──► cluster: a heap of what happens
//!        (tasks of the executor)                                                             └─ servers (cluster_node::node, a disk), gates
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`run`] | a run from its start to its verdict |
//! | [`executor`] | runs tasks on one thread, and lets time go on when none is ready |
//! | [`world`], [`store`] | the cluster as a run sees it, and in the words of a client |
//! | [`cluster`] | nodes, disks, links, and what is done to them |
//! | [`pace`] | how long things take |
//! | [`template`] | what all nodes have in common |
//! | [`memory`], [`save`] | where a run is written down, and how it becomes a folder |
//! | [`finding`] | what the seeds of a run came to |
//!
//! Invariant: the same seed gives the same bytes, on every machine.

pub mod cluster;
pub mod executor;
pub mod finding;
pub mod memory;
pub mod pace;
pub mod run;
pub mod save;
pub mod store;
pub mod template;
pub mod world;
