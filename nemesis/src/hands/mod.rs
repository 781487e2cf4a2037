//! Processes and links: the only part of this crate with effects.
