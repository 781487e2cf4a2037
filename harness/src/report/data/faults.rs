//! What the nemesis did: every effect with its proof, and what that made of nodes and links over time.

use std::collections::BTreeMap;

use histories::Nanos;
use nemesis::effect::{ClientRule, EffectLine};
use nemesis::{Effect, Link, LinkRule, NodeId, Outcome};
use serde::Serialize;
use serde_json::Value as Json;

/// A page shows so many effects one by one.
pub const SHOWN: usize = 4000;

/// A fault that lasted: a band in every picture with a time axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Band {
    /// `kill`, `pause`, `cut`, `delay`, `gate`, `cut-requests`, `cut-replies`.
    pub kind: &'static str,
    /// Whom it hit; none for the gate.
    pub node: Option<NodeId>,
    /// From when, in microseconds.
    pub from: u64,
    /// Until when; none if nothing undid it.
    pub to: Option<u64>,
    /// How much of the node: of its links, how many of how many are hit. 1 of 1 for a process.
    pub part: (usize, usize),
}

/// What went through a link under one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Bytes that were offered.
    pub offered: u64,
    /// Bytes that arrived.
    pub delivered: u64,
    /// Bytes that were dropped.
    pub dropped: u64,
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
    let mut bands = process_bands(lines);
    bands.extend(link_bands(lines, nodes));
    bands.extend(client_bands(lines));
    bands.sort_by_key(|band| band.from);
    Faults {
        of: effects.count(),
        effects: told,
        bands,
        links: traffic(lines),
        heals: heals(lines),
    }
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
    let (outcome, proof) = match &line.outcome {
        Outcome::Installed { evidence } => ("installed", proof(evidence)),
        Outcome::Skipped { reason } => ("skipped", reason.clone()),
        Outcome::Indeterminate { reason, evidence } => {
            ("indeterminate", format!("{reason}; {}", proof(evidence)))
        }
    };
    Told {
        id: line.id,
        word: line.effect.word(),
        what: what(&line.effect),
        choice: line.choice.as_ref().map(ToString::to_string),
        planned: micros(line.planned),
        done: micros(line.done),
        outcome,
        proof,
        undone,
    }
}

fn what(effect: &Effect) -> String {
    let names = |links: &[Link]| {
        let names = links.iter().map(|Link(from, to)| format!("{from}→{to}"));
        names.collect::<Vec<_>>().join(" ")
    };
    match effect {
        Effect::Start(node) | Effect::Kill(node) | Effect::Pause(node) | Effect::Resume(node) => {
            node.to_string()
        }
        Effect::Links { rule, links } => match rule {
            LinkRule::DelayMs(ms) => format!("by {ms} ms: {}", names(links)),
            LinkRule::PassThenCut(frames) => format!("after {frames} frames: {}", names(links)),
            LinkRule::Pass | LinkRule::Cut => names(links),
        },
        Effect::Record { links, .. } | Effect::Inject { links } => names(links),
        Effect::Clients { nodes, .. } => {
            let nodes: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
            format!("the clients of {}", nodes.join(", "))
        }
        Effect::Gate { .. } => "the workload".to_owned(),
        Effect::Probe(probe) => format!("{}, key {}", probe.node, probe.key),
    }
}

/// The evidence in a line: of links what went through them under the rule that ended, of all else name and value.
fn proof(evidence: &Json) -> String {
    let Some(fields) = evidence.as_object() else {
        return evidence.to_string();
    };
    let mut told = Vec::new();
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("ended", Json::Array(ended)) => told.extend(ended.iter().filter_map(ended_rule)),
            (_, Json::String(text)) => told.push(format!("{name} {text}")),
            _ => told.push(format!("{name} {value}")),
        }
    }
    told.join("; ")
}

/// What went through a link under a rule that is no plain passing: that is what a proof is about.
fn ended_rule(ended: &Json) -> Option<String> {
    let was = ended.get("was")?;
    if was == "pass" {
        return None;
    }
    let (from, to) = (
        ended.pointer("/link/0")?.as_str()?,
        ended.pointer("/link/1")?.as_str()?,
    );
    let frames = |field: &str| {
        ended
            .pointer(&format!("/{field}/frames"))
            .and_then(Json::as_u64)
            .unwrap_or(0)
    };
    let was = was.as_str().map_or_else(|| was.to_string(), str::to_owned);
    Some(format!(
        "{from}→{to} was {was}: offered {} frames, delivered {}",
        frames("offered"),
        frames("delivered")
    ))
}

/// A process is down from its kill to its start, and still from its pause until it is resumed or killed.
fn process_bands(lines: &[EffectLine]) -> Vec<Band> {
    let mut bands = Vec::new();
    let mut open: BTreeMap<Option<NodeId>, (&'static str, u64)> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.outcome.is_installed()) {
        let (node, begins) = match &line.effect {
            Effect::Kill(node) => (Some(*node), Some("kill")),
            Effect::Pause(node) => (Some(*node), Some("pause")),
            Effect::Start(node) | Effect::Resume(node) => (Some(*node), None),
            Effect::Gate { open: false } => (None, Some("gate")),
            Effect::Gate { open: true } => (None, None),
            Effect::Links { .. }
            | Effect::Record { .. }
            | Effect::Inject { .. }
            | Effect::Clients { .. }
            | Effect::Probe(_) => continue,
        };
        let now = micros(line.done);
        if let Some((kind, from)) = open.remove(&node) {
            bands.push(whole(kind, node, from, Some(now)));
        }
        if let Some(kind) = begins {
            open.insert(node, (kind, now));
        }
    }
    bands.extend(
        open.into_iter()
            .map(|(node, (kind, from))| whole(kind, node, from, None)),
    );
    bands
}

