//! Histories of every model, of any length: what holds of all of them is tested in one loop.

use histories::Event;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::collections::{Collection, Queue};
use super::jepsen::{Bank, LongFork, Transactions};
use super::others::{Counter, Kv, MANY, MultiRegister, Mutex};
use super::registers::{Register, Versioned};
use super::{Size, Twin, first_seed, how_many, random_history};
use crate::models::{self, Model};
use crate::{Analysis, FailedCas, Options};

type Draw = dyn Fn(Size, &mut ChaCha8Rng) -> Vec<Event> + Sync;

/// Histories of a model, and how they are judged.
pub(super) struct Row {
    pub model: &'static Model,
    pub options: Options,
    draw: Box<Draw>,
}

impl Row {
    fn of(model: &str, twin: impl Twin + 'static) -> Self {
        Row {
            model: models::find(model).unwrap(),
            options: Options::default(),
            draw: Box::new(move |size, rng| random_history(&twin, size, rng)),
        }
    }

    fn in_jepsens_sense(self) -> Self {
        let options = Options {
            analysis: Analysis::Jepsen,
            ..self.options
        };
        Row { options, ..self }
    }

    /// A history of some length.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<Event> {
        let size = Size {
            operations: rng.random_range(2..30),
            processes: rng.random_range(1..6),
        };
        (self.draw)(size, rng)
    }
}

fn rows() -> Vec<Row> {
    let register = |values, cas| Register {
        values,
        cas,
        failed_cas: FailedCas::DidNotHappen,
    };
    let collection = |values, add, set, removes| Collection {
        values,
        add,
        set,
        removes,
    };
    let versioned = |gaps| Versioned { values: 60, gaps };
    let queue = |fifo| Queue { values: 60, fifo };
    let counter = |deltas, fetches| Counter { deltas, fetches };
    let set = |values| collection(values, "add", true, false);
    vec![
        Row::of("register", register(60, false)),
        Row::of("cas-register", register(8, true)),
        Row::of("versioned-register", versioned(false)),
        Row::of("revision-register", versioned(true)),
        Row::of("multi-register", MultiRegister),
        Row::of("kv", Kv(MANY)),
        Row::of("append", collection(60, "append", false, false)),
        Row::of("set", set(60)),
        Row::of("set", set(60)).in_jepsens_sense(),
        Row::of("set-full", set(60)),
        Row::of("set-remove", collection(5, "add", true, true)),
        Row::of("counter", counter(&[1], true)),
        Row::of("counter", counter(&[1, 2], true)),
        Row::of("counter", counter(&[1, 2], false)).in_jepsens_sense(),
        Row::of("unordered-queue", queue(false)),
        Row::of("fifo-queue", queue(true)),
        Row::of("mutex", Mutex { owned: false }),
        Row::of("owned-mutex", Mutex { owned: true }),
        Row::of("bank", Bank),
        Row::of("long-fork", LongFork { keys: 8 }),
        Row::of("list-append", Transactions { lists: true }),
        Row::of("rw-register", Transactions { lists: false }),
    ]
}

#[test]
fn every_model_has_a_row() {
    let rows = rows();
    for model in models::TABLE {
        assert!(
            rows.iter().any(|row| row.model.name == model.name),
            "{}",
            model.name
        );
    }
}

/// Does this with histories of every model, and gives back what it found of each.
pub(super) fn on_every_model<T: Send>(
    find: impl Fn(&Row, &mut ChaCha8Rng, u64) -> T + Sync,
) -> Vec<(String, Vec<T>)> {
    let seeds = first_seed()..first_seed() + how_many() / 2000;
    let with = |row: Row| {
        let find = |seed| find(&row, &mut ChaCha8Rng::seed_from_u64(seed), seed);
        let name = format!("{} {:?}", row.model.name, row.options.analysis);
        (name, seeds.clone().into_par_iter().map(find).collect())
    };
    rows().into_iter().map(with).collect()
}
