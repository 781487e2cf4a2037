//! `step-down`: a write is pending at a leader that hears of its successor.
//!
//! ```text
//!        overwritten:  (a) pending   (b) succeeded     carried on:  (a) pending   (b) succeeded     (c) heal
//!   L1                 1 W           1 W   cut off                  1 W           1 W   cut off     steps down: W?
//!   L2                 1             1 X   leads T2                 1 W           1 W Z leads T2
//!   ...                1             1 X                            1             1 W Z
//! ```
//!
//! W's client still waits when L1 follows L2. In one cycle another entry stands where W stood, and W never happens: an
//! answer is for an index *and* a term (Raft section 5.3). In the next one L2 holds W, though L1 does not know it, and
//! has it committed: what is pending at a step-down may yet happen, and nobody may say that it has failed (section 8).
//! W has a key of its own, so that nothing but W explains what is read there.

use std::time::Duration;

use histories::{LogIndex, Value};

use crate::effect::{Link, NodeId};
use crate::schedule::Row;
use crate::schedules::guided::{Miss, PROMPT, Scene, Sent, Start, Told, follows, majority, play, row};
use crate::view::{ProbeState, View};

/// The row of this schedule.
pub(super) const ROW: Row = row(
    NAME,
    "a write is pending at a leader that hears of its successor",
    |settings| play(NAME, settings, story),
);

const NAME: &str = "step-down";

/// How long L1 may take to hear of L2.
const HEARD: Duration = Duration::from_secs(3);
/// W's client waits longer than all that lasts, and not for ever: it is waited for.
const PENDING: Duration = Duration::from_secs(5);

async fn story(scene: Scene, start: Start) -> Told<()> {
    scene.cast("L1", start.leader);
    let (pending, new) = match scene.turn(2) {
        0 => overwritten(&scene, &start).await?,
        _ => carried_on(&scene, &start).await?,
    };
    scene.cast("L2", new);

    scene.stage("c");
    scene.links(|_| true).await?;
    scene
        .until(HEARD, "L1 did not follow L2", |view| {
            follows(view, start.leader, new).then_some(())
        })
        .await?;
    scene.set(format!(
        "{} follows {new}, and had {} pending",
        start.leader, pending.value
    ));
    let told = scene.answers(&[pending]).await;
    scene.seen(told);
    Ok(())
}

/// L1 is cut off with W, and L2 acknowledges X in its place.
async fn overwritten(scene: &Scene, start: &Start) -> Told<(Sent, NodeId)> {
    scene.stage("a");
    let rest = scene.others(&[start.leader]);
    scene.only(&rest).await?;
    let pending = written(scene, start, &[start.leader]).await?;
    scene.stage("b");
    let (new, term) = scene
        .elected(&rest, start.term, "the others elected nobody")
        .await?;
    acknowledge(scene, new, scene.key_beside("x")).await?;
    still_waits(scene, &pending)?;
    scene.seen(format!(
        "{new} leads term {term}, and its own entry at index {} is acknowledged",
        start.last.0 + 1
    ));
    Ok((pending, new))
}

/// W reaches F1, and L1 does not hear so; F1 is elected and has it committed.
async fn carried_on(scene: &Scene, start: &Start) -> Told<(Sent, NodeId)> {
    scene.stage("a");
    let old = start.leader;
    let others = scene.shuffled(scene.others(&[old]));
    let heir = others[0];
    scene.links(|link| link == Link(old, heir)).await?;
    let pending = written(scene, start, &[old, heir]).await?;
    scene.stage("b");
    let helpers = &others[1..majority(scene.n())];
    scene.star(heir, helpers).await?;
    let (new, term) = scene.elected(&others, start.term, "F1 was not elected").await?;
    if new != heir {
        return Err(Miss::with("another than F1 was elected", new.to_string()));
    }
    acknowledge(scene, new, scene.key_beside("z")).await?;
    still_waits(scene, &pending)?;
    scene.seen(format!(
        "{new} leads term {term}, and has {} committed",
        pending.value
    ));
    Ok((pending, new))
}

/// W is submitted at L1, and is on these nodes, where it is not committed.
async fn written(scene: &Scene, start: &Start, on: &[NodeId]) -> Told<Sent> {
    let pending = scene.write(start.leader, &scene.key(), PENDING);
    let end = LogIndex(start.last.0 + 1);
    let holds = |view: &View, node: &NodeId| {
        let status = view.status(*node);
        status.is_some_and(|status| status.last_index() == Some(end) && status.lacks_commit_of(end))
    };
    scene
        .until(PROMPT, "W was not written", |view| {
            on.iter().all(|node| holds(view, node)).then_some(())
        })
        .await?;
    scene.seen(format!("{} is pending at {}", pending.value, start.leader));
    Ok(pending)
}

async fn acknowledge(scene: &Scene, leader: NodeId, key: Value) -> Told<()> {
    scene
        .write_acknowledged(leader, &key, "L2 did not acknowledge its own entry")
        .await?;
    Ok(())
}

fn still_waits(scene: &Scene, pending: &Sent) -> Told<()> {
    match scene.state(pending) {
        ProbeState::Pending => Ok(()),
        state => Err(Miss::with(
            "W's client does not wait any more",
            format!("{state:?}"),
        )),
    }
}
