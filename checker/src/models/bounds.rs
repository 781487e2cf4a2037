//! What a counter may show: between what was surely added and what may have been, as `jepsen.checker/counter`.
//!
//! Every legal order keeps each read within its bounds, whatever is added, so a read beyond them is a violation for
//! the linearizable counter too. The contrary does not hold: reads within their bounds may go back.

use histories::Kind;

use crate::budget::{Budget, Meter, Stop};
use crate::decode::{Decode, Decoded};
use crate::error::Halt;
use crate::explain::ONLY_FAILURES;
use crate::judge::Judged;
use crate::operations::{Group, OPEN};
use crate::options::Options;
use crate::spec::Entry;
use crate::spec::counter::Action;

/// A specification of a counter.
pub(super) trait Counts: Decode<Op = Action, State = i64> {}

impl<S: Decode<Op = Action, State = i64>> Counts for S {}

/// An operation that saw a number beyond its bounds.
pub(super) struct Beyond {
    /// Its place.
    pub at: u32,
    seen: i64,
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

/// The first operation that saw what no order of the additions can have made.
///
/// What ended before the read began is in it, and what began after it ended is not; of what lies between, additions
/// raise the most and subtractions lower the least.
pub(super) fn beyond<S: Counts>(decoded: &Decoded<S>, meter: &mut Meter<'_>) -> Result<Option<Beyond>, Stop> {
    let entries = &decoded.entries;
    meter.grow(entries.len() * 96)?;
    let added = |end: fn(&Entry<Action>) -> u32, sign: i64| {
        let deltas = entries.iter().filter_map(|entry| {
            let delta = entry.op.delta().filter(|delta| delta.signum() == sign)?;
            Some((end(entry), delta))
        });
        Sums::of(deltas.collect())
    };
    let (begun, ended) = (
        |entry: &Entry<Action>| entry.inv,
        |entry: &Entry<Action>| entry.ret,
    );
    let (more_begun, more_ended) = (added(begun, 1), added(ended, 1));
    let (less_begun, less_ended) = (added(begun, -1), added(ended, -1));
    let initial = i128::from(decoded.spec.initial());
    for (at, entry) in entries.iter().enumerate() {
        meter.tick()?;
        let (seen, own) = match entry.op {
            Action::Read(seen) => (seen, 0),
            // What it found is without what it adds itself.
            Action::FetchAdd(delta, found) => (found, i128::from(delta)),
            Action::Add(_) => continue,
        };
        let least = initial + more_ended.before(entry.inv) + less_begun.before(entry.ret) - own.min(0);
        let most = initial + more_begun.before(entry.ret) + less_ended.before(entry.inv) - own.max(0);
        if i128::from(seen) < least || most < i128::from(seen) {
            return Ok(Some(Beyond {
                at: at as u32,
                seen,
                least,
                most,
            }));
        }
    }
    Ok(None)
}

/// Judges the reads by their bounds alone.
pub(super) fn judge<S: Counts>(
    group: &Group<'_>,
    options: &Options,
    budget: &Budget,
) -> Result<Judged, Halt> {
    let mut meter = budget.meter();
    let decoded = S::decode(group, options, &mut meter)?;
    let reads = |entry: &Entry<Action>| !matches!(entry.op, Action::Add(_));
    if !decoded.entries.iter().any(reads) {
        return Ok(Judged::unknown("the lack of a read"));
    }
    let Some(beyond) = beyond(&decoded, &mut meter)? else {
        return Ok(Judged::Bounds {
            engine: "bounds",
            compared: true,
        });
    };
    let Beyond {
        at,
        seen,
        least,
        most,
    } = beyond;
    let id = decoded.entries[at as usize].id;
    let read = &group.operations[id as usize];
    debug_assert!(read.outcome == Kind::Ok && read.ret != OPEN);
    let mut why = format!(
        "{read} saw {seen}, which is beyond its bounds: with what was added before it began the counter, which starts from {}, is \
         at least {least}, with what may have been added before it ended at most {most}.",
        decoded.spec.initial()
    );
    if within_without_failures::<S>(group, options, &mut meter)? {
        why = why + " " + ONLY_FAILURES;
    }
    Ok(Judged::violation("bounds", culprits(&decoded, &beyond), why))
}

/// The read and, of what was added before it and that it does not show, as little as proves it.
fn culprits<S: Counts>(decoded: &Decoded<S>, beyond: &Beyond) -> Vec<u32> {
    let (entries, seen) = (&decoded.entries, i128::from(beyond.seen));
    let read = &entries[beyond.at as usize];
    let low = seen < beyond.least;
    let sign = if low { 1 } else { -1 };
    let (mut against, mut places) = (Vec::new(), vec![read.id]);
    let mut bound = i128::from(decoded.spec.initial());
    for entry in entries.iter().filter(|entry| entry.id != read.id) {
        match entry.op.delta() {
            Some(delta) if delta.signum() == sign && entry.ret < read.inv => {
                against.push((delta.unsigned_abs(), delta, entry.id));
            }
            // What lowers the least is part of it; what raises the most goes without saying.
            Some(delta) if low && delta < 0 && entry.inv < read.ret => {
                bound += i128::from(delta);
                places.push(entry.id);
            }
            _ => {}
        }
    }
    against.sort_unstable_by(|one, other| other.cmp(one));
    for (_, delta, id) in against {
        if low && bound > seen || !low && bound < seen {
            break;
        }
        bound += i128::from(delta);
        places.push(id);
    }
    places.sort_unstable();
    places
}

/// Whether all reads would be within their bounds if a failure said nothing.
fn within_without_failures<S: Counts>(
    group: &Group<'_>,
    options: &Options,
    meter: &mut Meter<'_>,
) -> Result<bool, Halt> {
    let Some(relaxed) = group.without_failures() else {
        return Ok(false);
    };
    let decoded = S::decode(&relaxed, options, meter)?;
    Ok(beyond(&decoded, meter)?.is_none())
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
