//! The models: what each operation means. One file and one row each.

pub(crate) mod register;

use crate::budget::Budget;
use crate::error::HistoryError;
use crate::graph::Decision;
use crate::judge::{Judged, judge};
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::search::{Entry, Spec};

/// A row of the table: a model by its name.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name, as in a history's header and on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The words for its operations, and the values that they take.
    pub operations: &'static [&'static str],
    pub(crate) judge: fn(&Group<'_>, &Options, &Budget) -> Result<Judged, HistoryError>,
}

/// All models.
pub static TABLE: &[Model] = &[
    Model {
        name: "register",
        about: "one value: read, write, cas; fast where each value is written once",
        operations: register::OPERATIONS,
        judge: judge::<register::Register>,
    },
    Model {
        name: "cas-register",
        about: "one value with compare-and-set, as Knossos's",
        operations: register::OPERATIONS,
        judge: judge::<register::Register>,
    },
];

/// The model of this name.
///
/// ```
/// assert!(checker::models::find("cas-register").is_some());
/// ```
pub fn find(name: &str) -> Option<&'static Model> {
    TABLE.iter().find(|model| model.name == name)
}

/// A group's operations in the model's terms.
pub(crate) struct Decoded<S: Spec> {
    /// The specification that belongs to them.
    pub spec: S,
    /// What happened or may have happened, in the order of invocations.
    pub entries: Vec<Entry<S::Op>>,
    /// What certainly did not happen, as if it had.
    pub failed: Vec<Entry<S::Op>>,
}

/// A specification that reads a history's operations.
pub(crate) trait Decode: Spec + Sized {
    /// All operations of the group.
    fn decode(group: &Group<'_>, options: &Options) -> Result<Decoded<Self>, HistoryError>;

    /// The model's graph engine; with `want_order` a legal history comes with its order.
    fn graph(_: &Decoded<Self>, _want_order: bool) -> Decision {
        Decision::NotApplicable
    }
}

/// The error for a word that the model does not know.
pub(crate) fn unknown_f(operation: &Operation<'_>, model: &'static str, known: &[&str]) -> HistoryError {
    HistoryError::UnknownF {
        index: operation.index(),
        model,
        f: operation.invoke.f.to_string(),
        known: known.join(", "),
    }
}
