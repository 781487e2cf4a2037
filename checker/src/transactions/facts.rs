//! What each transaction read and wrote as the others see it: the input of the engines that decide.
//!
//! Of a list a version is an element, and a read is one of the version that its last element is; the order of a list's
//! versions is known from the longest read. Of a register a version is a value, which several may have written: then
//! the read has several sources, of which one is the right one.

use histories::{Kind, Process, Value};
use rustc_hash::FxHashMap;

use super::lists::Lists;
use super::micro::{NONE, Transactions};
use super::rows::Rows;
use crate::budget::Meter;
use crate::error::Halt;
use crate::operations::OPEN;
use crate::options::Assume;

/// Reading a version that others may have written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    /// The key's number.
    pub key: u32,
    /// The version's number; [`NONE`]: what stands there before every write.
    pub version: u32,
}

/// The last write of a transaction to a key, and what that asks of the version before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    /// The key's number.
    pub key: u32,
    /// The version that it leaves.
    pub version: u32,
    /// Of a list, how many elements of its order must stand there before: [`NONE`] for a register.
    pub after: u32,
    /// Of a list, how many elements of its order stand there when it is done.
    pub until: u32,
}

/// When each transaction is taken to have begun and ended: positions of one order of all beginnings and ends.
#[derive(Debug)]
pub(super) struct Clock {
    pub inv: Vec<u32>,
    pub ret: Vec<u32>,
}

/// Whether a transaction took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It succeeded, or somebody read what only it wrote.
    Certain,
    /// Somebody read what it or another one wrote.
    Possible,
    /// It failed, or nobody can tell.
    None,
}

impl Effect {
    fn is_surer_than(self, other: Effect) -> bool {
        let rank = |effect: Effect| match effect {
            Effect::None => 0,
            Effect::Possible => 1,
            Effect::Certain => 2,
        };
        rank(self) > rank(other)
    }
}

/// All of them. A transaction's number is its operation's place in the group.
#[derive(Debug)]
pub(super) struct Facts {
    /// What each read from outside, in its order; what it read twice stands there twice.
    pub reads: Rows<Read>,
    /// What each wrote; nothing where it had no effect.
    pub writes: Rows<Write>,
    /// Whether each took effect.
    pub effects: Vec<Effect>,
    /// Who may have left each version, of those that may have taken effect. [`NONE`]: it is the initial value, too.
    sources: Rows<u32>,
    /// The length of each key's longest read; empty for registers.
    pub lengths: Vec<u32>,
    /// Who appended each element of each key's longest read.
    appenders: Rows<u32>,
    /// The position of each invocation.
    pub inv: Vec<u32>,
    /// The position of each completion; [`OPEN`](crate::operations::OPEN) if the outcome is unknown.
    pub ret: Vec<u32>,
    /// Who ran each.
    pub process: Vec<Process>,
    /// How many keys there are.
    pub keys: usize,
    /// What is taken for granted of them.
    pub assume: Assume,
    /// For the proposals, where the history has no order in time.
    pub imagined: Option<Clock>,
}

impl Facts {
    /// Of lists, whose orders are known and without contradiction.
    pub(super) fn of_lists(lists: &Lists<'_>, meter: &mut Meter<'_>) -> Result<Facts, Halt> {
        let longest = lists.orders.iter().map(|order| order.list.len() as u32).collect();
        let known = Known::Lists { lists, longest };
        known.facts(lists.transactions, meter)
    }

    /// Of registers that begin with `initial`.
    pub(super) fn of_registers(
        transactions: &Transactions<'_>,
        initial: &Value,
        meter: &mut Meter<'_>,
    ) -> Result<Facts, Halt> {
        Known::Registers { initial }.facts(transactions, meter)
    }

    /// When each transaction began and ended, as far as the proposals are concerned.
    pub(super) fn times(&self) -> [&[u32]; 2] {
        match &self.imagined {
            Some(clock) => [&clock.inv, &clock.ret],
            None => [&self.inv, &self.ret],
        }
    }

    /// How many versions there are.
    pub(super) fn versions(&self) -> usize {
        self.sources.starts.len() - 1
    }

