//! The two ends of the story: (d1) spring, (d2) close.

use std::time::Duration;

use super::picture;
use super::trap::{HOLD, Trap};
use crate::schedules::guided::record::{Facts, Outcome};
use crate::schedules::guided::{
    Miss, PROMPT, Scene, Told, denied_by_log, holders_of_term, leader_among, majority, require,
};
use crate::view::TailEntry;

/// Time for S5 to be elected where nobody else can be.
const ELECTED: Duration = Duration::from_secs(5);
/// Time for S5 to be refused, or outrun.
const REFUSED: Duration = Duration::from_millis(2500);

/// (d1): L is out; S5 is back in a star of nodes without an entry of T4, in which only it can win, and overwrites W.
pub(super) async fn spring(scene: &Scene, trap: &Trap) -> Told<()> {
    scene.stage("d1");
    let (s5, many) = (trap.s5, majority(scene.n()));
    let with_t4 = holders_of_term(&scene.view(), trap.t4);
    let mut leaves = scene.shuffled(scene.others(&[&[s5, trap.leader], with_t4.as_slice()].concat()));
    leaves.truncate(many - 1);
    let otherwise = "too few nodes without an entry of T4 for S5 to win";
    require(leaves.len() + 1 >= many, otherwise)?;
    let with = [scene.out_of("L").out(trap.leader), scene.out_of("S5").back(s5)];
    scene.draws(|net| net.star(s5, &leaves), with).await?;
    let elected = |view: &_| leader_among(view, &[s5], trap.t4);
    let (_, t5) = scene.until(ELECTED, "S5 was not elected", elected).await?;
    scene.term("T5", t5);
    let z = scene.key_beside("z");
    scene.write_acknowledged(s5, &z, "S5 did not commit Z").await?;
    let (campaigns, index_now) = scene
        .until(PROMPT, "what stands at W's index now is not known", |view| {
            let status = view.status(s5)?;
            let now = status.entry(trap.entry.index)?;
            status
                .has_committed(now.index)
                .then(|| (status.campaigns, now.clone()))
        })
        .await?;
    let (outcome, reason) = verdict(scene, trap, &index_now)?;
    scene.ends(outcome, reason);
    let facts = Facts {
        campaigns,
        index_now: Some(index_now),
        ..Facts::default()
    };
    picture(scene, "d1", facts);
    // The end stands. These show it to clients, and what they show may end the load.
    let key = scene.key();
    let at_s5 = || scene.read(s5, &key, PROMPT);
    let asked = [at_s5(), at_s5(), scene.read_forwarded(leaves[0], &key, PROMPT)];
    let reads = scene.reads(&asked).await;
    scene.note(|record| record.stages.last_mut().map(|stage| stage.facts.reads = reads));
    Ok(())
}

fn verdict(scene: &Scene, trap: &Trap, now: &TailEntry) -> Told<(Outcome, String)> {
    let TailEntry { index, term, .. } = &trap.entry;
    require(*now != trap.entry, "S5 won, yet W is still there")?;
    if !scene.note(|record| record.committed_by(&trap.facts).is_empty()) {
        let was = format!("W (index {index}, term {term}) was committed at (c)");
        let gone = format!("{was} and is gone: now term {}", now.term);
        return Ok((Outcome::Sprung, gone));
    }
    let held = trap.facts.majority.as_ref().map_or(0, |seen| seen.held_ms);
    let stood = format!("W stood on a majority for {held} ms");
    if u128::from(held) < HOLD.as_millis() {
        return Err(Miss::with("W did not stand on a majority for long", stood));
    }
    let end = format!("was not committed, and was overwritten by term {}", now.term);
    Ok((Outcome::Refused, format!("{stood}, {end}")))
}

/// (d2): L first commits X, an entry of T4, and goes out; S5 is back in the middle of those who have it, where nobody else
/// can win, and S5 no longer can.
pub(super) async fn close(scene: &Scene, trap: &Trap) -> Told<()> {
    scene.stage("d2");
    let (s5, leader) = (trap.s5, trap.leader);
    if scene.filler().is_some() {
        // What L has appended since waits to be let go.
        scene.only(&trap.together).await?;
    }
    let x = scene.key_beside("x");
    scene.write_acknowledged(leader, &x, "L did not commit X").await?;
    let rest = scene.others(&[leader]);
    let leaves = scene.others(&[leader, s5]);
    let with = [scene.out_of("L").out(leader), scene.out_of("S5").back(s5)];
    match scene.filler() {
        None => scene.draws(|net| net.star(s5, &leaves), with).await?,
        // Such a system may not tell who refused whom: then one of those who have T4 has to win.
        Some(_) => scene.draws(|net| net.only(&rest), with).await?,
    }
    let otherwise = "S5 was neither refused by a holder of T4 nor outrun by one";
    let (facts, winner) = scene
        .until(REFUSED, otherwise, |view| {
            let status = view.status(s5)?;
            let with_t4 = holders_of_term(&scene.view(), trap.t4);
            let winner =
                leader_among(view, &rest, trap.t4).filter(|(node, _)| *node == s5 || with_t4.contains(node));
            let mut denied_by = denied_by_log(view, s5, trap.t3);
            denied_by.retain(|by| with_t4.contains(by));
            let facts = Facts {
                campaigns: status.campaigns,
                denied_by,
                index_now: winner.and_then(|(node, _)| view.status(node)?.entry(trap.entry.index).cloned()),
                ..Facts::default()
            };
            (!facts.denied_by.is_empty() || winner.is_some()).then_some((facts, winner))
        })
        .await?;
    if let Some((_, t5)) = winner {
        scene.term("T5", t5);
    }
    let winner = winner.map(|(node, _)| node);
    let how = match winner {
        Some(node) => format!("{node}, a holder of T4, was elected over S5"),
        None => "S5 was refused by a holder of T4".to_owned(),
    };
    match winner == Some(s5) {
        true => scene.ends(Outcome::Sprung, "S5 was elected though W and X were committed"),
        false => scene.ends(
            Outcome::Closed,
            format!("X of T4 was committed, W with it; {how}"),
        ),
    }
    picture(scene, "d2", facts);
    Ok(())
}
