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
//! | [`panel`] | the cluster at one moment |
//! | `on_majority` | an entry of an older term on a majority, and who takes it for committed |
//! | `net`, `look`, `probes`, `out` | the links as drawn; what a view shows; probes; how a node goes out |

mod clients;
mod look;
mod net;
mod on_majority;
mod out;
pub mod panel;
pub mod play;
mod probes;
pub mod record;
pub mod scene;

pub use clients::{PROMPT, Sent};
pub use look::{UNTOLD, denied_by_log, follows, holders, holders_of_term, leader_among, leads};
pub use on_majority::on_majority;
pub use out::Out;
pub use panel::{Panel, Server};
pub use play::{Start, play, row};
pub use scene::{Miss, Scene, Told, require};

pub use crate::view::majority;
