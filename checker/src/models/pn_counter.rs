//! A counter of many copies that agree in the end, as Maelstrom's `g-counter` and `pn-counter`: `add n`, `read → n`.
//!
//! Only final reads count. Each must be a sum that can be: of every addition that was acknowledged before it, and of some of
//! those of unknown outcome. Final are the reads that are marked so; where none is marked, those that began after the last
//! addition had ended.

mod sums;

use histories::Kind;

use self::sums::Sums;
use super::row::{Judge, Model, Start};
use crate::budget::{Budget, Meter};
use crate::decode::unknown_f;
use crate::error::{Halt, HistoryError};
use crate::explain::ONLY_FAILURES;
use crate::final_reads;
use crate::judge::Judged;
use crate::operations::{Group, OPEN, Operation};
use crate::options::Options;
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{self, Drawn, Examples, Proof};

pub(super) const MODEL: Model = Model {
    name: "pn-counter",
    about: "a number whose copies agree in the end, as Maelstrom's g-counter and pn-counter: only final reads count",
    operations: &["add n", "read → n"],
    // A counter looks the same.
    suggested: |_| false,
    contradicted: |_| None,
    start: Start::Else("0"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::PnCounter),
    final_reads: Some(final_reads::growth),
    #[cfg(test)]
    examples: Examples {
        twins: || {
            vec![
                Drawn::of(twins::Counter::of(&[1, 2, 7], false)),
                Drawn::of(twins::Counter::of(&[-5, -1, 3, 9], false)),
                Drawn::of(twins::Counter::of(&[-2, 3], false)).with_final_reads(),
            ]
        },
        illegal: "add 7; read null → 8",
        states: &[],
        proofs: &[Proof::Sums],
    },
};

/// What an operation costs.
const BYTES: usize = 48;

/// An addition: what it adds, and its place.
type Added = (i64, u32);

/// What final reads show.
enum Found {
    /// There are none.
    NoFinalRead,
    /// Sums that can be.
    Sums,
    /// One that cannot.
    Wrong(Wrong),
}

/// A final read that shows no sum that can be.
struct Wrong {
    read: u32,
    seen: i64,
    definite: Vec<Added>,
    possible: Vec<Added>,
    sums: Sums,
}

fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    Ok(match look(group, meter)? {
        Found::NoFinalRead => Judged::unknown("the lack of a final read"),
        Found::Sums => Judged::Bounds {
            engine: "sums",
            compared: true,
        },
        Found::Wrong(wrong) => {
            let relaxed = group.without_failures();
            let relaxed = relaxed.map(|group| look(&group, meter)).transpose()?;
            let hint = match relaxed {
                Some(Found::Sums) => format!(" {ONLY_FAILURES}"),
                _ => String::new(),
            };
            let why = wrong.told(group) + &hint;
            Judged::violation("sums", wrong.culprits(), why)
        }
    })
}

/// Looks at every final read.
fn look(group: &Group<'_>, meter: &mut Meter<'_>) -> Result<Found, Halt> {
    meter.grow(group.operations.len() * BYTES)?;
    let (mut adds, mut reads) = (Vec::new(), Vec::new());
    for (at, operation) in (0..).zip(&group.operations) {
        meter.step()?;
        match (&*operation.invoke.f, operation.outcome) {
            ("add", Kind::Fail) => drop(number(operation, false)?),
            ("add", _) => adds.push((number(operation, false)?, at)),
            ("read", Kind::Ok) => reads.push((number(operation, true)?, at)),
            ("read", _) => {}
            _ => return Err(unknown_f(operation, MODEL.name, MODEL.operations).into()),
        }
    }
    keep_final(group, &mut reads);
    let mut found = Found::NoFinalRead;
    for (seen, read) in reads {
        found = Found::Sums;
        meter.pass(adds.len())?;
        let (definite, possible) = split(group, &adds, read);
        let sums = Sums::of(start(group)?, &definite, &possible, meter)?;
        if !sums.contains(seen.into()) {
            return Ok(Found::Wrong(Wrong {
                read,
                seen,
                definite,
                possible,
                sums,
            }));
        }
    }
    Ok(found)
}

fn number(operation: &Operation<'_>, in_result: bool) -> Result<i64, HistoryError> {
    let value = match in_result {
        true => operation.result(),
        false => operation.argument(),
    };
    let number = value.as_int();
    number.ok_or_else(|| operation.bad_value(in_result, "an integer"))
}

fn start(group: &Group<'_>) -> Result<i64, HistoryError> {
    match group.initial {
        histories::Value::Null => Ok(0),
        histories::Value::Int(number) => Ok(*number),
        _ => Err(crate::decode::bad_initial(group, MODEL.name, "an integer")),
    }
}

/// The reads that are marked; where none is, those behind everything that was added.
fn keep_final(group: &Group<'_>, reads: &mut Vec<(i64, u32)>) {
    let operation = |at: u32| &group.operations[at as usize];
    if reads.iter().any(|(_, at)| operation(*at).is_marked_final()) {
        return reads.retain(|(_, at)| operation(*at).is_marked_final());
    }
    let adds = group.operations.iter().filter(|add| &*add.invoke.f == "add");
    let ends = adds.map(|add| if add.ret == OPEN { add.inv } else { add.ret });
    let last = ends.max();
    reads.retain(|(_, at)| last.is_none_or(|last| last < operation(*at).inv));
}

