//! Registers with cas whose observed values are written at most once, in O(n log n).
//!
//! A cluster is the write of a value and everything that observed it. A cas from u to v writes v, and puts the
//! cluster of v right after that of u; so clusters form chains, and chains are the blocks whose zones decide.

use super::zones::{Zone, order};
use crate::budget::{Meter, Stop};
use crate::decode::{Decision, Decoded};
use crate::operations::OPEN;
use crate::search::useful;
use crate::spec::Entry;
use crate::spec::register::{Action, Register, UNSEEN};

const NONE: u32 = u32::MAX;

/// One value's operations; entries are named by their places.
#[derive(Clone, Copy)]
struct Cluster {
    /// Who wrote the value; [`NONE`] for the initial value.
    writer: u32,
    /// The cas that replaced the value.
    next: u32,
    /// The cluster after that cas.
    follower: u32,
    /// The chain that it belongs to.
    chain: u32,
    /// A completed operation that observed the value.
    witness: u32,
    zone: Zone,
    /// The operation that completed first.
    first: u32,
    /// The operation that was invoked last.
    last: u32,
    /// Whether it exists: the value was written, or is the initial one.
    exists: bool,
}

const EMPTY: Cluster = Cluster {
    writer: NONE,
    next: NONE,
    follower: NONE,
    chain: NONE,
    witness: NONE,
    zone: Zone { f: OPEN, s: 0 },
    first: NONE,
    last: NONE,
    exists: false,
};

/// A chain of clusters, as a block.
struct Chain {
    head: u32,
    zone: Zone,
    /// The cluster with the first completion.
    first: u32,
    /// The cluster with the last invocation.
    last: u32,
}

/// Decides the history; with `want_order` a legal one comes with its order.
pub(crate) fn decide(
    decoded: &Decoded<Register>,
    want_order: bool,
    meter: &mut Meter<'_>,
) -> Result<Decision<Action<u32>>, Stop> {
    if decoded.spec.differs {
        return Ok(Decision::NotApplicable);
    }
    let entries = &decoded.entries;
    let kept = useful(&decoded.spec, entries, meter)?;
    let Some(mut clusters) = Clusters::collect(&decoded.spec, entries, kept, meter)? else {
        return Ok(Decision::NotApplicable);
    };
    let illegal =
        |culprits: Vec<u32>, clusters: &Clusters<'_>| Ok(Decision::Illegal(clusters.with_evidence(culprits)));
    if let Some(culprits) = clusters.impossible() {
        return illegal(culprits, &clusters);
    }
    meter.grow(clusters.clusters.len() * (size_of::<Chain>() + size_of::<Zone>() + 4))?;
    let chains = match clusters.chains(meter)? {
        Ok(chains) => chains,
        Err(culprits) => return illegal(culprits, &clusters),
    };
    let zones: Vec<Zone> = chains.iter().map(|chain| chain.zone).collect();
    match order(&zones, want_order, meter)? {
        Err((x, y)) => {
            let mut culprits = clusters.span(chains[x].first, chains[x].last);
            culprits.extend(clusters.span(chains[y].first, chains[y].last));
            illegal(culprits, &clusters)
        }
        Ok(order) if want_order => Ok(Decision::Legal(clusters.spell(&chains, &order))),
        Ok(_) => Ok(Decision::Legal(Vec::new())),
    }
}

struct Clusters<'a> {
    entries: &'a [Entry<Action<u32>>],
    kept: Vec<u32>,
    clusters: Vec<Cluster>,
    /// A second cas from a value that has one already.
    twice: Option<[u32; 2]>,
    /// An entry that observed a value before its write was invoked, or one that nobody wrote.
    too_early: Option<u32>,
}

impl<'a> Clusters<'a> {
    /// None if an observed value is written twice.
    fn collect(
        spec: &Register,
        entries: &'a [Entry<Action<u32>>],
        kept: Vec<u32>,
        meter: &mut Meter<'_>,
    ) -> Result<Option<Self>, Stop> {
        meter.grow(spec.values as usize * size_of::<Cluster>())?;
        let clusters = vec![EMPTY; spec.values as usize];
        let mut all = Clusters {
            entries,
            kept,
            clusters,
            twice: None,
            too_early: None,
        };
        if spec.initial != UNSEEN {
            let cluster = &mut all.clusters[spec.initial as usize];
            (cluster.exists, cluster.zone.f) = (true, 0);
        }
        for at in 0..all.kept.len() {
            meter.tick()?;
            if all.write(all.kept[at]).is_none() {
                return Ok(None);
            }
        }
        for at in 0..all.kept.len() {
            meter.tick()?;
            all.observe(all.kept[at]);
        }
        Ok(Some(all))
    }

