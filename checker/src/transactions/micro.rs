//! From operations to transactions: their micro-operations with small numbers for keys and versions.

use std::fmt;

use histories::{Kind, Process, Value};
use rustc_hash::FxHashMap;

use crate::budget::Meter;
use crate::decode::unknown_f;
use crate::error::{Halt, HistoryError};
use crate::operations::{Group, Operation};
use crate::options::{Assume, FailedCas, NullRead};
use crate::subject::Subject;

/// No transaction, no version.
pub(super) const NONE: u32 = u32::MAX;

/// How a model writes its transactions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// The model's name.
    pub model: &'static str,
    /// What it takes.
    pub operations: &'static [&'static str],
    /// The word of a write.
    pub write: &'static str,
    /// Whether a read returns a list.
    pub lists: bool,
    /// What a transaction should look like.
    pub expected: &'static str,
    /// How the operations are transactions.
    pub subject: Subject,
    /// What a read of null says.
    pub null_read: NullRead,
    /// What a failed cas says.
    pub failed_cas: FailedCas,
    /// What is taken for granted of the keys.
    pub assume: Assume,
    /// Whether what stands before something else in the history also happened before it.
    pub timed: bool,
}

/// What is read and written: a key of a transaction, a register under the history's key, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    /// The history's key.
    group: Option<&'a Value>,
    /// The key within a transaction.
    name: Option<&'a Value>,
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.group, self.name) {
            (None, None) => f.write_str("the register"),
            (Some(only), None) | (None, Some(only)) => only.fmt(f),
            (Some(group), Some(name)) => write!(f, "{name} of {group}"),
        }
    }
}

impl Words {
    fn reads(self, word: &str) -> bool {
        word == "r" || self.subject == Subject::MultiRegisters && word == "read"
    }

    fn writes(self, word: &str) -> bool {
        word == self.write || self.subject == Subject::MultiRegisters && word == "w"
    }
}

/// Reading or writing one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Micro<'a> {
    /// The key's number.
    pub key: u32,
    /// What was read or written.
    pub value: &'a Value,
    /// The version's number; [`NONE`] for a read.
    pub version: u32,
}

impl<'a> Micro<'a> {
    /// Whether it writes its key; else it reads it.
    pub(super) fn writes(&self) -> bool {
        self.version != NONE
    }

    /// The elements of a list that was read.
    pub(super) fn list(&self) -> &'a [Value] {
        self.value.as_list().unwrap_or_default()
    }
}

/// What is known of a value that was written to a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version<'a> {
    /// The key's number.
    pub key: u32,
    /// The value.
    pub value: &'a Value,
    /// Who wrote it.
    pub writer: u32,
    /// What became of the writer.
    pub outcome: Kind,
    /// Whether it is its transaction's last write to the key.
    pub last: bool,
    /// Whether several wrote it, so that nobody knows whose it is.
    pub ambiguous: bool,
    /// How many wrote it.
    pub writes: u32,
}

/// All transactions of a group. A transaction's number is its operation's place in the group.
#[derive(Debug)]
pub(super) struct Transactions<'a> {
    /// The operations.
    pub operations: &'a [Operation<'a>],
    /// The keys by their numbers.
    pub keys: Vec<Key<'a>>,
    /// The versions by their numbers.
    pub versions: Vec<Version<'a>>,
    /// Whether a read returns a list.
    pub lists: bool,
    /// What the operations are.
    pub subject: Subject,
    /// What is taken for granted of the keys.
    pub assume: Assume,
    /// Whether the history has an order in time.
    pub timed: bool,
    starts: Vec<u32>,
    micros: Vec<Micro<'a>>,
    numbers: FxHashMap<(u32, &'a Value), u32>,
}

impl<'a> Transactions<'a> {
    /// Reads the transactions; those that did not succeed tell their writes only.
    pub(super) fn decode(group: &'a Group<'a>, words: Words, meter: &mut Meter<'_>) -> Result<Self, Halt> {
        let many = group.operations.len();
        meter.grow(many * (4 + size_of::<Version<'_>>() + 3 * size_of::<Micro<'_>>() + 32))?;
        let mut all = Transactions {
            operations: &group.operations,
            keys: Vec::new(),
            lists: words.lists,
            subject: words.subject,
            assume: words.assume,
            timed: words.timed,
            versions: Vec::with_capacity(group.operations.len()),
            starts: Vec::with_capacity(group.operations.len() + 1),
            micros: Vec::with_capacity(group.operations.len() * 3),
            numbers: FxHashMap::with_capacity_and_hasher(group.operations.len(), Default::default()),
        };
        let mut keys = Keys::default();
        for (number, operation) in group.operations.iter().enumerate() {
            all.starts.push(all.micros.len() as u32);
            meter.tick()?;
            all.transaction(number as u32, operation, words, &mut keys, meter)?;
        }
        all.starts.push(all.micros.len() as u32);
        all.keys = keys.values;
        Ok(all)
    }

