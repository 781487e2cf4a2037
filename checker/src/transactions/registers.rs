//! `rw-register`: reads return one value, so only a part of the order of versions can be known.
//!
//! What is inferred at once, as elle.rw-register with its defaults: the initial value comes before every other, and
//! what a transaction read comes before what it wrote to the same key. The rest of the order is found by search. That a
//! key by itself is sequential or linearizable is not assumed. Beyond Elle, a read of a value that nobody wrote is an
//! anomaly, and an unknown transaction whose write was read counts as one that happened.

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use super::anomaly::{Anomaly, Case, Cases};
use super::dependencies::{Dependencies, Link};
use super::facts::Facts;
use super::micro::{NONE, Transactions};
use super::shown::Short;
use super::versions::{Chain, cyclic};
use crate::budget::Meter;
use crate::error::Halt;
use crate::subject::Subject;

/// What a transaction did to a key, as the others see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct External {
    pub key: u32,
    pub transaction: u32,
    /// What it read before it wrote.
    pub read: Option<Seen>,
    /// The version that it left; [`NONE`] if it wrote nothing.
    pub wrote: u32,
}

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The value before all writes.
    Initial,
    /// What somebody wrote, or tried to.
    Version(u32),
    /// What nobody wrote: an anomaly.
    Unknown,
}

/// All that is known of a history of registers.
pub(super) struct Registers<'a> {
    pub transactions: &'a Transactions<'a>,
    initial: &'a Value,
    pub externals: Vec<External>,
    /// The first transaction that replaced each version by its own; what it left.
    next: Vec<Chain>,
    /// Keys to which the initial value was written.
    reset: Vec<bool>,
}

impl<'a> Registers<'a> {
    /// Finds what each transaction did, and what is wrong without looking at cycles.
    pub(super) fn analyse(
        transactions: &'a Transactions<'a>,
        initial: &'a Value,
        cases: &mut Cases,
        meter: &mut Meter<'_>,
    ) -> Result<Self, Halt> {
        let mut registers = Registers {
            transactions,
            initial,
            externals: Vec::new(),
            next: Vec::new(),
            reset: vec![false; transactions.keys.len()],
        };
        for version in &transactions.versions {
            registers.reset[version.key as usize] |= registers.is_initial(version.value);
        }
        let mut own = Own::default();
        for at in 0..transactions.len() as u32 {
            own.transaction(&mut registers, at, cases, meter)?;
        }
        registers.lost_updates(cases);
        registers.chain(cases);
        Ok(registers)
    }

    fn is_initial(&self, value: &Value) -> bool {
        value == self.initial
    }

    fn seen(&self, key: u32, value: &Value) -> Seen {
        match self.transactions.version(key, value) {
            Some(version) => Seen::Version(version),
            None if self.is_initial(value) => Seen::Initial,
            None => Seen::Unknown,
        }
    }

    /// The writer of a version, unless several wrote it, or it was aborted, or overwritten by its own writer.
    fn writer(&self, version: u32) -> Option<u32> {
        let version = self.transactions.versions.get(version as usize)?;
        let clear = !version.ambiguous && version.last && !self.is_initial(version.value);
        (clear && version.outcome != Kind::Fail).then_some(version.writer)
    }

    /// A read of what nobody wrote.
    fn tell(&self, reader: u32, key: u32, value: &Value, cases: &mut Cases) {
        if self.transactions.version(key, value).is_some() || value == self.initial {
            return;
        }
        cases.add(Anomaly::GarbageRead, || Case {
            transactions: vec![reader],
            why: format!(
                "T1 read {} = {}, which nobody wrote; it began with {}",
                self.transactions.keys[key as usize],
                Short(value),
                Short(self.initial)
            ),
            edges: Vec::new(),
        });
    }

    /// Reads of what nobody left for others: aborted, overwritten by its own writer, or written later by the reader.
    pub(super) fn unsourced(&self, facts: &Facts, cases: &mut Cases) {
        for reader in self.transactions.of(Kind::Ok) {
            for read in facts.reads.of(reader) {
                if facts.sources(*read).iter().all(|&source| source == reader) {
                    self.unsourced_read(reader, read.version, cases);
                }
            }
        }
    }

