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
//! | `registers`, `versions` | `rw-register`: what can be known at once of the order of versions, ww, wr and rw |
//! | `dependencies`, `cycles` | the graph, with process order and real time; a short cycle of each kind |
//! | `anomaly` | the names, from the worst to the mildest, and the levels that each of them breaks |
//! | `facts` | what each transaction read and wrote as the others see it: the input of what follows |
//! | `guess` | the order that the clock proposes |
//! | `decide`, `nodes`, `points`, `visible` | the search for an order at a level, and what an order breaks there |
//! | `solver`, `acyclic`, `choices` | the engine of that search |
//! | `replay` | the verifier of an order; it shares no code with what found it |
//! | `culprits` | the few transactions that have no order |
//! | `tell`, `shown`, `report` | the proof in prose, and the check |
//!
//! The proposal, the graph and its components are near-linear in the history. The search is not: most levels from
//! prefix on are NP-complete (Papadimitriou 1979; Biswas, Enea 2019, table 1), and it ends with the budget.

mod acyclic;
mod anomaly;
mod choices;

mod culprits;
mod cycles;
mod decide;
mod dependencies;
mod facts;
mod guess;
mod list_reads;
mod lists;
mod micro;
mod nodes;
mod points;
mod registers;
mod replay;
mod report;
mod shown;
mod solver;
mod tell;
mod versions;
mod visible;

use std::collections::BTreeMap;

use histories::{Event, Header, Kind};

use self::anomaly::Cases;
use self::cycles::Cycle;
use self::decide::{Decided, Witness, decide, propose};
use self::dependencies::{Dependencies, Link};
use self::facts::Facts;
use self::guess::Commit;
use self::lists::Lists;
pub(crate) use self::micro::Words;
use self::micro::{NONE, Transactions};
use self::registers::Registers;
use self::replay::replay;
use crate::budget::{Budget, Meter};
use crate::error::{Halt, HistoryError};
use crate::explain::ONLY_FAILURES;
use crate::levels::{Isolation, Level, Levels, Order};
use crate::operations::{Group, groups_within};
use crate::proved::Vacuous;
use crate::verdict::Check;

/// Steps that the question which other levels a history keeps to may cost, for each of them.
const BOUNDARY_STEPS: u64 = 2_000_000;

/// Of so many transactions an order that respects real time is looked for first, with so many steps.
const LONG: u32 = 64;
const TIMED_STEPS: u64 = 50_000_000;

/// The check of a whole history of such transactions.
pub(crate) fn check(
    header: &Header,
    events: &[Event],
    words: Words,
    asked: Levels,
    budget: &Budget,
) -> Result<Check, HistoryError> {
    let mut meter = budget.meter();
    let groups = match groups_within(header, events, &mut meter) {
        Ok(groups) => groups,
        Err(Halt::History(error)) => return Err(error),
        Err(Halt::Stop(stop)) => {
            let finding = Finding {
                stopped: Some(stop.as_str()),
                ..Finding::nothing()
            };
            return Ok(report::report(words.model, asked, vec![finding]));
        }
    };
    budget.begin(groups.len());
    let mut findings = Vec::with_capacity(groups.len());
    for group in &groups {
        findings.push(analyse(group, words, asked, budget)?);
        budget.key_done();
    }
    Ok(report::report(words.model, asked, findings))
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
    /// Why there was nothing to prove.
    vacuous: Option<Vacuous>,
}

