//! `frame-replay`: AppendEntries frames that were recorded are delivered once more, or late.
//!
//! ```text
//!        (a) recorded                (b) moved on           (c) injected              (d) out
//!   L1   1 2     leads T1            1 2 3  leads T1        1 2 3                     1 2 3  out
//!   F    1 2     the frame of 2      1 2 3  acknowledged    1 2 3  the frame again    1 2 3  restarted, must have 3
//!   G    1       cut off             1                      1                         1      back
//! ```
//!
//! A network may deliver twice and late; TCP alone does neither. An old frame of the same leader must delete nothing
//! that follows its entries (Raft section 5.3: only on a conflict), and one of an older term is refused (section 5.1).
//! The two twists take turns; in the second L1 is cut off with an entry of its own, and L2 commits another one at its
//! index before L1's frame arrives.

use std::time::Duration;

use histories::Term;

use crate::effect::{Effect, FrameKind, Link, NodeId};
use crate::schedule::Row;
use crate::schedules::guided::{PROMPT, Scene, Sent, Start, Told, leads, majority, play, row};

/// The row of this schedule.
pub(super) const ROW: Row = row(
    NAME,
    "AppendEntries frames are recorded and delivered again, or late in another term",
    |settings| play(NAME, settings, story),
);

const NAME: &str = "frame-replay";

/// A follower takes a frame in this time.
const TAKEN: Duration = Duration::from_millis(30);
/// The client of what is never committed waits longer than the cycle lasts.
const PENDING: Duration = Duration::from_secs(10);

async fn story(scene: Scene, start: Start) -> Told<()> {
    let (leader, term, listeners) = match scene.turn(2) {
        0 => same_term(&scene, &start).await?,
        _ => old_term(&scene, &start).await?,
    };
    scene.stage("d");
    let others = scene.others(&[leader]);
    let out = scene.draw_out();
    scene.out(leader, out).await?;
    scene.only(&others).await?;
    // What a listener has applied already it remembers until it is restarted.
    let restarts = listeners
        .iter()
        .flat_map(|node| [Effect::Kill(*node), Effect::Start(*node)]);
    scene.apply(restarts.collect()).await?;
    let (next, _) = scene
        .elected(&others, term, "nobody was elected after the leader")
        .await?;
    scene.cast("L3", next);
    let told = scene.ask_new_leader(next, &[scene.key()]).await?;
    scene.seen(format!(
        "{next} leads after {leader}, {} were restarted: {told}",
        listeners.len()
    ));
    Ok(())
}

/// The leader's own frame comes again, after others.
async fn same_term(scene: &Scene, start: &Start) -> Told<(NodeId, Term, Vec<NodeId>)> {
    let leader = start.leader;
    scene.stage("a");
    let mut listeners = scene.shuffled(scene.others(&[leader]));
    listeners.truncate(majority(scene.n()) - 1);
    scene.cast("L1", leader);
    scene.cast_all("F", &listeners);
    scene.only(&[&[leader], &listeners[..]].concat()).await?;
    let links = from(leader, &listeners);
    scene.record(FrameKind::AppendEntries, 1, links.clone()).await?;
    let first = scene
        .write_acknowledged(
            leader,
            &scene.key_beside("first"),
            "the recorded entry was not acknowledged",
        )
        .await?;
    scene.seen(format!("the frame of {} is recorded", first.value));

    scene.stage("b");
    let count = scene.draw(1..=3);
    let mut last = first;
    for _ in 0..count {
        last = scene
            .write_acknowledged(leader, &scene.key(), "a later entry was not acknowledged")
            .await?;
    }
    still_leads(scene, leader, start.term).await?;
    scene.seen(format!(
        "{count} later entries are acknowledged, the last {}",
        last.value
    ));
    inject(scene, links, &last, "again").await?;
    Ok((leader, start.term, listeners))
}

/// A frame of a leader that leads no more arrives late.
async fn old_term(scene: &Scene, start: &Start) -> Told<(NodeId, Term, Vec<NodeId>)> {
    let old = start.leader;
    scene.stage("a");
    let mut group = scene.shuffled(scene.others(&[old]));
    group.truncate(majority(scene.n()));
    scene.cast("L1", old);
    scene.only(&group).await?;
    scene
        .record(FrameKind::AppendEntries, 1, from(old, &group))
        .await?;
    let late = scene.write(old, &scene.key_beside("late"), PENDING);
    scene.seen(format!("{} stays with {old}, which is cut off", late.value));

    scene.stage("b");
    let (new, term) = scene
        .elected(&group, start.term, "the majority elected nobody")
        .await?;
    scene.cast("L2", new);
    let listeners: Vec<NodeId> = group.into_iter().filter(|node| *node != new).collect();
    scene.cast_all("F", &listeners);
    let news = scene
        .write_acknowledged(new, &scene.key(), "L2 did not acknowledge its own entry")
        .await?;
    still_leads(scene, new, term).await?;
    scene.seen(format!("{} is acknowledged by {new} in term {term}", news.value));
    inject(scene, from(old, &listeners), &news, "late, of an older term").await?;
    Ok((new, term, listeners))
}

async fn still_leads(scene: &Scene, node: NodeId, term: Term) -> Told<()> {
    scene
        .until(PROMPT, "the leader lost its leadership", |view| {
            leads(view, node, term).then_some(())
        })
        .await
}

/// (c): what was recorded is delivered.
async fn inject(scene: &Scene, links: Vec<Link>, newer: &Sent, how: &str) -> Told<()> {
    scene.stage("c");
    let frames = scene.inject(links).await?;
    scene.pass(TAKEN).await;
    scene.set(format!(
        "{frames} frames were delivered {how}, after {}",
        newer.value
    ));
    Ok(())
}

fn from(node: NodeId, to: &[NodeId]) -> Vec<Link> {
    to.iter().map(|to| Link(node, *to)).collect()
}
