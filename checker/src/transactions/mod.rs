//! Transactions over many keys, held to levels of consistency.
//!
//! First what single reads show, and what an order that the clock proposes makes of the rest: where it is legal the
//! history keeps to the level, and a verifier says so. Else the graph of what is known to stand before what, with its
//! cycles by their names (Kingsbury, Alvaro: Elle, VLDB 2020); and what neither of them decides, a search does.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `micro` | operations to transactions, with small numbers for keys and versions |
//! | `lists`, `list_reads` | `list-append`: version orders, what single reads show, ww, wr and rw |
//! | `duplicates` | elements that were appended more than once: which append each of them is |
//! | `registers`, `versions` | `rw-register`: what can be known at once of the order of versions, ww, wr and rw |
//! | `assumed` | what follows for the order of versions from what is assumed of keys |
//! | `dependencies`, `cycles` | the graph, with process order and real time; a short cycle of each kind |
//! | `anomaly` | the names, from the worst to the mildest, and the levels that each of them breaks |
//! | `facts`, `rows` | what each transaction read and wrote as the others see it: the input of what follows |
//! | `clock`, `guess` | the order that the clock proposes, and a clock for histories without one |
//! | `decide`, `nodes`, `points`, `visible`, `sessions` | the search for an order at a level, and what an order breaks there |
//! | `solver`, `acyclic`, `choices` | the engine of that search |
//! | `replay`, `replay_sessions`, `replay_assumed` | the verifier of an order; it shares no code with what found it |
//! | `history` | all of it about one group, and the engines that are asked about a level |
//! | `culprits` | the few transactions that have no order |
//! | `tell`, `shown`, `report` | the proof in prose, and the check |
//!
//! The proposal, the graph and its components are near-linear in the history. The search is not: most levels from
//! prefix on are NP-complete (Papadimitriou 1979; Biswas, Enea 2019, table 1), and it ends with the budget.

mod acyclic;
mod anomaly;
mod assumed;
mod choices;
mod clock;
mod culprits;
mod cycles;
mod decide;
mod dependencies;
mod duplicates;
mod facts;
mod guess;
mod history;
mod list_reads;
mod lists;
mod micro;
mod nodes;
mod points;
mod registers;
mod replay;
mod replay_assumed;
mod replay_sessions;
mod report;
mod rows;
mod sessions;
mod shown;
mod solver;
mod tell;
mod versions;
mod visible;

use std::collections::BTreeMap;

use histories::format::has_real_time;
use histories::{Event, Header, Kind, Process};

use self::anomaly::{Anomaly, Cases};
use self::dependencies::Link;
use self::history::{BOUNDARY_STEPS, History, Inferred, Searched, Shown};
pub(crate) use self::micro::Words;
use self::micro::{NONE, Transactions};
use self::registers::Registers;
use crate::budget::{Budget, Meter};
use crate::error::{Halt, HistoryError};
use crate::explain::ONLY_FAILURES;
use crate::levels::{Level, Levels, Order};
use crate::operations::{Group, groups_within};
use crate::subject::Subject;
use crate::verdict::Check;

/// The check of a whole history of such transactions.
pub(crate) fn check(
    header: &Header,
    events: &[Event],
    words: Words,
    asked: Levels,
    budget: &Budget,
) -> Result<Check, HistoryError> {
    let words = Words {
        timed: has_real_time(header),
        ..words
    };
    let mut meter = budget.meter();
    // Registers that are held to no more than an order of all operations are held to it together.
    let together = Header {
        keyed: header.keyed && words.subject == Subject::Transactions,
        ..header.clone()
    };
    if header.keyed && !together.keyed {
        every_one_has_a_key(events)?;
    }
    let groups = match groups_within(&together, events, &mut meter) {
        Ok(groups) => groups,
        Err(Halt::History(error)) => return Err(error),
        Err(Halt::Stop(stop)) => {
            let finding = Finding {
                stopped: Some(stop.as_str()),
                ..Finding::nothing()
            };
            return Ok(report::report(words, asked, vec![finding]));
        }
    };
    budget.begin(groups.len());
    let mut findings = Vec::with_capacity(groups.len());
    for group in &groups {
        findings.push(analyse(group, words, asked, budget)?);
        budget.key_done();
    }
    let is_open = |finding: &Finding| finding.unclear.is_some() && finding.stopped.is_none();
    let all: Levels = words.subject.levels().into_iter().collect();
    let is_lost = |finding: &Finding| finding.broken.contains_all(all);
    if words.lists && findings.iter().any(is_open) && !findings.iter().any(is_lost) {
        let ways = duplicates::ways(events).unwrap_or_default();
        if let Some(told_apart) = in_every_way(&together, &ways, words, asked, budget)? {
            findings = told_apart;
        }
    }
    Ok(report::report(words, asked, findings))
}

