//! From one key's operations to its verdict.

use histories::Kind;

use crate::budget::{Budget, Stop};
use crate::error::HistoryError;
use crate::explain::{Story, explain};
use crate::models::{Decode, Decoded};
use crate::operations::Group;
use crate::options::Options;
use crate::search::{Entry, Found, Spec, search};
use crate::shrink::shrink;

/// What a question about a hint may cost, in steps.
const HINT_STEPS: u64 = 1_000_000;

/// The verdict on one key.
#[derive(Debug)]
pub(crate) enum Judged {
    /// There is a legal order.
    Pass {
        /// Who found it.
        engine: &'static str,
    },
    /// There is none.
    Violation {
        /// Who found that.
        engine: &'static str,
        /// Places in the group of the operations that prove it.
        operations: Vec<u32>,
        /// The proof.
        story: Story,
    },
    /// The budget ran out.
    Unknown {
        /// Which one.
        stop: Stop,
        /// Completed operations that the best attempt explains.
        explained: usize,
        /// Where it got stuck: places in the group.
        stuck: Vec<u32>,
    },
}

/// Judges a group by the specification `S`.
pub(crate) fn judge<S: Decode>(
    group: &Group<'_>,
    options: &Options,
    budget: &Budget,
) -> Result<Judged, HistoryError> {
    let decoded = S::decode(group, options)?;
    let found = search(&decoded.spec, &decoded.entries, &mut budget.meter());
    Ok(match found {
        Found::Legal(_) => Judged::Pass { engine: "search" },
        Found::Stopped(stop, stuck) => Judged::Unknown {
            stop,
            explained: stuck.explained,
            stuck: stuck.pending,
        },
        Found::Illegal(stuck) => {
            let few = shrink(&decoded.spec, &decoded.entries, &stuck, budget);
            let mut story = explain(group, &decoded, &few);
            if only_failures_are_wrong::<S>(group, options, budget)? {
                story.add("If the failures had been recorded as unknown outcomes, the history would pass.");
            }
            Judged::Violation {
                engine: "search",
                operations: culprits(&decoded, &few, &story),
                story,
            }
        }
    })
}

/// The operations of the proof, and the failed ones that it speaks of, in the order of the history.
fn culprits<S: Spec>(decoded: &Decoded<S>, few: &[Entry<S::Op>], story: &Story) -> Vec<u32> {
    let failed = decoded
        .failed
        .iter()
        .map(|entry| entry.id)
        .filter(|id| story.mentions.contains(id));
    let mut ids: Vec<u32> = few.iter().map(|entry| entry.id).chain(failed).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Whether the history would pass if a failure said nothing.
fn only_failures_are_wrong<S: Decode>(
    group: &Group<'_>,
    options: &Options,
    budget: &Budget,
) -> Result<bool, HistoryError> {
    let Some(relaxed) = group.without_failures() else {
        return Ok(false);
    };
    debug_assert!(
        relaxed
            .operations
            .iter()
            .all(|operation| operation.outcome != Kind::Fail)
    );
    let decoded = S::decode(&relaxed, options)?;
    let mut meter = budget.meter().capped(HINT_STEPS);
    Ok(matches!(
        search(&decoded.spec, &decoded.entries, &mut meter),
        Found::Legal(_)
    ))
}
