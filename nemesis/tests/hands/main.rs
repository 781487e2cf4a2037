//! The hands on real processes and real sockets. Whatever is waited for is a condition, with a bound; nothing relies on
//! how long something takes.
#![allow(clippy::unwrap_used)] // as clippy.toml has it for tests; here whole modules are one

mod client_links;
mod commands;
mod frame_links;
mod inject;
mod messages;
mod parent_death;
mod processes;
mod silent_cuts;
mod stage;
