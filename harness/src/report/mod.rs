//! What a person sees: one file per form.

pub(crate) mod checking;
pub mod data;
pub(crate) mod faults;
pub(crate) mod figures;
pub(crate) mod github;
pub(crate) mod inspect;
pub(crate) mod junit;
pub(crate) mod outcome;
pub mod page;
pub(crate) mod runs;
mod story;
pub(crate) mod style;
pub(crate) mod summary;
mod undecided;
pub(crate) mod window;
