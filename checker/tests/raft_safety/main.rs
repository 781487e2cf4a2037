//! The check `raft-safety` on journals: small ones, written by hand, and those of simulated clusters.

mod cluster;
mod corpus;
mod simulated;
