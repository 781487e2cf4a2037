//! `watch`: the operations of `register`, while watchers hold a watch on all of its keys: each has to be told of every change.

use super::{Row, register};
use crate::capabilities::Does;

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "watch",
    about: "register, with a watcher at each node that has to be told of every change, in order and once",
    asks: &[Does::Watch],
    watches: Some(PREFIX),
    looks: true,
    ..register::ROW
};

/// The keys of the load begin with it, those of recovery and of schedules do not.
const PREFIX: &str = "k";

#[cfg(test)]
mod tests {
    use histories::{Seed, Value};

    use super::*;
    use crate::workloads::Settings;

    #[test]
    fn every_key_of_the_load_is_watched() {
        let mut workload = (ROW.build)(Settings {
            seed: Seed(1),
            clients: 3,
            has_cas: true,
        });
        for _ in 0..2_000 {
            let key = workload.next(0).key;
            assert!(
                matches!(&key, Value::Text(key) if key.starts_with(PREFIX)),
                "{key}"
            );
        }
        let (recovery, _) = (ROW.fresh)(&"recovery".into(), &1.into(), 3);
        assert!(matches!(&recovery.key, Value::Text(key) if !key.starts_with(PREFIX)));
    }
}
