//! A register: `read`, `write v`, `cas [u, v]`.
//!
//! Values become small numbers. All values that no operation looks at share the number [`UNSEEN`]: nobody
//! can tell them apart, so writes of them are alike.

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use super::{Decode, Decoded, NUMBER_BYTES, unknown_f};
use crate::budget::{Meter, Stop};
use crate::error::{Halt, HistoryError};
use crate::graph::{Decision, chains};
use crate::operations::{Group, OPEN, Operation};
use crate::options::{FailedCas, NullRead, Options};
use crate::search::{Entry, Role, Spec};

/// What the model takes.
pub(super) const OPERATIONS: &[&str] = &["read → v", "write v", "cas [u, v]"];

/// The number of every value that no operation looks at.
pub(crate) const UNSEEN: u32 = 0;

/// An operation on a register of type `V`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action<V> {
    /// It found this value.
    Read(V),
    /// It set this value.
    Write(V),
    /// It found the first value and set the second.
    Cas(V, V),
    /// It found another value than this.
    Differs(V),
}

/// The specification; states are numbers of values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Register {
    /// The number of the initial value.
    pub initial: u32,
    /// How many numbers are in use.
    pub values: u32,
    /// Whether an operation is [`Action::Differs`].
    pub differs: bool,
}

impl Spec for Register {
    type State = u32;
    type Op = Action<u32>;

    fn initial(&self) -> u32 {
        self.initial
    }

    fn step(&self, state: &u32, op: &Action<u32>) -> Option<u32> {
        match *op {
            Action::Read(value) => (*state == value).then_some(value),
            Action::Write(value) => Some(value),
            Action::Cas(old, new) => (*state == old).then_some(new),
            Action::Differs(value) => (*state != value).then_some(*state),
        }
    }

    fn role(&self, op: &Action<u32>) -> Role {
        match *op {
            Action::Write(_) => Role::Blind,
            Action::Cas(old, new) if old != new => Role::Update,
            Action::Read(_) | Action::Cas(..) | Action::Differs(_) => Role::Pure,
        }
    }

    fn values(&self) -> usize {
        self.values as usize
    }

    fn writes(&self, op: &Action<u32>) -> Option<u32> {
        match *op {
            Action::Write(value) => Some(value),
            Action::Cas(old, new) if old != new => Some(new),
            _ => None,
        }
    }

    fn observes(&self, op: &Action<u32>) -> Option<u32> {
        match *op {
            Action::Read(value) | Action::Cas(value, _) | Action::Differs(value) => Some(value),
            Action::Write(_) => None,
        }
    }

    fn shown(&self, state: &u32) -> Option<u32> {
        Some(*state)
    }

    fn dead(&self) -> Option<u32> {
        Some(UNSEEN)
    }

    fn weaken(&self, op: &Action<u32>) -> Option<Action<u32>> {
        match *op {
            Action::Cas(old, new) if old != new => Some(Action::Write(new)),
            _ => None,
        }
    }

    fn sees_absence(&self) -> bool {
        self.differs
    }
}

impl Decode for Register {
    fn decode(group: &Group<'_>, options: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let bytes = 2 * size_of::<Entry<Action<&Value>>>() + NUMBER_BYTES;
        meter.grow(group.operations.len() * bytes)?;
        let mut entries = Vec::with_capacity(group.operations.len());
        let mut failed = Vec::new();
        for (id, operation) in group.operations.iter().enumerate() {
            meter.tick()?;
            let action = action(operation, options)?;
            if options.null_read == NullRead::SaysNothing && action == Action::Read(&Value::Null) {
                continue;
            }
            let entry = |op| Entry {
                op,
                inv: operation.inv,
                ret: operation.ret,
                id: id as u32,
            };
            match (operation.outcome, action) {
                (Kind::Fail, Action::Differs(_)) | (Kind::Ok, _) => entries.push(entry(action)),
                (Kind::Fail, _) => failed.push(entry(action)),
                (_, Action::Read(_)) => {}
                _ => entries.push(Entry {
                    ret: OPEN,
                    ..entry(action)
                }),
            }
        }
        Ok(number(group.initial, entries, failed, meter)?)
    }

    fn graph(
        decoded: &Decoded<Self>,
        want_order: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Decision<Action<u32>>, Stop> {
        chains::decide(decoded, want_order, meter)
    }
}

fn action<'a>(operation: &Operation<'a>, options: &Options) -> Result<Action<&'a Value>, HistoryError> {
    match &*operation.invoke.f {
        "read" => Ok(Action::Read(operation.result())),
        "write" => Ok(Action::Write(operation.argument())),
        "cas" => match operation.argument().as_list() {
            Some([old, _])
                if operation.outcome == Kind::Fail && options.failed_cas == FailedCas::Observation =>
            {
                Ok(Action::Differs(old))
            }
            Some([old, new]) => Ok(Action::Cas(old, new)),
            _ => Err(operation.bad_value(false, "a pair [expected, new]")),
        },
        _ => Err(unknown_f(operation, "register", OPERATIONS)),
    }
}

/// Replaces values by numbers; those that nobody looks at by [`UNSEEN`].
fn number(
    initial: &Value,
    entries: Vec<Entry<Action<&Value>>>,
    failed: Vec<Entry<Action<&Value>>>,
    meter: &mut Meter<'_>,
) -> Result<Decoded<Register>, Stop> {
    let mut numbers: FxHashMap<&Value, u32> = FxHashMap::default();
    let mut differs = false;
    for entry in &entries {
        meter.tick()?;
        let (Action::Read(seen) | Action::Cas(seen, _) | Action::Differs(seen)) = entry.op else {
            continue;
        };
        differs |= matches!(entry.op, Action::Differs(_));
        let next = numbers.len() as u32 + 1;
        numbers.entry(seen).or_insert(next);
    }
    let of = |value: &Value| numbers.get(value).copied().unwrap_or(UNSEEN);
    let renumber = |entry: Entry<Action<&Value>>| Entry {
        op: match entry.op {
            Action::Read(value) => Action::Read(of(value)),
            Action::Write(value) => Action::Write(of(value)),
            Action::Cas(old, new) => Action::Cas(of(old), of(new)),
            Action::Differs(value) => Action::Differs(of(value)),
        },
        inv: entry.inv,
        ret: entry.ret,
        id: entry.id,
    };
    let mut numbered = Vec::with_capacity(entries.len());
    for entry in entries {
        meter.tick()?;
        numbered.push(renumber(entry));
    }
    Ok(Decoded {
        spec: Register {
            initial: of(initial),
            values: numbers.len() as u32 + 1,
            differs,
        },
        entries: numbered,
        failed: failed.into_iter().map(renumber).collect(),
    })
}
