//! Why a few operations have no legal order: a graph of what must stand before what, and its cycle.
//!
//! The prose follows Elle (Kingsbury, Alvaro, VLDB 2020): name the operations, give each edge with its
//! reason, end with the contradiction.

use std::fmt::Write;

use histories::{Kind, Value};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::decode::{Decode, Decoded, shortened};
use crate::operations::{Group, OPEN};
use crate::spec::{Entry, Role, Spec};
use crate::verdict::{Attempt, Edge, Reason};

/// With more operations than this nobody looks for the cycle.
const MOST: usize = 64;

/// A proof.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Story {
    /// What must stand before what.
    pub edges: Vec<Edge>,
    /// The prose.
    pub why: String,
    /// Those that the prose calls T1, T2, …: places in the group.
    pub named: Vec<u32>,
    /// Failed operations that it speaks of: places in the group.
    pub mentions: Vec<u32>,
    /// How far a legal order gets.
    pub attempt: Option<Attempt>,
}

/// What a proof ends with if only what the history calls failures contradicts it.
pub(crate) const ONLY_FAILURES: &str =
    "If the failures had been recorded as unknown outcomes, the history would pass.";

impl Story {
    /// Adds a sentence.
    pub(crate) fn add(&mut self, sentence: &str) {
        self.why.push(' ');
        self.why.push_str(sentence);
    }
}

/// The proof that the `few` operations have no legal order.
pub(crate) fn explain<S: Decode>(group: &Group<'_>, decoded: &Decoded<S>, few: &[Entry<S::Op>]) -> Story {
    if let Some(story) = never_written(group, decoded, few) {
        return story;
    }
    let mut graph = Order::new(&decoded.spec, group.initial, few);
    if few.len() > MOST {
        return graph.tell_all(group);
    }
    graph.real_time();
    graph.ranks();
    graph.reads_from();
    while graph.shortest_cycle().is_none() && graph.versions() {}
    match graph.shortest_cycle() {
        Some(cycle) => graph.tell_cycle(group, &cycle),
        None => graph.tell_all(group),
    }
}

/// One operation saw a value that nothing wrote.
fn never_written<S: Spec>(group: &Group<'_>, decoded: &Decoded<S>, few: &[Entry<S::Op>]) -> Option<Story> {
    let [only] = few else { return None };
    let value = decoded.spec.observes(&only.op)?;
    let writes = |entry: &&Entry<S::Op>| decoded.spec.writes(&entry.op) == Some(value);
    let operation = group.operations[only.id as usize];
    if decoded
        .entries
        .iter()
        .any(|entry| writes(&entry) && entry.id != only.id)
    {
        return None;
    }
    let mut story = Story::default();
    let failed = decoded.failed.iter().find(writes);
    let lacks = match failed.map(|entry| &group.operations[entry.id as usize]) {
        Some(write) => format!("the only operation that wrote it failed: {write}"),
        None => format!(
            "no operation wrote it, and it is not the initial value, which was taken as {}",
            group.initial
        ),
    };
    story.mentions.extend(failed.map(|entry| entry.id));
    story.why = format!("{operation} saw a value that was never there: {lacks}.");
    Some(story)
}

/// Why one operation stands before another.
#[derive(Clone, Debug)]
struct Because {
    reason: Reason,
    text: String,
}

fn initial_text(observer: usize, other: usize, initial: &Value) -> String {
    format!(
        "T{} still saw the initial value {}, which T{} replaced",
        observer + 1,
        shortened(&initial.to_string()),
        other + 1
    )
}

struct Order<'a, S: Spec> {
    spec: &'a S,
    /// The history's initial value.
    initial: &'a Value,
    few: &'a [Entry<S::Op>],
    graph: DiGraph<usize, Because>,
}

impl<'a, S: Spec> Order<'a, S> {
    fn new(spec: &'a S, initial: &'a Value, few: &'a [Entry<S::Op>]) -> Self {
        let mut graph = DiGraph::new();
        for at in 0..few.len() {
            graph.add_node(at);
        }
        Order {
            spec,
            initial,
            few,
            graph,
        }
    }

