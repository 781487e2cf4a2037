//! What the node itself found broken: its core goes on where a bug was asked for, and says so.

use histories::journal::Event;

use super::Step;
use super::findings::Findings;

/// The check.
#[derive(Debug)]
pub(super) struct Asserts {
    pub(super) findings: Findings,
}

impl Asserts {
    pub(super) fn new() -> Self {
        Asserts {
            findings: Findings::new("asserts"),
        }
    }

    pub(super) fn take(&mut self, step: &Step<'_>) {
        if let Event::Assert { name, detail } = &step.line.event {
            self.findings.add(step.line.mono, || {
                format!(
                    "{} says that \"{name}\" is broken: {detail} ({})",
                    step.name(),
                    step.place()
                )
            });
        }
    }
}
