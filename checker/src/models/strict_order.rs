//! Writes that are seen in their order: `write v`, `read → [v, …]`, as jepsen.tests.causal-reverse and the comments of Jepsen's
//! tests of CockroachDB.
//!
//! Where a write had completed before another was invoked, no read may show the second one without the first: strict
//! serializability forbids it, and serializability does not. What precedes a write precedes every later one, so of a read the write
//! that was invoked last tells all that it must show.

use histories::{Kind, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use super::row::{Judge, Model, Start};
use crate::budget::Budget;
use crate::decode::unknown_f;
use crate::error::Halt;
use crate::judge::Judged;
use crate::operations::Group;
use crate::options::Options;
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{Drawn, Examples, Proof, Seen};

pub(super) const COMMENTS: Model = Model {
    name: "comments",
    about: "writes that are seen in their order, as in Jepsen's tests of CockroachDB",
    operations: &["write v", "read → [v, …]"],
    suggested: |_| false,
    contradicted: |_| None,
    start: Start::Always("empty"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::StrictOrder),
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Seen)],
        illegal: "write 7; write 8; read null → [8]",
        states: &[],
        proofs: &[Proof::Sums],
    },
};

pub(super) const CAUSAL_REVERSE: Model = Model {
    name: "causal-reverse",
    about: "the same, as jepsen.tests.causal-reverse",
    ..COMMENTS
};

/// What an operation costs in the tables.
const BYTES: usize = 64;

/// Judges each read.
fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    meter.grow(group.operations.len() * BYTES)?;
    let mut written: FxHashMap<&Value, u32> = FxHashMap::default();
    let (mut acknowledged, mut reads) = (Vec::new(), Vec::new());
    for (at, operation) in group.operations.iter().enumerate() {
        meter.step()?;
        match (&*operation.invoke.f, operation.outcome) {
            ("write", outcome) => {
                if written.insert(operation.argument(), at as u32).is_some() {
                    return Ok(Judged::unknown("a value that was written twice"));
                }
                acknowledged.extend((outcome == Kind::Ok).then_some(at as u32));
            }
            ("read", Kind::Ok) => reads.push(at as u32),
            ("read", _) => {}
            _ => return Err(unknown_f(operation, COMMENTS.name, COMMENTS.operations).into()),
        }
    }
    acknowledged.sort_unstable_by_key(|&at| group.operations[at as usize].ret);
    let mut compared = false;
    for at in reads {
        let read = &group.operations[at as usize];
        let seen = read.elements("an array of what was written, or null for none")?;
        meter.pass(seen.len())?;
        if let Some(stranger) = seen.iter().find(|value| !written.contains_key(value)) {
            let why = format!("{read} shows {stranger}, which nobody wrote.");
            return Ok(Judged::violation("order", vec![at], why));
        }
        let invoked = |write: &u32| group.operations[*write as usize].inv;
        let Some(last) = seen
            .iter()
            .filter_map(|value| written.get(value).copied())
            .max_by_key(invoked)
        else {
            continue;
        };
        let shown: FxHashSet<&Value> = seen.iter().collect();
        let before =
            |write: &&u32| group.operations[**write as usize].precedes(&group.operations[last as usize]);
        for &write in acknowledged.iter().take_while(before) {
            meter.tick()?;
            compared = true;
            let first = &group.operations[write as usize];
            if !shown.contains(first.argument()) {
                return Ok(told(group, [write, last, at]));
            }
        }
    }
    Ok(match compared {
        true => Judged::Bounds {
            engine: "order",
            compared: true,
        },
        false => Judged::unknown("the lack of a read that shows a write behind another one"),
    })
}

fn told(group: &Group<'_>, [first, second, read]: [u32; 3]) -> Judged {
    let operation = |at: u32| &group.operations[at as usize];
    let why = format!(
        "{} had completed before {} was invoked, and {} shows the second without the first.",
        operation(first),
        operation(second),
        operation(read)
    );
    let mut operations = vec![first, second, read];
    operations.sort_unstable();
    Judged::violation("order", operations, why)
}