fn whole(kind: &'static str, node: Option<NodeId>, from: u64, to: Option<u64>) -> Band {
    Band {
        kind,
        node,
        from,
        to,
        part: (1, 1),
    }
}

/// How many of its links are cut, and how many are slow, for every node and as long as that does not change.
fn link_bands(lines: &[EffectLine], nodes: usize) -> Vec<Band> {
    let mut rules: BTreeMap<Link, LinkRule> = BTreeMap::new();
    let mut open: BTreeMap<(NodeId, &'static str), (usize, u64)> = BTreeMap::new();
    let mut bands = Vec::new();
    let of = nodes.saturating_sub(1) * 2;
    for line in lines.iter().filter(|line| line.outcome.is_installed()) {
        let Effect::Links { rule, links } = &line.effect else {
            continue;
        };
        rules.extend(links.iter().map(|link| (*link, *rule)));
        let now = micros(line.done);
        for node in NodeId::all(nodes) {
            for kind in ["cut", "delay"] {
                let hit = hit(&rules, node, kind);
                let before = open.get(&(node, kind)).copied();
                if before.map_or(0, |(hit, _)| hit) == hit {
                    continue;
                }
                if let Some((hit, from)) = open.remove(&(node, kind)) {
                    bands.push(Band {
                        part: (hit, of),
                        ..whole(kind, Some(node), from, Some(now))
                    });
                }
                if hit > 0 {
                    open.insert((node, kind), (hit, now));
                }
            }
        }
    }
    bands.extend(open.into_iter().map(|((node, kind), (hit, from))| Band {
        part: (hit, of),
        ..whole(kind, Some(node), from, None)
    }));
    bands
}

/// How long a node's clients were cut off from it, by the rule.
fn client_bands(lines: &[EffectLine]) -> Vec<Band> {
    let mut bands = Vec::new();
    let mut open: BTreeMap<NodeId, (&'static str, u64)> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.outcome.is_installed()) {
        let Effect::Clients { rule, nodes } = &line.effect else {
            continue;
        };
        let now = micros(line.done);
        for node in nodes {
            if let Some((kind, from)) = open.remove(node) {
                bands.push(whole(kind, Some(*node), from, Some(now)));
            }
            if *rule != ClientRule::Pass {
                open.insert(*node, (line.effect.word(), now));
            }
        }
    }
    let left = open.into_iter();
    bands.extend(left.map(|(node, (kind, from))| whole(kind, Some(node), from, None)));
    bands
}

fn hit(rules: &BTreeMap<Link, LinkRule>, node: NodeId, kind: &str) -> usize {
    let hits = |(link, rule): &(&Link, &LinkRule)| {
        let of_kind = match rule {
            LinkRule::Pass => false,
            LinkRule::Cut | LinkRule::PassThenCut(_) => kind == "cut",
            LinkRule::DelayMs(_) => kind == "delay",
        };
        of_kind && (link.0 == node || link.1 == node)
    };
    rules.iter().filter(hits).count()
}

fn traffic(lines: &[EffectLine]) -> Vec<LinkTraffic> {
    let mut links: BTreeMap<Link, LinkTraffic> = BTreeMap::new();
    let ended = lines.iter().filter_map(|line| match &line.outcome {
        Outcome::Installed { evidence } | Outcome::Indeterminate { evidence, .. } => {
            evidence.get("ended")?.as_array()
        }
        Outcome::Skipped { .. } => None,
    });
    for ended in ended.flatten() {
        let link = ended
            .get("link")
            .and_then(|link| serde_json::from_value::<Link>(link.clone()).ok());
        let Some(link) = link else { continue };
        let entry = links.entry(link).or_insert_with(|| LinkTraffic {
            link,
            passing: Traffic::default(),
            cut: Traffic::default(),
        });
        let is_cut = ended.get("was").is_some_and(|was| was == "cut");
        let side = if is_cut {
            &mut entry.cut
        } else {
            &mut entry.passing
        };
        let bytes = |field: &str| {
            ended
                .pointer(&format!("/{field}/bytes"))
                .and_then(Json::as_u64)
                .unwrap_or(0)
        };
        side.offered += bytes("offered");
        side.delivered += bytes("delivered");
        side.dropped += bytes("dropped");
    }
    links.into_values().collect()
}

/// When something was brought back; what is brought back together counts once.
fn heals(lines: &[EffectLine]) -> Vec<Nanos> {
    const TOGETHER: std::time::Duration = std::time::Duration::from_millis(20);
    let mut heals: Vec<Nanos> = Vec::new();
    let undoing = lines.iter().filter(|line| {
        line.outcome.is_installed()
            && matches!(line.effect.word(), "start" | "resume" | "heal" | "heal-clients")
    });
    for line in undoing {
        match heals.last_mut() {
            Some(last) if line.done.since(*last) <= TOGETHER => *last = line.done.max(*last),
            _ => heals.push(line.done),
        }
    }
    heals
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let node = |number| Some(NodeId(number));
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
