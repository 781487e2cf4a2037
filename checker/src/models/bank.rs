//! Accounts whose total never changes: `transfer`, `read → [[account, balance], …]`, as jepsen.tests.bank; or `read →
//! [balance, …]`, where an account's name is its place, as older tests of Jepsen's.
//!
//! No read may show an account that the read that completed first did not show, a balance may neither be missing nor
//! negative, and the balances must add up to the total: the one of that first read if none is given.

use std::borrow::Cow;

use histories::{Kind, Value};
use rustc_hash::FxHashSet;

use super::row::{Judge, Model, Start};
use crate::budget::{Budget, Meter, Stop};
use crate::decode::unknown_f;
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::judge::Judged;
use crate::operations::{Group, Operation};
use crate::options::{self, Options};
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{Bank, Drawn, Examples};

pub(super) const MODEL: Model = Model {
    name: "bank",
    about: "accounts whose total never changes, as Jepsen's",
    operations: &["transfer", "read → [[account, balance], …]"],
    suggested: |shape| shape.only(&["read", "transfer"]) && shape.has("transfer"),
    contradicted: |_| None,
    start: Start::Else("what the first read shows"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::Bank),
    final_reads: Some(final_reads::balances),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Bank)],
        illegal: "read null → [[0,5],[1,5]]; read null → [[0,5],[1,6]]",
        states: &[],
        proofs: &[],
    },
};

/// What a read costs until all are in the order of their completions.
const BYTES: usize = 4;

/// What one read shows.
struct Balances<'a> {
    accounts: Vec<Cow<'a, Value>>,
    total: i128,
    missing: Option<Cow<'a, Value>>,
    negative: Option<(Cow<'a, Value>, i64)>,
}

impl<'a> Balances<'a> {
    fn of(operation: &Operation<'a>) -> Result<Self, HistoryError> {
        let bad = || operation.bad_value(true, "an array of pairs [account, balance], or of balances alone");
        let mut balances = Balances {
            accounts: Vec::new(),
            total: 0,
            missing: None,
            negative: None,
        };
        let shown = match operation.result() {
            Value::Null => &[],
            other => other.as_list().ok_or_else(bad)?,
        };
        for (place, shown) in (0..).zip(shown) {
            let (account, balance) = match shown {
                // Balances alone: an account's name is its place.
                Value::Int(_) | Value::Null => (Cow::Owned(Value::Int(place)), shown),
                other => match other.as_list() {
                    Some([account, balance]) => (Cow::Borrowed(account), balance),
                    _ => return Err(bad()),
                },
            };
            balances.accounts.push(account.clone());
            match balance {
                Value::Int(amount) => {
                    balances.total += i128::from(*amount);
                    if *amount < 0 {
                        balances.negative.get_or_insert((account, *amount));
                    }
                }
                Value::Null => {
                    balances.missing.get_or_insert(account);
                }
                _ => return Err(bad()),
            }
        }
        Ok(balances)
    }
}

/// The sum of the balances that a history began with, where its header has them.
fn sum(initial: &Value) -> Option<i128> {
    let pairs = initial.as_list().filter(|pairs| !pairs.is_empty())?.iter();
    pairs
        .map(|pair| match pair.as_list()? {
            [_, Value::Int(balance)] => Some(i128::from(*balance)),
            _ => None,
        })
        .sum()
}

/// What every read is held to.
struct Expected<'a> {
    /// The read that completed first: its place.
    first: u32,
    accounts: FxHashSet<Cow<'a, Value>>,
    total: i128,
    /// Whether the total is not that of the first read.
    is_given: bool,
    options: options::Bank,
}

impl<'a> Expected<'a> {
    /// By the total that is given, or the sum of the balances that the history began with, or this read's.
    fn by(first: u32, read: &Balances<'a>, initial: &Value, options: options::Bank) -> Self {
        let given = options.total.map(i128::from).or_else(|| sum(initial));
        Expected {
            first,
            accounts: read.accounts.iter().cloned().collect(),
            total: given.unwrap_or(read.total),
            is_given: given.is_some(),
            options,
        }
    }

    /// What is wrong with a read, and whether the first read is part of the proof.
    fn wrong(&self, group: &Group<'_>, at: u32, read: &Balances<'_>) -> Option<(String, bool)> {
        let operation = &group.operations[at as usize];
        let first = &group.operations[self.first as usize];
        let stranger = |account: &&Cow<'_, Value>| !self.accounts.contains(*account);
        if let Some(account) = read.accounts.iter().find(stranger) {
            let why = format!("{operation} shows the account {account}, which {first} does not have.");
            return Some((why, true));
        }
        if let Some(account) = &read.missing {
            return Some((
                format!("{operation} shows no balance on the account {account}."),
                false,
            ));
        }
        if read.total != self.total {
            let why = match self.is_given {
                true => format!(
                    "{operation} adds up to {}, and the total is {}.",
                    read.total, self.total
                ),
                false => format!(
                    "{operation} adds up to {}, but {first} to {}.",
                    read.total, self.total
                ),
            };
            return Some((why, !self.is_given));
        }
        let (account, amount) = read
            .negative
            .as_ref()
            .filter(|_| !self.options.negative_balances)?;
        let why = format!("{operation} shows a balance of {amount} on the account {account}.");
        Some((why, false))
    }
}

