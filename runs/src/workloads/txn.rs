//! `txn-list-append` and `txn-rw-register`: transactions, as of Maelstrom's workloads of these names. Each touches a few of the
//! keys of one small database; what the history calls a key is that database, so that each is judged by itself.

use histories::Value;
use rand::RngExt;

use super::keys::Keys;
use super::{Operation, Plan, Row, Settings, Workload};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of the lists.
pub(super) const LISTS: Row = Row {
    name: "txn-list-append",
    about: "transactions that append (each element once) to lists and read them",
    model: "list-append",
    asks: &[Does::Txn],
    watches: None,
    looks: false,
    rate: None,
    everywhere: false,
    initial: || Value::Null,
    build: |settings| Box::new(Transactions::new(settings, "append")),
    plan: |operation, _| Plan::Ask(StoreOp::Txn(operation.value.clone())),
    seen: |value| value,
    fresh: |key, value, _| fresh("append", key, value),
    last: look,
    has_seen_all: |_| true,
    newest: Value::clone,
};

/// The row of the registers.
pub(super) const REGISTERS: Row = Row {
    name: "txn-rw-register",
    about: "transactions that write (each value once) and read registers",
    model: "rw-register",
    build: |settings| Box::new(Transactions::new(settings, "w")),
    fresh: |key, value, _| fresh("w", key, value),
    ..LISTS
};

/// A database is left for a fresh one after so many transactions: every read of a list shows all of it.
const TRANSACTIONS_PER_DATABASE: u64 = 120;
/// So many keys a database has.
pub(super) const KEYS: i64 = 4;
/// So many micro-operations a transaction has at most.
const LONGEST: usize = 4;
/// Where the keys of databases begin that are not called k0, k1, …
const OTHERS: i64 = 1 << 40;

/// A transaction on this database.
fn txn(database: Value, micros: impl IntoIterator<Item = Value>) -> Operation {
    Operation {
        f: Operation::TXN,
        key: database,
        value: Value::list(micros),
    }
}

pub(super) fn micro(f: &str, key: i64, value: Value) -> Value {
    Value::list([f.into(), Value::Int(key), value])
}

/// The first key of a database: no two have one in common.
pub(super) fn first_key(database: &Value) -> i64 {
    let Value::Text(name) = database else {
        return OTHERS;
    };
    let numbered = name
        .strip_prefix('k')
        .and_then(|number| number.parse::<i64>().ok());
    if let Some(number) = numbered.filter(|number| (0..OTHERS / KEYS).contains(number)) {
        return number * KEYS;
    }
    // FNV-1a, cut to what JSON readers keep of a number.
    let hashed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    OTHERS + (hashed >> 14).cast_signed() / KEYS * KEYS
}

/// "Write this value" to the database's first key.
fn fresh(f: &str, database: &Value, value: &Value) -> (Operation, StoreOp) {
    asked(txn(
        database.clone(),
        [micro(f, first_key(database), value.clone())],
    ))
}

/// A look at all keys of the database.
fn look(database: &Value) -> (Operation, StoreOp) {
    let first = first_key(database);
    let reads = (first..first + KEYS).map(|key| micro("r", key, Value::Null));
    asked(txn(database.clone(), reads))
}

fn asked(operation: Operation) -> (Operation, StoreOp) {
    let op = StoreOp::Txn(operation.value.clone());
    (operation, op)
}

struct Transactions {
    databases: Keys,
    /// What changes a key.
    write: &'static str,
}

impl Transactions {
    /// Clients meet on few databases, or nothing that they do would be concurrent.
    fn new(settings: Settings, write: &'static str) -> Self {
        Transactions {
            databases: Keys::few(settings, TRANSACTIONS_PER_DATABASE),
            write,
        }
    }
}

impl Workload for Transactions {
    fn next(&mut self, _: u64) -> Operation {
        let rng = &mut self.databases.rng;
        let count = rng.random_range(1..=LONGEST);
        let drawn: Vec<(bool, i64)> = (0..count)
            .map(|_| (rng.random_bool(0.5), rng.random_range(0..KEYS)))
            .collect();
        let (database, write) = (self.databases.draw(), self.write);
        let first = first_key(&database.name());
        let micros: Vec<Value> = drawn
            .into_iter()
            .map(|(reads, key)| match reads {
                true => micro("r", first + key, Value::Null),
                false => micro(write, first + key, database.next_value()),
            })
            .collect();
        txn(database.name(), micros)
    }

    fn on_end(&mut self, _: u64, _: &Operation, _: &Answer) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_share_no_keys() {
        let names = ["k0", "k1", "k77", "recovery", "recovery-1", "stirred-3"];
        let mut firsts = names.map(|name| first_key(&name.into())).to_vec();
        firsts.sort_unstable();
        assert!(
            firsts.windows(2).all(|pair| pair[1] - pair[0] >= KEYS),
            "{firsts:?}"
        );
        assert!(firsts.iter().all(|first| *first < 1 << 53), "{firsts:?}");
    }

    #[test]
    fn the_last_look_is_at_every_key_of_the_database() {
        let (operation, op) = (LISTS.last)(&"k2".into());
        assert_eq!(op, StoreOp::Txn(operation.value.clone()));
        let wanted = r#"[["r",8,null],["r",9,null],["r",10,null],["r",11,null]]"#;
        assert_eq!(serde_json::to_string(&operation.value).unwrap(), wanted);
    }
}
