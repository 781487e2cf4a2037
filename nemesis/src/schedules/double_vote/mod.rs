//! `double-vote`: a node is brought to help two candidates in one term.
//!
//! ```text
//!        restarted                                   late
//!   A    wins T with B's vote                   X    gets B's vote of T when it asks in T+1 already
//!   B    votes, is killed, and comes back       B    votes in T for X, then in T+1 for W
//!   C    asks B in T                            W    leads T+1
//! ```
//!
//! One vote a term, also across a restart (Raft section 5.2, figure 2), and a vote counts in its own term only. The two
//! twists take turns. Where both lead, each commits what the other does not know: a value is acknowledged at one, and
//! the other is asked for it.

mod late;
mod restarted;

use std::time::Duration;

use crate::effect::{Link, NodeId};
use crate::schedule::Row;
use crate::schedules::guided::{Scene, Start, Told, play, row};

/// The row of this schedule.
pub(super) const ROW: Row = row(
    NAME,
    "a voter is restarted, or its vote is late: two candidates of one term",
    |settings| play(NAME, settings, story),
);

const NAME: &str = "double-vote";

/// Where there are two leaders both answer at once; where there is one, the other asks in vain.
const PATIENCE: Duration = Duration::from_millis(400);

async fn story(scene: Scene, start: Start) -> Told<()> {
    match scene.turn(2) {
        0 => restarted::story(&scene, &start).await,
        _ => late::story(&scene, &start).await,
    }
}

/// Everybody hears the leader and the other candidate, who do not hear each other: write at the one, read at the other.
async fn confront(scene: &Scene, leader: NodeId, other: NodeId) -> Told<()> {
    scene.stage("d");
    let pair = [leader, other];
    scene
        .links(|Link(from, to)| !(pair.contains(&from) && pair.contains(&to)))
        .await?;
    let news = scene.write(leader, &scene.key(), PATIENCE);
    let mut told = scene.answers(&[news]).await;
    let read = scene.read(other, &scene.key(), PATIENCE);
    told += ", ";
    told += &scene.answers(&[read]).await;
    scene.seen(told);
    Ok(())
}
