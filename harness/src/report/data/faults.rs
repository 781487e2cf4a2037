//! What the nemesis did: every effect with its proof, and what that made of nodes and links over time.

use std::collections::BTreeMap;

use histories::Nanos;
use nemesis::effect::EffectLine;
use nemesis::evidence::{self, Traffic};
use nemesis::fault::{Look, Turn};
use nemesis::faults::{self, InForce, RulesSet};
use nemesis::{Effect, Link, LinkRule, NodeId, Outcome};
use serde::Serialize;

/// A page shows so many effects one by one.
pub const SHOWN: usize = 4000;

/// A fault that lasted: a band in every picture with a time axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Band {
    /// The name of its look.
    pub kind: &'static str,
    /// Whom it hit.
    pub node: NodeId,
    /// From when, in microseconds.
    pub from: u64,
    /// Until when; none if nothing undid it.
    pub to: Option<u64>,
    /// How much of the node: of its links, how many of how many are hit. 1 of 1 for a process.
    pub part: (usize, usize),
}

/// A link's traffic: while it passed, and while it was cut.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkTraffic {
    /// From whom to whom.
    pub link: Link,
    /// While frames were handed on.
    pub passing: Traffic,
    /// While they were not.
    pub cut: Traffic,
}

/// An effect, told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// Its number in nemesis.jsonl.
    pub id: u64,
    /// Its word: `kill`, `cut` …
    pub word: &'static str,
    /// Whom or what it is about.
    pub what: String,
    /// Why it was chosen, where the schedule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
    /// When the schedule decided, in microseconds.
    pub planned: u64,
    /// When it was in force.
    pub done: u64,
    /// `installed`, `skipped`, `indeterminate`.
    pub outcome: &'static str,
    /// What proves it, or why it was not done.
    pub proof: String,
    /// Which effect undid it, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone: Option<(u64, u64)>,
}

/// All of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Faults {
    /// The effects.
    pub effects: Vec<Told>,
    /// How many there are in all.
    pub of: usize,
    /// What lasted.
    pub bands: Vec<Band>,
    /// How each of them is drawn, by its kind.
    pub looks: BTreeMap<&'static str, Look>,
    /// What went through each link, as far as the effects tell.
    pub links: Vec<LinkTraffic>,
    /// When something was brought back.
    #[serde(skip)]
    pub heals: Vec<Nanos>,
}

/// Microseconds since the run began: as exactly as the page tells times.
pub fn micros(time: Nanos) -> u64 {
    time.0 / 1000
}

/// From the lines of nemesis.jsonl.
pub fn faults(lines: &[EffectLine], nodes: usize) -> Faults {
    let undone = undone(lines);
    let effects = lines
        .iter()
        .filter(|line| !matches!(line.effect, Effect::Probe(_)));
    let told: Vec<Told> = effects
        .clone()
        .take(SHOWN)
        .map(|line| tell(line, undone.get(&line.id).copied()))
        .collect();
    Faults {
        of: effects.count(),
        effects: told,
        bands: bands(lines, nodes),
        looks: looks().map(|look| (look.band, look)).collect(),
        links: traffic(lines),
        heals: heals(lines),
    }
}

/// How each fault is drawn that lasts.
pub fn looks() -> impl Iterator<Item = Look> {
    faults::TABLE.iter().filter_map(|fault| fault.look)
}

/// By effect: who undid it, and when. The last one counts, for a cut may be undone link by link.
fn undone(lines: &[EffectLine]) -> BTreeMap<u64, (u64, u64)> {
    let mut undone = BTreeMap::new();
    for line in lines.iter().filter(|line| line.outcome.is_installed()) {
        for id in &line.undoes {
            undone.insert(*id, (line.id, micros(line.done)));
        }
    }
    undone
}

fn tell(line: &EffectLine, undone: Option<(u64, u64)>) -> Told {
    let evidence = faults::told(&line.outcome);
    let (outcome, proof) = match &line.outcome {
        Outcome::Installed { .. } => ("installed", evidence),
        Outcome::Skipped { reason } => ("skipped", reason.clone()),
        Outcome::Indeterminate { reason, .. } => ("indeterminate", format!("{reason}; {evidence}")),
    };
    Told {
        id: line.id,
        word: line.effect.word(),
        what: line.effect.whom(),
        choice: line.choice.as_ref().map(ToString::to_string),
        planned: micros(line.planned),
        done: micros(line.done),
        outcome,
        proof,
        undone,
    }
}

