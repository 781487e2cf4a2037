//! The schedules, one file each.

pub mod double_vote;
pub mod early_read;
pub mod even_split;
pub mod figure8;
pub mod frame_replay;
pub mod guided;
pub mod lagging_candidate;
pub mod lone_follower;
pub mod lost_reply;
pub mod none;
mod older;
pub mod paused_leader;
mod proof;
pub mod rejoin_tail;
pub mod restart_all;
pub mod stale_leader;
pub mod step_down;
pub mod swarm;
pub mod unguided;

use crate::schedule::Row;

/// Every schedule; a new one is a file here and a row here.
pub const TABLE: &[Row] = &[
    figure8::ROW,
    stale_leader::ROW,
    rejoin_tail::ROW,
    frame_replay::ROW,
    double_vote::ROW,
    restart_all::ROW,
    lost_reply::ROW,
    paused_leader::ROW,
    even_split::ROW,
    lone_follower::ROW,
    lagging_candidate::ROW,
    early_read::ROW,
    step_down::ROW,
    unguided::KILL,
    unguided::PAUSE,
    unguided::PARTITION,
    unguided::CHAOS,
    swarm::ROW,
    none::ROW,
];

/// The schedule of that name.
pub fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}
