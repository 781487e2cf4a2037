//! Whoever reads a large file may want to stop before its end, also while its text is taken apart.

use std::fmt;

use super::edn::Fault;
use super::error::Problem;

/// Asked between two operations of a file whether to stop; by default it never says so.
#[derive(Clone, Copy, Default)]
pub struct Interrupt<'a>(Option<&'a dyn Fn() -> bool>);

impl<'a> Interrupt<'a> {
    /// Stops when the question is answered with yes. It is asked often, and has to answer at once.
    pub fn when(asked: &'a dyn Fn() -> bool) -> Self {
        Interrupt(Some(asked))
    }

    /// Whether it is time to stop.
    pub(super) fn stops(&self) -> bool {
        self.0.is_some_and(|asked| asked())
    }

    /// A fault at the offset that was reached, if it is time to stop.
    pub(super) fn look(&self, offset: usize) -> Result<(), Fault> {
        match self.stops() {
            true => Err(Fault {
                offset,
                problem: Problem::Stopped,
            }),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for Interrupt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Interrupt" } else { "Never" })
    }
}
