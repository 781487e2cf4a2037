//! Transactions over many keys, judged as Elle judges them (Kingsbury, Alvaro: Elle, VLDB 2020).
//!
//! | file | what it holds |
//! | --- | --- |
//! | `micro` | operations to transactions, with small numbers for keys and versions |
//! | `lists`, `list_reads` | `list-append`: version orders, what single reads show, ww, wr and rw |
//! | `registers`, `versions` | `rw-register`: what can be known of the order of versions, ww, wr and rw |
//! | `dependencies` | the graph, with process order and real time |
//! | `cycles` | a short cycle of each kind |
//! | `anomaly` | the names, from the worst to the mildest |
//! | `tell`, `shown` | the proof in prose |
//!
//! Everything is near-linear in the history: the graph by joints instead of pairs, its components by one pass, and
//! the search for short cycles by a limit on its steps. No anomaly is reported of a history that is serializable,
//! or strictly so if that is what was asked; the reverse does not hold, since the order of versions is not always
//! known.

mod anomaly;
mod cycles;
mod dependencies;
mod list_reads;
mod lists;
mod micro;
mod registers;
mod report;
mod shown;
mod tell;
mod versions;

use histories::{Event, Header, Kind};

use self::anomaly::Cases;
use self::cycles::Cycle;
use self::dependencies::{Dependencies, Link};
use self::lists::Lists;
pub(crate) use self::micro::Words;
use self::micro::{NONE, Transactions};
use self::registers::Registers;
use crate::budget::{Budget, Meter};
use crate::error::{Halt, HistoryError};
use crate::explain::ONLY_FAILURES;
use crate::operations::{Group, groups_within};
use crate::options::Consistency;
use crate::verdict::Check;

/// The check of a whole history of such transactions.
pub(crate) fn check(
    header: &Header,
    events: &[Event],
    words: Words,
    consistency: Consistency,
    budget: &Budget,
) -> Result<Check, HistoryError> {
    let mut meter = budget.meter();
    let groups = match groups_within(header, events, &mut meter) {
        Ok(groups) => groups,
        Err(Halt::History(error)) => return Err(error),
        Err(Halt::Stop(stop)) => {
            let finding = Finding {
                stopped: Some(stop.as_str()),
                ..Finding::default()
            };
            return Ok(report::report(words.model, consistency, vec![finding]));
        }
    };
    budget.begin(groups.len());
    let mut findings = Vec::with_capacity(groups.len());
    for group in &groups {
        findings.push(analyse(group, words, consistency, budget)?);
        budget.key_done();
    }
    Ok(report::report(words.model, consistency, findings))
}

/// What was found in one group.
#[derive(Debug, Default)]
struct Finding {
    /// Cases by name.
    counts: Vec<(String, u64)>,
    /// The proofs of the worst of them.
    told: Vec<tell::Told>,
    /// The key of the group.
    key: Option<histories::Value>,
    /// Transactions that succeeded, failed, and are unknown.
    outcomes: [usize; 3],
    keys: usize,
    /// ww, wr and rw.
    links: [usize; 3],
    /// Components with a cycle, and how many of them nobody looked into.
    components: [usize; 2],
    /// A value that several wrote, so that not everything could be inferred.
    unclear: Option<String>,
    /// What ended the analysis early.
    stopped: Option<&'static str>,
}

fn analyse(
    group: &Group<'_>,
    words: Words,
    consistency: Consistency,
    budget: &Budget,
) -> Result<Finding, HistoryError> {
    let mut finding = Finding {
        key: group.key.cloned(),
        ..Finding::default()
    };
    match finding.fill(group, words, consistency, &mut budget.meter()) {
        Ok(()) => {}
        Err(Halt::History(error)) => return Err(error),
        Err(Halt::Stop(stop)) => finding.stopped = Some(stop.as_str()),
    }
    if !finding.told.is_empty() && only_failures_are_wrong(group, words, consistency, budget) {
        finding.told.iter_mut().for_each(|told| {
            told.why.push(' ');
            told.why.push_str(ONLY_FAILURES);
        });
    }
    if finding.stopped.is_none() && finding.told.is_empty() && finding.outcomes[0] == 0 {
        finding.stopped = Some("the lack of a transaction that succeeded");
    }
    Ok(finding)
}

