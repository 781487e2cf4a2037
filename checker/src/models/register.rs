//! A register: `read`, `write v`, `cas [u, v]`.
//!
//! Values become small numbers. All values that no operation looks at share the number [`UNSEEN`]: nobody
//! can tell them apart, so writes of them are alike.

use histories::{Kind, Value};

use super::{Decode, Decoded, NUMBER_BYTES, Numbers, Telling, unknown_f};
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

impl<V> Action<V> {
    /// The same with other names for the values.
    fn named<W>(self, mut name: impl FnMut(V) -> W) -> Action<W> {
        match self {
            Action::Read(value) => Action::Read(name(value)),
            Action::Write(value) => Action::Write(name(value)),
            Action::Cas(old, new) => Action::Cas(name(old), name(new)),
            Action::Differs(value) => Action::Differs(name(value)),
        }
    }
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
        let bytes = size_of::<Entry<Action<u32>>>() + NUMBER_BYTES;
        meter.grow(group.operations.len() * bytes)?;
        let mut numbers = Numbers::default();
        let initial = numbers.of(group.initial);
        let mut entries = Vec::with_capacity(group.operations.len());
        let mut failed = Vec::new();
        for (id, operation) in group.operations.iter().enumerate() {
            meter.tick()?;
            let action = action(operation, options)?;
            if options.null_read == NullRead::SaysNothing && action == Action::Read(&Value::Null) {
                continue;
            }
            let numbered = action.named(|value| numbers.of(value));
            let entry = Entry {
                op: numbered,
                inv: operation.inv,
                ret: operation.ret,
                id: id as u32,
            };
            match (operation.outcome, action) {
                (Kind::Fail, Action::Differs(_)) | (Kind::Ok, _) => entries.push(entry),
                (Kind::Fail, _) => failed.push(entry),
                (_, Action::Read(_)) => {}
                _ => entries.push(Entry { ret: OPEN, ..entry }),
            }
        }
        Ok(rename(initial, numbers.len(), entries, failed, meter)?)
    }

    fn graph(
        decoded: &Decoded<Self>,
        want_order: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Decision<Action<u32>>, Stop> {
        chains::decide(decoded, want_order, meter)
    }

    fn tell(&self, state: &u32) -> Telling {
        Telling::value(*state)
    }

    fn names<'a>(op: &Action<u32>, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        let (Action::Write(number) | Action::Cas(_, number)) = *op else {
            return;
        };
        match (&*operation.invoke.f, operation.argument().as_list()) {
            ("cas", Some([_, new])) => name(number, new),
            _ => name(number, operation.argument()),
        }
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

/// Gives the values that somebody looks at numbers from 1 on, and all others [`UNSEEN`].
fn rename(
    initial: u32,
    values: usize,
    mut entries: Vec<Entry<Action<u32>>>,
    mut failed: Vec<Entry<Action<u32>>>,
    meter: &mut Meter<'_>,
) -> Result<Decoded<Register>, Stop> {
    meter.grow(values * size_of::<u32>())?;
    let mut names = vec![UNSEEN; values];
    let (mut next, mut differs) = (UNSEEN, false);
    for entry in &entries {
        meter.tick()?;
        let (Action::Read(seen) | Action::Cas(seen, _) | Action::Differs(seen)) = entry.op else {
            continue;
        };
        differs |= matches!(entry.op, Action::Differs(_));
        let name = &mut names[seen as usize];
        if *name == UNSEEN {
            next += 1;
            *name = next;
        }
    }
    for entry in entries.iter_mut().chain(&mut failed) {
        meter.tick()?;
        entry.op = entry.op.named(|value| names[value as usize]);
    }
    Ok(Decoded {
        spec: Register {
            initial: names[initial as usize],
            values: next + 1,
            differs,
        },
        entries,
        failed,
    })
}
