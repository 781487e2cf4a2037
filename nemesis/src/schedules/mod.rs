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
pub mod paused_leader;
mod proof;
pub mod rejoin_tail;
pub mod restart_all;
pub mod stale_leader;
pub mod step_down;
pub mod swarm;
pub mod unguided;
