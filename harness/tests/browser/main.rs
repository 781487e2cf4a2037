//! report.html in a real browser: opened from a file, without a network. Where no browser is found these tests say so and
//! skip; `HARNESS_BROWSER_REQUIRED=1` makes that an error.

#![allow(clippy::unwrap_used)]

mod devtools;
mod page;
mod pictures;
mod run;
