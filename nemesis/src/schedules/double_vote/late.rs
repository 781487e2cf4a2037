//! The vote arrives when its candidate is in another term already.

use std::time::Duration;

use histories::Term;

use super::confront;
use crate::effect::{FrameKind, Link, NodeId};
use crate::schedules::guided::{Miss, Scene, Start, Told, leads, majority};
use crate::view::Role;

/// Several election timeouts.
const SOON: Duration = Duration::from_secs(2);
/// A node takes a frame, and answers it, in this time.
const TAKEN: Duration = Duration::from_millis(20);

pub(super) async fn story(scene: &Scene, start: &Start) -> Told<()> {
    let (candidate, voters) = campaign(scene, start).await?;
    let term = Term(start.term.0 + 1);
    vote(scene, candidate, &voters, term).await?;

    scene.stage("c");
    let others = scene.others(&[candidate]);
    scene.only(&others).await?;
    let (leader, later) = scene.elected(&others, term, "the others elected nobody").await?;
    scene.cast("W", leader);
    scene
        .until(SOON, "the candidate was not in the leader's term", |view| {
            let status = view.status(candidate)?;
            match status.term?.cmp(&later) {
                std::cmp::Ordering::Less => None,
                std::cmp::Ordering::Equal => leads(view, leader, later).then_some(Ok(())),
                std::cmp::Ordering::Greater => Some(Err(Miss::new("the candidate outran the leader"))),
            }
        })
        .await??;
    let votes = voters.iter().map(|voter| Link(*voter, candidate)).collect();
    let frames = scene.inject(votes).await?;
    scene.pass(TAKEN).await;
    scene.set(format!(
        "{frames} votes of term {term} reached {candidate} in term {later}, which {leader} leads"
    ));
    confront(scene, leader, candidate).await
}

/// (a): everybody is alone; whoever campaigns first is X, and its requests are recorded.
async fn campaign(scene: &Scene, start: &Start) -> Told<(NodeId, Vec<NodeId>)> {
    scene.stage("a");
    let links = Link::all(scene.n()).collect();
    scene.record(FrameKind::RequestVote, 1, links).await?;
    scene.links(|_| false).await?;
    let followers = scene.others(&[start.leader]);
    let candidate = scene
        .until(SOON, "nobody campaigned", |view| {
            let campaigns = |node: &&NodeId| view.status(**node).is_some_and(|at| at.term > Some(start.term));
            followers.iter().find(campaigns).copied()
        })
        .await?;
    scene.cast("X", candidate);
    let view = scene.view();
    let mut voters = scene.others(&[candidate]);
    voters.retain(|node| view.status(*node).is_some_and(|at| at.term == Some(start.term)));
    let mut voters = scene.shuffled(voters);
    voters.truncate(majority(scene.n()) - 1);
    if voters.len() + 1 < majority(scene.n()) {
        return Err(Miss::new("too many campaigned at once"));
    }
    scene.cast_all("B", &voters);
    scene.seen(format!(
        "{candidate} campaigns in term {}, unheard",
        start.term.0 + 1
    ));
    Ok((candidate, voters))
}

/// (b): the requests are delivered; the voters vote, and their answers are recorded.
async fn vote(scene: &Scene, candidate: NodeId, voters: &[NodeId], term: Term) -> Told<()> {
    scene.stage("b");
    let replies = voters.iter().map(|voter| Link(*voter, candidate)).collect();
    scene.record(FrameKind::RequestVoteReply, 1, replies).await?;
    let requests = voters.iter().map(|voter| Link(candidate, *voter)).collect();
    scene.inject(requests).await?;
    scene
        .until(SOON, "nobody voted", |view| {
            let mut at = voters.iter().map(|voter| view.status(*voter));
            at.all(|at| at.is_some_and(|at| at.term == Some(term) && at.role == Some(Role::Follower)))
                .then_some(())
        })
        .await?;
    scene.pass(TAKEN).await;
    scene.seen(format!(
        "{} voted for {candidate} in term {term}, unheard",
        voters.len()
    ));
    Ok(())
}