    fn unsourced_read(&self, reader: u32, version: u32, cases: &mut Cases) {
        let writes = |at: u32| {
            self.transactions
                .micros(at)
                .iter()
                .any(|micro| micro.version == version)
        };
        let mut writers = (0..self.transactions.len() as u32).filter(|&at| at != reader && writes(at));
        let first = writers.next();
        let aborted = |at: &u32| self.transactions.outcome(*at) == Kind::Fail;
        let (name, lack, writer) = match first.into_iter().chain(writers).find(aborted) {
            Some(writer) => (Anomaly::G1a, ", but T1 was aborted", writer),
            None => match first {
                Some(writer) if self.transactions.subject == Subject::Registers => {
                    let lack = ", but T1 cannot have happened: it expected what nobody wrote";
                    (Anomaly::G1a, lack, writer)
                }
                Some(writer) => (Anomaly::G1b, ", which T1 itself overwrote", writer),
                None => (Anomaly::FutureRead, " before it wrote that", reader),
            },
        };
        let version = self.transactions.versions[version as usize];
        let (key, value) = (self.transactions.keys[version.key as usize], Short(version.value));
        cases.add(name, || match writer == reader {
            true => Case {
                transactions: vec![reader],
                why: format!("T1 read {key} = {value}{lack}"),
                edges: Vec::new(),
            },
            false => Case {
                transactions: vec![writer, reader],
                why: format!("T1 wrote {key} = {value}, which was read by T2{lack}"),
                edges: vec![(writer, reader, Link::Wr)],
            },
        });
    }

    /// Two transactions that read one version of a key, and both replaced it.
    fn lost_updates(&self, cases: &mut Cases) {
        let mut updated: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        for external in &self.externals {
            if external.wrote == NONE {
                continue;
            }
            let read = match external.read {
                Some(Seen::Version(version)) if self.writer(version).is_some() => version,
                Some(Seen::Initial) => NONE,
                _ => continue,
            };
            let by = external.transaction;
            let other = *updated.entry((external.key, read)).or_insert(by);
            if other != by {
                cases.add(Anomaly::LostUpdate, || self.lost_update(other, external, read));
            }
        }
    }

    fn lost_update(&self, other: u32, external: &External, read: u32) -> Case {
        let key = self.transactions.keys[external.key as usize];
        let version = self.transactions.versions.get(read as usize);
        let state = version.map_or(Short(self.initial), |version| Short(version.value));
        Case {
            transactions: vec![other, external.transaction],
            why: format!(
                "T1 and T2 both read {key} = {state}, and both replaced it: one of them missed the other"
            ),
            edges: Vec::new(),
        }
    }

    /// Which version follows which, where a transaction read the one and left the other.
    fn chain(&mut self, cases: &mut Cases) {
        for external in &self.externals {
            if let Some(Seen::Version(read)) = external.read
                && self.writer(read).is_some()
                && self.writer(external.wrote) == Some(external.transaction)
                && read != external.wrote
            {
                let (key, to, by) = (external.key, external.wrote, external.transaction);
                self.next.push(Chain {
                    key,
                    from: read,
                    to,
                    by,
                });
            }
        }
        for cycle in cyclic(&mut self.next, self.transactions.versions.len()) {
            cases.add(Anomaly::CyclicVersions, || self.cyclic_versions(&cycle));
        }
    }

    fn cyclic_versions(&self, cycle: &[Chain]) -> Case {
        let key = self.transactions.keys[cycle[0].key as usize];
        let value = |version: u32| Short(self.transactions.versions[version as usize].value);
        let steps = cycle.iter().zip(1..);
        let steps =
            steps.map(|(step, t)| format!("T{t} replaced {} by {}", value(step.from), value(step.to)));
        Case {
            transactions: cycle.iter().map(|step| step.by).collect(),
            why: format!(
                "of {key}, {}: a version older than itself",
                steps.collect::<Vec<_>>().join(", ")
            ),
            edges: Vec::new(),
        }
    }

    /// All ww, wr and rw.
    pub(super) fn link(&self, dependencies: &mut Dependencies, meter: &mut Meter<'_>) -> Result<(), Halt> {
        let mut readers: FxHashMap<u32, Vec<u32>> =
            self.next.iter().map(|step| (step.from, Vec::new())).collect();
        let mut first: Vec<[Vec<u32>; 2]> = vec![Default::default(); self.transactions.keys.len()];
        for external in &self.externals {
            meter.step()?;
            let (key, by) = (external.key as usize, external.transaction);
            match external.read {
                Some(Seen::Initial) => first[key][0].push(by),
                Some(Seen::Version(version)) => {
                    if let Some(writer) = self.writer(version) {
                        dependencies.link(writer, by, Link::Wr);
                        if let Some(readers) = readers.get_mut(&version) {
                            readers.push(by);
                        }
                    }
                }
                _ => {}
            }
            if external.wrote != NONE && !self.reset[key] && self.transactions.outcome(by) != Kind::Fail {
                first[key][1].push(by);
            }
        }
        for [readers, writers] in &first {
            meter.step()?;
            dependencies.missed(readers, writers);
        }
        for replaced in self.next.chunk_by(|one, other| one.from == other.from) {
            meter.step()?;
            let writers: Vec<u32> = replaced.iter().map(|step| step.by).collect();
            dependencies.missed(&readers[&replaced[0].from], &writers);
            if let Some(before) = self.writer(replaced[0].from) {
                writers
                    .iter()
                    .for_each(|&after| dependencies.link(before, after, Link::Ww));
            }
        }
        Ok(())
    }

