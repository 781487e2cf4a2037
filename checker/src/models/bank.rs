//! Accounts whose total never changes: `transfer`, `read → [[account, balance], …]`, as jepsen.tests.bank.
//!
//! No read may show an account that the read that completed first did not show, a balance may neither be missing nor
//! negative, and the balances must add up to the total: the one of that first read if none is given.

use histories::{Kind, Value};
use rustc_hash::FxHashSet;

use super::row::{Judge, Model};
use crate::budget::{Budget, Meter, Stop};
use crate::decode::unknown_f;
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::judge::Judged;
use crate::operations::{Group, Operation};
use crate::options::{self, Options};
#[cfg(test)]
use crate::twins::{Bank, Drawn, Examples};

pub(super) const MODEL: Model = Model {
    name: "bank",
    about: "accounts whose total never changes, as Jepsen's",
    operations: &["transfer", "read → [[account, balance], …]"],
    suggested: |shape| shape.only(&["read", "transfer"]) && shape.has("transfer"),
    is_register: false,
    judge: Judge::Key(judge),
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
    accounts: Vec<&'a Value>,
    total: i128,
    missing: Option<&'a Value>,
    negative: Option<(&'a Value, i64)>,
}

impl<'a> Balances<'a> {
    fn of(operation: &Operation<'a>) -> Result<Self, HistoryError> {
        let bad = || operation.bad_value(true, "an array of pairs [account, balance]");
        let mut balances = Balances {
            accounts: Vec::new(),
            total: 0,
            missing: None,
            negative: None,
        };
        let pairs = match operation.result() {
            Value::Null => &[],
            other => other.as_list().ok_or_else(bad)?,
        };
        for pair in pairs {
            let Some([account, balance]) = pair.as_list() else {
                return Err(bad());
            };
            balances.accounts.push(account);
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

/// What every read is held to.
struct Expected<'a> {
    /// The read that completed first: its place.
    first: u32,
    accounts: FxHashSet<&'a Value>,
    total: i128,
    options: options::Bank,
}

impl<'a> Expected<'a> {
    fn by(first: u32, read: &Balances<'a>, options: options::Bank) -> Self {
        Expected {
            first,
            accounts: read.accounts.iter().copied().collect(),
            total: options.total.map_or(read.total, i128::from),
            options,
        }
    }

    /// What is wrong with a read, and whether the first read is part of the proof.
    fn wrong(&self, group: &Group<'_>, at: u32, read: &Balances<'_>) -> Option<(String, bool)> {
        let operation = &group.operations[at as usize];
        let first = &group.operations[self.first as usize];
        let stranger = |account: &&&Value| !self.accounts.contains(**account);
        if let Some(account) = read.accounts.iter().find(stranger) {
            let why = format!("{operation} shows the account {account}, which {first} does not have.");
            return Some((why, true));
        }
        if let Some(account) = read.missing {
            return Some((
                format!("{operation} shows no balance on the account {account}."),
                false,
            ));
        }
        if read.total != self.total {
            let why = match self.options.total {
                Some(total) => format!("{operation} adds up to {}, and the total is {total}.", read.total),
                None => format!(
                    "{operation} adds up to {}, but {first} to {}.",
                    read.total, self.total
                ),
            };
            return Some((why, self.options.total.is_none()));
        }
        let (account, amount) = read.negative.filter(|_| !self.options.negative_balances)?;
        let why = format!("{operation} shows a balance of {amount} on the account {account}.");
        Some((why, false))
    }
}

/// Judges the reads, in the order of their completions.
fn judge(group: &Group<'_>, options: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    let reads = reads(group, meter)?;
    let mut expected: Option<Expected<'_>> = None;
    for at in reads {
        meter.step()?;
        let read = Balances::of(&group.operations[at as usize])?;
        let expected = expected.get_or_insert_with(|| Expected::by(at, &read, options.bank));
        if let Some((why, with_first)) = expected.wrong(group, at, &read) {
            let mut operations = vec![at];
            operations.extend(with_first.then_some(expected.first));
            operations.sort_unstable();
            operations.dedup();
            return Ok(Judged::violation("totals", operations, why));
        }
    }
    Ok(match expected {
        Some(_) => Judged::Pass { engine: "totals" },
        None => Judged::unknown("the lack of a read"),
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
        assert_eq!(under(negative_balances, &[&[(0, 11), (1, -1)]]), Verdict::Pass);
        let total = |total| Bank {
            total: Some(total),
            negative_balances: false,
        };
        assert_eq!(under(total(10), &[&[(0, 5), (1, 5)]]), Verdict::Pass);
        assert_eq!(under(total(20), &[&[(0, 5), (1, 5)]]), Verdict::Violation);
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
