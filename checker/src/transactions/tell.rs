//! Proofs in Elle's manner: name the transactions, give each step its reason, end with the contradiction.

use std::fmt::Write;

use histories::Kind;

use super::anomaly::{Anomaly, Case, Cases};
use super::assumed;
use super::cycles::Cycle;
use super::dependencies::Link;
use super::history::Inferred;
use super::micro::Transactions;
use super::shown::Shown;
use crate::verdict::{Edge, Reason};

/// Proofs that are told; the other cases are counted.
const TOLD: usize = 5;

/// Steps of a cycle that are told.
const STEPS: usize = 64;

/// A proof.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// The anomaly's name.
    pub name: String,
    /// The operations' indexes, in the order of the history.
    pub operations: Vec<u64>,
    /// The same in a few words.
    pub brief: Vec<String>,
    /// Those that the prose calls T1, T2, …
    pub named: Vec<u64>,
    /// What stands before what, by the history's indexes.
    pub edges: Vec<Edge>,
    /// The prose.
    pub why: String,
}

/// The proofs of the worst cases.
pub(super) fn tell(transactions: &Transactions<'_>, cases: Cases) -> Vec<Told> {
    let told = cases.told(TOLD);
    told.into_iter()
        .map(|(anomaly, case)| prove(transactions, anomaly, case))
        .collect()
}

fn prove(transactions: &Transactions<'_>, anomaly: Anomaly, case: Case) -> Told {
    proof(
        transactions,
        &anomaly.to_string(),
        &case.transactions,
        &case.why,
        case.edges,
    )
}

/// A proof by its parts: its name, the transactions that the prose calls T1, T2, … in this order, the prose, and what
/// stands before what.
pub(super) fn proof(
    transactions: &Transactions<'_>,
    name: &str,
    named: &[u32],
    prose: &str,
    edges: Vec<(u32, u32, Link)>,
) -> Told {
    let index = |at: u32| transactions.operations[at as usize].index();
    let mut why = format!("{name}. Let\n");
    for (&at, t) in named.iter().zip(1..=STEPS) {
        let operation = &transactions.operations[at as usize];
        let unknown = match operation.outcome {
            Kind::Info => ", of unknown outcome",
            _ => "",
        };
        let _ = writeln!(why, "  T{t} = {}{unknown}", Shown(operation));
    }
    why += "Then\n";
    why += prose;
    let mut operations = named.to_vec();
    operations.sort_unstable();
    operations.dedup();
    let edge = |(from, to, link)| Edge {
        from: index(from),
        to: index(to),
        reason: reason(link),
    };
    Told {
        name: name.to_owned(),
        operations: operations.iter().map(|&at| index(at)).collect(),
        brief: operations
            .iter()
            .map(|&at| Shown(&transactions.operations[at as usize]).brief())
            .collect(),
        named: named.iter().take(STEPS).map(|&at| index(at)).collect(),
        edges: edges.into_iter().map(edge).collect(),
        why,
    }
}

/// The case that a cycle makes.
pub(super) fn cycle(transactions: &Transactions<'_>, model: &Inferred<'_>, cycle: &Cycle) -> Case {
    let mut lines = Vec::new();
    let mut edges = Vec::new();
    for (step, &(before, link)) in cycle.iter().enumerate() {
        let after_at = (step + 1) % cycle.len();
        let after = cycle[after_at].0;
        edges.push((before, after, link));
        let (t, u) = (format!("T{}", step + 1), format!("T{}", after_at + 1));
        let last = step + 1 == cycle.len();
        if step >= STEPS && !last {
            continue;
        }
        let because = because(transactions, model, (before, after, link), &t, &u);
        let (however, end) = if last {
            ("however, ", ": a contradiction.")
        } else {
            ("", ",")
        };
        lines.push(format!("  - {however}{t} < {u}, because {because}{end}"));
    }
    if cycle.len() > STEPS + 1 {
        lines.insert(STEPS, format!("  - … and so on, to T{},", cycle.len()));
    }
    Case {
        transactions: cycle.iter().map(|&(transaction, _)| transaction).collect(),
        why: lines.join("\n"),
        edges,
    }
}

fn because(
    transactions: &Transactions<'_>,
    model: &Inferred<'_>,
    (before, after, link): (u32, u32, Link),
    t: &str,
    u: &str,
) -> String {
    let index = |at: u32| transactions.operations[at as usize].index();
    match link {
        Link::Process => {
            format!("process {} ran {t} before {u}", transactions.process(before))
        }
        Link::RealTime => {
            let end = transactions.operations[before as usize].completion;
            let end = end.map_or(String::new(), |event| format!(" at #{}", event.index));
            format!(
                "{t} had completed{end} before {u} was invoked at #{}",
                index(after)
            )
        }
        _ => model
            .because(before, after, link, t, u)
            .unwrap_or_else(|| match link {
                Link::Ww if transactions.assume.orders_versions() => assumed::because(t, u),
                _ => format!(
                    "of the order of what they read and wrote ({})",
                    reason(link).as_str()
                ),
            }),
    }
}

fn reason(link: Link) -> Reason {
    match link {
        Link::Ww => Reason::WriteWrite,
        Link::Wr => Reason::WriteRead,
        Link::Rw => Reason::ReadWrite,
        Link::Process => Reason::Process,
        Link::RealTime => Reason::RealTime,
    }
}