/// What shows that a history keeps to a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// One transaction after the other.
    Serial,
    /// An order of commits, and where in it each one reads.
    Snapshots,
    /// An order of commits, and what each one sees of it.
    Commits,
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
    if finding.stopped.is_none() && finding.told.is_empty() {
        (finding.stopped, finding.vacuous) = match (finding.outcomes[0], finding.reads) {
            (0, _) => (
                Some("no transaction that succeeded"),
                Some(Vacuous::NothingSucceeded),
            ),
            (_, 0) => (
                Some("no read, so nothing ties one transaction to another"),
                Some(Vacuous::NothingObserved),
            ),
            _ => (None, None),
        };
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
    filled.is_ok() && finding.broken.is_empty() && finding.unclear.is_none() && finding.outcomes[0] > 0
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
            vacuous: None,
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
        for &level in Level::all() {
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
        let facts = model.facts(group.initial, meter)?;
        if let Inferred::Registers(registers) = &model {
            registers.unsourced(&facts, cases);
        }
        self.reads = facts.reads.items();
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
        self.kept.extend(
            Level::all()
                .iter()
                .copied()
                .filter(|&weaker| level.implies(weaker)),
        );
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
                self.broken
                    .extend(Level::all().iter().copied().filter(|&other| other.implies(level)));
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
        if self.unclear.is_some() || !asked.iter().any(|level| broken(level, self.broken)) {
            return Ok(());
        }
        for &level in Level::all() {
            if self.kept.contains(level) || broken(level, self.broken) {
                continue;
            }
            match case.decides(level, cases.is_empty(), meter) {
                Ok(Searched::Unverified) => {}
                Ok(Searched::Keeps(_)) => self.kept.extend(
                    Level::all()
                        .iter()
                        .copied()
                        .filter(|&weaker| level.implies(weaker)),
                ),
                Ok(Searched::Breaks(_)) => self
                    .broken
                    .extend(Level::all().iter().copied().filter(|&other| other.implies(level))),
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

/// The answer of the search for an order.
enum Searched {
    /// There is one, and it was verified.
    Keeps(Shown),
    /// There is none among these transactions.
    Breaks(Vec<u32>),
    /// The verifier did not agree.
    Unverified,
}

/// A group's transactions, with what the engines need to know of them.
struct History<'a> {
    transactions: &'a Transactions<'a>,
    initial: &'a histories::Value,
    model: &'a Inferred<'a>,
    facts: &'a Facts,
    /// The dependencies with each order that was needed.
    known: Vec<(Order, Dependencies)>,
}

impl History<'_> {
    /// What is known to stand before what, with the order that binds a level.
    fn dependencies(&mut self, order: Order, meter: &mut Meter<'_>) -> Result<&Dependencies, Halt> {
        if let Some(at) = self.known.iter().position(|(known, _)| *known == order) {
            return Ok(&self.known[at].1);
        }
        let mut dependencies = Dependencies::new(self.transactions.len());
        self.model.link(&mut dependencies, meter)?;
        if order != Order::Any {
            dependencies.processes(self.transactions);
        }
        if order == Order::RealTime {
            dependencies.real_time(self.transactions, meter)?;
        }
        self.known.push((order, dependencies));
        Ok(&self.known[self.known.len() - 1].1)
    }

    /// Whether the order that the clock proposes is legal at this level.
    fn proposed(&self, level: Level, meter: &mut Meter<'_>) -> Result<Option<Shown>, Halt> {
        let (guess, fits) = propose(self.facts, level, meter)?;
        if !fits {
            return Ok(None);
        }
        let serial = guess
            .order
            .iter()
            .zip(0..)
            .all(|(commit, now)| commit.snapshot == now);
        let isolation = match serial {
            true => Isolation::Serializable,
            false => Isolation::SnapshotIsolation,
        };
        let stronger = Level::of(isolation, level.order);
        let legal = replay(
            self.transactions,
            self.initial,
            stronger,
            &Witness::Snapshots(guess.order),
            meter,
        )?;
        Ok(legal.then_some(if serial { Shown::Serial } else { Shown::Snapshots }))
    }

    /// An order at this level, verified; or the transactions among which there is none.
    ///
    /// Real time is tried first, whatever order the level asks for: most histories respect it, and it keeps apart what
    /// has nothing to do with each other.
    fn search(&mut self, level: Level, meter: &mut Meter<'_>) -> Result<Searched, Halt> {
        let timed = Level::of(level.isolation, Order::RealTime);
        if level != timed && self.facts.len() > LONG {
            match self.find(timed, &mut meter.beside().capped(TIMED_STEPS)) {
                Ok(Searched::Keeps(shown)) => return Ok(Searched::Keeps(shown)),
                Err(Halt::Stop(stop)) if meter.is_over() => return Err(Halt::Stop(stop)),
                _ => {}
            }
        }
        self.find(level, meter)
    }

    fn find(&mut self, level: Level, meter: &mut Meter<'_>) -> Result<Searched, Halt> {
        let proposal: Vec<Commit> = propose(self.facts, level, meter)?.0.order;
        let facts = self.facts;
        let dependencies = self.dependencies(level.order, meter)?;
        match decide(facts, level, dependencies, &proposal, meter)? {
            Decided::Breaks(among) => Ok(Searched::Breaks(among)),
            Decided::Keeps(witness) => {
                let legal = replay(self.transactions, self.initial, level, &witness, meter)?;
                debug_assert!(legal, "the search's order does not replay");
                if !legal {
                    return Ok(Searched::Unverified);
                }
                Ok(Searched::Keeps(match witness {
                    Witness::Commits { .. } => Shown::Commits,
                    Witness::Snapshots(order) => {
                        let serial = order.iter().zip(0..).all(|(commit, now)| commit.snapshot == now);
                        if serial { Shown::Serial } else { Shown::Snapshots }
                    }
                }))
            }
        }
    }

    /// The same within a limit of its own, and by a proposal where that may be legal.
    fn decides(&mut self, level: Level, clean: bool, meter: &Meter<'_>) -> Result<Searched, Halt> {
        let mut capped = meter.beside().capped(BOUNDARY_STEPS);
        if clean && let Some(shown) = self.proposed(level, &mut capped)? {
            return Ok(Searched::Keeps(shown));
        }
        self.search(level, &mut capped)
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

    /// A list to which several appended the same, so that nobody knows whose element stands there.
    fn ambiguous(&self) -> Option<String> {
        match self {
            Inferred::Lists(lists) => lists.ambiguous(),
            Inferred::Registers(_) => None,
        }
    }

    fn facts(&self, initial: &histories::Value, meter: &mut Meter<'_>) -> Result<Facts, Halt> {
        match self {
            Inferred::Lists(lists) => Facts::of_lists(lists, meter),
            Inferred::Registers(registers) => Facts::of_registers(registers.transactions, initial, meter),
        }
    }

    fn because(&self, before: u32, after: u32, link: Link, t: &str, u: &str) -> Option<String> {
        match self {
            Inferred::Lists(lists) => lists.because(before, after, link, t, u),
            Inferred::Registers(registers) => registers.because(before, after, link, t, u),
        }
    }
}
