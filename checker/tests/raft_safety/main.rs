//! The check `raft-safety` on journals: small ones, written by hand, and those of simulated clusters.

#![allow(clippy::disallowed_methods, reason = "the corpus lies in files")]

mod cluster;
mod corpus;
mod simulated;
