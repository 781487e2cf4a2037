//! `paused-leader`: a leader sleeps through its succession, and wakes up with clients waiting.
//!
//! ```text
//!        (a) lag                  (b) asleep              (c) awake
//!   L1   1 2  leads, commits 2    1 2  stopped            1 2    read? write?
//!   F    1 2  knows of it         1 2  must not forget    1 2 3
//!   G    1 2  does not            1 2 3  leads            1 2 3
//! ```
//!
//! To L1 no time has passed: it must still not answer from its own memory (Raft section 8; thesis section 6.4). G leads
//! with a commit index that lags behind F's, which must not fall (figure 2).

use std::time::Duration;

use histories::LogIndex;

use crate::effect::{Effect, LinkRule, NodeId};
use crate::schedule::Row;
use crate::schedules::guided::{PROMPT, Scene, Start, Told, play, row};
use crate::view::View;

/// The row of this schedule.
pub(super) const ROW: Row = row(
    NAME,
    "a leader is stopped while another one is elected, and wakes up with clients waiting",
    |settings| play(NAME, settings, story),
);

const NAME: &str = "paused-leader";

/// A client of who is stopped waits so long.
const PATIENCE: Duration = Duration::from_millis(600);
/// A request has arrived at the node's socket.
const ARRIVED: Duration = Duration::from_millis(20);

async fn story(scene: Scene, start: Start) -> Told<()> {
    let old = start.leader;
    scene.cast("L1", old);
    lag(&scene, &start).await?;

    scene.stage("b");
    scene.apply(vec![Effect::Pause(old)]).await?;
    let others = scene.others(&[old]);
    let (new, term) = scene
        .elected(&others, start.term, "the others elected nobody")
        .await?;
    scene.cast("L2", new);
    let news = scene
        .write_acknowledged(new, &scene.key(), "L2 did not acknowledge its own entry")
        .await?;
    scene.seen(format!(
        "{old} is stopped; {new} leads term {term}, and {} is acknowledged",
        news.value
    ));

    scene.stage("c");
    let asked = [
        scene.read(old, &scene.key(), PATIENCE),
        scene.write(old, &scene.key_beside("late"), PATIENCE),
        scene.read_forwarded(old, &scene.key(), PATIENCE),
    ];
    scene.pass(ARRIVED).await;
    scene.apply(vec![Effect::Resume(old)]).await?;
    scene.set(format!("{old} goes on with {} clients waiting", asked.len()));
    let told = scene.answers(&asked).await;
    scene.seen(told);
    Ok(())
}

/// (a): an entry is on everybody, but L1 was cut off from G before it could say that it is committed.
async fn lag(scene: &Scene, start: &Start) -> Told<()> {
    scene.stage("a");
    let old = start.leader;
    let followers = scene.shuffled(scene.others(&[old]));
    let (knows, lags) = (followers[0], &followers[1..]);
    let links = lags.iter().map(|node| crate::effect::Link(old, *node));
    scene.rule(LinkRule::PassThenCut(1), links.collect()).await?;
    scene
        .write_acknowledged(old, &scene.key(), "L1 did not acknowledge its entry")
        .await?;
    let index = LogIndex(start.last.0 + 1);
    let knows_of = |view: &View, node: NodeId| Some(view.status(node)?.has_committed(index));
    let holds = |view: &View, node: &NodeId| {
        let status = view.status(*node);
        status.is_some_and(|status| status.last_index() >= Some(index) && status.lacks_commit_of(index))
    };
    scene
        .until(PROMPT, "nobody lagged behind", |view| {
            let some_lag = lags.iter().any(|node| holds(view, node));
            (some_lag && knows_of(view, knows)?).then_some(())
        })
        .await?;
    scene.cast("F", knows);
    scene.seen(format!(
        "{knows} knows that index {index} is committed, and others do not"
    ));
    Ok(())
}
