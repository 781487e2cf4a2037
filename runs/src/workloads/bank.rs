//! `bank`: money is moved between the accounts of a bank, which a store keeps together under one key; a transfer reads
//! them all and replaces them by compare-and-set.
//!
//! A bank of which nothing is stored has its first balances.

use histories::Value;
use rand::RngExt;

use super::keys::Keys;
use super::{Operation, Plan, Row, Workload, key_of_its_own};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "bank",
    about: "transfers between the accounts of many banks, and reads of all balances",
    model: "bank",
    asks: &[Does::Cas],
    watches: None,
    looks: true,
    rate: None,
    everywhere: false,
    initial: first_balances,
    build: |settings| Box::new(Bank(Keys::new(settings, OPERATIONS_PER_KEY))),
    plan: |_, _| Plan::Update(transferred),
    seen: |value| match value {
        Value::Null => first_balances(),
        other => other,
    },
    fresh: |key, value, _| {
        let operation = transfer(key_of_its_own(key, value), [0, 1, 1]);
        let new = transferred(&operation, &Value::Null).unwrap_or_default();
        let expected = Value::Null;
        (operation, StoreOp::Cas { expected, new })
    },
    last: super::read,
    has_seen_all: |_| true,
    newest: Value::clone,
};

const OPERATIONS_PER_KEY: u64 = 100;
const ACCOUNTS: i64 = 5;
/// What is on each account at first: little enough that some transfers are refused.
const FIRST_BALANCE: i64 = 10;

fn first_balances() -> Value {
    let pair = |account| Value::list([Value::Int(account), Value::Int(FIRST_BALANCE)]);
    Value::list((0..ACCOUNTS).map(pair))
}

/// Jepsen's words: a map of from, to and amount.
fn transfer(key: Value, [from, to, amount]: [i64; 3]) -> Operation {
    let field = |name: &str, number| Value::list([Value::from(name), Value::Int(number)]);
    Operation {
        f: "transfer",
        key,
        value: Value::list([field("from", from), field("to", to), field("amount", amount)]),
    }
}

fn field(operation: &Operation, name: &str) -> Option<i64> {
    let fields = operation.value.as_list()?.iter().filter_map(Value::as_list);
    let mut of_name = fields.filter(|pair| pair.first() == Some(&Value::from(name)));
    of_name.next()?.get(1)?.as_int()
}

/// The balances after the transfer; none if an account does not have the money, or these are no balances.
fn transferred(operation: &Operation, stored: &Value) -> Option<Value> {
    let [from, to, amount] = ["from", "to", "amount"].map(|name| field(operation, name));
    let balances = (ROW.seen)(stored.clone());
    let moved = balances.as_list()?.iter().map(|pair| {
        let [account, balance] = pair.as_list()? else {
            return None;
        };
        let taken = if account.as_int() == from { amount? } else { 0 };
        let given = if account.as_int() == to { amount? } else { 0 };
        let balance = balance.as_int()? - taken + given;
        (balance >= 0).then(|| Value::list([account.clone(), Value::Int(balance)]))
    });
    moved.collect::<Option<Vec<_>>>().map(Value::list)
}

struct Bank(Keys);

impl Workload for Bank {
    fn next(&mut self, _: u64) -> Operation {
        let reads = self.0.rng.random_bool(0.5);
        let from = self.0.rng.random_range(0..ACCOUNTS);
        let to = (from + self.0.rng.random_range(1..ACCOUNTS)) % ACCOUNTS;
        let amount = self.0.rng.random_range(1..=5);
        let key = self.0.draw().name();
        match reads {
            true => Operation::read(key),
            false => transfer(key, [from, to, amount]),
        }
    }

    fn on_end(&mut self, _: u64, _: &Operation, _: &Answer) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_keeps_the_total_and_no_account_is_overdrawn() {
        let of = |numbers| transfer("k".into(), numbers);
        let once = transferred(&of([0, 2, 7]), &Value::Null).unwrap();
        assert_eq!(once.to_string(), "[[0,3],[1,10],[2,17],[3,10],[4,10]]");
        let twice = transferred(&of([2, 1, 17]), &once).unwrap();
        assert_eq!(twice.to_string(), "[[0,3],[1,27],[2,0],[3,10],[4,10]]");
        assert_eq!(transferred(&of([0, 1, 4]), &twice), None);
        assert_eq!(transferred(&of([0, 1, 1]), &Value::Int(5)), None, "no balances");
    }

    #[test]
    fn a_bank_of_which_nothing_is_stored_has_its_first_balances() {
        assert_eq!((ROW.seen)(Value::Null), (ROW.initial)());
        let (operation, op) = (ROW.fresh)(&"k".into(), &4.into(), 1);
        let StoreOp::Cas { expected, new } = op else {
            panic!("{op:?}")
        };
        assert_eq!(expected, Value::Null);
        assert_eq!(new.to_string(), "[[0,9],[1,11],[2,10],[3,10],[4,10]]");
        assert_eq!(operation.key, "k-4".into());
    }
}
