//! What a person sees: one file per form.

pub mod checking;
pub mod data;
pub mod faults;
pub mod figures;
pub mod github;
pub mod inspect;
pub mod junit;
pub mod outcome;
pub mod page;
pub mod runs;
mod story;
pub mod style;
pub mod summary;
mod undecided;
pub mod window;