/// Judges the reads, in the order of their completions.
fn judge(group: &Group<'_>, options: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    let read_in_order = reads(group, meter)?;
    let reads = read_in_order.len();
    let mut expected: Option<Expected<'_>> = None;
    for at in read_in_order {
        meter.step()?;
        let read = Balances::of(&group.operations[at as usize])?;
        let expected = expected.get_or_insert_with(|| Expected::by(at, &read, group.initial, options.bank));
        if let Some((why, with_first)) = expected.wrong(group, at, &read) {
            let mut operations = vec![at];
            operations.extend(with_first.then_some(expected.first));
            operations.sort_unstable();
            operations.dedup();
            return Ok(Judged::violation("totals", operations, why));
        }
    }
    Ok(Judged::Bounds {
        engine: "totals",
        // Compared with itself, a read says nothing of the total. A bank of several that nobody read is no doubt about the
        // others; where none was read, nothing was proved.
        compared: reads > 1 || expected.is_some_and(|expected| expected.is_given),
    })
}

/// The reads that returned, in the order in which they did.
fn reads(group: &Group<'_>, meter: &mut Meter<'_>) -> Result<Vec<u32>, Halt> {
    meter
        .grow(group.operations.len() * BYTES)
        .map_err(|stop: Stop| Halt::from(stop))?;
    let mut reads = Vec::new();
    for (at, operation) in group.operations.iter().enumerate() {
        match &*operation.invoke.f {
            "read" if operation.outcome == Kind::Ok => reads.push(at as u32),
            "read" | "transfer" => {}
            _ => return Err(unknown_f(operation, MODEL.name, MODEL.operations).into()),
        }
    }
    reads.sort_unstable_by_key(|&at| group.operations[at as usize].ret);
    Ok(reads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_with, history, read_of};
    use crate::{Bank, Verdict};

    fn under(bank: Bank, reads: &[&[(i64, i64)]]) -> Verdict {
        let values = reads.iter().map(|read| {
            Value::list(
                read.iter()
                    .map(|(account, balance)| Value::list([(*account).into(), (*balance).into()])),
            )
        });
        let events: Vec<_> = values.flat_map(read_of).collect();
        let options = Options {
            bank,
            ..Options::default()
        };
        check_with("bank", &events, &options).verdict
    }

    fn verdict(reads: &[&[(i64, i64)]]) -> Verdict {
        under(Bank::default(), reads)
    }

    #[test]
    fn the_total_and_the_accounts_stay_and_no_balance_is_negative() {
        assert_eq!(verdict(&[&[(0, 5), (1, 5)], &[(1, 10), (0, 0)]]), Verdict::Pass);
        assert_eq!(
            verdict(&[&[(0, 5), (1, 5)], &[(0, 5), (1, 4)]]),
            Verdict::Violation
        );
        assert_eq!(verdict(&[&[(0, 10)], &[(0, 5), (1, 5)]]), Verdict::Violation);
        assert_eq!(verdict(&[&[(0, 11), (1, -1)]]), Verdict::Violation);
        assert_eq!(verdict(&[]), Verdict::Inconclusive);
    }

    #[test]
    fn an_account_may_be_left_out_if_nothing_is_on_it() {
        assert_eq!(verdict(&[&[(0, 5), (1, 5)], &[(0, 10)]]), Verdict::Pass);
        assert_eq!(verdict(&[&[(0, 5), (1, 5)], &[(0, 5)]]), Verdict::Violation);
    }

    #[test]
    fn a_total_and_negative_balances_can_be_named() {
        let negative_balances = Bank {
            total: None,
            negative_balances: true,
        };
        assert_eq!(
            under(negative_balances, &[&[(0, 11), (1, -1)], &[(0, 10)]]),
            Verdict::Pass
        );
        let total = |total| Bank {
            total: Some(total),
            negative_balances: false,
        };
        assert_eq!(under(total(10), &[&[(0, 5), (1, 5)]]), Verdict::Pass);
        assert_eq!(under(total(20), &[&[(0, 5), (1, 5)]]), Verdict::Violation);
    }

    #[test]
    fn balances_alone_are_of_accounts_by_their_place() {
        let show = |balances: &[i64]| Value::list(balances.iter().map(|&balance| Value::from(balance)));
        let judge = |reads: &[&[i64]]| {
            let events: Vec<_> = reads.iter().flat_map(|read| read_of(show(read))).collect();
            check_with("bank", &events, &Options::default())
        };
        assert_eq!(judge(&[&[10, 10], &[3, 17]]).verdict, Verdict::Pass);
        assert_eq!(judge(&[&[10, 10], &[3, 16]]).verdict, Verdict::Violation);
        assert_eq!(
            judge(&[&[10, 10], &[10, 5, 5]]).verdict,
            Verdict::Violation,
            "a third account"
        );
        assert_eq!(
            judge(&[&[10, 10]]).verdict,
            Verdict::Inconclusive,
            "compared with itself"
        );
    }

    #[test]
    fn the_first_read_is_the_one_that_completed_first() {
        let mut events = history("0 r, 1 r, 1 r:, 0 r:");
        let show = |accounts: &[i64]| {
            Value::list(
                accounts
                    .iter()
                    .map(|&account| Value::list([account.into(), 0.into()])),
            )
        };
        (events[2].value, events[3].value) = (show(&[0, 1]), show(&[0]));
        let options = Options::default();
        assert_eq!(check_with("bank", &events, &options).verdict, Verdict::Pass);
        (events[2].value, events[3].value) = (show(&[0]), show(&[0, 1]));
        assert_eq!(check_with("bank", &events, &options).verdict, Verdict::Violation);
    }
}