    /// Who appended the element of a list with this place, from 0; [`NONE`] if nobody did, or in vain.
    pub(super) fn appender(&self, key: u32, place: u32) -> u32 {
        self.appenders.of(key)[place as usize]
    }

    /// How many transactions there are.
    pub(super) fn len(&self) -> u32 {
        self.effects.len() as u32
    }

    /// Who may have left the version that a transaction read; [`NONE`] stands for the initial state.
    pub(super) fn sources(&self, read: Read) -> &[u32] {
        self.sources.of_version(read.version)
    }

    /// A read of a transaction that succeeded of which nobody knows who wrote what it shows.
    pub(super) fn has_open_reads(&self) -> bool {
        let mut certain = (0..self.len()).filter(|&at| self.certain(at));
        certain.any(|at| self.reads.of(at).iter().any(|read| self.sources(*read).len() > 1))
    }

    /// Whether it took effect for sure.
    pub(super) fn certain(&self, transaction: u32) -> bool {
        self.effects[transaction as usize] == Effect::Certain
    }

    /// Whether lists were read and written.
    pub(super) fn of_whole_lists(&self) -> bool {
        !self.lengths.is_empty()
    }
}

impl Facts {
    /// What is left of some of the transactions, in the order of their numbers, when the others are forgotten: a read
    /// of what one of the others may have written says nothing.
    pub(super) fn only(&self, kept: &[u32]) -> Facts {
        let mut numbers = Numbers::default();
        let of = |at: u32| kept.binary_search(&at).map_or(NONE, |place| place as u32);
        let (mut reads, mut writes) = (Rows::new(kept.len()), Rows::new(kept.len()));
        let mut sources = Rows::new(kept.len());
        let mut known = Vec::new();
        for &at in kept {
            let there = |read: &&Read| {
                self.sources(**read)
                    .iter()
                    .all(|&one| one == NONE || of(one) != NONE)
            };
            reads
                .items
                .extend(self.reads.of(at).iter().filter(there).map(|read| Read {
                    key: numbers.key(read.key),
                    version: numbers.version(read.version, &mut known),
                }));
            writes.items.extend(self.writes.of(at).iter().map(|write| Write {
                key: numbers.key(write.key),
                version: numbers.version(write.version, &mut known),
                ..*write
            }));
            reads.end();
            writes.end();
        }
        for version in known {
            let of_version = self.sources.of(version).iter();
            sources.items.extend(
                of_version
                    .filter(|&&one| one == NONE || of(one) != NONE)
                    .map(|&one| match one {
                        NONE => NONE,
                        one => of(one),
                    }),
            );
            sources.end();
        }
        let of_kept = |values: &[u32]| kept.iter().map(|&at| values[at as usize]).collect();
        let mut facts = Facts {
            reads,
            writes,
            effects: kept.iter().map(|&at| self.effects[at as usize]).collect(),
            sources,
            lengths: Vec::new(),
            appenders: Rows::new(0),
            inv: of_kept(&self.inv),
            ret: of_kept(&self.ret),
            process: kept.iter().map(|&at| self.process[at as usize]).collect(),
            keys: numbers.keys.len(),
            assume: self.assume,
            imagined: None,
        };
        if !self.of_whole_lists() {
            // Who read what was of unknown outcome may be forgotten.
            for at in 0..facts.effects.len() {
                if facts.ret[at] == OPEN {
                    facts.effects[at] = Effect::None;
                }
            }
            facts.observe();
        } else {
            let mut keys: Vec<(u32, u32)> = numbers.keys.into_iter().map(|(old, new)| (new, old)).collect();
            keys.sort_unstable();
            for (_, key) in keys {
                let appenders = self
                    .appenders
                    .of(key)
                    .iter()
                    .map(|&by| if by == NONE { NONE } else { of(by) });
                facts.appenders.items.extend(appenders);
                facts.appenders.end();
                facts.lengths.push(self.lengths[key as usize]);
            }
        }
        facts
    }
}

