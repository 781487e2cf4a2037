//! `even-split`: two halves that do not hear each other, neither of them a majority.
//!
//! ```text
//!        (a) split              (b) both sides are asked
//!   L1   1 2   leads T1         1 2     write? read?
//!   F1   1 2   beside it        1 2     write? read?
//!  ────────────────────────────────────────────────────
//!   G1   1     campaigns        1 3?    write? read?
//!   G2   1                      1 3?    write? read?
//! ```
//!
//! Half is not enough (Raft section 5.2): 2 may not be acknowledged, nobody may be elected on the other side, and nobody
//! may answer a read. If the number of nodes is odd, one of them is out for as long as that lasts.

use std::time::Duration;

use histories::{LogIndex, Term};

use crate::effect::NodeId;
use crate::schedule::Row;
use crate::schedules::guided::{PROMPT, Scene, Sent, Start, Told, play, row};
use crate::view::View;

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    least_nodes: 4,
    nodes: 4,
    ..row(
        NAME,
        "two halves that do not hear each other, and clients on both sides",
        |settings| play(NAME, settings, story),
    )
};

const NAME: &str = "even-split";

/// A half campaigns again and again; this is time for the first round, or two.
const CAMPAIGN: Duration = Duration::from_secs(2);
/// Whoever can be elected is elected by then.
const ELECTED: Duration = Duration::from_millis(100);
/// Clients of a half wait so long in vain.
const IN_VAIN: Duration = Duration::from_millis(300);

async fn story(scene: Scene, start: Start) -> Told<()> {
    let (near, far, lost) = split(&scene, &start).await?;

    scene.stage("b");
    let writes = far
        .iter()
        .map(|node| scene.write(*node, &scene.key(), IN_VAIN))
        .chain([lost]);
    let writes = scene.answers(&writes.collect::<Vec<_>>()).await;
    scene.set(format!("{} against {}: {writes}", near.len(), far.len()));
    let everybody = [near, far].concat();
    let reads: Vec<Sent> = everybody
        .iter()
        .map(|node| scene.read_forwarded(*node, &scene.key(), IN_VAIN))
        .collect();
    let reads = scene.answers(&reads).await;
    scene.seen(reads);
    Ok(())
}

/// (a): L1's half holds an entry that the other one does not, and over there somebody campaigns.
async fn split(scene: &Scene, start: &Start) -> Told<(Vec<NodeId>, Vec<NodeId>, Sent)> {
    scene.stage("a");
    let old = start.leader;
    let half = scene.n() / 2;
    let mut followers = scene.shuffled(scene.others(&[old]));
    if scene.n() % 2 == 1
        && let Some(odd) = followers.pop()
    {
        scene.cast("out", odd);
        let out = scene.draw_out();
        scene.out(odd, out).await?;
    }
    let far = followers.split_off(half - 1);
    let near = [&[old], followers.as_slice()].concat();
    scene.cast("L1", old);
    scene.cast_all("F", &followers);
    scene.cast_all("G", &far);
    scene.split(&[&near, &far]).await?;
    let lost = scene.write(old, &scene.key(), PROMPT);
    let end = LogIndex(start.last.0 + 1);
    scene
        .until(CAMPAIGN, "the halves did not part", |view| {
            let parted = near.iter().all(|node| holds(view, *node, end))
                && far.iter().any(|node| is_later(view, *node, start.term));
            parted.then_some(())
        })
        .await?;
    scene.pass(ELECTED).await;
    scene.seen(format!(
        "index {end} is on {} of {} nodes, and the other half wants a leader of its own",
        near.len(),
        scene.n()
    ));
    Ok((near, far, lost))
}

fn holds(view: &View, node: NodeId, end: LogIndex) -> bool {
    view.status(node)
        .is_some_and(|status| status.last_index() == Some(end))
}

fn is_later(view: &View, node: NodeId, than: Term) -> bool {
    view.status(node).is_some_and(|status| status.term > Some(than))
}
