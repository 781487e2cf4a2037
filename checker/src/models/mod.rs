//! The models: what each operation means. One file each, or one for a few that differ in little, with its row of the
//! table. What is no model here helps some: `bounds`, `final_read`, `shape`, `spelling`.

mod adya;
pub(crate) mod append;
mod bank;
mod bounds;
pub(crate) mod counter;
mod elle;
mod final_read;
mod kafka;
pub(crate) mod kv;
mod long_fork;
pub(crate) mod multi_register;
pub(crate) mod mutex;
pub(crate) mod queue;
mod register;
mod row;
pub(crate) mod set;
mod set_full;
mod shape;
mod spelling;
pub(crate) mod versioned_register;

use histories::Event;

pub(crate) use row::Judge;
pub use row::Model;
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
    queue::UNORDERED,
    queue::FIFO,
    mutex::MODEL,
    mutex::WITH_OWNER,
    bank::MODEL,
    long_fork::MODEL,
    adya::MODEL,
    kafka::MODEL,
    elle::LIST_APPEND,
    elle::RW_REGISTER,
];

/// The models that these operations suggest, by their words and the shape of their values: one where the content is
/// clear, several where it is not, none that is known where none fits.
pub fn suggested(events: &[Event]) -> Vec<&'static str> {
    let shape = Shape::of(events);
    let fit = TABLE.iter().filter(|model| (model.suggested)(&shape));
    fit.map(|model| model.name).collect()
}

/// The model of this name.
///
/// ```
/// assert!(checker::models::find("cas-register").is_some());
/// ```
pub fn find(name: &str) -> Option<&'static Model> {
    TABLE.iter().find(|model| model.name == name)
}
