//! `stale-leader`: a leader that is cut off keeps its clients, and does not know that it leads no more.
//!
//! ```text
//!        (a) cut off    (b) succeeded    (c) asked            (d) late
//!   L1   1  leads T1    1                1 2'  write? read?   1 2'  its messages of T1 reach the others
//!   F1   1              1                1     read?          1
//!  ─────────────────────────────────────────────────────────────────────
//!   L2   1              1  leads T2      1 2   acknowledged   1 2   out
//!   F2   1              1                1 2                  1 2   must not listen to L1
//! ```
//!
//! L1 must not answer at (c): a read there would miss what L2 has acknowledged, and a write is not on a majority (Raft
//! section 8; thesis section 6.4). Nor may F1, which hears only L1. At (d) L1 still speaks of T1, and nobody must mind
//! it (section 5.1); then L2 goes out, and whoever follows it must have what it acknowledged.

use std::time::Duration;

use histories::Term;

use crate::effect::{Link, NodeId};
use crate::schedule::Row;
use crate::schedules::guided::{PROMPT, Scene, Sent, Start, Told, UNTOLD, leads, majority, play, row};
use crate::tells::Tells;

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    nodes: 5,
    needs: &[Tells::Leader],
    ..row(
        NAME,
        "a leader that is cut off keeps its clients, while another one is elected",
        |settings| play(NAME, settings, story),
    )
};

const NAME: &str = "stale-leader";

/// A client of who is cut off waits so long in vain.
const IN_VAIN: Duration = Duration::from_millis(300);
/// So long L1 may speak to the others: it sends again what was not answered.
const LATE: Duration = Duration::from_millis(200);

async fn story(scene: Scene, start: Start) -> Told<()> {
    let rest = cut_off(&scene, &start).await?;
    scene.stage("b");
    let (new, term) = scene
        .elected(&rest, start.term, "the majority elected nobody")
        .await?;
    scene.cast("L2", new);
    scene.seen(format!(
        "{new} leads{}, and {} does not know",
        of(term),
        start.leader
    ));
    ask(&scene, &start, &rest, new).await?;

    scene.stage("d");
    let old = start.leader;
    scene
        .links(|Link(from, to)| from == old || rest.contains(&from) == rest.contains(&to))
        .await?;
    scene.pass(LATE).await;
    let others = scene.others(&[new]);
    let out = scene.draw_out();
    scene.links(|Link(from, to)| from != new && to != new).await?;
    scene.out(new, out).await?;
    let (next, _) = scene
        .elected(&others, term, "nobody was elected after L2")
        .await?;
    scene.cast("L3", next);
    let told = scene.ask_new_leader(next, &[scene.key()]).await?;
    scene.seen(format!("{next} leads after {new}: {told}"));
    Ok(())
}

/// (a): L1, and as many followers as leave a majority, hear only each other.
async fn cut_off(scene: &Scene, start: &Start) -> Told<Vec<NodeId>> {
    scene.stage("a");
    let old = start.leader;
    let followers = scene.shuffled(scene.others(&[old]));
    let (rest, beside) = followers.split_at(majority(scene.n()));
    scene.cast("L1", old);
    scene.cast_all("F", beside);
    scene.split(&[&[&[old], beside].concat(), rest]).await?;
    scene.seen(format!("{old} leads{}, cut off from a majority", of(start.term)));
    Ok(rest.to_vec())
}

/// ` term 7`; nothing where terms are not told.
fn of(term: Term) -> String {
    match term {
        UNTOLD => String::new(),
        told => format!(" term {told}"),
    }
}

/// (c): v1 is acknowledged at L2; then everybody on L1's side is asked.
async fn ask(scene: &Scene, start: &Start, rest: &[NodeId], new: NodeId) -> Told<()> {
    scene.stage("c");
    let old = start.leader;
    let lost = scene.write(old, &scene.key_beside("old"), IN_VAIN);
    let news = scene
        .write_until_acknowledged(new, &scene.key(), "L2 did not acknowledge v1")
        .await?;
    scene
        .until(PROMPT, "L1 does not lead its old term any more", |view| {
            leads(view, old, start.term).then_some(())
        })
        .await?;
    scene.set(format!(
        "{} is acknowledged at {new}, while {old} still leads{}",
        news.value,
        of(start.term)
    ));
    let asked = scene.others(rest).into_iter().flat_map(|node| {
        [
            scene.read(node, &news.key, IN_VAIN),
            scene.read_forwarded(node, &news.key, IN_VAIN),
        ]
    });
    let mut asked: Vec<Sent> = asked.collect();
    asked.push(lost);
    let answers = scene.answers(&asked).await;
    scene.seen(format!("on the side of {old}: {answers}"));
    Ok(())
}