/// Judges a history in each of several ways of telling its elements apart: what was found in one in which it keeps to the
/// levels, or, where it breaks one of them in all, in the first.
fn in_every_way(
    header: &Header,
    ways: &[Vec<Event>],
    words: Words,
    asked: Levels,
    budget: &Budget,
) -> Result<Option<Vec<Finding>>, HistoryError> {
    let all: Levels = words.subject.levels().into_iter().collect();
    let (mut first, mut broken, mut kept) = (None, all, Levels::NONE);
    for events in ways {
        let groups = match groups_within(header, events, &mut budget.meter()) {
            Ok(groups) => groups,
            Err(Halt::History(error)) => return Err(error),
            Err(Halt::Stop(_)) => return Ok(None),
        };
        let findings = groups.iter().map(|group| analyse(group, words, asked, budget));
        let mut findings: Vec<Finding> = findings.collect::<Result<_, _>>()?;
        if findings.iter().all(|finding| finding.kept.contains_all(asked)) {
            findings
                .iter_mut()
                .for_each(|finding| finding.ways = Some(ways.len()));
            return Ok(Some(findings));
        }
        let of_all = findings
            .iter()
            .fold(Levels::NONE, |all, finding| all.or(finding.broken));
        broken = broken.and(of_all);
        let by_all = findings.iter().map(|finding| finding.kept);
        kept = kept.or(by_all.reduce(Levels::and).unwrap_or(Levels::NONE));
        first.get_or_insert(findings);
    }
    let violated = asked.iter().any(|level| broken.contains(level));
    Ok(first.filter(|_| violated).map(|mut findings| {
        let each = findings.iter_mut();
        each.for_each(|finding| finding.in_all_ways(broken, kept, ways.len()));
        findings
    }))
}

/// A keyed history says of every operation which register it is about.
fn every_one_has_a_key(events: &[Event]) -> Result<(), HistoryError> {
    let invoked = |event: &&Event| event.kind == Kind::Invoke && event.process != Process::Nemesis;
    match events.iter().filter(invoked).find(|event| event.key.is_none()) {
        Some(event) => Err(HistoryError::NoKey { index: event.index }),
        None => Ok(()),
    }
}

/// What was found in one group.
#[derive(Debug)]
struct Finding {
    /// Cases by name.
    counts: BTreeMap<String, u64>,
    /// The proofs of the worst of them.
    told: Vec<tell::Told>,
    /// The key of the group.
    key: Option<histories::Value>,
    /// Transactions that succeeded, failed, and are unknown.
    outcomes: [usize; 3],
    keys: usize,
    /// Reads from outside of those that succeeded.
    reads: usize,
    /// ww, wr and rw, where the graph was needed.
    links: Option<[usize; 3]>,
    /// Components with a cycle, and how many of them nobody looked into.
    components: [usize; 2],
    /// Levels that it was shown to keep to, and that it was shown to break.
    kept: Levels,
    broken: Levels,
    /// How it was shown that it keeps to what was asked.
    shown: Option<Shown>,
    /// A value that several wrote, so that not everything could be inferred.
    unclear: Option<String>,
    /// What ended the analysis early.
    stopped: Option<&'static str>,
    /// In how many ways elements that were appended more than once can be told apart, where that was needed.
    ways: Option<usize>,
}

