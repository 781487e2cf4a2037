//! The schedules, one file each.

pub mod figure8;
pub mod guided;
pub mod none;
