//! What a person sees: one file per form.

pub mod data;
pub mod figures;
pub mod github;
pub mod inspect;
pub mod junit;
pub mod outcome;
pub mod page;
pub mod style;
pub mod summary;
