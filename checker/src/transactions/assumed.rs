//! What follows for the order of a key's versions where the key by itself is assumed to be linearizable, or sequential.
//!
//! As elle.rw-register's `linearizable-keys?` and `sequential-keys?`: where one transaction stands before another, by real time
//! or by their process, and both touch a key, the version that the first one left there (its last write, else what it read
//! first) is not later than the version that the second one met (what it read first, else its write). That writes follow reads
//! within a transaction (`wfr-keys?`) is no assumption here: it is known of every transaction.
//!
//! Of real time it is enough to know of each version when it was first left and last met: it precedes every other one that
//! was met after it had been left (Gibbons, Korach 1997, the zones of a register).

use std::fmt::Display;

use petgraph::graph::DiGraph;
use rustc_hash::FxHashMap;

use super::anomaly::Case;
use super::dependencies::{Dependencies, Link};
use super::facts::{Effect, Facts, Read};
use super::micro::{NONE, Transactions};
use super::shown::Short;
use crate::operations::OPEN;
use crate::options::Assume;

/// One version stands before another: who wrote them ([`NONE`]: nobody), and the transactions that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub key: u32,
    pub from: u32,
    pub to: u32,
    /// Who left the first version, and had done so before the other one met the second.
    pub by: (u32, u32),
    /// Whether that is the order of their process, and not of real time.
    pub by_process: bool,
}

/// A transaction and a key: which version it met there, and which one it left, by their writers.
#[derive(Clone, Copy, Debug)]
struct Touch {
    key: u32,
    transaction: u32,
    met: u32,
    left: u32,
}

/// The steps, for each key those of one after the other.
pub(super) fn steps(facts: &Facts, assume: Assume) -> Vec<Step> {
    let mut touches = touches(facts);
    touches.sort_by_key(|touch| touch.key);
    let mut steps = Vec::new();
    for of_key in touches.chunk_by(|one, other| one.key == other.key) {
        if assume.linearizable_keys {
            in_real_time(facts, of_key, &mut steps);
        }
        if assume.sequential_keys {
            by_process(facts, of_key, &mut steps);
        }
    }
    steps
}

/// Of every transaction that took effect, in the order of their invocations.
fn touches(facts: &Facts) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    for transaction in (0..facts.len()).filter(|&at| facts.effects[at as usize] != Effect::None) {
        let first = touches.len();
        for &Read { key, version } in facts.reads.of(transaction) {
            let [source] = *facts.sources(Read { key, version }) else {
                continue;
            };
            if touches[first..].iter().all(|touch| touch.key != key) {
                touches.push(Touch {
                    key,
                    transaction,
                    met: source,
                    left: source,
                });
            }
        }
        for write in facts.writes.of(transaction) {
            match touches[first..].iter_mut().find(|touch| touch.key == write.key) {
                Some(touch) => touch.left = transaction,
                None => touches.push(Touch {
                    key: write.key,
                    transaction,
                    met: transaction,
                    left: transaction,
                }),
            }
        }
    }
    touches
}

/// Each process sees a key go forward: what it touches one after the other is enough.
fn by_process(facts: &Facts, touches: &[Touch], steps: &mut Vec<Step>) {
    let mut last: FxHashMap<_, Touch> = FxHashMap::default();
    for &touch in touches {
        let process = facts.process[touch.transaction as usize];
        if let Some(before) = last.get(&process) {
            step(*before, touch, steps);
        }
        if facts.ret[touch.transaction as usize] != OPEN {
            last.insert(process, touch);
        }
    }
}

fn step(one: Touch, other: Touch, steps: &mut Vec<Step>) {
    if one.left != other.met && one.left != NONE {
        steps.push(Step {
            key: one.key,
            from: one.left,
            to: other.met,
            by: (one.transaction, other.transaction),
            by_process: true,
        });
    }
}

/// A version that was met or left: who left it first, and who met it last.
#[derive(Clone, Copy)]
struct Zone {
    writer: u32,
    /// When the first one that left it was done.
    left: u32,
    by: u32,
    /// When the last one that met it began; 0 if nobody did.
    met: u32,
    last: u32,
}

/// The zones that were met last, of the first so many that were left.
type Latest = [Option<(u32, u32)>; 3];

/// Every version that was left before another one was met, but for what follows from others. Where two precede each
/// other, as in every contradiction of intervals some two do, these two alone.
fn in_real_time(facts: &Facts, touches: &[Touch], steps: &mut Vec<Step>) {
    let zones = zones(facts, touches);
    let latest = latest(&zones);
    let behind = |zone: &Zone| zones.partition_point(|other| other.left < zone.met);
    let key = touches[0].key;
    let step = |one: &Zone, other: &Zone| Step {
        key,
        from: one.writer,
        to: other.writer,
        by: (one.by, other.last),
        by_process: false,
    };
    for zone in &zones {
        let other = latest[behind(zone)]
            .into_iter()
            .flatten()
            .find(|&(_, writer)| writer != zone.writer);
        if let Some((met, writer)) = other
            && met > zone.left
            && let Some(other) = zones.iter().find(|other| other.writer == writer)
        {
            steps.extend([step(zone, other), step(other, zone)]);
            return;
        }
    }
    for zone in &zones {
        let many = behind(zone);
        for one in zones[..many].iter().rev().filter(|one| one.writer != zone.writer) {
            let mut between = latest[many].into_iter().flatten();
            if latest[many]
                .iter()
                .all(|third| third.is_some_and(|(met, _)| one.left < met))
            {
                break;
            }
            let follows =
                |&(met, writer): &(u32, u32)| one.left < met && writer != one.writer && writer != zone.writer;
            if !between.any(|other| follows(&other)) {
                steps.push(step(one, zone));
            }
        }
    }
    // What there is before every write was met after something was left.
    let initial = touches.iter().filter(|touch| touch.met == NONE);
    if let Some(touch) = initial.max_by_key(|touch| facts.inv[touch.transaction as usize])
        && let Some(first) = zones.first()
        && first.left < facts.inv[touch.transaction as usize]
    {
        steps.push(Step {
            key,
            from: first.writer,
            to: NONE,
            by: (first.by, touch.transaction),
            by_process: false,
        });
    }
}

