//! Guided schedules where nothing goes as they wish, and what they left before. How they lead a cluster the tests of the
//! simulation show, on real nodes.

#![allow(clippy::unwrap_used)]

mod older;
mod still;
