//! The schedules, one file each.

pub mod chaos;
pub mod figure8;
pub mod guided;
pub mod kill;
pub mod none;
pub mod partition;
pub mod pause;
mod proof;
pub mod rejoin_tail;
pub mod stale_leader;
mod unguided;
