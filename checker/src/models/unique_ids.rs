//! Identifiers that are given out once: `generate → id`, as `jepsen.checker/unique-ids`.

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use super::row::{Judge, Model, Start};
use crate::budget::Budget;
use crate::decode::unknown_f;
use crate::error::Halt;
use crate::judge::Judged;
use crate::operations::Group;
use crate::options::Options;
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{Drawn, Examples, Ids};

pub(super) const MODEL: Model = Model {
    name: "unique-ids",
    about: "identifiers that are given out once, as Jepsen's",
    operations: &["generate → id"],
    suggested: |shape| shape.only(&["generate"]),
    contradicted: |_| None,
    start: Start::Always("with none given out"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::UniqueIds),
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Ids)],
        illegal: "generate null → 7; generate null → 7",
        states: &[],
        proofs: &[],
    },
};

/// What an operation costs in the table of identifiers.
const BYTES: usize = 32;

/// Whether two have the same.
fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    meter.grow(group.operations.len() * BYTES)?;
    let mut given: FxHashMap<&Value, u32> = FxHashMap::default();
    for (at, operation) in group.operations.iter().enumerate() {
        meter.step()?;
        match (&*operation.invoke.f, operation.outcome) {
            ("generate", Kind::Ok) => {}
            ("generate", _) => continue,
            _ => return Err(unknown_f(operation, MODEL.name, MODEL.operations).into()),
        }
        if let Some(first) = given.insert(operation.result(), at as u32) {
            let why = format!(
                "{} and {operation} were given the same.",
                group.operations[first as usize]
            );
            return Ok(Judged::violation("identifiers", vec![first, at as u32], why));
        }
    }
    Ok(match given.len() {
        0 | 1 => Judged::unknown("the lack of two identifiers"),
        _ => Judged::Bounds {
            engine: "identifiers",
            compared: true,
        },
    })
}