/// New numbers for keys and versions, in the order in which they are met.
#[derive(Default)]
struct Numbers {
    keys: FxHashMap<u32, u32>,
    versions: FxHashMap<u32, u32>,
}

impl Numbers {
    fn key(&mut self, key: u32) -> u32 {
        let next = self.keys.len() as u32;
        *self.keys.entry(key).or_insert(next)
    }

    fn version(&mut self, version: u32, known: &mut Vec<u32>) -> u32 {
        if version == NONE {
            return NONE;
        }
        let next = known.len() as u32;
        *self.versions.entry(version).or_insert_with(|| {
            known.push(version);
            next
        })
    }
}

/// What is known of the versions.
enum Known<'a> {
    Lists { lists: &'a Lists<'a>, longest: Vec<u32> },
    Registers { initial: &'a Value },
}

/// A key within a transaction.
#[derive(Clone, Copy)]
struct Own {
    /// How many writes there were.
    writes: u32,
    /// What was written last.
    version: u32,
    after: u32,
    until: u32,
}

/// The keys of a transaction, without a table that would have to be emptied for each.
struct Owns {
    /// For each key, who touched it last, and where it stands in `keys`.
    touched: Vec<(u32, u32)>,
    keys: Vec<(u32, Own)>,
}

impl Owns {
    fn of(&mut self, transaction: u32, key: u32) -> &mut Own {
        let (by, at) = &mut self.touched[key as usize];
        if *by != transaction {
            (*by, *at) = (transaction, self.keys.len() as u32);
            let own = Own {
                writes: 0,
                version: NONE,
                after: NONE,
                until: NONE,
            };
            self.keys.push((key, own));
        }
        &mut self.keys[*at as usize].1
    }
}