fn analyse(group: &Group<'_>, words: Words, asked: Levels, budget: &Budget) -> Result<Finding, HistoryError> {
    let mut finding = Finding {
        key: group.key.cloned(),
        ..Finding::nothing()
    };
    match finding.decide(group, words, asked, &mut budget.meter()) {
        Ok(()) => {}
        Err(Halt::History(error)) => return Err(error),
        Err(Halt::Stop(stop)) => finding.stopped = Some(stop.as_str()),
    }
    if !finding.told.is_empty() && only_failures_are_wrong(group, words, asked, budget) {
        finding.told.iter_mut().for_each(|told| {
            told.why.push(' ');
            told.why.push_str(ONLY_FAILURES);
        });
    }
    Ok(finding)
}

/// Whether there would be no anomaly if a failure said nothing.
fn only_failures_are_wrong(group: &Group<'_>, words: Words, asked: Levels, budget: &Budget) -> bool {
    let Some(relaxed) = group.without_failures() else {
        return false;
    };
    let mut finding = Finding::nothing();
    let filled = finding.decide(&relaxed, words, asked, &mut budget.meter().capped(BOUNDARY_STEPS));
    filled.is_ok() && finding.kept.contains_all(asked) && finding.outcomes[0] > 0
}

impl Finding {
    /// Before anything is known.
    fn nothing() -> Self {
        Finding {
            counts: BTreeMap::new(),
            told: Vec::new(),
            key: None,
            outcomes: [0; 3],
            keys: 0,
            reads: 0,
            links: None,
            components: [0; 2],
            kept: Levels::NONE,
            broken: Levels::NONE,
            shown: None,
            unclear: None,
            stopped: None,
            ways: None,
        }
    }

    /// What is broken however elements are told apart, and what is kept in one of the ways.
    fn in_all_ways(&mut self, broken: Levels, kept: Levels, ways: usize) {
        (self.broken, self.kept, self.ways) = (broken, kept, Some(ways));
        for told in &mut self.told {
            told.why += &format!(
                " Elements that were appended more than once have numbers here; this is one of the {ways} ways to tell them \
                 apart, and in none of them is there an order."
            );
        }
    }

    /// Holds the history to all levels that were asked for.
    fn decide(
        &mut self,
        group: &Group<'_>,
        words: Words,
        asked: Levels,
        meter: &mut Meter<'_>,
    ) -> Result<(), Halt> {
        let transactions = Transactions::decode(group, words, meter)?;
        self.keys = transactions.keys.len();
        self.outcomes = [Kind::Ok, Kind::Fail, Kind::Info].map(|outcome| transactions.count(outcome));
        let mut cases = Cases::default();
        let decided = self.hold(&transactions, group, asked, &mut cases, meter);
        // What was proved before the budget ended stays proved.
        for (name, count) in cases.counts() {
            *self.counts.entry(name).or_default() += count;
        }
        for level in words.subject.levels() {
            if cases.break_level(level) {
                self.broken.insert(level);
            }
        }
        cases.retain(asked);
        self.told.splice(0..0, tell::tell(&transactions, cases));
        decided
    }

