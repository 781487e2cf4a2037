//! The verifier of a pass: it takes the order that an engine found and the transactions as they were written down, and
//! goes through the definition of the level. It shares no code with the engines.

use histories::{Kind, Process, Value};
use rustc_hash::FxHashMap;

use super::choices::Place;
use super::decide::Witness;
use super::guess::Commit;
use super::micro::{Micro, NONE, Transactions};
use super::replay_assumed as assumed;
use super::replay_sessions as sessions;
use crate::budget::Meter;
use crate::error::Halt;
use crate::levels::{Isolation, Level, Order};
use crate::operations::OPEN;

/// Whether the order shows that the transactions keep to the level.
pub(super) fn replay(
    transactions: &Transactions<'_>,
    initial: &Value,
    level: Level,
    witness: &Witness,
    meter: &mut Meter<'_>,
) -> Result<bool, Halt> {
    let replay = Replay {
        transactions,
        initial,
        lists: transactions.lists,
        level,
    };
    match witness {
        Witness::Snapshots(commits) => replay.snapshots(commits, meter),
        Witness::Commits { order, sources } => replay.commits(order, sources, meter),
    }
}

/// Who wrote what was read, where several may have.
type Chosen = FxHashMap<Place, u32>;

struct Replay<'a> {
    transactions: &'a Transactions<'a>,
    initial: &'a Value,
    lists: bool,
    level: Level,
}

/// A key's state after so many commits: of a list its length, of a register its value.
type State<'a> = (u32, usize, &'a Value);

impl<'a> Replay<'a> {
    /// Each that succeeded once, none that failed, nobody twice.
    fn complete(&self, order: impl Iterator<Item = u32>) -> bool {
        let mut there = vec![false; self.transactions.len()];
        for at in order {
            let failed = self.transactions.outcome(at) == Kind::Fail;
            if failed || std::mem::replace(&mut there[at as usize], true) {
                return false;
            }
        }
        self.transactions.of(Kind::Ok).all(|at| there[at as usize])
    }

    fn snapshots(&self, commits: &[Commit], meter: &mut Meter<'_>) -> Result<bool, Halt> {
        if !self.complete(commits.iter().map(|commit| commit.transaction)) || !self.in_order(commits) {
            return Ok(false);
        }
        let assume = self.transactions.assume;
        if assume.orders_versions() {
            let order: Vec<u32> = commits.iter().map(|commit| commit.transaction).collect();
            let reads = assumed::at_snapshots(self.transactions, commits);
            if !assumed::holds(self.transactions, &order, &reads, assume) {
                return Ok(false);
            }
        }
        let keys = self.transactions.keys.len();
        meter.grow(keys * 64 + commits.len() * 48)?;
        let mut states: Vec<Vec<State<'a>>> = vec![Vec::new(); keys];
        // The elements of each list, in the order of the commits.
        let mut lists: Vec<Vec<&Value>> = vec![Vec::new(); keys];
        let mut own: FxHashMap<u32, Vec<&Value>> = FxHashMap::default();
        for (commit, now) in commits.iter().zip(0..) {
            meter.step()?;
            if !self.may_see(commit.snapshot, now) {
                return Ok(false);
            }
            own.clear();
            for micro in self.transactions.micros(commit.transaction) {
                meter.step()?;
                if micro.writes() {
                    own.entry(micro.key).or_default().push(micro.value);
                    continue;
                }
                let states = &states[micro.key as usize];
                let seen = states.partition_point(|&(after, ..)| after <= commit.snapshot);
                let state = seen.checked_sub(1).map(|at| states[at]);
                let own = own.get(&micro.key).map_or(&[][..], Vec::as_slice);
                let list = &lists[micro.key as usize];
                if !self.reads(micro.value, state, list, own) {
                    return Ok(false);
                }
            }
            for (&key, written) in &own {
                let states = &mut states[key as usize];
                let changed = states.last().is_some_and(|&(after, ..)| after > commit.snapshot);
                if changed && self.level.isolation != Isolation::Prefix {
                    return Ok(false);
                }
                if self.lists {
                    lists[key as usize].extend(written);
                }
                let last = written.last().copied().unwrap_or(&Value::Null);
                states.push((now + 1, lists[key as usize].len(), last));
            }
        }
        Ok(true)
    }