impl Known<'_> {
    fn facts(self, transactions: &Transactions<'_>, meter: &mut Meter<'_>) -> Result<Facts, Halt> {
        let many = transactions.len();
        meter.grow(many * 80)?;
        let (mut reads, mut writes) = (Rows::new(many), Rows::new(many));
        let mut owns = Owns {
            touched: vec![(NONE, 0); transactions.keys.len()],
            keys: Vec::new(),
        };
        for at in 0..many as u32 {
            let outcome = transactions.outcome(at);
            owns.keys.clear();
            // A cas of unknown outcome that expects what nobody wrote did not happen.
            let mut possible = outcome != Kind::Fail;
            for micro in transactions.micros(at) {
                meter.step()?;
                let own = owns.of(at, micro.key);
                if micro.writes() {
                    self.write(own, micro.key, micro.version);
                } else if let Some(version) = self.read(own, transactions, micro.key, micro.value) {
                    reads.items.push(Read {
                        key: micro.key,
                        version,
                    });
                } else if own.writes == 0 {
                    possible &= outcome == Kind::Ok;
                }
            }
            if possible {
                let wrote = owns.keys.iter().filter(|(_, own)| own.writes > 0);
                writes.items.extend(wrote.map(|&(key, own)| Write {
                    key,
                    version: own.version,
                    after: own.after,
                    until: own.until,
                }));
            }
            reads.end();
            writes.end();
        }
        let operations = transactions.operations.iter();
        let mut facts = Facts {
            sources: self.sources(transactions, &writes),
            reads,
            writes,
            effects: Vec::new(),
            lengths: Vec::new(),
            appenders: Rows::new(0),
            inv: operations.clone().map(|operation| operation.inv).collect(),
            ret: operations.clone().map(|operation| operation.ret).collect(),
            process: operations.map(|operation| operation.invoke.process).collect(),
            keys: transactions.keys.len(),
            assume: transactions.assume,
            imagined: None,
        };
        facts.effects = self.effects(transactions);
        if let Known::Registers { .. } = self {
            facts.observe();
        }
        facts.forget();
        if let Known::Lists { lists, longest } = self {
            facts.lengths = longest;
            facts.appenders = appenders(lists);
        }
        Ok(facts)
    }

    fn write(&self, own: &mut Own, key: u32, version: u32) {
        (own.writes, own.version) = (own.writes + 1, version);
        let Known::Lists { lists, longest } = self else {
            return;
        };
        let (place, length) = (lists.places[version as usize], longest[key as usize]);
        let place = if place == 0 { length + 1 } else { place };
        if own.after == NONE {
            own.after = place - 1;
        } else if place.min(length) != (own.until + 1).min(length) {
            // Somebody else appended in between.
            own.after = NONE - 1;
        }
        own.until = place.min(length);
    }

    /// The version that others left; none where the transaction found its own, or what is no version at all.
    fn read(&self, own: &Own, transactions: &Transactions<'_>, key: u32, value: &Value) -> Option<u32> {
        match self {
            Known::Lists { lists, .. } => {
                let length = value
                    .as_list()
                    .unwrap_or_default()
                    .len()
                    .checked_sub(own.writes as usize)?;
                let order = &lists.orders[key as usize];
                match length {
                    0 => Some(NONE),
                    _ => order.versions.get(length - 1).copied(),
                }
            }
            Known::Registers { .. } if own.writes > 0 => None,
            Known::Registers { initial } => match transactions.version(key, value) {
                Some(version) => Some(version),
                None => (value == *initial).then_some(NONE),
            },
        }
    }

    fn sources(&self, transactions: &Transactions<'_>, writes: &Rows<Write>) -> Rows<u32> {
        let versions = transactions.versions.len();
        let mut pairs = Vec::with_capacity(writes.items());
        if let Known::Registers { initial } = self {
            let numbered = transactions.versions.iter().zip(0..);
            let same = numbered.filter(|(version, _)| version.value == *initial);
            pairs.extend(same.map(|(_, number)| (number, NONE)));
        }
        for at in 0..transactions.len() as u32 {
            pairs.extend(writes.of(at).iter().map(|write| (write.version, at)));
        }
        Rows::sorted(versions, &pairs, NONE)
    }

    /// Who took effect, without what only reads of registers tell.
    fn effects(&self, transactions: &Transactions<'_>) -> Vec<Effect> {
        let outcome = |at: u32| match transactions.outcome(at) {
            Kind::Ok => Effect::Certain,
            _ => Effect::None,
        };
        let mut effects: Vec<Effect> = (0..transactions.len() as u32).map(outcome).collect();
        if let Known::Lists { lists, .. } = self {
            let unknown = |at: u32| transactions.outcome(at) == Kind::Info;
            let versions = transactions.versions.iter().zip(&lists.places);
            for (version, _) in versions.filter(|(version, place)| **place > 0 && unknown(version.writer)) {
                effects[version.writer as usize] = Effect::Certain;
            }
        }
        effects
    }
}

fn appenders(lists: &Lists<'_>) -> Rows<u32> {
    let mut appenders = Rows::new(lists.orders.len());
    for order in &lists.orders {
        let writers = order
            .versions
            .iter()
            .map(|&version| lists.writer(version).unwrap_or(NONE));
        appenders.items.extend(writers);
        appenders.end();
    }
    appenders
}

impl Facts {
    /// Finds which transactions of unknown outcome took effect, of registers: those whose writes were read. One that was a
    /// cas has then read something itself.
    fn observe(&mut self) {
        let mut readers: Vec<u32> = (0..self.len()).filter(|&at| self.certain(at)).collect();
        while let Some(reader) = readers.pop() {
            for &read in self.reads.of(reader) {
                let sources = self.sources.of_version(read.version);
                let shown = match (sources, self.effects[reader as usize]) {
                    ([_], Effect::Certain) => Effect::Certain,
                    _ => Effect::Possible,
                };
                for &source in sources.iter().filter(|&&source| source != NONE) {
                    let effect = &mut self.effects[source as usize];
                    if shown.is_surer_than(*effect) {
                        *effect = shown;
                        readers.push(source);
                    }
                }
            }
        }
    }

    /// Leaves out what those without effect wrote.
    fn forget(&mut self) {
        let mut kept = Rows::new(self.effects.len());
        for at in 0..self.len() {
            if self.effects[at as usize] != Effect::None {
                kept.items.extend_from_slice(self.writes.of(at));
            }
            kept.end();
        }
        self.writes = kept;
    }
}
