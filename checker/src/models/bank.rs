//! Accounts whose total never changes: `transfer`, `read → [[account, balance], …]`, as jepsen.tests.bank.
//!
//! Every read must show the same accounts as the first one, no balance may be missing or negative, and the
//! balances must add up to the total of the first read.

use histories::{Kind, Value};

use super::unknown_f;
use crate::budget::Budget;
use crate::error::HistoryError;
use crate::explain::Story;
use crate::judge::Judged;
use crate::operations::{Group, Operation};
use crate::options::Options;

/// What the model takes.
pub(super) const OPERATIONS: &[&str] = &["transfer", "read → [[account, balance], …]"];

/// One read.
/// Reads are compared one by one; only the first is kept.
const BYTES: usize = 0;

struct Balances<'a> {
    accounts: Vec<&'a Value>,
    total: i128,
    /// An account without a balance, or with a negative one.
    bad: Option<(&'a Value, &'a Value)>,
}

impl<'a> Balances<'a> {
    fn of(operation: &Operation<'a>) -> Result<Self, HistoryError> {
        let bad = || operation.bad_value(true, "an array of pairs [account, balance]");
        let mut balances = Balances {
            accounts: Vec::new(),
            total: 0,
            bad: None,
        };
        for pair in operation.result().as_list().ok_or_else(bad)? {
            let Some([account, balance]) = pair.as_list() else {
                return Err(bad());
            };
            balances.accounts.push(account);
            match balance {
                Value::Int(amount) => balances.total += i128::from(*amount),
                Value::Null => {}
                _ => return Err(bad()),
            }
            if balance.as_int().is_none_or(|amount| amount < 0) {
                balances.bad.get_or_insert((account, balance));
            }
        }
        balances.accounts.sort_unstable();
        Ok(balances)
    }
}

/// Judges the reads.
pub(super) fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, HistoryError> {
    let mut meter = budget.meter();
    if let Err(stop) = meter.grow(group.operations.len() * BYTES) {
        return Ok(Judged::unknown(stop.as_str()));
    }
    let mut first: Option<(u32, Balances<'_>)> = None;
    for (at, operation) in group.operations.iter().enumerate() {
        if let Err(stop) = meter.step() {
            return Ok(Judged::unknown(stop.as_str()));
        }
        match &*operation.invoke.f {
            "transfer" => continue,
            "read" if operation.outcome != Kind::Ok => continue,
            "read" => {}
            _ => return Err(unknown_f(operation, "bank", OPERATIONS)),
        }
        let read = Balances::of(operation)?;
        let (of, expected) = first
            .as_ref()
            .map_or((at as u32, &read), |(at, first)| (*at, first));
        let wrong = if let Some((account, balance)) = read.bad {
            Some(format!(
                "{operation} shows a balance of {balance} on the account {account}."
            ))
        } else if read.accounts != expected.accounts {
            Some(format!(
                "{operation} shows other accounts than {}.",
                group.operations[of as usize]
            ))
        } else if read.total != expected.total {
            let before = &group.operations[of as usize];
            Some(format!(
                "{operation} adds up to {}, but {before} to {}.",
                read.total, expected.total
            ))
        } else {
            None
        };
        if let Some(why) = wrong {
            let mut operations = vec![of, at as u32];
            operations.dedup();
            return Ok(Judged::Violation {
                engine: "totals",
                operations,
                story: Story {
                    why,
                    ..Story::default()
                },
            });
        }
        first.get_or_insert((at as u32, read));
    }
    Ok(match first {
        Some(_) => Judged::Pass { engine: "totals" },
        None => Judged::unknown("the lack of a read"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::testing::{check, read_of};

    fn verdict(reads: &[&[(i64, i64)]]) -> Verdict {
        let values = reads.iter().map(|read| {
            Value::list(
                read.iter()
                    .map(|(account, balance)| Value::list([(*account).into(), (*balance).into()])),
            )
        });
        check("bank", &values.flat_map(read_of).collect::<Vec<_>>()).verdict
    }

    #[test]
    fn the_total_and_the_accounts_stay_and_no_balance_is_negative() {
        assert_eq!(verdict(&[&[(0, 5), (1, 5)], &[(1, 10), (0, 0)]]), Verdict::Pass);
        assert_eq!(
            verdict(&[&[(0, 5), (1, 5)], &[(0, 5), (1, 4)]]),
            Verdict::Violation
        );
        assert_eq!(verdict(&[&[(0, 5), (1, 5)], &[(0, 10)]]), Verdict::Violation);
        assert_eq!(verdict(&[&[(0, 11), (1, -1)]]), Verdict::Violation);
        assert_eq!(verdict(&[]), Verdict::Inconclusive);
    }
}
