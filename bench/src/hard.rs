//! Histories that nobody can decide soon: their searches end at a limit.

use histories::{History, Kind, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::clients::{Call, header, push};

/// A register of few values, many different unknown cas, and one client whose reads need them: each read asks
/// for a way through cas that were not used before, and there are too few for all.
pub fn unknown_cas(values: i64, unknown: usize, reads: usize, seed: u64) -> History {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut events = Vec::new();
    let call = |f, argument| Call {
        f,
        key: None,
        argument,
    };
    let write = call("write", Value::from(0));
    push(&mut events, 0, Kind::Invoke, &write, 0.into());
    push(&mut events, 0, Kind::Ok, &write, 0.into());
    for process in 1..=unknown {
        let from = rng.random_range(0..values);
        let to = (from + rng.random_range(1..values)) % values;
        let cas = call("cas", Value::list([from.into(), to.into()]));
        push(&mut events, process, Kind::Invoke, &cas, cas.argument.clone());
    }
    let read = call("read", Value::Null);
    let mut last = 0;
    for _ in 0..reads {
        last = (last + rng.random_range(1..values)) % values;
        push(&mut events, 0, Kind::Invoke, &read, Value::Null);
        push(&mut events, 0, Kind::Ok, &read, last.into());
    }
    let header = header(false);
    History { header, events }
}
