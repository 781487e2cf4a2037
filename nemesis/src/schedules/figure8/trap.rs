//! The way to the trap: (a) plant, (b) rival, (c) trap.

use std::time::Duration;

use histories::{LogIndex, Term};

use super::picture;
use crate::effect::{FrameKind, Link, LinkRule, NodeId};
use crate::schedules::guided::record::{Facts, Part};
use crate::schedules::guided::{
    Miss, Scene, Sent, Start, Told, holders, holders_of_term, leader_among, leads, majority, on_majority,
    require,
};
use crate::view::{TailEntry, View};

/// The clients of what is not committed wait longer than any cycle holds it back.
const PENDING: Duration = Duration::from_secs(10);
/// So soon an entry is where nothing keeps it from.
const SOON: Duration = Duration::from_millis(500);
/// So soon the entry is that fills a batch.
const FILLED: Duration = Duration::from_millis(1500);
/// Time for several elections.
const LONG: Duration = Duration::from_secs(4);
/// How long W stands on a majority before (d).
pub(super) const HOLD: Duration = Duration::from_millis(300);
/// The same where the helpers hear nothing meanwhile, and L is to go on leading them: no longer than they wait for it.
const GLIMPSE: Duration = Duration::from_millis(100);

/// W stands on a majority.
pub(super) struct Trap {
    pub(super) entry: TailEntry,
    /// Who hears each other.
    pub(super) together: Vec<NodeId>,
    pub(super) s5: NodeId,
    pub(super) t3: Term,
    pub(super) leader: NodeId,
    pub(super) t4: Term,
    /// What was seen of it.
    pub(super) facts: Facts,
}

/// All the way to (c).
pub(super) async fn set(scene: &Scene, start: &Start, springs: bool) -> Told<Trap> {
    let (cohort, sent, entry) = plant(scene, start).await?;
    let (s5, t3, clean) = rival(scene, &cohort, start.term).await?;
    let together = gather(scene, &cohort, s5, clean).await?;
    let (leader, t4) = elect(scene, (&cohort, &together), t3, &entry).await?;
    let hold = match (springs, scene.filler()) {
        (false, Some(_)) => GLIMPSE,
        _ => HOLD,
    };
    let facts = scene.hold_on_majority(&entry, &sent, (leader, t4), hold).await?;
    picture(scene, "c", facts.clone());
    Ok(Trap {
        entry,
        together,
        s5,
        t3,
        leader,
        t4,
        facts,
    })
}

/// (a): the leader and its cohort, a minority, hear only each other; W reaches all of them.
async fn plant(scene: &Scene, start: &Start) -> Told<(Vec<NodeId>, Sent, TailEntry)> {
    scene.stage("a");
    let (s1, t2) = (start.leader, start.term);
    let followers = scene.shuffled(scene.others(&[s1]));
    let size = scene.n() - majority(scene.n());
    let cohort: Vec<NodeId> = [s1].into_iter().chain(followers).take(size).collect();
    scene.cast("S1", s1);
    scene.cast_all("C", &cohort);
    scene.term("T2", t2);
    scene.note(|record| record.draw_rows(&cohort, None));
    // First the cut, then W: it must not be on its way to anybody else.
    scene.split(&[&cohort, &scene.others(&cohort)]).await?;
    let leads = leads(&scene.view(), s1, t2);
    require(leads, "S1 lost its leadership before W was submitted")?;
    let sent = scene.write(s1, &scene.key(), PENDING);
    scene.note(|record| record.written = Some(sent.value.clone()));
    let index = LogIndex(start.last.0 + 1);
    let planted = |view: &View| {
        let Some(entry) = view.status(s1).and_then(|status| status.entry(index)) else {
            return Ok(None);
        };
        let holders = holders(view, entry);
        require(entry.term == t2, "another entry took W's place")?;
        let none_else = holders.iter().all(|node| cohort.contains(node));
        require(none_else, "W reached a node outside of the cohort")?;
        Ok((holders.len() == cohort.len()).then(|| entry.clone()))
    };
    let otherwise = "W did not reach all of the cohort";
    let entry = scene.until_told(SOON, otherwise, planted).await?;
    scene.note(|record| record.entry = Some(entry.clone()));
    fill(scene, s1, &cohort, index).await?;
    let facts = Facts {
        holders: cohort.clone(),
        ..Facts::default()
    };
    picture(scene, "a", facts);
    Ok((cohort, sent, entry))
}

/// (a): where a new leader appends an entry of its own, W's batch is filled, so that W travels without it.
async fn fill(scene: &Scene, s1: NodeId, cohort: &[NodeId], index: LogIndex) -> Told<()> {
    let Some(letters) = scene.filler() else {
        return Ok(());
    };
    scene.fill(s1, letters, PENDING);
    let otherwise = "what fills W's batch did not reach all of the cohort";
    scene
        .until(FILLED, otherwise, |view| {
            let has = |node: &NodeId| {
                view.status(*node)
                    .is_some_and(|status| status.last_index() > Some(index))
            };
            cohort.iter().all(has).then_some(())
        })
        .await
}

