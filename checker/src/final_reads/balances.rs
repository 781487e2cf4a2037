//! Accounts: the last balances must be what the acknowledged transfers, and perhaps some of the unknown ones, make of
//! the first ones.
//!
//! Each account is judged by itself: every acknowledged transfer counts, and of the others each may or may not.

use std::borrow::Cow;
use std::collections::BTreeMap;

use histories::{Kind, Value};

use super::loss::Loss;
use super::{Kept, acknowledged};
use crate::error::HistoryError;
use crate::operations::{Group, Operation};

/// Whether the operation moves money between accounts.
fn moves(operation: &Operation<'_>) -> bool {
    &*operation.invoke.f == "transfer"
}

/// A transfer as Jepsen's tests spell it: a map of `from`, `to` and `amount`.
struct Transfer<'a> {
    from: &'a Value,
    to: &'a Value,
    amount: i64,
}

impl<'a> Transfer<'a> {
    fn of(operation: &Operation<'a>) -> Result<Self, HistoryError> {
        let field = |name: &str| {
            let mut pairs = operation.argument().as_list()?.iter().filter_map(Value::as_list);
            pairs.find_map(|pair| match pair {
                [key, value] if *key == Value::from(name) => Some(value),
                _ => None,
            })
        };
        let amount = field("amount").and_then(Value::as_int);
        match (field("from"), field("to"), amount) {
            (Some(from), Some(to), Some(amount)) => Ok(Transfer { from, to, amount }),
            _ => Err(operation.bad_value(false, "a map of from, to and amount")),
        }
    }

    /// What it does to this account.
    fn change(&self, account: &Value) -> i128 {
        let amount = i128::from(self.amount);
        let given = if self.to == account { amount } else { 0 };
        let taken = if self.from == account { amount } else { 0 };
        given - taken
    }
}

/// What an account may hold.
#[derive(Clone, Copy)]
struct Range {
    least: i128,
    most: i128,
}

/// Balances that the acknowledged transfers allow; nobody can tell where the first balances are not known.
pub(crate) fn balances<'a>(
    group: &'a Group<'a>,
    finals: &[&'a Operation<'a>],
) -> Result<Kept<'a>, HistoryError> {
    let moves = || group.operations.iter().filter(|operation| moves(operation));
    let mut kept = Kept {
        acknowledged: acknowledged(moves()),
        lost: None,
        unproved: None,
    };
    if let Some(first) = shown(group.initial) {
        let transfers: Vec<_> = moves()
            .map(|operation| Ok((operation, Transfer::of(operation)?)))
            .collect::<Result<_, HistoryError>>()?;
        kept.lost = finals.iter().find_map(|read| wrong_in(read, &first, &transfers));
    }
    Ok(kept)
}

fn wrong_in<'a>(
    read: &'a Operation<'a>,
    first: &BTreeMap<&Value, i64>,
    transfers: &[(&'a Operation<'a>, Transfer<'a>)],
) -> Option<Loss<'a>> {
    shown(read.result())?.into_iter().find_map(|(account, balance)| {
        let range = range(account, *first.get(account)?, read, transfers);
        let of_account = |(operation, transfer): &&(&'a Operation<'a>, Transfer<'a>)| {
            operation.outcome == Kind::Ok && operation.precedes(read) && transfer.change(account) != 0
        };
        let last = transfers.iter().rfind(of_account)?;
        let fits = range.least <= i128::from(balance) && i128::from(balance) <= range.most;
        (!fits).then(|| Loss {
            what: "transfer",
            value: Cow::Borrowed(last.0.argument()),
            operation: last.0,
            read,
            older: None,
            account: Some(account),
            why: why(account, balance, range, last.0, read),
        })
    })
}

