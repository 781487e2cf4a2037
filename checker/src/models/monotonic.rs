//! Numbers under keys that only grow: `inc k → {k v}`, `read → {k v, …}`, as Jepsen's monotonic tests of TiDB and Elle's
//! `monotonic-key-graph`.
//!
//! Whoever saw a smaller value of a key stands before whoever saw a larger one, and a process runs one operation after the
//! other. A cycle of these is a key that went back, or two keys of which nobody knows which was first. What an increment
//! returned it saw, too. Null stands before every number; so does the -1 that Jepsen's client of TiDB writes for it.

use std::collections::{BTreeMap, VecDeque};

use histories::{Kind, Process, Value};
use petgraph::graph::DiGraph;
use rustc_hash::FxHashMap;

use super::row::{Judge, Model, Start};
use crate::budget::{Budget, Meter};
use crate::decode::unknown_f;
use crate::error::{Halt, HistoryError};
use crate::judge::Judged;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{Drawn, Examples, Numbers};

pub(super) const MODEL: Model = Model {
    name: "monotonic",
    about: "numbers under keys that only grow, as in Jepsen's tests of TiDB",
    operations: &["inc k → [[k, v]], or null", "read → [[k, v], …]"],
    suggested: |shape| shape.only(&["read", "inc"]) && shape.has("inc"),
    contradicted: |_| None,
    start: Start::Always("with no key"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::Monotonic),
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Numbers)],
        illegal: "read null → [['x',2]]; read null → [['x',1]]",
        states: &[],
        proofs: &[],
    },
};

/// What an operation costs in the tables, and each value that it shows.
const BYTES: usize = 96;

/// Why one node stands before another.
#[derive(Clone, Copy)]
enum Because<'a> {
    /// The same process ran it.
    Process(Process),
    /// A value of this key that is smaller.
    Key(&'a Value),
}

/// Operations, and between two values of a key a joint; the nodes below `operations` are operations.
struct Graph<'a> {
    after: Vec<Vec<(u32, Because<'a>)>>,
    operations: usize,
}

fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    meter.grow(group.operations.len() * BYTES)?;
    let mut seen: FxHashMap<&Value, BTreeMap<&Value, Vec<u32>>> = FxHashMap::default();
    for (at, operation) in group.operations.iter().enumerate() {
        for (key, value) in shown(operation)? {
            meter.step()?;
            meter.grow(BYTES)?;
            seen.entry(key)
                .or_default()
                .entry(value)
                .or_default()
                .push(at as u32);
        }
    }
    if seen.values().all(|values| values.len() < 2) {
        return Ok(Judged::unknown("the lack of two values of a key"));
    }
    let graph = Graph::of(group, &seen);
    Ok(match graph.cycle(meter)? {
        Some(cycle) => told(group, &seen, &shortest(group, &cycle, meter)?),
        None => Judged::Bounds {
            engine: "monotonic",
            compared: true,
        },
    })
}

/// The keys and values that an operation shows; none unless it succeeded.
fn shown<'a>(operation: &Operation<'a>) -> Result<Vec<(&'a Value, &'a Value)>, HistoryError> {
    const EXPECTED: &str = "a map of keys to integers";
    let pairs = match (&*operation.invoke.f, operation.outcome, operation.result()) {
        ("read" | "inc", Kind::Ok, Value::List(pairs)) => pairs,
        ("read", Kind::Ok, Value::Null) | ("inc", Kind::Ok, _) => return Ok(Vec::new()),
        ("read", Kind::Ok, _) => return Err(operation.bad_value(true, EXPECTED)),
        ("read" | "inc", ..) => return Ok(Vec::new()),
        _ => return Err(unknown_f(operation, MODEL.name, MODEL.operations)),
    };
    let pair = |pair: &'a Value| match pair.as_list() {
        Some([key, value @ (Value::Int(_) | Value::Null)]) => Ok((key, value)),
        _ => Err(operation.bad_value(true, EXPECTED)),
    };
    pairs.iter().map(pair).collect()
}

impl<'a> Graph<'a> {
    fn of(group: &Group<'_>, seen: &FxHashMap<&'a Value, BTreeMap<&'a Value, Vec<u32>>>) -> Self {
        let operations = group.operations.len();
        let mut graph = Graph {
            after: vec![Vec::new(); operations],
            operations,
        };
        for (&key, values) in seen {
            let lower = values.values();
            for (smaller, larger) in lower.zip(values.values().skip(1)) {
                let joint = graph.after.len() as u32;
                let because = Because::Key(key);
                graph.after.push(larger.iter().map(|&to| (to, because)).collect());
                for &from in smaller {
                    graph.after[from as usize].push((joint, because));
                }
            }
        }
        let mut last: FxHashMap<Process, u32> = FxHashMap::default();
        for (operation, at) in group.operations.iter().zip(0..) {
            if operation.outcome == Kind::Ok
                && let Some(before) = last.insert(operation.invoke.process, at)
            {
                graph.after[before as usize].push((at, Because::Process(operation.invoke.process)));
            }
        }
        graph
    }

