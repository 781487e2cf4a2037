//! The check `raft-safety` on journals: small ones, written by hand.

mod corpus;
