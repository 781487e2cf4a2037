//! The unguided schedules against a scripted cluster: golden scripts, and what must hold for every seed.
#![allow(clippy::unwrap_used)] // as clippy.toml has it for tests; here whole modules are one

mod cluster;
mod properties;
mod scripts;