/// From the acknowledged transfers that ended before the read, and those that may have happened.
fn range(
    account: &Value,
    first: i64,
    read: &Operation<'_>,
    transfers: &[(&Operation<'_>, Transfer<'_>)],
) -> Range {
    let mut range = Range {
        least: first.into(),
        most: first.into(),
    };
    for (operation, transfer) in transfers {
        let change = transfer.change(account);
        let certain = operation.outcome == Kind::Ok && operation.precedes(read);
        let possible = operation.outcome != Kind::Fail && operation.inv < read.ret;
        if certain || (possible && change < 0) {
            range.least += change;
        }
        if certain || (possible && change > 0) {
            range.most += change;
        }
    }
    range
}

fn shown(value: &Value) -> Option<BTreeMap<&Value, i64>> {
    let pair = |pair: &'_ Value| match pair.as_list() {
        Some([_, balance]) => balance.as_int(),
        _ => None,
    };
    let pairs = value.as_list()?;
    pairs
        .iter()
        .map(|of| Some((of.as_list()?.first()?, pair(of)?)))
        .collect()
}

/// The proof that a balance cannot be.
fn why(account: &Value, balance: i64, range: Range, last: &Operation<'_>, read: &Operation<'_>) -> String {
    let Range { least, most } = range;
    let allowed = match least == most {
        true => format!("leave {least} there"),
        false => format!("leave between {least} and {most} there"),
    };
    format!(
        "The final read #{} shows {balance} on the account {account}, but the transfers {allowed}. The last one of them \
         that was acknowledged is {last}.",
        read.index()
    )
}

#[cfg(test)]
mod tests {
    use histories::{Event, Header, Value};

    use crate::models::find;
    use crate::testing::{header, history};
    use crate::{Verdict, durability};

    fn pairs(balances: &[(i64, i64)]) -> Value {
        let pair = |(account, balance): &(i64, i64)| Value::list([(*account).into(), (*balance).into()]);
        Value::list(balances.iter().map(pair))
    }

    /// Transfers `(from, to, amount, how it ended)`, and what the final read shows.
    fn verdict(transfers: &[(i64, i64, i64, &str)], shown: &[(i64, i64)]) -> Verdict {
        let mut events: Vec<Event> = Vec::new();
        for (process, (from, to, amount, end)) in transfers.iter().enumerate() {
            let text = format!("{process} transfer, {process} transfer{end}");
            let field = |name: &str, number: i64| Value::list([name.into(), number.into()]);
            let value = Value::list([field("from", *from), field("to", *to), field("amount", *amount)]);
            events.extend(history(&text).into_iter().map(|event| Event {
                value: value.clone(),
                ..event
            }));
        }
        let mut read = history("9 r, 9 r: *");
        read[1].value = pairs(shown);
        events.extend(read);
        let number = |(event, index): (&mut Event, u64)| event.index = index;
        events.iter_mut().zip(0..).for_each(number);
        let header = Header {
            initial: pairs(&[(0, 10), (1, 10)]),
            ..header(false)
        };
        durability(&header, &events, find("bank").unwrap())
            .unwrap()
            .verdict
    }

    #[test]
    fn the_last_balances_are_what_the_transfers_make_of_the_first() {
        let done = [(0, 1, 3, ":")];
        assert_eq!(verdict(&done, &[(0, 7), (1, 13)]), Verdict::Pass);
        assert_eq!(verdict(&done, &[(0, 10), (1, 10)]), Verdict::Violation, "lost");
        assert_eq!(
            verdict(&done, &[(0, 4), (1, 16)]),
            Verdict::Violation,
            "done twice"
        );
        let perhaps = [(0, 1, 3, ":"), (1, 0, 2, "?"), (1, 0, 5, "!")];
        assert_eq!(verdict(&perhaps, &[(0, 7), (1, 13)]), Verdict::Pass);
        assert_eq!(verdict(&perhaps, &[(0, 9), (1, 11)]), Verdict::Pass);
        assert_eq!(
            verdict(&perhaps, &[(0, 12), (1, 8)]),
            Verdict::Violation,
            "it failed"
        );
        assert_eq!(
            verdict(&[(0, 1, 3, "?")], &[(0, 7), (1, 13)]),
            Verdict::Inconclusive,
            "nothing was acknowledged"
        );
    }
}