    fn add(&mut self, from: usize, to: usize, reason: Reason, text: String) -> bool {
        let (from, to) = (NodeIndex::new(from), NodeIndex::new(to));
        let new = from != to && !self.graph.contains_edge(from, to);
        if new {
            self.graph.add_edge(from, to, Because { reason, text });
        }
        new
    }

    fn real_time(&mut self) {
        for from in 0..self.few.len() {
            for to in 0..self.few.len() {
                if self.few[from].ret < self.few[to].inv {
                    let text = format!("T{} had completed before T{} was invoked", from + 1, to + 1);
                    self.add(from, to, Reason::RealTime, text);
                }
            }
        }
    }

    /// Operations whose results tell where they stand.
    fn ranks(&mut self)
    where
        S: Decode,
    {
        let ranks: Vec<Option<u64>> = self.few.iter().map(|entry| S::rank(&entry.op)).collect();
        for (from, low) in ranks.iter().enumerate() {
            for (to, high) in ranks.iter().enumerate() {
                if low.is_some() && low < high {
                    let text = format!("the version of T{} comes before that of T{}", from + 1, to + 1);
                    self.add(from, to, Reason::VersionOrder, text);
                }
            }
        }
    }

    /// The observer's value and its only writer; none if there are several, or if the value is the initial one.
    fn writer(&self, observer: usize) -> Option<usize> {
        let value = self.observed(observer)?;
        let mut writers = self
            .writers()
            .filter(|&at| self.spec.writes(&self.few[at].op) == Some(value));
        let first = writers.next().filter(|_| !self.is_initial(value))?;
        (writers.next().is_none() && first != observer).then_some(first)
    }

    fn writers(&self) -> impl Iterator<Item = usize> {
        (0..self.few.len()).filter(|&at| self.spec.writes(&self.few[at].op).is_some())
    }

    /// What the operation saw to be there; none for one that saw something to be absent.
    fn observed(&self, at: usize) -> Option<u32> {
        let op = &self.few[at].op;
        let absent = self
            .spec
            .dead()
            .is_some_and(|dead| self.spec.step(&dead, op).is_some());
        self.spec.observes(op).filter(|_| !absent)
    }

    fn is_initial(&self, value: u32) -> bool {
        self.spec.shown(&self.spec.initial()) == Some(value)
    }

    fn reads_from(&mut self) {
        for observer in 0..self.few.len() {
            if let Some(writer) = self.writer(observer) {
                let (from, to) = (writer + 1, observer + 1);
                let pure = self.spec.role(&self.few[observer].op) == Role::Pure;
                let (reason, text) = match pure {
                    true => (Reason::ReadsFrom, format!("T{to} read what T{from} wrote")),
                    false => (
                        Reason::Cas,
                        format!("T{to} compared with what T{from} wrote, and succeeded"),
                    ),
                };
                self.add(writer, observer, reason, text);
            }
        }
    }

    /// Orders each writer that surely happened against each version that it must not come between. Whether that
    /// was new. One round draws its conclusions from the edges before it alone, so that proofs stay short.
    fn versions(&mut self) -> bool {
        let mut found = Vec::new();
        for observer in 0..self.few.len() {
            let Some(value) = self.observed(observer) else {
                continue;
            };
            let writer = self.writer(observer);
            let initial = self.is_initial(value)
                && !self
                    .writers()
                    .any(|at| self.spec.writes(&self.few[at].op) == Some(value));
            let certain =
                |other: &usize| Some(*other) != writer && *other != observer && self.happened(*other);
            for other in self.writers().filter(certain) {
                match writer {
                    Some(writer) => self.not_between(writer, other, observer, &mut found),
                    None if initial => {
                        found.push((observer, other, initial_text(observer, other, self.initial)))
                    }
                    None => {}
                }
            }
        }
        let mut grew = false;
        for (from, to, text) in found {
            grew |= self.add(from, to, Reason::VersionOrder, text);
        }
        grew
    }

    /// Whether it surely happened: it was acknowledged, or somebody saw what only it can have written.
    fn happened(&self, at: usize) -> bool {
        self.few[at].ret != OPEN || (0..self.few.len()).any(|observer| self.writer(observer) == Some(at))
    }