    /// A short cycle: its operations, each with the reason why it stands before the next one.
    fn cycle(&self, meter: &mut Meter<'_>) -> Result<Option<Vec<(u32, Because<'a>)>>, Halt> {
        let edges: usize = self.after.iter().map(Vec::len).sum();
        meter.grow((self.after.len() + edges) * 48)?;
        let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(self.after.len(), edges);
        for _ in &self.after {
            graph.add_node(());
        }
        for (from, after) in (0..).zip(&self.after) {
            meter.pass(after.len())?;
            graph.extend_with_edges(after.iter().map(|&(to, _)| (from, to)));
        }
        let components = petgraph::algo::kosaraju_scc(&graph).into_iter();
        let smallest = components
            .filter(|component| component.len() > 1)
            .min_by_key(Vec::len);
        let Some(component) = smallest else {
            return Ok(None);
        };
        let operation = component
            .iter()
            .map(|node| node.index() as u32)
            .filter(|&node| (node as usize) < self.operations);
        // Every cycle of joints leads through operations.
        operation
            .min()
            .map_or(Ok(None), |start| self.around(start, meter).map(Some))
    }

    /// The shortest way from an operation back to itself.
    fn around(&self, start: u32, meter: &mut Meter<'_>) -> Result<Vec<(u32, Because<'a>)>, Halt> {
        let mut from: Vec<Option<(u32, Because<'a>)>> = vec![None; self.after.len()];
        let mut next = VecDeque::from([start]);
        while let Some(node) = next.pop_front() {
            meter.step()?;
            for &(to, because) in &self.after[node as usize] {
                if from[to as usize].is_none() {
                    from[to as usize] = Some((node, because));
                    next.push_back(to);
                }
            }
        }
        let mut way = Vec::new();
        let mut at = start;
        while let Some((before, because)) = from[at as usize] {
            if (before as usize) < self.operations {
                way.push((before, because));
            }
            at = before;
            if at == start {
                break;
            }
        }
        way.reverse();
        Ok(way)
    }
}

/// The shortest cycle among the operations of one: the graph has only an edge to the next value of a key, and to the next
/// operation of a process, and a way along them may pass operations that need not be told.
fn shortest<'a>(
    group: &Group<'a>,
    cycle: &[(u32, Because<'a>)],
    meter: &mut Meter<'_>,
) -> Result<Vec<(u32, Because<'a>)>, Halt> {
    let mut places: Vec<u32> = cycle.iter().map(|&(at, _)| at).collect();
    places.sort_unstable();
    places.dedup();
    let operations = places.iter().map(|&at| &group.operations[at as usize]);
    let values = operations.clone().map(shown).collect::<Result<Vec<_>, _>>()?;
    let processes: Vec<Process> = operations.map(|operation| operation.invoke.process).collect();
    let before = |one: usize, other: usize| {
        if one < other && processes[one] == processes[other] {
            return Some(Because::Process(processes[one]));
        }
        let smaller = |(key, value): &&(&'a Value, &'a Value)| {
            values[other]
                .iter()
                .any(|(same, larger)| same == key && *value < *larger)
        };
        values[one].iter().find(smaller).map(|(key, _)| Because::Key(key))
    };
    let mut graph = Graph {
        after: Vec::with_capacity(places.len()),
        operations: places.len(),
    };
    for one in 0..places.len() {
        meter.pass(places.len())?;
        let after = (0..places.len()).filter_map(|other| Some((other as u32, before(one, other)?)));
        graph.after.push(after.collect());
    }
    let mut best: Option<Vec<(u32, Because<'a>)>> = None;
    for start in 0..places.len() as u32 {
        let around = graph.around(start, meter)?;
        // A way that does not come back is no cycle.
        let is_cycle = around.first().is_some_and(|(first, _)| *first == start);
        if is_cycle && best.as_ref().is_none_or(|best| around.len() < best.len()) {
            best = Some(around);
        }
    }
    let best = best.unwrap_or_default();
    Ok(best
        .into_iter()
        .map(|(at, because)| (places[at as usize], because))
        .collect())
}

fn told(
    group: &Group<'_>,
    seen: &FxHashMap<&Value, BTreeMap<&Value, Vec<u32>>>,
    cycle: &[(u32, Because<'_>)],
) -> Judged {
    let shows = |key: &Value, at: u32| {
        let mut values = seen[key].iter().filter(|(_, by)| by.contains(&at));
        values
            .next()
            .map_or(String::new(), |(value, _)| value.to_string())
    };
    let mut why = String::from("Let\n");
    for (&(at, _), t) in cycle.iter().zip(1..) {
        why += &format!("  T{t} = {}\n", group.operations[at as usize]);
    }
    why += "Then\n";
    for (step, &(at, because)) in cycle.iter().enumerate() {
        let next = (step + 1) % cycle.len();
        let (however, end) = match next {
            0 => ("however, ", ": a contradiction."),
            _ => ("", ",\n"),
        };
        let reason = match because {
            Because::Process(process) => format!("process {process} ran it first"),
            Because::Key(key) => format!(
                "it shows {key} = {}, and T{} shows {}",
                shows(key, at),
                next + 1,
                shows(key, cycle[next].0)
            ),
        };
        why += &format!(
            "  - {however}T{} < T{}, because {reason}{end}",
            step + 1,
            next + 1
        );
    }
    let mut operations: Vec<u32> = cycle.iter().map(|&(at, _)| at).collect();
    operations.sort_unstable();
    operations.dedup();
    Judged::violation("monotonic", operations, why)
}
