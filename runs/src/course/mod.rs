//! The course of a run, in whatever [`World`](crate::world::World): clients, and the schedule that leads them into faults.

mod acknowledged;
mod asking;
mod client;
mod conductor;
mod effect_log;
mod error;
mod everywhere;
mod final_reads;
mod gate;
mod observer;
mod probes;
mod watchers;

pub use acknowledged::Acknowledged;
pub use client::{Clients, Pace, run};
pub use conductor::{Conductor, Healed, Stage};
pub use error::CourseError;
pub use final_reads::{first_write, read_all};
pub use gate::Gate;
pub use observer::Observer;
pub use watchers::watch;
