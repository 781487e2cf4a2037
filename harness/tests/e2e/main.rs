//! The whole thing, with real processes: few, short, and waiting on conditions.

#![allow(clippy::unwrap_used)]

mod lab;

mod bad_input;
mod bad_luck;
mod ci;
mod commanded;
mod described;
mod etcd;
mod known;
mod maelstrom;
mod main_job;
mod networks;
mod readme;
mod saved;
mod secrets;
mod selftest;
mod semantics;
mod serve;
mod workloads;
