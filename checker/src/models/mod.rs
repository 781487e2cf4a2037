//! The models: what each operation means. One file each, or one for a few that differ in little, with its row of the
//! table. What is no model here helps some: `bounds`, `final_read`, `shape`, `spelling`, `total_queue`.

mod adya;
pub(crate) mod append;
mod bank;
mod bounds;
pub(crate) mod counter;
mod echo;
mod elle;
mod fenced_mutex;
mod final_read;
mod kafka;
pub(crate) mod kv;
mod long_fork;
mod monotonic;
pub(crate) mod multi_register;
pub(crate) mod mutex;
mod pn_counter;
pub(crate) mod queue;
mod reentrant_mutex;
mod register;
mod row;
mod semaphore;
pub(crate) mod set;
mod set_full;
mod shape;
mod spelling;
mod strict_order;
mod total_queue;
mod unique_ids;
pub(crate) mod versioned_register;

use histories::Event;

pub(crate) use row::Judge;
pub use row::{Model, Start};
use shape::Shape;

/// All models.
pub static TABLE: &[Model] = &[
    register::MODEL,
    register::CAS,
    versioned_register::MODEL,
    versioned_register::WITH_REVISIONS,
    multi_register::MODEL,
    kv::MODEL,
    append::MODEL,
    set::MODEL,
    set_full::MODEL,
    set::WITH_REMOVAL,
    counter::MODEL,
    pn_counter::MODEL,
    queue::UNORDERED,
    queue::FIFO,
    mutex::MODEL,
    mutex::WITH_OWNER,
    reentrant_mutex::MODEL,
    fenced_mutex::MODEL,
    fenced_mutex::REENTRANT,
    semaphore::MODEL,
    unique_ids::MODEL,
    echo::MODEL,
    monotonic::MODEL,
    strict_order::COMMENTS,
    strict_order::CAUSAL_REVERSE,
    bank::MODEL,
    long_fork::MODEL,
    adya::MODEL,
    kafka::MODEL,
    elle::LIST_APPEND,
    elle::RW_REGISTER,
];

/// What operations suggest by their words and the shape of their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// One where the content is clear, several where it is not, none where no model fits.
    pub candidates: Vec<&'static str>,
    /// What says so, as a clause.
    pub by: String,
    /// The index of the event that contradicts the only candidate: then there is none.
    pub contradicted: Option<u64>,
}

impl Guess {
    /// By a look at all operations.
    pub fn of(events: &[Event]) -> Self {
        let shape = Shape::of(events);
        let fit: Vec<&Model> = TABLE.iter().filter(|model| (model.suggested)(&shape)).collect();
        let contradicted = match fit.as_slice() {
            [only] => (only.contradicted)(&shape),
            _ => None,
        };
        Guess {
            candidates: fit.iter().map(|model| model.name).collect(),
            by: shape.told(),
            contradicted,
        }
    }

    /// The model, where there is one.
    pub fn model(&self) -> Option<&'static str> {
        match self.candidates[..] {
            [only] if self.contradicted.is_none() => Some(only),
            _ => None,
        }
    }
}

/// The models that these operations suggest.
pub fn suggested(events: &[Event]) -> Vec<&'static str> {
    Guess::of(events).candidates
}

/// The model of this name.
///
/// ```
/// assert!(checker::models::find("cas-register").is_some());
/// ```
pub fn find(name: &str) -> Option<&'static Model> {
    TABLE.iter().find(|model| model.name == name)
}
