//! What a counter may show: between what was surely added and what may have been, as `jepsen.checker/counter`.
//!
//! Every legal order keeps each read within its bounds, whatever is added, so a read beyond them is a violation for
//! the linearizable counter too. The contrary does not hold: reads within their bounds may go back.

use histories::Kind;

use super::counter::{Action, Counter};
use super::{Decode, Decoded};
use crate::budget::{Budget, Meter, Stop};
use crate::error::{Halt, HistoryError};
use crate::explain::Story;
use crate::judge::Judged;
use crate::operations::{Group, OPEN};
use crate::options::Options;
use crate::search::Entry;

/// A read beyond its bounds.
pub(super) struct Beyond {
    /// Its place.
    pub at: u32,
    least: i128,
    most: i128,
}

/// What was added so far, at some positions of the history, ascending.
struct Sums {
    at: Vec<u32>,
    /// The sum of all up to each.
    sum: Vec<i128>,
}

impl Sums {
    fn of(mut added: Vec<(u32, i64)>) -> Self {
        added.sort_unstable();
        let mut sum = 0;
        let sums = added.iter().map(|(_, delta)| {
            sum += i128::from(*delta);
            sum
        });
        Sums {
            sum: sums.collect(),
            at: added.iter().map(|(at, _)| *at).collect(),
        }
    }

    fn before(&self, position: u32) -> i128 {
        let earlier = self.at.partition_point(|at| *at < position);
        earlier.checked_sub(1).map_or(0, |last| self.sum[last])
    }
}

/// The first read that shows what no order of the additions can have made.
///
/// What ended before the read began is in it, and what began after it ended is not; of what lies between, additions
/// raise the most and subtractions lower the least.
pub(super) fn beyond(decoded: &Decoded<Counter>, meter: &mut Meter<'_>) -> Result<Option<Beyond>, Stop> {
    let entries = &decoded.entries;
    meter.grow(entries.len() * 96)?;
    let added = |end: fn(&Entry<Action>) -> u32, sign: i64| {
        let deltas = entries.iter().filter_map(|entry| match entry.op {
            Action::Add(delta) if delta.signum() == sign => Some((end(entry), delta)),
            _ => None,
        });
        Sums::of(deltas.collect())
    };
    let (begun, ended) = (
        |entry: &Entry<Action>| entry.inv,
        |entry: &Entry<Action>| entry.ret,
    );
    let (more_begun, more_ended) = (added(begun, 1), added(ended, 1));
    let (less_begun, less_ended) = (added(begun, -1), added(ended, -1));
    let initial = i128::from(decoded.spec.initial);
    for (at, entry) in entries.iter().enumerate() {
        meter.tick()?;
        let Action::Read(seen) = entry.op else { continue };
        let least = initial + more_ended.before(entry.inv) + less_begun.before(entry.ret);
        let most = initial + more_begun.before(entry.ret) + less_ended.before(entry.inv);
        if i128::from(seen) < least || most < i128::from(seen) {
            return Ok(Some(Beyond {
                at: at as u32,
                least,
                most,
            }));
        }
    }
    Ok(None)
}

/// Judges the reads by their bounds alone.
pub(super) fn judge(group: &Group<'_>, options: &Options, budget: &Budget) -> Result<Judged, HistoryError> {
    match judge_within(group, options, budget) {
        Ok(judged) => Ok(judged),
        Err(Halt::Stop(stop)) => Ok(Judged::unknown(stop.as_str())),
        Err(Halt::History(error)) => Err(error),
    }
}

fn judge_within(group: &Group<'_>, options: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let mut meter = budget.meter();
    let decoded = Counter::decode(group, options, &mut meter)?;
    let Some(Beyond { at, least, most }) = beyond(&decoded, &mut meter)? else {
        return Ok(Judged::Pass { engine: "bounds" });
    };
    let id = decoded.entries[at as usize].id;
    let read = &group.operations[id as usize];
    debug_assert!(read.outcome == Kind::Ok && read.ret != OPEN);
    let why = format!(
        "{read} is beyond its bounds: with what was added before it began the counter is at least {least}, with \
         what may have been added before it ended at most {most}."
    );
    Ok(Judged::Violation {
        engine: "bounds",
        operations: vec![id],
        story: Story {
            why,
            ..Story::default()
        },
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_with, history};
    use crate::{Analysis, Options, Verdict};

    fn bounds(text: &str) -> Verdict {
        let options = Options {
            analysis: Analysis::Jepsen,
            ..Options::default()
        };
        check_with("counter", &history(text), &options).verdict
    }

    #[test]
    fn a_read_lies_between_what_was_added_and_what_was_tried() {
        assert_eq!(bounds("0 add 1, 1 r, 1 r: 1, 0 add: 1"), Verdict::Pass);
        assert_eq!(bounds("0 add 1, 1 r, 1 r: 2, 0 add: 1"), Verdict::Violation);
        assert_eq!(bounds("0 add 2, 0 add: 2, 1 r, 1 r: 1"), Verdict::Violation);
        assert_eq!(bounds("0 add 2, 0 add! 2, 1 r, 1 r: 2"), Verdict::Violation);
        assert_eq!(
            bounds("0 add 2, 0 add? 2, 1 r, 1 r: 2, 1 r, 1 r: 0"),
            Verdict::Pass
        );
    }

    #[test]
    fn reads_that_go_back_are_within_their_bounds_and_have_no_legal_order() {
        let text = "0 add 2, 1 r, 1 r: 2, 1 r, 1 r: 0, 0 add: 2";
        assert_eq!(bounds(text), Verdict::Pass);
        assert_eq!(check("counter", &history(text)).verdict, Verdict::Violation);
    }
}
