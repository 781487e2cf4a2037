//! `rejoin-tail`: a long tail that was never committed comes back under another leader.
//!
//! ```text
//!        (a) tail              (b) rival             (c) rejoin           (d) press
//!   L1   1 2'2'2'2' leads T1   1 2'2'2'2' cut off    1 2'2'2'2' back      1 2  must have it
//!   L2   1                     1 2  leads T2         1 2  leads           1 2  out, once 2 is acknowledged
//!   F    1                     1 2                   1 2  cut off         1 2  back
//! ```
//!
//! The tail conflicts with L2's entry: that must be found out by terms and not by the lengths of the logs, the tail
//! deleted, and counted as nothing before (Raft section 5.3, figure 2). Three twists take turns: L2 has committed its
//! entry before L1 comes back; an election follows before, so that the first message to L1 already has index 2 as
//! `prev`; L2's entry is on nobody else, and L1's acknowledgement commits it.

use std::time::Duration;

use histories::{LogIndex, Term};

use crate::effect::{Link, NodeId};
use crate::schedule::Row;
use crate::schedules::guided::{PROMPT, Scene, Sent, Start, Told, follows, leads, majority, play, row};
use crate::view::View;

/// The row of this schedule.
pub(super) const ROW: Row = row(
    NAME,
    "a long tail that was never committed comes back under another leader",
    |settings| play(NAME, settings, story),
);

const NAME: &str = "rejoin-tail";

/// How long a campaign, or a word of the leader, may take.
const SOON: Duration = Duration::from_secs(4);
/// The clients of what is not committed wait longer than the cycle lasts.
const PENDING: Duration = Duration::from_secs(10);

async fn story(scene: Scene, start: Start) -> Told<()> {
    let cohort = tail(&scene, &start).await?;
    let (leader, term, news) = rival(&scene, &scene.others(&cohort), start.term).await?;
    rejoin(&scene, &start, &cohort, leader).await?;
    press(&scene, leader, term, &news).await
}

/// (a): L1 and its cohort, a minority, hear only each other; 2 to 6 writes at L1 stay with them.
async fn tail(scene: &Scene, start: &Start) -> Told<Vec<NodeId>> {
    scene.stage("a");
    let size = scene.n() - majority(scene.n());
    let followers = scene.shuffled(scene.others(&[start.leader]));
    let cohort: Vec<NodeId> = [start.leader].into_iter().chain(followers).take(size).collect();
    scene.cast("L1", start.leader);
    scene.cast_all("C", &cohort[1..]);
    scene.split(&[&cohort, &scene.others(&cohort)]).await?;
    let length = scene.draw(2..=6);
    for number in 1..=length {
        scene.write(start.leader, &scene.key_beside(&format!("tail{number}")), PENDING);
    }
    let (index, term) = (LogIndex(start.last.0 + length), start.term);
    let ends_there = |view: &View, node: &NodeId| {
        let last = view.status(*node).and_then(|status| status.last);
        last.is_some_and(|last| last.index == index && last.term == term)
    };
    scene
        .until(PROMPT, "the tail did not reach the whole cohort", |view| {
            cohort.iter().all(|node| ends_there(view, node)).then_some(())
        })
        .await?;
    scene.seen(format!("{length} entries of term {term} on a minority"));
    Ok(cohort)
}

/// (b): the others elect L2, which writes at the tail's first index.
async fn rival(scene: &Scene, rest: &[NodeId], after: Term) -> Told<(NodeId, Term, Sent)> {
    scene.stage("b");
    let (mut leader, mut term) = scene.elected(rest, after, "the majority elected nobody").await?;
    let twist = scene.turn(3);
    if twist == 2 {
        let cohort = scene.others(rest);
        scene.split(&[&cohort, &[leader]]).await?;
    }
    let patience = if twist == 2 { PENDING } else { PROMPT };
    let news = scene.write(leader, &scene.key(), patience);
    if twist != 2 {
        scene
            .acknowledged(&news, "L2 did not acknowledge its own entry")
            .await?;
    }
    if twist == 1 {
        (leader, term) = elect_again(scene, rest, leader, term).await?;
    }
    scene.cast("L2", leader);
    let how = [
        "is acknowledged",
        "is acknowledged, under a leader before it",
        "is on nobody else",
    ];
    scene.seen(format!(
        "{leader} leads term {term}; its {} {}",
        news.value, how[twist as usize]
    ));
    Ok((leader, term, news))
}

/// Everybody of `rest` is alone until a follower campaigns; then they are together again.
async fn elect_again(scene: &Scene, rest: &[NodeId], leader: NodeId, term: Term) -> Told<(NodeId, Term)> {
    scene
        .links(|Link(from, to)| !rest.contains(&from) && !rest.contains(&to))
        .await?;
    let campaigns =
        |view: &View, node: &NodeId| view.status(*node).is_some_and(|status| status.term > Some(term));
    scene
        .until(SOON, "nobody campaigned again", |view| {
            let mut followers = rest.iter().filter(|node| **node != leader);
            followers.any(|node| campaigns(view, node)).then_some(())
        })
        .await?;
    scene.split(&[rest, &scene.others(rest)]).await?;
    scene.elected(rest, term, "nobody was elected again").await
}

/// (c): L2 and the cohort, with no more helpers than make a majority; the cohort follows L2.
async fn rejoin(scene: &Scene, start: &Start, cohort: &[NodeId], leader: NodeId) -> Told<()> {
    scene.stage("c");
    let wanted = majority(scene.n()) - cohort.len() - 1;
    let mut helpers = scene.shuffled(scene.others(&[cohort, &[leader]].concat()));
    helpers.truncate(wanted);
    scene.only(&[&[leader], cohort, &helpers].concat()).await?;
    scene
        .until(SOON, "the cohort did not follow L2", |view| {
            cohort
                .iter()
                .all(|node| follows(view, *node, leader))
                .then_some(())
        })
        .await?;
    scene.set(format!(
        "{} follows {leader}, and must give up what it had of term {}",
        start.leader, start.term
    ));
    Ok(())
}

/// (d): with the help of who has come back everything is acknowledged; L2 goes out, and whoever follows must have it.
async fn press(scene: &Scene, leader: NodeId, term: Term, news: &Sent) -> Told<()> {
    scene.stage("d");
    scene
        .acknowledged(news, "L2 did not acknowledge its own entry")
        .await?;
    // What follows is acknowledged with the help of who has come back, too: it may have claimed more than it has.
    let more = scene
        .write_acknowledged(
            leader,
            &scene.key_beside("more"),
            "L2 did not acknowledge another entry",
        )
        .await?;
    scene
        .until(PROMPT, "L2 lost its leadership", |view| {
            leads(view, leader, term).then_some(())
        })
        .await?;
    let rest = scene.others(&[leader]);
    let out = scene.draw_out();
    scene.only(&rest).await?;
    scene.out(leader, out).await?;
    let (next, _) = scene.elected(&rest, term, "nobody was elected after L2").await?;
    scene.cast("L3", next);
    let told = scene.ask_new_leader(next, &[scene.key(), more.key]).await?;
    scene.seen(format!("{next} leads after {leader}: {told}"));
    Ok(())
}
