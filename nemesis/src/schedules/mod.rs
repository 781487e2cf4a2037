//! The schedules, one file each.

pub mod none;
