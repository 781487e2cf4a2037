//! Faults and when: pure schedules, and the hands that carry them out.
//!
//! A [`Schedule`] is sans-io: it is shown a [`View`] of the cluster, and answers with the next [`Effect`]s; it
//! takes a seed, and its only clock is `view.now`. [`hands`] carry out that small closed set of effects on real
//! processes and links, and answer each with an [`Outcome`]: installed, skipped or indeterminate, with evidence.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`effect`] | [`Effect`], [`Outcome`]: what can be done to a cluster, and what came of it |
//! | [`evidence`] | what proves an effect, and what all evidence counts |
//! | [`tells`] | what a system must tell for a schedule to be led by it |
//! | [`view`] | [`View`], [`NodeStatus`]: what a schedule may know |
//! | `scope`, [`fault`] | whom a fault may hit; what a fault is |
//! | [`faults`] | the faults, one file each, and their table |
//! | [`schedule`] | [`Schedule`], and the table of all schedules |
//! | [`schedules`] | the schedules, one file each |
//! | [`hands`] | processes and links: the only part with effects; Unix only |
//!
//! ```
//! use histories::{Nanos, Seed};
//! use nemesis::{Effect, Need, NodeView, ProcessState, Settings, View, schedules};
//! use std::time::Duration;
//!
//! let settings = Settings { nodes: 3, seed: Seed(1), interval: Duration::from_secs(1), failover: Duration::from_secs(1), tells: Vec::new(), can: vec![Need::Restarts], filler: None };
//! let mut kill = (schedules::find("kill").unwrap().build)(&settings);
//! let mut view = View {
//!     now: Nanos(0),
//!     nodes: vec![NodeView { process: ProcessState::Running, status: None }; 3],
//!     gate_open: true,
//!     in_flight: 0,
//!     pending_effects: 0,
//!     probes: Default::default(),
//! };
//! assert!(kill.observe(&view).is_empty());
//! view.now = Nanos::from_ms(1500);
//! assert!(matches!(kill.observe(&view)[..], [Effect::Kill(_)]));
//! ```

#![warn(unreachable_pub)]

pub mod effect;
pub mod evidence;
pub mod fault;
pub mod faults;
pub mod hands;
pub mod schedule;
pub mod schedules;
mod scope;
pub mod tells;
pub mod view;

pub use effect::{
    Choice, ClientRule, Effect, FrameKind, Link, LinkRule, NodeId, Outcome, Probe, ProbeId, ProbeOp,
};
pub use fault::{Fault, Need};
pub use schedule::{Armed, Profile, Row, Schedule, Settings};
pub use schedules::TABLE;
pub use tells::Tells;
pub use view::{NodeStatus, NodeView, ProbeState, ProcessState, Role, View};
