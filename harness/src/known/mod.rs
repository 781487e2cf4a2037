//! Known bugs of shipped software: each is led to it, before and after it was mended.
//!
//! | file | what |
//! | --- | --- |
//! | [`row`] | a bug as its file has it, and the table of files |
//! | [`packages`] | what has to be brought for a version |
//! | [`lead`] | one run of one version |
//! | [`summary`] | what the runs come to |

pub(crate) mod lead;
pub(crate) mod packages;
pub(crate) mod row;
pub(crate) mod summary;