/// How much of every node is hit by faults of each look, as long as that does not change.
fn bands(lines: &[EffectLine], nodes: usize) -> Vec<Band> {
    let mut in_force = InForce::default();
    let mut open: BTreeMap<(NodeId, &'static str), Band> = BTreeMap::new();
    let mut bands = Vec::new();
    for line in lines.iter().filter(|line| line.outcome.is_installed()) {
        in_force.after(&line.effect, &line.outcome, &());
        let now = micros(line.done);
        let hit = hit(&in_force, nodes);
        let is_over = |key: &(NodeId, &'static str), band: &mut Band| hit.get(key) != Some(&band.part);
        bands.extend(open.extract_if(.., is_over).map(|(_, band)| Band {
            to: Some(now),
            ..band
        }));
        for ((node, kind), part) in hit {
            open.entry((node, kind)).or_insert(Band {
                kind,
                node,
                from: now,
                to: None,
                part,
            });
        }
    }
    bands.extend(open.into_values());
    bands.sort_by_key(|band| band.from);
    bands
}

/// By node and look: how many of its targets are hit, of how many.
fn hit(in_force: &InForce<()>, nodes: usize) -> BTreeMap<(NodeId, &'static str), (usize, usize)> {
    let mut hit = BTreeMap::new();
    for (target, fault) in in_force.iter() {
        let Some(look) = fault.look else { continue };
        for node in target.nodes() {
            let part = hit
                .entry((node, look.band))
                .or_insert((0, target.per_node(nodes)));
            part.0 += 1;
        }
    }
    hit
}

fn traffic(lines: &[EffectLine]) -> Vec<LinkTraffic> {
    let mut links: BTreeMap<Link, LinkTraffic> = BTreeMap::new();
    let sets = lines
        .iter()
        .filter_map(|line| evidence::known::<RulesSet>(&line.outcome));
    for ended in sets.flat_map(|set| set.ended) {
        let entry = links.entry(ended.link).or_insert_with(|| LinkTraffic {
            link: ended.link,
            passing: Traffic::default(),
            cut: Traffic::default(),
        });
        let side = match ended.was {
            LinkRule::Cut => &mut entry.cut,
            _ => &mut entry.passing,
        };
        side.add(ended.traffic);
    }
    links.into_values().collect()
}

/// When something was brought back; what is brought back together counts once.
fn heals(lines: &[EffectLine]) -> Vec<Nanos> {
    const TOGETHER: std::time::Duration = std::time::Duration::from_millis(20);
    let mut heals: Vec<Nanos> = Vec::new();
    let is_end =
        |line: &&EffectLine| line.outcome.is_installed() && matches!(line.effect.act().turn, Turn::Ends);
    for line in lines.iter().filter(is_end) {
        match heals.last_mut() {
            Some(last) if line.done.since(*last) <= TOGETHER => *last = line.done.max(*last),
            _ => heals.push(line.done),
        }
    }
    heals
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn line(id: u64, ms: u64, effect: Json, undoes: &[u64]) -> EffectLine {
        let time = Nanos::from_ms(ms).0;
        serde_json::from_value(json!({
            "id": id, "planned": time, "done": time, "effect": effect, "outcome": "installed", "evidence": {}, "undoes": undoes,
        }))
        .unwrap()
    }

    #[test]
    fn what_lasts_is_a_band_and_knows_who_undid_it() {
        let lines = [
            line(0, 10, json!({"kill": "n1"}), &[]),
            line(
                1,
                20,
                json!({"links": {"rule": "cut", "links": [["n2", "n3"], ["n3", "n2"]]}}),
                &[],
            ),
            line(2, 30, json!({"start": "n1"}), &[0]),
            line(
                3,
                40,
                json!({"links": {"rule": "pass", "links": [["n2", "n3"]]}}),
                &[1],
            ),
            line(
                4,
                50,
                json!({"clients": {"rule": "cut-replies", "nodes": ["n1", "n2"]}}),
                &[],
            ),
            line(5, 70, json!({"clients": {"rule": "pass", "nodes": ["n1"]}}), &[4]),
        ];
        let faults = faults(&lines, 3);
        let told: Vec<_> = faults
            .bands
            .iter()
            .map(|band| (band.kind, band.node, band.from, band.to, band.part))
            .collect();
        let node = NodeId;
        assert_eq!(
            told,
            [
                ("kill", node(0), 10_000, Some(30_000), (1, 1)),
                ("cut", node(1), 20_000, Some(40_000), (2, 4)),
                ("cut", node(2), 20_000, Some(40_000), (2, 4)),
                ("cut", node(1), 40_000, None, (1, 4)),
                ("cut", node(2), 40_000, None, (1, 4)),
                ("cut-replies", node(0), 50_000, Some(70_000), (1, 1)),
                ("cut-replies", node(1), 50_000, None, (1, 1)),
            ]
        );
        assert_eq!(faults.effects[0].undone, Some((2, 30_000)));
        assert_eq!(faults.heals, [Nanos::from_ms(40), Nanos::from_ms(70)]);
    }
}
