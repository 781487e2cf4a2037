//! `lone-follower`: a leader with one follower too few for a majority is asked to write, and both go out.
//!
//! ```text
//!        (a) too few                    (b) out      (c) succeeded
//!   L1   1 2   leads T1, write 2?       1 2  out     1 2  out
//!   F1   1 2   follows it               1 2  out     1 2  out
//!  ──────────────────────────────────────────────────────────────
//!   L2   1     cut off                  1            1 3  leads T2, knows nothing of 2
//!   ...  1                              1            1 3
//! ```
//!
//! 2 is on a minority: it may not be acknowledged, because the others can do without everybody who has it (Raft section
//! 5.3). A leader that counts itself twice, or a follower that is not there, does acknowledge it. If the number of nodes
//! is even, the others need one of those who have it, and must elect it.

use std::time::Duration;

use histories::LogIndex;

use crate::effect::NodeId;
use crate::schedule::Row;
use crate::schedules::guided::{Scene, Sent, Start, Told, majority, play, row};

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    nodes: 5,
    ..row(
        NAME,
        "a leader with one follower too few for a majority is asked to write, and goes out with them",
        |settings| play(NAME, settings, story),
    )
};

const NAME: &str = "lone-follower";

/// An entry reaches who is there.
const ARRIVAL: Duration = Duration::from_secs(1);
/// The client of a minority waits so long in vain.
const IN_VAIN: Duration = Duration::from_millis(300);

async fn story(scene: Scene, start: Start) -> Told<()> {
    let (few, written) = too_few(&scene, &start).await?;

    scene.stage("b");
    let told = scene.answers(std::slice::from_ref(&written)).await;
    let gone = &few[..scene.n() - majority(scene.n())];
    let rest = scene.others(gone);
    scene.only(&rest).await?;
    let out = scene.draw_out();
    for node in gone {
        scene.out(*node, out).await?;
    }
    scene.seen(format!("{told}; then {} of {} are out", gone.len(), scene.n()));

    scene.stage("c");
    let (new, term) = scene
        .elected(&rest, start.term, "the others elected nobody")
        .await?;
    scene.cast("L2", new);
    scene.set(format!(
        "{new} leads term {term} without those who had index {}",
        start.last.0 + 1
    ));
    let told = scene.ask_new_leader(new, &[scene.key()]).await?;
    scene.seen(format!("{new} leads: {told}"));
    Ok(())
}

/// (a): L1 and its followers are one short of a majority, and all of them have what L1 is asked to write.
async fn too_few(scene: &Scene, start: &Start) -> Told<(Vec<NodeId>, Sent)> {
    scene.stage("a");
    let followers = scene.shuffled(scene.others(&[start.leader]));
    let followers = &followers[..majority(scene.n()) - 2];
    let few = [&[start.leader], followers].concat();
    scene.cast("L1", start.leader);
    scene.cast_all("F", followers);
    scene.split(&[&few, &scene.others(&few)]).await?;
    let written = scene.write(start.leader, &scene.key(), IN_VAIN);
    let end = LogIndex(start.last.0 + 1);
    scene
        .until(ARRIVAL, "the entry did not reach L1's followers", |view| {
            let holds =
                |node: &NodeId| view.status(*node).and_then(|status| status.last_index()) == Some(end);
            few.iter().all(holds).then_some(())
        })
        .await?;
    scene.seen(format!(
        "index {end} is on {} of {} nodes, one short of a majority",
        few.len(),
        scene.n()
    ));
    Ok((few, written))
}