    fn hold(
        &mut self,
        transactions: &Transactions<'_>,
        group: &Group<'_>,
        asked: Levels,
        cases: &mut Cases,
        meter: &mut Meter<'_>,
    ) -> Result<(), Halt> {
        let model = match transactions.lists {
            true => list_reads::analyse(transactions, cases, meter).map(Inferred::Lists)?,
            false => {
                Registers::analyse(transactions, group.initial, cases, meter).map(Inferred::Registers)?
            }
        };
        self.unclear = model.ambiguous();
        let mut facts = model.facts(group.initial, meter)?;
        if !transactions.timed {
            facts.imagined = Some(clock::imagined(&facts, meter)?);
        }
        let facts = facts;
        if let Inferred::Registers(registers) = &model {
            registers.unsourced(&facts, cases);
        }
        if facts.assume.orders_versions() {
            let open = facts.has_open_reads();
            self.unclear = open.then(|| {
                "several wrote what was read, and what is assumed of keys needs to know who".to_owned()
            });
            for cycle in assumed::contradictions(&assumed::steps(&facts, facts.assume)) {
                cases.add(Anomaly::CyclicVersions, || {
                    assumed::case(transactions, &facts, &cycle)
                });
            }
        }
        self.reads = transactions.of(Kind::Ok).map(|at| facts.reads.of(at).len()).sum();
        let mut case = History {
            transactions,
            initial: group.initial,
            model: &model,
            facts: &facts,
            known: Vec::new(),
        };
        let clean = cases.is_empty() && self.unclear.is_none();
        let mut open = Levels::NONE;
        for level in asked.strongest().iter() {
            match if clean { case.proposed(level, meter)? } else { None } {
                Some(shown) => self.keep(level, shown),
                None => open.insert(level),
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        let order = asked.iter().map(|level| level.order).max().unwrap_or(Order::Any);
        self.cycles(&mut case, order, cases, meter)?;
        for level in asked.iter() {
            if !self.kept.contains(level) && !cases.break_level(level) && self.unclear.is_none() {
                self.search(&mut case, level, meter)?;
            }
        }
        self.boundary(&mut case, asked, cases, meter)
    }

    fn keep(&mut self, level: Level, shown: Shown) {
        self.kept = self.kept.or(level.weaker());
        self.shown = self.shown.max(Some(shown));
    }

    /// Has the search decide a level; tells of the few transactions that have no order.
    fn search(&mut self, case: &mut History<'_>, level: Level, meter: &mut Meter<'_>) -> Result<(), Halt> {
        match case.search(level, meter)? {
            Searched::Unverified => {
                self.stopped = Some("an order that does not replay, which is an error of the checker,")
            }
            Searched::Keeps(shown) => self.keep(level, shown),
            Searched::Breaks(among) => {
                self.broken = self.broken.or(level.stronger());
                let told = culprits::tell(case, level, &among, meter)?;
                *self.counts.entry(told.name.clone()).or_default() += 1;
                self.told.push(told);
            }
        }
        Ok(())
    }

    /// After a violation: which levels the history keeps to, and which not.
    fn boundary(
        &mut self,
        case: &mut History<'_>,
        asked: Levels,
        cases: &Cases,
        meter: &mut Meter<'_>,
    ) -> Result<(), Halt> {
        let broken = |level: Level, known: Levels| cases.break_level(level) || known.contains(level);
        let violated = asked.iter().any(|level| broken(level, self.broken));
        if self.unclear.is_some() || !violated {
            return Ok(());
        }
        for level in case.transactions.subject.levels() {
            if self.kept.contains(level) || broken(level, self.broken) {
                continue;
            }
            match case.decides(level, cases.is_empty(), meter) {
                Ok(Searched::Unverified) => {}
                Ok(Searched::Keeps(_)) => self.kept = self.kept.or(level.weaker()),
                Ok(Searched::Breaks(_)) => self.broken = self.broken.or(level.stronger()),
                Err(Halt::Stop(stop)) if meter.is_over() => return Err(Halt::Stop(stop)),
                Err(Halt::Stop(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Builds the graph and finds its cycles.
    fn cycles(
        &mut self,
        case: &mut History<'_>,
        order: Order,
        cases: &mut Cases,
        meter: &mut Meter<'_>,
    ) -> Result<(), Halt> {
        let dependencies = case.dependencies(order, meter)?;
        self.links = Some([Link::Ww, Link::Wr, Link::Rw].map(|link| dependencies.count(link)));
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
                cases.add(anomaly, || tell::cycle(case.transactions, case.model, &cycle));
            }
        }
        Ok(())
    }
}