    fn transaction(
        &mut self,
        number: u32,
        operation: &'a Operation<'a>,
        words: Words,
        keys: &mut Keys<'a>,
        meter: &mut Meter<'_>,
    ) -> Result<(), Halt> {
        match (words.subject, &*operation.invoke.f) {
            (Subject::Registers, _) => return self.access(number, operation, words, keys),
            (_, "txn") | (Subject::MultiRegisters, "read" | "write") => {}
            _ => return Err(unknown_f(operation, words.model, words.operations).into()),
        }
        let ok = operation.outcome == Kind::Ok;
        let said = if ok {
            operation.result()
        } else {
            operation.argument()
        };
        let bad = || Halt::from(operation.bad_value(ok, words.expected));
        for micro in said.as_list().ok_or_else(bad)? {
            meter.step()?;
            let (word, key, value) = match micro.as_list() {
                Some([Value::Text(word), key, value]) => (&**word, key, value),
                Some([Value::Text(word), key]) if words.reads(word) && !ok => (&**word, key, &Value::Null),
                _ => return Err(bad()),
            };
            let read = words.reads(word);
            let shaped = !words.lists || matches!(value, Value::Null | Value::List(_));
            if !(read && shaped || words.writes(word)) {
                return Err(bad());
            }
            let says_nothing = words.null_read == NullRead::SaysNothing && *value == Value::Null;
            if read && (!ok || says_nothing) {
                continue;
            }
            let (group, name) = (operation.invoke.key.as_ref(), Some(key));
            let key = keys.number(Key { group, name });
            match read {
                true => self.read(key, value),
                false => self.write(number, operation.outcome, key, value, keys),
            }
        }
        Ok(())
    }

    /// A single operation as a transaction. A cas of unknown outcome read what it expects if it happened at all.
    fn access(
        &mut self,
        number: u32,
        operation: &'a Operation<'a>,
        words: Words,
        keys: &mut Keys<'a>,
    ) -> Result<(), Halt> {
        let (group, name) = (operation.invoke.key.as_ref(), None);
        let key = keys.number(Key { group, name });
        let outcome = operation.outcome;
        match (&*operation.invoke.f, operation.argument().as_list()) {
            ("read", _) if outcome != Kind::Ok => {}
            ("read", _) => {
                let seen = operation.result();
                if words.null_read == NullRead::Observation || *seen != Value::Null {
                    self.read(key, seen);
                }
            }
            ("write", _) => self.write(number, outcome, key, operation.argument(), keys),
            ("cas", Some([old, new])) => {
                if outcome == Kind::Fail && words.failed_cas == FailedCas::Observation {
                    return Err(HistoryError::FailedCas {
                        index: operation.index(),
                    }
                    .into());
                }
                if outcome != Kind::Fail {
                    self.read(key, old);
                }
                self.write(number, outcome, key, new, keys);
            }
            ("cas", _) => return Err(operation.bad_value(false, "a pair [expected, new]").into()),
            _ => return Err(unknown_f(operation, words.model, words.operations).into()),
        }
        Ok(())
    }

    fn read(&mut self, key: u32, value: &'a Value) {
        let version = NONE;
        self.micros.push(Micro { key, value, version });
    }

    /// A value that was written again after an aborted write belongs to the one that counts.
    fn write(&mut self, writer: u32, outcome: Kind, key: u32, value: &'a Value, keys: &mut Keys<'a>) {
        let version = self.number(writer, outcome, key, value, keys);
        self.micros.push(Micro { key, value, version });
    }

    /// The version's number.
    fn number(&mut self, writer: u32, outcome: Kind, key: u32, value: &'a Value, keys: &mut Keys<'a>) -> u32 {
        let next = self.versions.len() as u32;
        let number = *self.numbers.entry((key, value)).or_insert(next);
        let version = Version {
            key,
            value,
            writer,
            outcome,
            last: true,
            ambiguous: false,
            writes: 1,
        };
        if number == next {
            self.versions.push(version);
        } else {
            let known = &mut self.versions[number as usize];
            match (known.outcome, outcome) {
                (Kind::Fail, _) => *known = version,
                (_, Kind::Fail) => return number,
                _ => {
                    known.ambiguous = true;
                    known.writes += 1;
                }
            }
        }
        let (by, before) = std::mem::replace(&mut keys.last_write[key as usize], (writer, number));
        if by == writer && before != number {
            self.versions[before as usize].last = false;
        }
        number
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    /// A transaction's micro-operations. Unless it succeeded, the writes only, and what a cas had to read to happen.
    pub(super) fn micros(&self, transaction: u32) -> &[Micro<'a>] {
        let at = transaction as usize;
        &self.micros[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// The version of this value, if anybody wrote it.
    pub(super) fn version(&self, key: u32, value: &Value) -> Option<u32> {
        self.numbers.get(&(key, value)).copied()
    }

    /// What became of it.
    pub(super) fn outcome(&self, transaction: u32) -> Kind {
        self.operations[transaction as usize].outcome
    }

    /// Who ran it.
    pub(super) fn process(&self, transaction: u32) -> Process {
        self.operations[transaction as usize].invoke.process
    }

    /// The numbers of those that ended like this.
    pub(super) fn of(&self, outcome: Kind) -> impl Iterator<Item = u32> {
        (0..self.len() as u32).filter(move |&at| self.outcome(at) == outcome)
    }

    /// The number of those that ended like this.
    pub(super) fn count(&self, outcome: Kind) -> usize {
        self.of(outcome).count()
    }
}

/// Numbers for keys, and who wrote to each of them last.
#[derive(Default)]
struct Keys<'a> {
    numbers: FxHashMap<Key<'a>, u32>,
    values: Vec<Key<'a>>,
    last_write: Vec<(u32, u32)>,
}

impl<'a> Keys<'a> {
    fn number(&mut self, key: Key<'a>) -> u32 {
        let number = *self.numbers.entry(key).or_insert(self.values.len() as u32);
        if number as usize == self.values.len() {
            self.values.push(key);
            self.last_write.push((NONE, NONE));
        }
        number
    }
}