    /// Why `before` stands before `after`; `t` and `u` are their names.
    pub(super) fn because(&self, before: u32, after: u32, link: Link, t: &str, u: &str) -> Option<String> {
        let of = |by: u32| {
            self.externals
                .iter()
                .filter(move |external| external.transaction == by)
        };
        for one in of(before) {
            for other in of(after).filter(|other| other.key == one.key) {
                let key = self.transactions.keys[one.key as usize];
                let value = |at: u32| Short(self.transactions.versions[at as usize].value);
                let replaces = |version: u32| other.wrote != NONE && self.follows(version, other.wrote);
                let said = match (link, one.read) {
                    (Link::Wr, _) if one.wrote != NONE && other.read == Some(Seen::Version(one.wrote)) => {
                        Some(format!(
                            "{t} wrote {key} = {}, which was read by {u}",
                            value(one.wrote)
                        ))
                    }
                    (Link::Ww, _) if replaces(one.wrote) => Some(format!(
                        "{t} set {key} to {}, and {u} replaced that by {}",
                        value(one.wrote),
                        value(other.wrote)
                    )),
                    (Link::Rw, Some(Seen::Initial)) if other.wrote != NONE => Some(format!(
                        "{t} read the initial value of {key}, and {u} set it to {}",
                        value(other.wrote)
                    )),
                    (Link::Rw, Some(Seen::Version(version))) if replaces(version) => Some(format!(
                        "{t} read {key} = {}, and {u} set it to {}, which came later in the version order",
                        value(version),
                        value(other.wrote)
                    )),
                    _ => None,
                };
                if said.is_some() {
                    return said;
                }
            }
        }
        None
    }

    fn follows(&self, version: u32, later: u32) -> bool {
        self.next
            .iter()
            .any(|step| step.from == version && step.to == later)
    }
}

/// What a transaction knows of the keys by itself.
#[derive(Default)]
struct Own<'a> {
    keys: FxHashMap<u32, (External, &'a Value)>,
    order: Vec<u32>,
}

impl<'a> Own<'a> {
    fn transaction(
        &mut self,
        registers: &mut Registers<'a>,
        number: u32,
        cases: &mut Cases,
        meter: &mut Meter<'_>,
    ) -> Result<(), Halt> {
        self.keys.clear();
        self.order.clear();
        let mut internal = false;
        // What a cas of unknown outcome read it may not have read at all.
        let ok = registers.transactions.outcome(number) == Kind::Ok;
        let micros = registers.transactions.micros(number).iter();
        for micro in micros.filter(|micro| ok || micro.writes()) {
            meter.step()?;
            let order = &mut self.order;
            let (external, known) = self.keys.entry(micro.key).or_insert_with(|| {
                order.push(micro.key);
                let read = (!micro.writes()).then(|| registers.seen(micro.key, micro.value));
                let (key, transaction, wrote) = (micro.key, number, NONE);
                (
                    External {
                        key,
                        transaction,
                        read,
                        wrote,
                    },
                    micro.value,
                )
            });
            if micro.writes() {
                (external.wrote, *known) = (micro.version, micro.value);
                continue;
            }
            if *known != micro.value && !internal {
                internal = true;
                let (known, key) = (*known, registers.transactions.keys[micro.key as usize]);
                let anomaly = match external.wrote {
                    NONE => Anomaly::Unrepeatable,
                    _ => Anomaly::Internal,
                };
                cases.add(anomaly, || Case {
                    transactions: vec![number],
                    why: format!(
                        "T1 read {key} = {}, where by its own reads and writes there had to be {}",
                        Short(micro.value),
                        Short(known)
                    ),
                    edges: Vec::new(),
                });
            }
            registers.tell(number, micro.key, micro.value, cases);
        }
        let keys = &self.keys;
        registers
            .externals
            .extend(self.order.iter().map(|key| keys[key].0));
        Ok(())
    }
}
