//! Guided schedules against a modelled cluster: every size, many seeds, and some of it word for word.

#![allow(clippy::unwrap_used)]

mod figure8;
mod model;
mod stories;
