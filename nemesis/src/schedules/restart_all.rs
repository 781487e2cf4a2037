//! `restart-all`: every node is killed and comes back, one of them late.
//!
//! ```text
//!        (a) restarted             (b) late
//!   L2   1 2  leads, acknowledged  1 2  out
//!   F    1 2                       1 2  must win: it has 2
//!   S    1    down                 1    back: alone with F
//! ```
//!
//! What a node has promised in a term binds it after a restart, too: term and vote are durable (Raft, figure 2). If
//! terms began anew, 2 would have a lower term than 1, and S the newer log.

use std::time::Duration;

use crate::effect::{Effect, NodeId};
use crate::schedule::Row;
use crate::schedules::guided::{Scene, Start, Told, majority, play, row};
use crate::tells::Tells;
use crate::view::View;

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    needs: &[Tells::Leader, Tells::Term],
    ..row(
        NAME,
        "every node is killed and started again, one of them late",
        |settings| play(NAME, settings, story),
    )
};

const NAME: &str = "restart-all";

/// Nodes that have just started, and one whose log may be refused several times, elect within this time.
const ELECTION: Duration = Duration::from_secs(5);

async fn story(scene: Scene, start: Start) -> Told<()> {
    scene.stage("a");
    let order = scene.shuffled(scene.nodes());
    let (slow, rest) = (order[0], &order[1..]);
    scene.cast("S", slow);
    let mut effects: Vec<Effect> = order.iter().copied().map(Effect::Kill).collect();
    effects.extend(rest.iter().copied().map(Effect::Start));
    scene.only(rest).await?;
    scene.apply(effects).await?;
    let leader = anybody(&scene, rest, "nobody was elected after the restart").await?;
    scene.cast("L2", leader);
    let news = scene
        .write_acknowledged(leader, &scene.key(), "nothing was acknowledged after the restart")
        .await?;
    scene.seen(format!(
        "all were killed; {leader} leads the others, and {} is acknowledged without {slow}",
        news.value
    ));

    scene.stage("b");
    let mut group = scene.shuffled(rest.iter().copied().filter(|node| *node != leader).collect());
    group.truncate(majority(scene.n()) - 1);
    scene.cast_all("F", &group);
    group.push(slow);
    let out = scene.draw_out();
    scene.out(leader, out).await?;
    scene.only(&group).await?;
    scene.apply(vec![Effect::Start(slow)]).await?;
    let next = anybody(&scene, &group, "nobody was elected after the late one came back").await?;
    scene.cast("L3", next);
    scene.set(format!(
        "{slow} came back late, with a log of term {} at its end; {next} leads",
        start.term
    ));
    let told = scene.ask_new_leader(next, &[scene.key()]).await?;
    scene.seen(told);
    Ok(())
}

/// Whoever leads, in whatever term: all of them were followers before.
async fn anybody(scene: &Scene, among: &[NodeId], otherwise: &str) -> Told<NodeId> {
    let leads = |view: &View| view.leader().filter(|leader| among.contains(leader));
    scene.until(scene.at_least(ELECTION, 3), otherwise, leads).await
}
