//! `rejoin-tail`: a long tail that was never committed comes back under another leader.
//!
//! ```text
//!        (a) tail             (b) rival              (c) rejoin            (d) press
//!   L1   1 2'2'2'2' leads T1  1 2'2'2'2'  cut off    1 2'2'2'2'  back      1 2 3
//!   L2   1                    1 2  leads T2          1 2  leads            1 2 3  out, once 3 is acknowledged
//!   ...  1                    1 2                    1 2  cut off          1 2    back; somebody leads, read
//! ```
//!
//! The tail conflicts with what L2 has committed: it must be found out by the terms and not by the lengths of the
//! logs, deleted, and counted as nothing before that (Raft section 5.3, figure 2). By seed somebody is elected again at
//! (b), so that the new leader's first message to L1 already speaks of index 2 (`prev`), and not of index 1.

use std::time::Duration;

use histories::{LogIndex, Term};

use crate::effect::{Link, NodeId};
use crate::schedule::{Profile, Row};
use crate::schedules::guided::scene::told;
use crate::schedules::guided::{Scene, Sent, Start, Told, follows, leader_among, majority, play, record};
use crate::view::View;

/// The row of this schedule.
pub const ROW: Row = Row {
    name: NAME,
    about: "a long tail that was never committed comes back under another leader",
    least_nodes: 3,
    nodes: 3,
    guided: true,
    profile: Profile::Bare,
    workload: "register",
    build: |settings| play(NAME, settings, story),
    armed: record::armed,
};

const NAME: &str = "rejoin-tail";

const ELECTION: Duration = Duration::from_secs(4);
const PROMPT: Duration = Duration::from_secs(1);
/// The clients of the tail wait longer than the cycle lasts.
const PENDING: Duration = Duration::from_secs(10);

async fn story(scene: Scene, start: Start) -> Told<()> {
    let cohort = tail(&scene, &start).await?;
    let rest = scene.others(&cohort);
    let leader = rival(&scene, &rest, start.term).await?;
    rejoin(&scene, &start, &cohort, leader).await?;
    press(&scene, leader).await
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
    scene.write(start.leader, &scene.key(), PENDING);
    for number in 1..length {
        scene.write(start.leader, &scene.key_beside(&format!("tail{number}")), PENDING);
    }
    let end = LogIndex(start.last.0 + length);
    scene
        .until(PROMPT, "the tail did not reach the whole cohort", |view| {
            cohort
                .iter()
                .all(|node| ends_at(view, *node, end, start.term))
                .then_some(())
        })
        .await?;
    scene.seen(format!("{length} entries of term {} on a minority", start.term));
    Ok(cohort)
}

fn ends_at(view: &View, node: NodeId, index: LogIndex, term: Term) -> bool {
    view.status(node)
        .is_some_and(|status| status.last.index == index && status.last.term == term)
}

/// (b): the others elect L2, which commits one entry at the tail's first index; by seed another election follows.
async fn rival(scene: &Scene, rest: &[NodeId], after: Term) -> Told<NodeId> {
    scene.stage("b");
    let (mut leader, term) = elected(scene, rest, after, "the majority elected nobody").await?;
    let news = scene.write(leader, &scene.key(), PROMPT);
    scene
        .acknowledged(&news, "L2 did not acknowledge its own entry")
        .await?;
    if scene.toss() {
        leader = elect_again(scene, rest, leader, term).await?;
    }
    scene.cast("L2", leader);
    scene.seen(format!(
        "{leader} leads a later term, and {} is acknowledged",
        news.value
    ));
    Ok(leader)
}

async fn elected(scene: &Scene, among: &[NodeId], after: Term, otherwise: &str) -> Told<(NodeId, Term)> {
    scene
        .until(ELECTION, otherwise, |view| leader_among(view, among, after))
        .await
}

/// Everybody of `rest` is alone until a follower campaigns; then they are together again.
async fn elect_again(scene: &Scene, rest: &[NodeId], leader: NodeId, term: Term) -> Told<NodeId> {
    scene
        .links(|Link(from, to)| !rest.contains(&from) && !rest.contains(&to))
        .await?;
    let campaigns = |view: &View, node: &NodeId| view.status(*node).is_some_and(|status| status.term > term);
    scene
        .until(ELECTION, "nobody campaigned again", |view| {
            let mut followers = rest.iter().filter(|node| **node != leader);
            followers.any(|node| campaigns(view, node)).then_some(())
        })
        .await?;
    scene.split(&[rest, &scene.others(rest)]).await?;
    let (leader, _) = elected(scene, rest, term, "nobody was elected again").await?;
    Ok(leader)
}

/// (c): L2 and the cohort, with no more helpers than make a majority; the cohort follows L2.
async fn rejoin(scene: &Scene, start: &Start, cohort: &[NodeId], leader: NodeId) -> Told<()> {
    scene.stage("c");
    let wanted = majority(scene.n()) - cohort.len() - 1;
    let mut helpers = scene.shuffled(scene.others(&[cohort, &[leader]].concat()));
    helpers.truncate(wanted);
    let together = [&[leader], cohort, &helpers].concat();
    scene.only(&together).await?;
    scene
        .until(ELECTION, "the cohort did not follow L2", |view| {
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

/// (d): X is acknowledged with the help of who has come back; L2 goes out, and whoever follows it must have X.
async fn press(scene: &Scene, leader: NodeId) -> Told<()> {
    scene.stage("d");
    let x = scene.write(leader, &scene.key_beside("x"), PROMPT);
    scene.acknowledged(&x, "L2 did not acknowledge X").await?;
    let rest = scene.others(&[leader]);
    let term = scene
        .view()
        .status(leader)
        .map(|status| status.term)
        .unwrap_or_default();
    let out = scene.draw_out();
    scene.only(&rest).await?;
    scene.out(leader, out).await?;
    let (next, _) = elected(scene, &rest, term, "nobody was elected after L2").await?;
    scene.cast("L3", next);
    let z = scene.write(next, &scene.key_beside("z"), PROMPT);
    scene.acknowledged(&z, "L3 did not acknowledge Z").await?;
    let reads: [Sent; 2] = [scene.key(), x.key].map(|key| scene.read(next, &key, PROMPT));
    let mut answers = Vec::new();
    for sent in &reads {
        answers.push(told(sent, &scene.answer(sent).await));
    }
    scene.seen(format!("{next} leads: {}", answers.join(", ")));
    Ok(())
}
