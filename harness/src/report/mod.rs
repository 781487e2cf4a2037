//! What a person sees: one file per form.

pub mod inspect;
pub mod style;
pub mod summary;
