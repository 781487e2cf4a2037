//! Histories of every model, of any length: what holds of all of them is tested in one loop.

use histories::Event;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Size, Twin, first_seed, how_many, random_history};
use crate::models::{self, Model};
use crate::{Analysis, Options};

type Draw = dyn Fn(Size, &mut ChaCha8Rng) -> Vec<Event> + Sync;

/// What the tests of every model need of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Examples {
    /// Histories, and how they are judged.
    pub twins: fn() -> Vec<Drawn>,
    /// Operations that have no legal order, one after the other: `word argument → result; …` in JSON, but for the
    /// marks of strings; what has no result returned its argument.
    pub illegal: &'static str,
    /// What is there before and after each step of an attempt at them, if the search decides the model.
    pub states: &'static [&'static str],
    pub proofs: &'static [Proof],
}

/// What is peculiar to a model's proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Reads show elements, of which a proof is about some.
    Elements,
    /// A dequeue that may have taken anything stays in some proofs about others, a read beside a release in some about
    /// a lock: counted, and bounded.
    MayStay,
    /// Every update counts, so that one that goes is missed by itself.
    Sums,
    /// They pass over versions, or over pieces of strings, whose lack alone makes a part of them illegal.
    PassesOver,
}

/// Random histories of a twin.
pub(crate) struct Drawn {
    options: Options,
    draw: Box<Draw>,
}

impl Drawn {
    pub(crate) fn of(twin: impl Twin + 'static) -> Self {
        Drawn {
            options: Options::default(),
            draw: Box::new(move |size, rng| random_history(&twin, size, rng)),
        }
    }

    /// The same, were every read one of the last looks.
    pub(crate) fn with_final_reads(self) -> Self {
        let draw = self.draw;
        let draw = move |size, rng: &mut ChaCha8Rng| {
            let mut events = draw(size, rng);
            for event in events.iter_mut().filter(|event| &*event.f == "read") {
                event.other.insert("final".to_owned(), true.into());
            }
            events
        };
        Drawn {
            draw: Box::new(draw),
            ..self
        }
    }

    pub(crate) fn in_jepsens_sense(self) -> Self {
        let options = Options {
            analysis: Analysis::Jepsen,
            ..self.options
        };
        Drawn { options, ..self }
    }
}

/// A model, and histories of it.
pub(super) struct Row {
    pub model: &'static Model,
    pub options: Options,
    draw: Box<Draw>,
}

impl Row {
    pub(super) fn name(&self) -> String {
        format!("{} {:?}", self.model.name, self.options.analysis)
    }

    /// Whether its proofs have this peculiarity.
    pub(super) fn has(&self, proof: Proof) -> bool {
        self.model.examples.proofs.contains(&proof)
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

fn rows() -> impl Iterator<Item = Row> {
    models::TABLE.iter().flat_map(|model| {
        let twins = (model.examples.twins)();
        assert!(!twins.is_empty(), "{} has no histories", model.name);
        let row = |Drawn { options, draw }| Row { model, options, draw };
        twins.into_iter().map(row)
    })
}

/// Does this with histories of every model, and gives back what it found of each.
pub(super) fn on_every_model<T: Send>(
    find: impl Fn(&Row, &mut ChaCha8Rng, u64) -> T + Sync,
) -> Vec<(Row, Vec<T>)> {
    let seeds = first_seed()..first_seed() + how_many() / 2000;
    let with = |row: Row| {
        let find = |seed| find(&row, &mut ChaCha8Rng::seed_from_u64(seed), seed);
        let found = seeds.clone().into_par_iter().map(find).collect();
        (row, found)
    };
    rows().map(with).collect()
}
