//! `stale-leader`: a leader that is cut off keeps its clients, and does not know that it leads no more.
//!
//! ```text
//!        (a) cut off          (b) succeeded         (c) asked
//!   L1   1    leads T1        1    leads T1, alone  1 2'  write? read?
//!   F1   1    beside it       1                     1     read?
//!  ───────────────────────────────────────────────────────────────────
//!   L2   1                    1    leads T2         1 2   v1 is acknowledged
//!   ...  1                    1                     1 2
//! ```
//!
//! L1 must not answer: a read there would return what is older than v1, and a write is not on a majority (Raft
//! section 8; thesis section 6.4). Nor may F1, which hears only L1. At the heal L1's messages of T1 meet nodes of T2.

use std::time::Duration;

use crate::effect::NodeId;
use crate::schedule::{Profile, Row};
use crate::schedules::guided::scene::told;
use crate::schedules::guided::{Scene, Start, Told, leader_among, leads, majority, play, record};

/// The row of this schedule.
pub const ROW: Row = Row {
    name: NAME,
    about: "a leader that is cut off keeps its clients, while another one is elected",
    least_nodes: 3,
    nodes: 5,
    guided: true,
    profile: Profile::Bare,
    workload: "register",
    build: |settings| play(NAME, settings, story),
    armed: record::armed,
};

const NAME: &str = "stale-leader";

/// How long the majority may take to elect.
const ELECTION: Duration = Duration::from_secs(4);
/// A client on the majority's side.
const PROMPT: Duration = Duration::from_secs(1);
/// A client of who is cut off waits so long in vain.
const IN_VAIN: Duration = Duration::from_millis(300);

async fn story(scene: Scene, start: Start) -> Told<()> {
    let (old, rest) = cut_off(&scene, &start).await?;
    let (new, _) = scene
        .until(ELECTION, "the majority elected nobody", |view| {
            leader_among(view, &rest, start.term)
        })
        .await?;
    scene.cast("L2", new);
    scene.stage("b");
    scene.seen(format!("{new} leads a later term, and {old} does not know"));

    scene.stage("c");
    // What L1 acknowledges here it will lose; what is acknowledged at L2 is what L1's readers must not miss.
    let lost = scene.write(old, &scene.key_beside("old"), IN_VAIN);
    let news = scene.write(new, &scene.key(), PROMPT);
    scene.acknowledged(&news, "L2 did not acknowledge v1").await?;
    scene
        .until(IN_VAIN, "L1 does not lead its old term any more", |view| {
            leads(view, old, start.term).then_some(())
        })
        .await?;
    scene.set(format!(
        "{} is acknowledged at {new}, while {old} still leads term {}",
        news.value, start.term
    ));
    let cut_off = scene.others(&rest);
    let reads = cut_off.iter().flat_map(|node| {
        [
            scene.read(*node, &news.key, IN_VAIN),
            scene.read_forwarded(*node, &news.key, IN_VAIN),
        ]
    });
    let mut answers = Vec::new();
    for sent in reads.collect::<Vec<_>>().iter().chain([&lost]) {
        answers.push(told(sent, &scene.answer(sent).await));
    }
    scene.stage("d");
    scene.seen(format!("cut off, {}", answers.join(", ")));
    Ok(())
}

/// (a): L1, and as many followers as leave a majority, hear only each other.
async fn cut_off(scene: &Scene, start: &Start) -> Told<(NodeId, Vec<NodeId>)> {
    scene.stage("a");
    let old = start.leader;
    let followers = scene.shuffled(scene.others(&[old]));
    let (rest, beside) = followers.split_at(majority(scene.n()));
    scene.cast("L1", old);
    scene.cast_all("F", beside);
    let minority: Vec<NodeId> = [old].into_iter().chain(beside.iter().copied()).collect();
    scene.split(&[&minority, rest]).await?;
    scene.seen(format!(
        "{old} leads term {}, cut off from a majority",
        start.term
    ));
    Ok((old, rest.to_vec()))
}