    /// `observer` saw what `writer` wrote, so `other` stands before both or after both.
    fn not_between(
        &self,
        writer: usize,
        other: usize,
        observer: usize,
        found: &mut Vec<(usize, usize, String)>,
    ) {
        let (w, o, r) = (writer + 1, other + 1, observer + 1);
        if let Some(premise) = self.reach(writer, other) {
            let text = format!("T{o} comes after T{w}{premise}, and T{r} still saw what T{w} wrote");
            found.push((observer, other, text));
        }
        if let Some(premise) = self.reach(other, observer) {
            let text = format!("T{o} comes before T{r}{premise}, which still saw what T{w} wrote");
            found.push((other, writer, text));
        }
    }

    /// Whether one stands before the other, and in brackets why, if that takes one step.
    fn reach(&self, from: usize, to: usize) -> Option<String> {
        let (from, to) = (NodeIndex::new(from), NodeIndex::new(to));
        match self.graph.find_edge(from, to) {
            Some(edge) => Some(format!(" ({})", self.graph[edge].text)),
            None => petgraph::algo::has_path_connecting(&self.graph, from, to, None).then(String::new),
        }
    }

    /// The nodes of a shortest cycle.
    fn shortest_cycle(&self) -> Option<Vec<NodeIndex>> {
        let backs = self.graph.edge_references().filter_map(|edge| {
            let path =
                petgraph::algo::astar(&self.graph, edge.target(), |at| at == edge.source(), |_| 1, |_| 0);
            path.map(|(_, nodes)| nodes)
        });
        backs.min_by_key(|nodes| nodes.len())
    }

    fn edges(&self) -> Vec<Edge> {
        let index = |at: NodeIndex| self.few[self.graph[at]].id;
        let edges = self.graph.edge_references();
        edges
            .map(|edge| Edge {
                from: index(edge.source()).into(),
                to: index(edge.target()).into(),
                reason: edge.weight().reason,
            })
            .collect()
    }

    fn tell(&self, group: &Group<'_>, why: String, edges: Vec<Edge>) -> Story {
        let index = |place: u64| group.operations[place as usize].index();
        let named = |edge: Edge| Edge {
            from: index(edge.from),
            to: index(edge.to),
            ..edge
        };
        let mut story = "Let\n".to_owned();
        for (at, entry) in self.few.iter().enumerate().take(MOST) {
            let operation = &group.operations[entry.id as usize];
            let unknown = if operation.outcome == Kind::Info {
                ", which may or may not have happened"
            } else {
                ""
            };
            let _ = writeln!(story, "  T{} = {operation}{unknown}", at + 1);
        }
        Story {
            attempt: None,
            why: story + &why,
            edges: edges.into_iter().map(named).collect(),
            named: self.few.iter().take(MOST).map(|entry| entry.id).collect(),
            mentions: Vec::new(),
        }
    }

    fn tell_cycle(&self, group: &Group<'_>, cycle: &[NodeIndex]) -> Story {
        let mut why = "Then\n".to_owned();
        let mut edges = Vec::new();
        for (step, &from) in cycle.iter().enumerate() {
            let to = cycle[(step + 1) % cycle.len()];
            let Some(edge) = self.graph.find_edge(from, to) else {
                continue;
            };
            let because = &self.graph[edge];
            let last = step + 1 == cycle.len();
            let however = if last { "however, " } else { "" };
            let end = if last { ": a contradiction." } else { "," };
            let (t, u) = (self.graph[from] + 1, self.graph[to] + 1);
            let _ = writeln!(
                why,
                "  - {however}T{t} must come before T{u}, because {}{end}",
                because.text
            );
            let id = |at: NodeIndex| self.few[self.graph[at]].id.into();
            edges.push(Edge {
                from: id(from),
                to: id(to),
                reason: because.reason,
            });
        }
        self.tell(group, why.trim_end().to_owned(), edges)
    }

    fn tell_all(&self, group: &Group<'_>) -> Story
    where
        S: Decode,
    {
        let many = self.few.len();
        let why = format!(
            "Every order of these {many} operations that respects real time was tried, and none is legal; without \
             any one of them there would be a legal one, or the value that it wrote would be missing.{}",
            S::start(self.initial).map_or(String::new(), |start| format!(" The start was taken as {start}."))
        );
        self.tell(group, why, self.edges())
    }
}