    /// Whether a transaction may read the state after so many commits when it commits after `now`.
    fn may_see(&self, snapshot: u32, now: u32) -> bool {
        match self.level.isolation {
            Isolation::Serializable | Isolation::RepeatableRead => snapshot == now,
            _ => snapshot <= now,
        }
    }

    fn reads(&self, found: &Value, state: Option<State<'_>>, list: &[&Value], own: &[&Value]) -> bool {
        if self.lists {
            let found = found.as_list().unwrap_or_default();
            let length = state.map_or(0, |(_, length, _)| length);
            let expected = list[..length].iter().chain(own);
            return found.len() == length + own.len()
                && found.iter().zip(expected).all(|(found, value)| found == *value);
        }
        let state = state.map_or(self.initial, |(.., value)| value);
        found == own.last().copied().unwrap_or(state)
    }

    /// Whether what has to come first does: each sees those that it has to stand after.
    fn in_order(&self, commits: &[Commit]) -> bool {
        let number: FxHashMap<u32, u32> = commits
            .iter()
            .zip(1..)
            .map(|(commit, at)| (commit.transaction, at))
            .collect();
        let operation = |at: u32| &self.transactions.operations[at as usize];
        match self.level.order {
            Order::Any => true,
            Order::Session => {
                let mut last: FxHashMap<Process, u32> = FxHashMap::default();
                let mut by_invocation: Vec<&Commit> = commits.iter().collect();
                by_invocation.sort_unstable_by_key(|commit| operation(commit.transaction).inv);
                by_invocation.into_iter().all(|commit| {
                    let process = self.transactions.process(commit.transaction);
                    let least = last.get(&process).copied().unwrap_or(0);
                    if self.transactions.outcome(commit.transaction) == Kind::Ok {
                        last.insert(process, least.max(number[&commit.transaction]));
                    }
                    least <= commit.snapshot
                })
            }
            Order::RealTime => {
                let mut ends: Vec<(u32, u32)> = commits
                    .iter()
                    .map(|commit| (operation(commit.transaction).ret, number[&commit.transaction]))
                    .filter(|&(ret, _)| ret != OPEN)
                    .collect();
                ends.sort_unstable();
                let mut most = 0;
                for end in &mut ends {
                    most = most.max(end.1);
                    end.1 = most;
                }
                commits.iter().all(|commit| {
                    let before = ends.partition_point(|&(ret, _)| ret < operation(commit.transaction).inv);
                    before == 0 || ends[before - 1].1 <= commit.snapshot
                })
            }
        }
    }

    /// The weaker levels, by what each transaction sees at least.
    fn commits(&self, order: &[u32], chosen: &Chosen, meter: &mut Meter<'_>) -> Result<bool, Halt> {
        if !self.complete(order.iter().copied()) {
            return Ok(false);
        }
        // As if each read the state just before its own commit.
        let commits = order.iter().zip(0..);
        let commits: Vec<Commit> = commits
            .filter(|_| !self.level.isolation.is_of_sessions())
            .map(|(&transaction, snapshot)| Commit {
                transaction,
                snapshot,
            })
            .collect();
        if !self.in_order(&commits) {
            return Ok(false);
        }
        let versions = Versions::of(self.transactions, order);
        if self.level.isolation.is_of_sessions() {
            let reads: Option<Vec<_>> = order
                .iter()
                .map(|&at| self.sources(at, &versions, chosen))
                .collect();
            let isolation = self.level.isolation;
            return reads.map_or(Ok(false), |reads| {
                let transactions = self.transactions;
                let reads = &reads;
                sessions::Order {
                    transactions,
                    order,
                    reads,
                    isolation,
                }
                .holds(meter)
            });
        }
        if self.level.isolation == Isolation::ReadUncommitted {
            return Ok(self.lists_agree(&versions));
        }
        if self.transactions.assume.orders_versions() {
            let reads: Option<Vec<_>> = order
                .iter()
                .map(|&at| self.sources(at, &versions, chosen))
                .collect();
            let holds =
                |reads: Vec<_>| assumed::holds(self.transactions, order, &reads, self.transactions.assume);
            if !reads.is_some_and(holds) {
                return Ok(false);
            }
        }
        let sees_all = self.level.isolation.implies(Isolation::ReadAtomic);
        let transitive = self.level.isolation.implies(Isolation::Causal);
        let words = if transitive { order.len().div_ceil(64) } else { 0 };
        meter.grow(order.len() * words * 8)?;
        let mut sees: Vec<Vec<u64>> = Vec::with_capacity(order.len());
        let mut written: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        for (&at, now) in order.iter().zip(0..) {
            meter.step()?;
            let Some(sources) = self.sources(at, &versions, chosen) else {
                return Ok(false);
            };
            let own = self.keys_written(at);
            let mut direct: Vec<usize> = sources.iter().filter_map(|&(_, source)| source).collect();
            if direct.iter().any(|&before| before >= now) {
                return Ok(false);
            }
            if sees_all && self.level.order != Order::Any {
                for (&other, before) in order[..now].iter().zip(0..) {
                    meter.step()?;
                    if self.stands_before(other, at) {
                        direct.push(before);
                    }
                }
            }
            if self.level.isolation == Isolation::ParallelSnapshotIsolation {
                direct.extend(own.iter().filter_map(|key| written.get(key)).flatten());
            }
            let seen = match transitive {
                true => all_seen(&direct, &sees, words),
                false => Vec::new(),
            };
            let visible = |other: usize| match transitive {
                true => seen[other / 64] >> (other % 64) & 1 == 1,
                false => direct.contains(&other),
            };
            if self.misses(&sources, visible, &written) {
                return Ok(false);
            }
            own.iter()
                .for_each(|&key| written.entry(key).or_default().push(now));
            sees.push(seen);
        }
        Ok(true)
    }

