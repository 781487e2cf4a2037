//! The sums that can be: of a number and of any of some others.

use std::fmt;

use super::Added;
use crate::budget::{Meter, Stop};

/// Ranges of integers, ascending, with a gap between each and the next.
pub(super) struct Sums {
    start: i128,
    /// What is there for certain.
    certain: i128,
    ranges: Vec<(i128, i128)>,
}

/// What a range costs.
const BYTES: usize = size_of::<(i128, i128)>();
/// So many ranges are told.
const TOLD: usize = 4;

impl Sums {
    /// From `start`, with all that is definite and any of what is possible.
    pub(super) fn of(
        start: i64,
        definite: &[Added],
        possible: &[Added],
        meter: &mut Meter<'_>,
    ) -> Result<Self, Stop> {
        let start = i128::from(start);
        let certain = start + super::sum(definite);
        let mut ranges = vec![(certain, certain)];
        for (delta, _) in possible {
            meter.pass(ranges.len())?;
            let more = with(&ranges, i128::from(*delta));
            meter.grow(more.len().saturating_sub(ranges.len()) * BYTES)?;
            ranges = more;
        }
        Ok(Sums {
            start,
            certain,
            ranges,
        })
    }

    pub(super) fn contains(&self, number: i128) -> bool {
        let before = self.ranges.partition_point(|(least, _)| *least <= number);
        before > 0 && number <= self.ranges[before - 1].1
    }

    pub(super) fn start(&self) -> i128 {
        self.start
    }

    /// The sum of what is certain.
    pub(super) fn certain(&self) -> i128 {
        self.certain
    }

    pub(super) fn least(&self) -> i128 {
        self.ranges.first().map_or(self.certain, |(least, _)| *least)
    }

    pub(super) fn most(&self) -> i128 {
        self.ranges.last().map_or(self.certain, |(_, most)| *most)
    }
}

/// The same numbers, and each of them with this added.
fn with(ranges: &[(i128, i128)], delta: i128) -> Vec<(i128, i128)> {
    let moved = ranges.iter().map(|(least, most)| (least + delta, most + delta));
    let mut all: Vec<(i128, i128)> = ranges.iter().copied().chain(moved).collect();
    all.sort_unstable();
    let mut joined: Vec<(i128, i128)> = Vec::with_capacity(all.len());
    for (least, most) in all {
        match joined.last_mut() {
            Some(last) if least <= last.1 + 1 => last.1 = last.1.max(most),
            _ => joined.push((least, most)),
        }
    }
    joined
}

/// For a person: `5 or 15`, `3 to 9`.
impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (least, most)) in self.ranges.iter().take(TOLD).enumerate() {
            if at > 0 {
                f.write_str(" or ")?;
            }
            match least == most {
                true => write!(f, "{least}")?,
                false => write!(f, "{least} to {most}")?,
            }
        }
        match self.ranges.len() > TOLD {
            true => write!(f, ", and so on up to {}", self.most()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Budget;

    #[test]
    fn sums_are_those_of_every_choice() {
        let budget = Budget::unlimited();
        for numbers in [
            &[][..],
            &[3],
            &[3, 3],
            &[1, -1, 7],
            &[-5, 4, 11, 11],
            &[100, -30, 2, 1],
        ] {
            let possible: Vec<Added> = numbers.iter().map(|number| (*number, 0)).collect();
            let sums = Sums::of(2, &[(10, 0)], &possible, &mut budget.meter()).unwrap();
            let choices = 0..1_u32 << numbers.len();
            let of = |choice: u32| -> i64 {
                let chosen = numbers.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1);
                12 + chosen.map(|(_, number)| number).sum::<i64>()
            };
            let expected: Vec<i64> = choices.map(of).collect();
            for number in -200..200 {
                let found = sums.contains(i128::from(number));
                assert_eq!(found, expected.contains(&number), "{number} of {numbers:?}");
            }
        }
    }
}
