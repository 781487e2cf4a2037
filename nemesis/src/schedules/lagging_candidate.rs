//! `lagging-candidate`: a node that has missed what was acknowledged asks for votes.
//!
//! ```text
//!        (a) apart                   (b) alone             (c) candidate
//!   F    1       cut off             1       T5, T6 …      1       asks for votes in T7
//!   L    1 2 3   both acknowledged   1 2 3   out           1 2 3   out
//!   X    1 2 3                       1 2 3                 1 2 3   must refuse
//! ```
//!
//! In every other cycle F's log is the longer one, and still the older: it led T1 when it was cut off, and has a tail
//! that nobody else has; L, which leads T2, has acknowledged less. Neither may be elected (Raft section 5.4.1).
//!
//! F campaigned alone until its term was the latest, so that X's own campaigns come to nothing before F has asked. Of
//! more than three nodes F hears all and they hear only F: nobody else can have a majority.

use std::time::Duration;

use histories::{LogIndex, Term};

use crate::effect::NodeId;
use crate::schedule::Row;
use crate::schedules::guided::{Out, PROMPT, Scene, Start, Told, leads, majority, play, row};
use crate::view::View;

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    nodes: 5,
    ..row(
        NAME,
        "a node that has missed what was acknowledged asks for votes",
        |settings| play(NAME, settings, story),
    )
};

const NAME: &str = "lagging-candidate";

/// Time for several campaigns.
const CAMPAIGNS: Duration = Duration::from_secs(3);
/// The clients of F's tail wait longer than the cycle lasts.
const PENDING: Duration = Duration::from_secs(10);

async fn story(scene: Scene, start: Start) -> Told<()> {
    scene.stage("a");
    let (lagging, leader) = match scene.turn(2) {
        0 => shorter(&scene, &start).await?,
        _ => longer_but_older(&scene, &start).await?,
    };
    scene.cast("F", lagging);
    scene.cast("L", leader);
    let term = alone(&scene, lagging, leader).await?;
    candidate(&scene, lagging, leader, term).await
}

/// F follows, is cut off, and misses 2 to 5 entries.
async fn shorter(scene: &Scene, start: &Start) -> Told<(NodeId, NodeId)> {
    let leader = start.leader;
    let lagging = scene.shuffled(scene.others(&[leader]))[0];
    scene.only(&scene.others(&[lagging])).await?;
    let missed = scene.draw(2..=5);
    acknowledge(scene, leader, missed).await?;
    scene.seen(format!("{lagging} misses {missed} entries that are acknowledged"));
    Ok((lagging, leader))
}

/// F leads, is cut off with a tail of 4 to 8, and misses 1 or 2 entries of its successor.
async fn longer_but_older(scene: &Scene, start: &Start) -> Told<(NodeId, NodeId)> {
    let lagging = start.leader;
    let rest = scene.others(&[lagging]);
    scene.only(&rest).await?;
    let length = scene.draw(4..=8);
    for number in 1..=length {
        scene.write(lagging, &scene.key_beside(&format!("tail{number}")), PENDING);
    }
    let end = LogIndex(start.last.0 + length);
    scene
        .until(PROMPT, "the tail was not written", |view| {
            (view.status(lagging)?.last_index() == Some(end)).then_some(())
        })
        .await?;
    let (leader, _) = scene
        .elected(&rest, start.term, "the others elected nobody")
        .await?;
    let missed = scene.draw(1..=2);
    acknowledge(scene, leader, missed).await?;
    // As a leader it would wait for answers for ever; what starts again asks for votes.
    scene.out(lagging, Out::Kill).await?;
    scene.back(lagging, Out::Kill).await?;
    scene.seen(format!(
        "{lagging} has {length} entries of term {} and misses {missed} later ones, which are acknowledged",
        start.term
    ));
    Ok((lagging, leader))
}

/// The leader acknowledges so many writes of the key.
async fn acknowledge(scene: &Scene, leader: NodeId, writes: u64) -> Told<()> {
    for _ in 0..writes {
        scene
            .write_acknowledged(leader, &scene.key(), "L did not acknowledge its entry")
            .await?;
    }
    Ok(())
}

/// (b): F campaigns alone until its term is later than everybody's; the others have all that L has, and L goes out.
async fn alone(scene: &Scene, lagging: NodeId, leader: NodeId) -> Told<Term> {
    scene.stage("b");
    let followers = scene.others(&[lagging, leader]);
    let term = scene
        .until(CAMPAIGNS, "F's term is not the latest", |view| {
            let led = view.status(leader)?;
            let has_all = |node: &NodeId| {
                view.status(*node)
                    .is_some_and(|status| status.last.is_some() && status.last == led.last)
            };
            let term = view.status(lagging)?.term?;
            (followers.iter().all(has_all) && term > led.term?).then_some(term)
        })
        .await?;
    let out = scene.draw_out();
    scene.out(leader, out).await?;
    scene.seen(format!(
        "{lagging} is alone in term {term}, and {leader}, which has acknowledged what it lacks, is out"
    ));
    Ok(term)
}

/// (c): F asks just as many for their votes as it needs; then all but L are together, and whoever leads is asked.
async fn candidate(scene: &Scene, lagging: NodeId, leader: NodeId, term: Term) -> Told<()> {
    scene.stage("c");
    let others = scene.shuffled(scene.others(&[lagging, leader]));
    let asked = &others[..majority(scene.n()) - 1];
    scene.cast_all("X", asked);
    scene.star(lagging, asked).await?;
    let came_to = scene
        .until(CAMPAIGNS, "F did not ask for votes", |view| {
            asking(view, lagging, term)
        })
        .await?;
    scene.set(format!("{lagging} asked for votes with an old log: {came_to}"));

    scene.stage("d");
    let together = scene.others(&[leader]);
    scene.only(&together).await?;
    let (new, _) = scene
        .elected(&together, term, "nobody was elected after L")
        .await?;
    scene.cast("L2", new);
    let told = scene.ask_new_leader(new, &[scene.key()]).await?;
    scene.seen(format!("{new} leads after {leader}: {told}"));
    Ok(())
}

/// What F's campaigns have come to since it has been heard again.
fn asking(view: &View, lagging: NodeId, term: Term) -> Option<String> {
    let status = view.status(lagging)?;
    let at = status.term?;
    if leads(view, lagging, at) && at > term {
        return Some(format!("it leads term {at}"));
    }
    let refused = status
        .denied
        .iter()
        .find(|denied| denied.term >= term && denied.why == "log")?;
    Some(format!("{} refused", refused.by))
}
