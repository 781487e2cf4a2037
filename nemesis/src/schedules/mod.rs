//! The schedules, one file each.

mod double_vote;
mod early_read;
mod even_split;
mod figure8;
mod frame_replay;
pub mod guided;
mod lagging_candidate;
mod lone_follower;
mod lost_reply;
mod none;
mod older;
mod paused_leader;
mod proof;
mod rejoin_tail;
mod restart_all;
mod stale_leader;
mod step_down;
mod swarm;
mod unguided;

use crate::fault::Need;
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
    unguided::MESSAGES,
    unguided::CHAOS,
    swarm::ROW,
    none::ROW,
];

/// The schedule of that name.
pub fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// The schedules that ask for no more than this.
pub fn within(can: &[Need]) -> impl Iterator<Item = &'static Row> {
    let has_all = move |row: &&Row| row.asks.iter().all(|need| can.contains(need));
    TABLE.iter().filter(has_all)
}