    /// Whether one has to be seen by another, or at least to commit before it, by the order that binds the level.
    fn stands_before(&self, one: u32, other: u32) -> bool {
        let [first, second] = [one, other].map(|at| &self.transactions.operations[at as usize]);
        let done = one != other && first.outcome == Kind::Ok;
        done && match self.level.order {
            Order::Any => false,
            Order::Session => first.invoke.process == second.invoke.process && first.inv < second.inv,
            Order::RealTime => first.ret < second.inv,
        }
    }

    /// Whether one of the reads is not from the last writer of its key that is seen.
    fn misses(
        &self,
        sources: &[Source],
        seen: impl Fn(usize) -> bool,
        written: &FxHashMap<u32, Vec<usize>>,
    ) -> bool {
        if self.level.isolation == Isolation::ReadCommitted {
            return false;
        }
        let mut until: Vec<usize> = Vec::new();
        sources.iter().any(|&(key, source)| {
            let visible = |other: usize| match self.level.isolation {
                Isolation::MonotonicAtomicView => until.contains(&other),
                _ => seen(other),
            };
            let others = written.get(&key).map_or(&[][..], Vec::as_slice);
            // In the order of commits: those after the source.
            let after = others.partition_point(|&other| source.is_some_and(|source| other <= source));
            let misses = others[after..].iter().any(|&other| visible(other));
            until.extend(source);
            misses
        })
    }

