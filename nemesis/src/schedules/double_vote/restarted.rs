//! The voter is restarted between two requests of one term.

use std::time::Duration;

use histories::Term;

use super::confront;
use crate::effect::{Effect, Link, NodeId};
use crate::schedules::guided::{Miss, Out, Scene, Start, Told, leads, majority};

/// Whoever is started hears nobody who leads, and campaigns after one election timeout.
const SOON: Duration = Duration::from_secs(1);

pub(super) async fn story(scene: &Scene, start: &Start) -> Told<()> {
    let (winner, voters, rival) = elect(scene, start).await?;
    let term = Term(start.term.0 + 1);

    scene.stage("b");
    let restarts = voters
        .iter()
        .flat_map(|node| [Effect::Kill(*node), Effect::Start(*node)]);
    scene.apply(restarts.collect()).await?;
    scene
        .until(
            SOON,
            "the winner did not stay leader while its voters were restarted",
            |view| {
                let back = |node: &NodeId| {
                    view.status(*node)
                        .is_some_and(|status| status.term.is_some_and(|at| at <= term))
                };
                (leads(view, winner, term) && voters.iter().all(back)).then_some(())
            },
        )
        .await?;
    scene.seen(format!("{winner} leads term {term}; its voters were restarted"));

    scene.stage("c");
    scene
        .links(|Link(from, to)| {
            let pair = [winner, rival];
            let known = |node| pair.contains(&node) || voters.contains(&node);
            known(from) && known(to) && !(pair.contains(&from) && pair.contains(&to))
        })
        .await?;
    scene.back(rival, Out::Kill).await?;
    let wins = scene
        .until(SOON, "nobody was asked for a second vote", |view| {
            let status = view.status(rival)?;
            let mut denials = status.denied.iter();
            let denied = denials.any(|denied| denied.term == term && voters.contains(&denied.by));
            let wins = leads(view, rival, term);
            (denied || wins).then_some(wins)
        })
        .await?;
    let how = if wins { "and got it" } else { "and was refused" };
    scene.set(format!("{rival} asked for a second vote in term {term}, {how}"));
    confront(scene, winner, rival).await
}

/// (a): C is down, and remembers the term before; among exactly a majority somebody wins the next one. Who that was, its
/// voters, and C.
async fn elect(scene: &Scene, start: &Start) -> Told<(NodeId, Vec<NodeId>, NodeId)> {
    scene.stage("a");
    let followers = scene.shuffled(scene.others(&[start.leader]));
    let (rival, others) = (followers[0], &followers[1..]);
    let mut group = vec![start.leader];
    group.extend(others.iter().take(majority(scene.n()) - 1));
    scene.cast("C", rival);
    scene.out(rival, Out::Kill).await?;
    scene.only(&group).await?;
    scene
        .apply(vec![Effect::Kill(start.leader), Effect::Start(start.leader)])
        .await?;
    let (winner, term) = scene.elected(&group, start.term, "nobody was elected").await?;
    if term.0 != start.term.0 + 1 {
        return Err(Miss::new("the election took more than one term"));
    }
    scene.cast("A", winner);
    group.retain(|node| *node != winner);
    scene.cast_all("B", &group);
    scene.seen(format!(
        "{winner} leads term {term}; {rival} is down, and in term {}",
        start.term
    ));
    Ok((winner, group, rival))
}
