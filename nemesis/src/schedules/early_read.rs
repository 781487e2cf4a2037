//! `early-read`: a new leader is read at once, before it knows what its predecessor has acknowledged.
//!
//! ```text
//!        (a) lag                        (b) out               (c) read
//!   L1   1 2   leads T1, commits 2      1 2  out              1 2  out
//!   F1   1 2   knows only 1 committed   1 2  campaigns        1 2  leads T2: read?
//!   ...  1 2   know of 2                1 2                   1 2  must not forget that 2 is committed
//! ```
//!
//! F1 holds 2, and does not know that it is committed: it may not read before an entry of its own term is (Raft section
//! 8). It leads others that know more than it does, and their commit index may not fall (figure 2). F1 campaigned alone
//! until its term was the latest, so that it is F1 who is elected.

use std::time::Duration;

use histories::{LogIndex, Term};

use crate::effect::{Link, LinkRule, NodeId};
use crate::schedule::Row;
use crate::schedules::guided::{Miss, PROMPT, Scene, Start, Told, majority, play, row};
use crate::view::View;

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    nodes: 5,
    ..row(
        NAME,
        "a new leader is read at once, before it knows what its predecessor has acknowledged",
        |settings| play(NAME, settings, story),
    )
};

const NAME: &str = "early-read";

/// Time for several campaigns.
const CAMPAIGNS: Duration = Duration::from_secs(3);
/// A reader of who does not know enough waits so long in vain.
const IN_VAIN: Duration = Duration::from_millis(300);

async fn story(scene: Scene, start: Start) -> Told<()> {
    let old = start.leader;
    let lagging = scene.shuffled(scene.others(&[old]))[0];
    scene.cast("L1", old);
    scene.cast("F1", lagging);
    let index = lag(&scene, &start, lagging).await?;
    let helpers = out(&scene, &start, lagging, index).await?;

    scene.stage("c");
    let (new, term) = scene
        .elected(&scene.others(&[old]), start.term, "nobody was elected after L1")
        .await?;
    if new != lagging {
        return Err(Miss::with("another than F1 was elected", new.to_string()));
    }
    scene.set(format!(
        "{new} leads term {term}, and does not know that index {index} is committed"
    ));
    let mut asked = vec![scene.read(new, &scene.key(), IN_VAIN)];
    asked.extend(
        helpers
            .iter()
            .map(|node| scene.read_forwarded(*node, &scene.key(), IN_VAIN)),
    );
    let told = scene.answers(&asked).await;
    scene.seen(format!("at once, {told}"));
    scene.stage("d");
    let told = scene.ask_new_leader(new, &[scene.key()]).await?;
    scene.seen(format!("later, {told}"));
    Ok(())
}

/// (a): an acknowledged entry is on everybody; all but F1, which L1 reaches no more, know that it is committed.
async fn lag(scene: &Scene, start: &Start, lagging: NodeId) -> Told<LogIndex> {
    scene.stage("a");
    let others = scene.others(&[lagging]);
    let link = Link(start.leader, lagging);
    scene.rule(LinkRule::PassThenCut(1), vec![link]).await?;
    // What F1 says is heard by nobody: its campaigns would end L1's term.
    let mut silent = Link::between(&[lagging], &others);
    silent.retain(|other| *other != link);
    scene.rule(LinkRule::Cut, silent).await?;
    let news = scene
        .write_acknowledged(start.leader, &scene.key(), "L1 did not acknowledge its entry")
        .await?;
    let index = LogIndex(start.last.0 + 1);
    scene
        .until(PROMPT, "F1 did not lag behind", |view| {
            let knows = |node: &NodeId| {
                view.status(*node)
                    .is_some_and(|status| status.has_committed(index))
            };
            (others.iter().all(knows) && lags(view, lagging, index)).then_some(())
        })
        .await?;
    scene.seen(format!(
        "{} is acknowledged; {lagging} holds it, and does not know that index {index} is committed",
        news.value
    ));
    Ok(index)
}

fn lags(view: &View, node: NodeId, index: LogIndex) -> bool {
    let status = view.status(node);
    status.is_some_and(|status| status.last_index() == Some(index) && status.lacks_commit_of(index))
}

/// (b): F1 campaigns alone; then L1 goes out, and F1 hears as many as it needs.
async fn out(scene: &Scene, start: &Start, lagging: NodeId, index: LogIndex) -> Told<Vec<NodeId>> {
    scene.stage("b");
    let is_later = |term: Option<Term>| term > Some(start.term);
    scene
        .until(CAMPAIGNS, "F1 did not campaign alone", |view| {
            let campaigns = is_later(view.status(lagging).and_then(|status| status.term));
            (campaigns && lags(view, lagging, index)).then_some(())
        })
        .await?;
    let mut helpers = scene.shuffled(scene.others(&[start.leader, lagging]));
    helpers.truncate(majority(scene.n()) - 1);
    scene.cast_all("X", &helpers);
    let way = scene.draw_out();
    scene.out(start.leader, way).await?;
    scene.star(lagging, &helpers).await?;
    scene.seen(format!("{} is out, and {lagging} is heard", start.leader));
    Ok(helpers)
}
