//! The models: what each operation means. One file each, with its row of the table.

pub(crate) mod append;
mod bank;
mod bounds;
pub(crate) mod counter;
pub(crate) mod fifo_queue;
mod final_read;
pub(crate) mod kv;
mod list_append;
mod long_fork;
pub(crate) mod multi_register;
pub(crate) mod mutex;
mod register;
mod row;
mod rw_register;
mod set;
mod set_full;
pub(crate) mod set_remove;
mod spelling;
pub(crate) mod unordered_queue;
pub(crate) mod versioned_register;

pub(crate) use row::Judge;
pub use row::Model;

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
    set_remove::MODEL,
    counter::MODEL,
    unordered_queue::MODEL,
    fifo_queue::MODEL,
    mutex::MODEL,
    mutex::WITH_OWNER,
    bank::MODEL,
    long_fork::MODEL,
    list_append::MODEL,
    rw_register::MODEL,
];

/// The model of this name.
///
/// ```
/// assert!(checker::models::find("cas-register").is_some());
/// ```
pub fn find(name: &str) -> Option<&'static Model> {
    TABLE.iter().find(|model| model.name == name)
}