/// What a read must have in it, and what it may have.
fn split(group: &Group<'_>, adds: &[Added], read: u32) -> (Vec<Added>, Vec<Added>) {
    let operation = |at: u32| &group.operations[at as usize];
    let read = operation(read);
    let begun = adds.iter().filter(|(_, at)| operation(*at).inv < read.ret);
    begun.partition(|(_, at)| {
        let add = operation(*at);
        add.outcome == Kind::Ok && add.precedes(read)
    })
}

impl Wrong {
    fn told(&self, group: &Group<'_>) -> String {
        let read = &group.operations[self.read as usize];
        let Wrong {
            seen,
            definite,
            possible,
            sums,
            ..
        } = self;
        let unsure = match possible.len() {
            0 => "nothing else was tried".to_owned(),
            more => format!("{more} more may have happened"),
        };
        format!(
            "The final read {read} shows {seen}. What was acknowledged before it, {} additions, and what the counter starts from \
             come to {}; {unsure}, so it may show {sums}.",
            definite.len(),
            sums.certain()
        )
    }

    /// The read and, of what speaks against it, as little as proves it; all of it, where it shows a number between sums.
    fn culprits(&self) -> Vec<u32> {
        let seen = i128::from(self.seen);
        let (low, high) = (seen < self.sums.least(), seen > self.sums.most());
        let places = |added: &[Added]| added.iter().map(|(_, at)| *at).collect::<Vec<u32>>();
        let mut all = vec![self.read];
        if !low && !high {
            all.extend(places(&self.definite));
            all.extend(places(&self.possible));
        } else {
            let sign = if low { 1 } else { -1 };
            let moves = |added: &&Added| added.0.signum() == -sign;
            let doubtful: Vec<Added> = self.possible.iter().filter(moves).copied().collect();
            let mut bound = self.sums.start() + sum(&doubtful);
            all.extend(places(&doubtful));
            let mut against: Vec<Added> = self.definite.clone();
            against.retain(|added| added.0.signum() == sign);
            against.sort_unstable_by_key(|added| std::cmp::Reverse(added.0.unsigned_abs()));
            for (delta, at) in against {
                if low && bound > seen || high && bound < seen {
                    break;
                }
                bound += i128::from(delta);
                all.push(at);
            }
        }
        all.sort_unstable();
        all
    }
}

fn sum(added: &[Added]) -> i128 {
    added.iter().map(|(delta, _)| i128::from(*delta)).sum()
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, history};
    use crate::{Check, Verdict};

    fn judged(text: &str) -> Check {
        check("pn-counter", &history(text))
    }

    #[test]
    fn a_final_read_is_a_sum_that_can_be() {
        let adds = "0 add 5, 0 add: 5, 0 add -2, 0 add: -2, 1 add 10, 1 add? 10, 2 add 20, 2 add! 20";
        for (seen, wanted) in [
            (3, Verdict::Pass),
            (13, Verdict::Pass),
            (5, Verdict::Violation),
            (4, Verdict::Violation),
            (2, Verdict::Violation),
            (23, Verdict::Violation),
            (14, Verdict::Violation),
        ] {
            let check = judged(&format!("{adds}, 3 r *, 3 r: {seen}"));
            assert_eq!(check.verdict, wanted, "{seen}: {}", check.reason);
        }
    }

    #[test]
    fn only_final_reads_count() {
        let text = "0 add 5, 0 add: 5, 3 r, 3 r: 0, 3 r *, 3 r: 5";
        assert_eq!(judged(text).verdict, Verdict::Pass);
        let unmarked = "3 r, 3 r: 7, 0 add 5, 0 add: 5, 3 r, 3 r: 5";
        assert_eq!(judged(unmarked).verdict, Verdict::Pass);
        let never = judged("0 add 5, 3 r, 3 r: 0, 0 add: 5");
        assert_eq!(never.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn what_is_beside_the_read_may_be_in_it() {
        for seen in [0, 5] {
            let text = format!("0 add 5, 3 r *, 3 r: {seen}, 0 add: 5");
            assert_eq!(judged(&text).verdict, Verdict::Pass, "{seen}");
        }
    }

    #[test]
    fn the_proof_says_what_it_may_show() {
        let check = judged("0 add 5, 0 add: 5, 1 add 10, 1 add? 10, 3 r *, 3 r: 7");
        let why = &check.violations[0].why;
        assert!(
            why.contains("come to 5; 1 more may have happened, so it may show 5 or 15"),
            "{why}"
        );
        let lost = judged("0 add 5, 0 add: 5, 0 add 1, 0 add: 1, 3 r *, 3 r: 3");
        assert_eq!(lost.violations[0].operations, [0, 4], "{:?}", lost.violations);
    }
}
