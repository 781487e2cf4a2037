//! The search engine: just-in-time linearization for any model.
//!
//! Lowe, "Testing for linearizability" (2017): an operation is linearized only when one that must be
//! returns, so that a configuration is a return event, a set of *pending* operations, a set of used unknown
//! ones, and a state. Its size grows with concurrency, not with the length of the history.
//!
//! Pruning, each rule exact:
//!
//! | rule | what |
//! | --- | --- |
//! | S | a legal operation that never changes any state is linearized at once |
//! | Y | of pending operations that are alike only the one that returns first is tried, unknown ones last |
//! | D | a configuration is dropped if one that used fewer unknown operations was seen to fail |
//! | U | an unknown operation must change the state, and no blind write may follow it directly |
//! | A | a blind write with an overwrite inside its interval may return without being visible |
//! | L | all states that no later operation can tell apart are one |

//!
//! Depth-first ([`depth`]) finds an order soon where there is one; breadth-first ([`breadth`]) holds only a frontier. Both
//! make the same moves; [`race`] says who runs when. Registers that both find hard have a search of their own ([`supply`]).

mod bits;
mod breadth;
mod configuration;
mod cursor;
mod depth;
mod engine;
mod plan;
mod race;
mod seen;
mod supply;
mod trail;
mod witness;

use crate::budget::{Meter, Stop};
use crate::operations::OPEN;
use crate::spec::{Entry, Spec, absence};
use bits::Wide;
use plan::Plan;
pub(crate) use plan::useful;
pub(crate) use race::Tactic;
pub(crate) use supply::NAME as SUPPLY;

/// How a search ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// What came of it.
    pub found: Found,
    /// Who found it.
    pub by: &'static str,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// A legal order, as ids; unknown operations that did not happen are not in it.
    Legal(Vec<u32>),
    /// There is none.
    Illegal(Stuck),
    /// The budget ran out.
    Stopped(Stop, Stuck),
}

/// How far the best attempt came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stuck {
    /// Completed operations that it explains.
    pub explained: usize,
    /// The ids of the operations pending where it ended; the first one had to return.
    pub pending: Vec<u32>,
    /// What it linearized, in its order; empty where the search came to its end.
    pub order: Vec<Chosen>,
}

/// A step of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The operation.
    pub id: u32,
    /// Which of its outcomes it had.
    pub choice: u32,
}

/// The operations alone.
fn ids(order: Vec<Chosen>) -> Vec<u32> {
    order.into_iter().map(|step| step.id).collect()
}

/// An operation that observed a value that was not there yet, whatever the order.
fn too_early<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Op>],
    meter: &mut Meter<'_>,
) -> Result<Option<u32>, Stop> {
    meter.grow(spec.values() * 4)?;
    let mut written = vec![OPEN; spec.values()];
    if let Some(value) = spec
        .shown(&spec.initial())
        .filter(|value| (*value as usize) < written.len())
    {
        written[value as usize] = 0;
    }
    for entry in entries {
        meter.tick()?;
        if let Some(value) = spec.writes(&entry.op) {
            written[value as usize] = written[value as usize].min(entry.inv);
        }
    }
    let early = |entry: &&Entry<S::Op>| {
        let value = spec
            .observes(&entry.op)
            .filter(|_| entry.ret != OPEN && !absence(spec, &entry.op));
        value.is_some_and(|value| written[value as usize] > entry.ret)
    };
    for entry in entries {
        meter.tick()?;
        if early(&entry) {
            return Ok(Some(entry.id));
        }
    }
    Ok(None)
}

/// Looks for a legal order of `entries`, which are in the order of their invocations.
pub(crate) fn search<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Op>],
    tactic: Tactic,
    meter: &mut Meter<'_>,
) -> Outcome {
    let before = |found| Outcome {
        found,
        by: "prechecks",
    };
    match too_early(spec, entries, meter) {
        Ok(None) => {}
        Ok(Some(early)) => {
            return before(Found::Illegal(Stuck {
                pending: vec![early],
                ..Stuck::default()
            }));
        }
        Err(stop) => return before(Found::Stopped(stop, Stuck::default())),
    }
    let plan = match Plan::build(spec, entries, meter) {
        Ok(plan) => plan,
        Err(stop) => return before(Found::Stopped(stop, Stuck::default())),
    };
    // Each pair of a specification and a set is code of its own, and much of it: no more than pays.
    if S::OFTEN && plan.width() <= 64 {
        race::run::<S, u64>(spec, &plan, tactic, meter)
    } else {
        race::run::<S, Wide>(spec, &plan, tactic, meter)
    }
}