/// (b): the cohort is out; S5 is elected by the others, cut off at once, and writes entries of its own.
async fn rival(scene: &Scene, cohort: &[NodeId], t2: Term) -> Told<(NodeId, Term, Vec<NodeId>)> {
    scene.stage("b");
    let way = scene.out_of("C");
    let out = cohort.iter().filter_map(|node| way.out(*node)).collect();
    scene.apply(out).await?;
    let otherwise = "nobody outside of the cohort was elected";
    let rest = scene.others(cohort);
    if scene.filler().is_some() {
        // Votes pass; what the one who is elected says of itself does not.
        let from = LinkRule::HoldFrom(FrameKind::Append);
        scene.rule_anew(from, &links_between(scene, &rest, &rest)).await?;
    }
    let (s5, t3) = scene.elected(&rest, t2, otherwise).await?;
    scene.cast("S5", s5);
    scene.term("T3", t3);
    scene.note(|record| record.draw_rows(cohort, Some(s5)));
    let mut clean = scene.others(&[cohort, &[s5]].concat());
    scene.only(&clean).await?;
    let leads = leads(&scene.view(), s5, t3);
    require(leads, "S5 lost its leadership before it was alone")?;
    let count = scene.draw(1..=5);
    for number in 1..=count {
        scene.write(s5, &scene.key_beside(&format!("r{number}")), PENDING);
    }
    let mut leaked = scene
        .until(SOON, "S5 did not append its own entries", |view| {
            let own = view.status(s5)?.tail.iter().filter(|entry| entry.term == t3);
            let all_told = clean.iter().all(|node| view.status(*node).is_some());
            (own.count() as u64 >= count && all_told).then(|| holders_of_term(view, t3))
        })
        .await?;
    leaked.retain(|node| *node != s5);
    clean.retain(|node| !leaked.contains(node));
    let names = Part::All(leaked.clone());
    let facts = Facts {
        leaked,
        ..Facts::default()
    };
    picture(scene, "b", facts);
    let enough = clean.len() + cohort.len() >= majority(scene.n());
    if !enough {
        let told = format!("S5's entry of T3 reached {names}");
        return Err(Miss::with("trap closed by the no-op", told));
    }
    Ok((s5, t3, clean))
}

/// (c): S5 is out; the cohort and as many others as make a majority are together.
async fn gather(scene: &Scene, cohort: &[NodeId], s5: NodeId, clean: Vec<NodeId>) -> Told<Vec<NodeId>> {
    scene.stage("c");
    let mut helpers = scene.shuffled(clean);
    helpers.truncate(majority(scene.n()) - cohort.len());
    scene.cast_all("helpers", &helpers);
    let together = [cohort, &helpers].concat();
    scene.note(|record| record.draw_rows(&together, Some(s5)));
    let way = scene.out_of("C");
    let back = cohort.iter().map(|node| way.back(*node));
    let with = [scene.out_of("S5").out(s5)].into_iter().chain(back);
    scene.draws(|net| net.only(&together), with).await?;
    Ok(together)
}

/// (c): one of them leads, and brings W to all of them.
async fn elect(
    scene: &Scene,
    (cohort, among): (&[NodeId], &[NodeId]),
    t3: Term,
    entry: &TailEntry,
) -> Told<(NodeId, Term)> {
    let otherwise = "no leader brought W to a majority";
    let brought = |view: &View| {
        let leader = leader_among(view, among, t3);
        let seen = leader.map_or(Ok(None), |(leader, _)| on_majority(view, leader, entry))?;
        Ok(leader.filter(|_| seen.is_some()))
    };
    let (leader, t4) = match scene.filler() {
        None => scene.until_told(LONG, otherwise, brought).await?,
        Some(_) => {
            let helpers: Vec<NodeId> = among
                .iter()
                .copied()
                .filter(|node| !cohort.contains(node))
                .collect();
            bring_apart(scene, cohort, &helpers, brought).await?
        }
    };
    scene.cast("L", leader);
    scene.term("T4", t4);
    Ok((leader, t4))
}

/// (c): the batch that W is in goes to the helpers, and what follows it waits.
async fn bring_apart<T>(
    scene: &Scene,
    cohort: &[NodeId],
    helpers: &[NodeId],
    mut brought: impl FnMut(&View) -> Told<Option<T>>,
) -> Told<T> {
    let (there, back) = (
        links_between(scene, cohort, helpers),
        links_between(scene, helpers, cohort),
    );
    let otherwise = "no leader brought W to a majority";
    let began = scene.now();
    loop {
        // A leader of T2 that knows of no other may have sent a batch, too, and used the rule up.
        let batch = LinkRule::PassThenHold(FrameKind::Batch, 1);
        scene.rule_anew(batch, &there).await?;
        match scene.until_told(SOON, otherwise, &mut brought).await {
            Ok(_) => break,
            Err(miss) if miss.what != otherwise || scene.now().since(began) > LONG => return Err(miss),
            Err(_) => {}
        }
    }
    // They hear nobody, and would soon ask for votes.
    let silent = LinkRule::PassThenHold(FrameKind::RequestVote, 0);
    scene.rule_anew(silent, &back).await?;
    scene.until_told(SOON, otherwise, brought).await
}

/// The links from each of these to each of those.
fn links_between(scene: &Scene, from: &[NodeId], to: &[NodeId]) -> Vec<Link> {
    let links = Link::all(scene.n());
    links
        .filter(|link| from.contains(&link.0) && to.contains(&link.1))
        .collect()
}