    fn entry(&self, at: u32) -> &'a Entry<Action<u32>> {
        &self.entries[at as usize]
    }

    fn write(&mut self, at: u32) -> Option<()> {
        let value = match self.entry(at).op {
            Action::Write(value) => value,
            Action::Cas(old, new) if old != new => new,
            _ => return Some(()),
        };
        let place = if value == UNSEEN {
            self.clusters.push(EMPTY);
            self.clusters.len() - 1
        } else {
            value as usize
        };
        if std::mem::replace(&mut self.clusters[place].exists, true) {
            return None;
        }
        self.clusters[place].writer = at;
        if let Action::Cas(old, _) = self.entry(at).op {
            self.follow(old, at, place as u32);
        }
        self.widen(place, at);
        Some(())
    }

    fn follow(&mut self, old: u32, cas: u32, follower: u32) {
        let before = &mut self.clusters[old as usize];
        if before.next != NONE {
            self.twice.get_or_insert([before.next, cas]);
        }
        (before.next, before.follower) = (cas, follower);
    }

    fn observe(&mut self, at: u32) {
        let entry = self.entry(at);
        let value = match entry.op {
            Action::Read(value) => value,
            Action::Cas(old, new) if old == new => old,
            Action::Cas(old, _) => return self.observe_cas(old, at),
            _ => return,
        };
        self.widen(value as usize, at);
        self.saw(value, at);
    }

    fn observe_cas(&mut self, old: u32, at: u32) {
        self.saw(old, at);
    }

    fn saw(&mut self, value: u32, at: u32) {
        let cluster = &mut self.clusters[value as usize];
        let ret = self.entries[at as usize].ret;
        if ret != OPEN {
            cluster.witness = at;
        }
        let writer = cluster.writer;
        let early = !cluster.exists || writer != NONE && ret < self.entries[writer as usize].inv;
        if early && self.too_early.is_none() {
            self.too_early = Some(at);
        }
    }

    fn widen(&mut self, place: usize, at: u32) {
        let entry = &self.entries[at as usize];
        let cluster = &mut self.clusters[place];
        let (inv, ret) = (entry.inv + 1, entry.ret.saturating_add(1));
        if ret < cluster.zone.f {
            (cluster.zone.f, cluster.first) = (ret, at);
        }
        if inv > cluster.zone.s {
            (cluster.zone.s, cluster.last) = (inv, at);
        }
    }

    /// An observation of a value that nobody wrote, or not yet; or two cas that replaced one value.
    fn impossible(&self) -> Option<Vec<u32>> {
        let early = self.too_early.map(|at| vec![at]);
        early.or_else(|| self.twice.map(|two| two.to_vec()))
    }

    fn chains(&mut self, meter: &mut Meter<'_>) -> Result<Result<Vec<Chain>, Vec<u32>>, Stop> {
        let mut chains = Vec::new();
        for head in 0..self.clusters.len() as u32 {
            meter.tick()?;
            let cluster = &self.clusters[head as usize];
            let is_head = cluster.writer == NONE || matches!(self.entry(cluster.writer).op, Action::Write(_));
            if cluster.exists && is_head {
                match self.chain(head, chains.len() as u32, meter)? {
                    Ok(chain) => chains.push(chain),
                    Err(culprits) => return Ok(Err(culprits)),
                }
            }
        }
        let cycle = (0..self.clusters.len()).find(|&at| {
            let cluster = &self.clusters[at];
            cluster.exists && cluster.chain == NONE
        });
        Ok(match cycle {
            Some(at) => Err(self.cycle(at as u32)),
            None => Ok(chains),
        })
    }

    /// Follows the cas from `head`.
    fn chain(
        &mut self,
        head: u32,
        number: u32,
        meter: &mut Meter<'_>,
    ) -> Result<Result<Chain, Vec<u32>>, Stop> {
        let zone = self.clusters[head as usize].zone;
        let mut chain = Chain {
            head,
            zone,
            first: head,
            last: head,
        };
        let mut at = head;
        loop {
            meter.tick()?;
            let cluster = &mut self.clusters[at as usize];
            cluster.chain = number;
            let Zone { f, s } = cluster.zone;
            if at != head && f < chain.zone.s {
                return Ok(Err(self.span_between(chain.last, at)));
            }
            if f < chain.zone.f {
                (chain.zone.f, chain.first) = (f, at);
            }
            if s > chain.zone.s {
                (chain.zone.s, chain.last) = (s, at);
            }
            if cluster.follower == NONE {
                return Ok(Ok(chain));
            }
            at = cluster.follower;
        }
    }

    /// The cas of a cycle that `at` leads into.
    fn cycle(&self, at: u32) -> Vec<u32> {
        let mut slow = at;
        let step = |at: u32| match self.entry(self.clusters[at as usize].writer).op {
            Action::Cas(old, _) => old,
            _ => at,
        };
        for _ in 0..self.clusters.len() {
            slow = step(slow);
        }
        let mut culprits = vec![self.clusters[slow as usize].writer];
        let mut next = step(slow);
        while next != slow {
            culprits.push(self.clusters[next as usize].writer);
            next = step(next);
        }
        culprits
    }

    /// The last operation of `earlier`, the first of `later`, and the cas between them.
    fn span_between(&self, earlier: u32, later: u32) -> Vec<u32> {
        let mut culprits = self.path(earlier, later);
        culprits.push(self.clusters[earlier as usize].last);
        culprits.push(self.clusters[later as usize].first);
        culprits
    }

    /// The operation that gives a chain its `f`, the one that gives its `s`, and the cas between them.
    fn span(&self, first: u32, last: u32) -> Vec<u32> {
        let mut culprits = self.path(first, last);
        culprits.push(self.clusters[first as usize].first);
        culprits.push(self.clusters[last as usize].last);
        culprits
    }

    /// The writers from one cluster of a chain to another, whichever comes first.
    fn path(&self, one: u32, other: u32) -> Vec<u32> {
        self.walk(one, other)
            .or_else(|| self.walk(other, one))
            .unwrap_or_default()
    }

    fn walk(&self, from: u32, to: u32) -> Option<Vec<u32>> {
        let mut path = vec![self.clusters[from as usize].writer];
        let mut at = from;
        while at != to {
            at = self.clusters[at as usize].follower;
            if at == NONE {
                return None;
            }
            path.push(self.clusters[at as usize].writer);
        }
        Some(path)
    }

    /// The operations with the writers of what they observed, and for each unknown one a sign that it happened.
    fn with_evidence(&self, culprits: Vec<u32>) -> Vec<Entry<Action<u32>>> {
        let mut all: Vec<u32> = culprits.iter().copied().filter(|&at| at != NONE).collect();
        for at in all.clone() {
            if let Action::Read(value) | Action::Cas(value, _) = self.entry(at).op {
                all.extend(Some(self.clusters[value as usize].writer).filter(|&writer| writer != NONE));
            }
        }
        for at in all.clone() {
            self.add_sign(at, &mut all);
        }
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|at| self.entry(at).clone()).collect()
    }

    /// Observers up to one that completed.
    fn add_sign(&self, at: u32, all: &mut Vec<u32>) {
        let mut at = at;
        while self.entry(at).ret == OPEN {
            let (Action::Write(value) | Action::Cas(_, value)) = self.entry(at).op else {
                return;
            };
            let cluster = &self.clusters[value as usize];
            let sign = if cluster.witness != NONE {
                cluster.witness
            } else {
                cluster.next
            };
            if sign == NONE || all.len() > self.entries.len() + 8 {
                return;
            }
            all.push(sign);
            at = sign;
        }
    }

    /// The order of all operations, as ids.
    fn spell(&self, chains: &[Chain], order: &[u32]) -> Vec<u32> {
        let mut readers: Vec<Vec<u32>> = vec![Vec::new(); self.clusters.len()];
        for &at in &self.kept {
            match self.entry(at).op {
                Action::Read(value) => readers[value as usize].push(at),
                Action::Cas(old, new) if old == new => readers[old as usize].push(at),
                _ => {}
            }
        }
        let mut spelled = Vec::with_capacity(self.kept.len());
        for &chain in order {
            let mut at = chains[chain as usize].head;
            while at != NONE {
                let cluster = &self.clusters[at as usize];
                let here = (cluster.writer != NONE).then_some(cluster.writer).into_iter();
                spelled.extend(
                    here.chain(readers[at as usize].iter().copied())
                        .map(|at| self.entry(at).id),
                );
                at = cluster.follower;
            }
        }
        spelled
    }
}
