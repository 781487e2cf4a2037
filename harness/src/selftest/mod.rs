//! The tester, tested: every bug of a system under the schedule that is to catch it, and the correct system under each of
//! these schedules.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`matrix`] | which runs there are |
//! | [`finding`] | what one run came to |
//! | [`crew`] | several runs side by side |
//! | [`junit`] | the outcome for CI |
//! | [`summary`] | what a bug's, or a schedule's, runs came to together |

pub(crate) mod crew;
pub(crate) mod finding;
pub(crate) mod junit;
pub(crate) mod matrix;
pub(crate) mod summary;