/// The versions of a key, in the order in which they were left.
fn zones(facts: &Facts, touches: &[Touch]) -> Vec<Zone> {
    let mut zones: FxHashMap<u32, Zone> = FxHashMap::default();
    let open = |writer: u32| Zone {
        writer,
        left: OPEN,
        by: NONE,
        met: 0,
        last: NONE,
    };
    for touch in touches {
        let at = touch.transaction;
        let (inv, ret) = (facts.inv[at as usize], facts.ret[at as usize]);
        let left = zones.entry(touch.left).or_insert_with(|| open(touch.left));
        if ret < left.left {
            (left.left, left.by) = (ret, at);
        }
        let met = zones.entry(touch.met).or_insert_with(|| open(touch.met));
        if inv >= met.met {
            (met.met, met.last) = (inv, at);
        }
    }
    zones.remove(&NONE);
    let mut zones: Vec<Zone> = zones.into_values().collect();
    zones.sort_unstable_by_key(|zone| (zone.left, zone.writer));
    zones
}

/// For each number of zones those of them that were met last.
fn latest(zones: &[Zone]) -> Vec<Latest> {
    let mut latest = vec![[None; 3]];
    let mut now: Latest = [None; 3];
    for zone in zones {
        let mut next = Some((zone.met, zone.writer));
        for slot in &mut now {
            if next > *slot {
                std::mem::swap(slot, &mut next);
            }
        }
        latest.push(now);
    }
    latest
}

/// What contradicts itself: steps of one key that lead from a version back to it, or to before every write.
pub(super) fn contradictions(steps: &[Step]) -> Vec<Vec<Step>> {
    let of_keys = steps.chunk_by(|one, other| one.key == other.key);
    of_keys.filter_map(contradiction).collect()
}

fn contradiction(steps: &[Step]) -> Option<Vec<Step>> {
    if let Some(&step) = steps.iter().find(|step| step.to == NONE) {
        return Some(vec![step]);
    }
    let mut numbers: FxHashMap<u32, u32> = FxHashMap::default();
    let mut graph: DiGraph<(), (), u32> = DiGraph::new();
    for step in steps {
        for version in [step.from, step.to] {
            numbers
                .entry(version)
                .or_insert_with(|| graph.add_node(()).index() as u32);
        }
    }
    graph.extend_with_edges(steps.iter().map(|step| (numbers[&step.from], numbers[&step.to])));
    let components = petgraph::algo::kosaraju_scc(&graph).into_iter();
    let component = components
        .filter(|component| component.len() > 1)
        .min_by_key(Vec::len)?;
    let inside = |version: u32| {
        component
            .iter()
            .any(|node| node.index() as u32 == numbers[&version])
    };
    let steps: Vec<Step> = steps
        .iter()
        .copied()
        .filter(|step| inside(step.from) && inside(step.to))
        .collect();
    let mut way = vec![steps[0]];
    while let Some(&last) = way.last() {
        if let Some(at) = way.iter().position(|step| step.from == last.to) {
            return Some(way.split_off(at));
        }
        // In a component every version leads on.
        way.push(*steps.iter().find(|step| step.from == last.to)?);
    }
    None
}

/// Puts the steps into a graph, but for those of keys that contradict themselves.
pub(super) fn link(facts: &Facts, dependencies: &mut Dependencies) {
    let steps = steps(facts, facts.assume);
    let broken: Vec<u32> = contradictions(&steps).iter().map(|cycle| cycle[0].key).collect();
    for step in steps.iter().filter(|step| !broken.contains(&step.key)) {
        dependencies.link(step.from, step.to, Link::Ww);
    }
}

/// Why one transaction's version stands before another's, where that was assumed.
pub(super) fn because(t: impl Display, u: impl Display) -> String {
    format!("of one key what {t} wrote had been left before what {u} wrote was met, as was assumed of keys")
}

/// The case that a contradiction makes.
pub(super) fn case(transactions: &Transactions<'_>, facts: &Facts, cycle: &[Step]) -> Case {
    let key = transactions.keys[cycle[0].key as usize];
    let value = |writer: u32| match writer {
        NONE => "the initial value".to_owned(),
        writer => {
            let mut writes = facts.writes.of(writer).iter();
            let write = writes.find(|write| write.key == cycle[0].key);
            write.map_or(String::new(), |write| {
                Short(transactions.versions[write.version as usize].value).to_string()
            })
        }
    };
    let mut named: Vec<u32> = Vec::new();
    for at in cycle.iter().flat_map(|step| [step.by.0, step.by.1]) {
        if !named.contains(&at) {
            named.push(at);
        }
    }
    let number = |at: u32| named.iter().position(|&of| of == at).map_or(0, |at| at + 1);
    let steps = cycle.iter().map(|step| {
        let (t, u) = (number(step.by.0), number(step.by.1));
        let when = match step.by_process {
            true => format!("its process went on with T{u}"),
            false => format!("had completed before T{u} was invoked"),
        };
        format!(
            "T{t} left {}, and {when}, which met {}",
            value(step.from),
            value(step.to)
        )
    });
    let why = format!(
        "of {key}, as was assumed of keys: {}: a version older than itself",
        steps.collect::<Vec<_>>().join("; ")
    );
    Case {
        transactions: named,
        why,
        edges: Vec::new(),
    }
}