    fn keys_written(&self, at: u32) -> Vec<u32> {
        let writes = self.transactions.micros(at).iter().filter(|micro| micro.writes());
        let mut keys: Vec<u32> = writes.map(|micro| micro.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Of read uncommitted: whether the lists whose reads agree with each other stand there in the order of commits.
    fn lists_agree(&self, versions: &Versions<'_>) -> bool {
        if !self.lists {
            return true;
        }
        let mut longest: FxHashMap<u32, &[Value]> = FxHashMap::default();
        let reads = || {
            self.transactions
                .of(Kind::Ok)
                .flat_map(|at| self.transactions.micros(at))
        };
        let reads = || reads().filter(|micro| !micro.writes());
        for micro in reads() {
            let known = longest.entry(micro.key).or_default();
            if micro.list().len() > known.len() {
                *known = micro.list();
            }
        }
        let disputed = |micro: &&Micro<'_>| !longest[&micro.key].starts_with(micro.list());
        let disputed: Vec<u32> = reads().filter(disputed).map(|micro| micro.key).collect();
        longest.retain(|key, _| !disputed.contains(key));
        longest.iter().all(|(key, list)| {
            let stands = versions.lists.get(key).map_or(&[][..], Vec::as_slice);
            let place = |found: &Value| {
                stands
                    .iter()
                    .find(|(value, _)| *value == found)
                    .map(|&(_, by)| by)
            };
            list.iter().filter_map(place).is_sorted()
        })
    }

    /// From whom a transaction read from outside, in its order; none if it read what nobody left, or not its own write.
    fn sources(&self, at: u32, versions: &Versions<'_>, chosen: &Chosen) -> Option<Vec<Source>> {
        let mut own: FxHashMap<u32, Vec<&Value>> = FxHashMap::default();
        let mut sources: Vec<Source> = Vec::new();
        for micro in self.transactions.micros(at) {
            if micro.writes() {
                own.entry(micro.key).or_default().push(micro.value);
                continue;
            }
            let own = own.get(&micro.key).map_or(&[][..], Vec::as_slice);
            if self.lists {
                sources.push((micro.key, list_source(micro, own, versions)?));
            } else if let Some(own) = own.last() {
                if *own != micro.value {
                    return None;
                }
            } else {
                let number = sources.len() as u32;
                let chosen = chosen.get(&(at, number)).copied();
                sources.push((micro.key, self.register_source(micro, versions, chosen)?));
            }
        }
        Some(sources)
    }

    fn register_source(
        &self,
        micro: &Micro<'_>,
        versions: &Versions<'_>,
        chosen: Option<u32>,
    ) -> Option<Option<usize>> {
        let writers = versions
            .registers
            .get(&(micro.key, micro.value))
            .map_or(&[][..], Vec::as_slice);
        match (chosen, writers) {
            (Some(chosen), _) if chosen != NONE => {
                let writer = writers.iter().find(|&&(by, _)| by == chosen);
                writer.map(|&(_, place)| Some(place))
            }
            (None, &[(_, place)]) => Some(Some(place)),
            _ => (micro.value == self.initial).then_some(None),
        }
    }
}

/// All that one sees who sees these at least, as bits by their places.
fn all_seen(direct: &[usize], sees: &[Vec<u64>], words: usize) -> Vec<u64> {
    let mut seen = vec![0; words];
    for &before in direct {
        seen[before / 64] |= 1 << (before % 64);
        seen.iter_mut()
            .zip(&sees[before])
            .for_each(|(seen, more)| *seen |= more);
    }
    seen
}

/// Of a read the key, and the place of its writer in the order; none for the initial state.
type Source = (u32, Option<usize>);

/// Who left the list that was read; none inside if it was empty, none at all if nobody did.
fn list_source(micro: &Micro<'_>, own: &[&Value], versions: &Versions<'_>) -> Option<Option<usize>> {
    let found = micro.list();
    let (outside, inside) = found.split_at(found.len().checked_sub(own.len())?);
    let list = versions.lists.get(&micro.key).map_or(&[][..], Vec::as_slice);
    let same = outside.len() <= list.len()
        && outside
            .iter()
            .zip(list)
            .all(|(found, (value, _))| found == *value)
        && inside.iter().zip(own).all(|(found, value)| found == *value);
    let Some(last) = outside.len().checked_sub(1) else {
        return same.then_some(None);
    };
    let (_, writer) = *list.get(last)?;
    let half = list.get(last + 1).is_some_and(|&(_, next)| next == writer);
    (same && !half).then_some(Some(writer))
}

/// Who left what, by the order of commits.
#[derive(Default)]
struct Versions<'a> {
    /// The elements of each list, with the places of those who appended them.
    lists: FxHashMap<u32, Vec<(&'a Value, usize)>>,
    /// Who left a value in a register, and at which place.
    registers: FxHashMap<(u32, &'a Value), Vec<(u32, usize)>>,
}

impl<'a> Versions<'a> {
    fn of(transactions: &Transactions<'a>, order: &[u32]) -> Self {
        let mut versions = Versions::default();
        let mut last: FxHashMap<u32, &Value> = FxHashMap::default();
        for (&at, place) in order.iter().zip(0..) {
            last.clear();
            let micros = transactions.micros(at).iter();
            for micro in micros.filter(|micro| micro.writes()) {
                versions
                    .lists
                    .entry(micro.key)
                    .or_default()
                    .push((micro.value, place));
                last.insert(micro.key, micro.value);
            }
            for (&key, &value) in &last {
                versions
                    .registers
                    .entry((key, value))
                    .or_default()
                    .push((at, place));
            }
        }
        versions
    }
}