/// Whether there would be no anomaly if a failure said nothing.
fn only_failures_are_wrong(
    group: &Group<'_>,
    words: Words,
    consistency: Consistency,
    budget: &Budget,
) -> bool {
    let Some(relaxed) = group.without_failures() else {
        return false;
    };
    let mut finding = Finding::default();
    let filled = finding.fill(&relaxed, words, consistency, &mut budget.meter());
    filled.is_ok() && finding.told.is_empty() && finding.unclear.is_none() && finding.outcomes[0] > 0
}

impl Finding {
    fn fill(
        &mut self,
        group: &Group<'_>,
        words: Words,
        consistency: Consistency,
        meter: &mut Meter<'_>,
    ) -> Result<(), Halt> {
        let transactions = Transactions::decode(group, words, meter)?;
        self.keys = transactions.keys.len();
        self.outcomes = [Kind::Ok, Kind::Fail, Kind::Info].map(|outcome| transactions.count(outcome));
        let mut cases = Cases::default();
        let model = if words.lists {
            list_reads::analyse(&transactions, &mut cases, meter).map(Inferred::Lists)
        } else {
            Registers::analyse(&transactions, group.initial, &mut cases, meter).map(Inferred::Registers)
        };
        let cycles = model.and_then(|model| {
            self.unclear = model.ambiguous();
            let cycles = self.cycles(&transactions, &model, consistency, &mut cases, meter);
            cycles.map(|()| model)
        });
        // What was proved before the budget ended stays proved.
        self.counts = cases
            .counts()
            .iter()
            .map(|(name, count)| (name.to_string(), *count))
            .collect();
        self.told = tell::tell(&transactions, cases);
        cycles.map(drop)
    }

    /// Builds the graph and finds its cycles.
    fn cycles(
        &mut self,
        transactions: &Transactions<'_>,
        model: &Inferred<'_>,
        consistency: Consistency,
        cases: &mut Cases,
        meter: &mut Meter<'_>,
    ) -> Result<(), Halt> {
        let mut dependencies = Dependencies::new(transactions.len());
        model.link(&mut dependencies, meter)?;
        self.links = [Link::Ww, Link::Wr, Link::Rw].map(|link| dependencies.count(link));
        if consistency == Consistency::StrictSerializable {
            dependencies.processes(transactions);
            dependencies.real_time(transactions, meter)?;
        }
        let graph = dependencies.graph();
        meter.grow(graph.bytes())?;
        let mut place = vec![NONE; graph.nodes()];
        let graph = graph.part(&graph.tangled(meter)?, &mut place);
        let components = graph.components(|_| true);
        self.components = [
            components.len(),
            components.len().saturating_sub(cycles::COMPONENTS),
        ];
        for component in components.iter().take(cycles::COMPONENTS) {
            let part = graph.part(component, &mut place);
            for (anomaly, cycle) in cycles::named(&part, meter)? {
                cases.add(anomaly, || tell::cycle(transactions, model, &cycle));
            }
        }
        Ok(())
    }
}

/// What a model made of the transactions.
enum Inferred<'a> {
    Lists(Lists<'a>),
    Registers(Registers<'a>),
}

impl Inferred<'_> {
    fn link(&self, dependencies: &mut Dependencies, meter: &mut Meter<'_>) -> Result<(), Halt> {
        match self {
            Inferred::Lists(lists) => lists.link(dependencies, meter),
            Inferred::Registers(registers) => registers.link(dependencies, meter),
        }
    }

    fn ambiguous(&self) -> Option<String> {
        match self {
            Inferred::Lists(lists) => lists.ambiguous(),
            Inferred::Registers(registers) => registers.ambiguous(),
        }
    }

    fn because(&self, before: u32, after: u32, link: Link, t: &str, u: &str) -> Option<String> {
        match self {
            Inferred::Lists(lists) => lists.because(before, after, link, t, u),
            Inferred::Registers(registers) => registers.because(before, after, link, t, u),
        }
    }
}
