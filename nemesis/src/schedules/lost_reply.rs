//! `lost-reply`: a write is done, its answer is lost, and it is asked for again.
//!
//! ```text
//!        (a) lost                       (b) again
//!   L1   1 2  applied ──╳ client        out
//!   L2   1 2                            1 2  client, the same session: done already
//! ```
//!
//! A session makes it one operation (Raft section 8; thesis section 6.3): the retry is answered like the first attempt,
//! and applied once. Two twists take turns: the client itself asks another leader; or a follower, which has handed the
//! write to its leader, hears so late that it hands it on again.

use std::time::Duration;

use histories::LogIndex;

use crate::effect::{ClientRule, Link, LinkRule};
use crate::schedule::Row;
use crate::schedules::guided::{Miss, PROMPT, Scene, Start, Told, leads, play, row};
use crate::view::ProbeState;

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    workload: "append",
    retries: true,
    ..row(
        NAME,
        "a committed write's answer is lost or late, and the write is asked for again",
        |settings| play(NAME, settings, story),
    )
};

const NAME: &str = "lost-reply";

/// How long the client waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// The leader's words take longer to the follower, step by step, so that it never misses a heartbeat …
const STEP_MS: u64 = 50;
/// … until they take longer than a follower waits before it hands a write on again.
const LATE_MS: u64 = 300;
/// Between two steps: a frame under the new delay has arrived.
const SETTLED: Duration = Duration::from_millis(110);

async fn story(scene: Scene, start: Start) -> Told<()> {
    match scene.turn(2) {
        0 => asked_elsewhere(&scene, &start).await,
        _ => handed_on_again(&scene, &start).await,
    }
}

async fn asked_elsewhere(scene: &Scene, start: &Start) -> Told<()> {
    scene.stage("a");
    let old = start.leader;
    scene.cast("L1", old);
    scene.clients(ClientRule::CutReplies, vec![old]).await?;
    let sent = scene.write_held(old, &scene.key(), PATIENCE);
    let index = LogIndex(start.last.0 + 1);
    scene
        .until(PROMPT, "the write was not committed", |view| {
            let status = view.status(old)?;
            (status.has_committed(index) && status.entry(index)?.term == start.term).then_some(())
        })
        .await?;
    match scene.answer(&sent).await {
        ProbeState::Info { .. } => {}
        other => return Err(Miss::with("the answer was not lost", format!("{other:?}"))),
    }
    let dropped = scene.clients(ClientRule::Pass, vec![old]).await?;
    if dropped == 0 {
        return Err(Miss::new("no reply was dropped"));
    }
    scene.seen(format!(
        "{} is committed at index {index}, and its answer was dropped",
        sent.value
    ));

    scene.stage("b");
    let others = scene.others(&[old]);
    let out = scene.draw_out();
    scene.out(old, out).await?;
    let (new, _) = scene
        .elected(&others, start.term, "the others elected nobody")
        .await?;
    scene.cast("L2", new);
    let again = scene.retry(&sent, new, PATIENCE);
    let told = scene.answers(&[again]).await;
    scene.set(format!("the same client asked {new} for the same write: {told}"));
    Ok(())
}

async fn handed_on_again(scene: &Scene, start: &Start) -> Told<()> {
    scene.stage("a");
    let leader = start.leader;
    let follower = scene.shuffled(scene.others(&[leader]))[0];
    scene.cast("L1", leader);
    scene.cast("F", follower);
    for delay in (STEP_MS..=LATE_MS).step_by(STEP_MS as usize) {
        let rule = LinkRule::DelayMs(delay);
        scene.rule(rule, vec![Link(leader, follower)]).await?;
        scene.pass(SETTLED).await;
    }
    scene
        .until(PROMPT, "the leader did not stay", |view| {
            leads(view, leader, start.term).then_some(())
        })
        .await?;
    scene.seen(format!("{follower} hears {leader} {LATE_MS} ms late"));

    scene.stage("b");
    let asked = scene.now();
    let sent = scene.write_forwarded(follower, &scene.key(), PATIENCE);
    scene.acknowledged(&sent, "the write was not handed on").await?;
    let took = scene.now().since(asked).as_millis() as u64;
    if took < LATE_MS {
        return Err(Miss::with("the answer was not late", format!("{took} ms")));
    }
    scene.set(format!(
        "{follower} handed a write to {leader}, and heard of it after {took} ms"
    ));
    Ok(())
}
