//! What guided schedules share, and the machine that plays them.
//!
//! A guided schedule is a story: an `async fn` that is handed a [`Scene`] and a [`Start`], and leads the cluster from
//! stage to stage. It waits for what it wants to see, asks for effects, sends probes, and says what was seen. The
//! compiler makes the step machine of it, which [`play()`] polls once a view: no I/O, no clock but the view's, no
//! randomness but the seed's.
//!
//! ```text
//! cycle:   0 settle ──► the story's own stages a, b, c … ──► e heal, final reads ──► a record, and the next cycle
//!                              │ a wait took too long
//!                              └──► MISSED(stage, reason) ──► e heal
//! ```
//!
//! | file | what |
//! | --- | --- |
//! | [`scene`], `clients` | what a story may know and do; the probes that it sends |
//! | [`play`](mod@play) | the machine: cycle after cycle, each with its settling and its healing |
//! | [`record`] | what a cycle leaves, and what the cycles prove together |
//! | [`cycles`] | what that proof shares with figure8's, whose cycles are of another form |
//! | [`panel`] | the cluster at one moment |
//! | `net`, `look`, `probes`, `out` | the links as drawn; what a view shows; probes; how a node goes out |
//!
//! `figure8` is older than the scene, has two ends and a record of its own; it shares everything else.

mod clients;
pub mod cycles;
mod look;
mod net;
mod out;
pub mod panel;
pub mod play;
mod probes;
pub mod record;
pub mod scene;

pub use clients::{PROMPT, Sent};
pub use look::{follows, holders, is_even, leader_among, leads, one_leader, revive};
pub use net::Net;
pub use out::Out;
pub use panel::{Panel, Server};
pub use play::{Start, play, row};
pub use probes::{Probes, answer, answered, ok_value};
pub use scene::{Miss, Scene, Told};

pub use crate::view::majority;
