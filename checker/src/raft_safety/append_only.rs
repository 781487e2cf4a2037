//! Leader Append-Only (Raft section 5.3): a leader never deletes or overwrites entries of its log.

use histories::journal::Event;

use super::Step;
use super::findings::Findings;

/// The check.
#[derive(Debug)]
pub(super) struct AppendOnly {
    pub(super) findings: Findings,
}

impl AppendOnly {
    pub(super) fn new() -> Self {
        AppendOnly {
            findings: Findings::new("leader append-only"),
        }
    }

    pub(super) fn take(&mut self, step: &Step<'_>) {
        if let Event::Trunc {
            from, removed, by, ..
        } = &step.line.event
            && step.server.leads
            && step.line.term == step.server.term
        {
            self.findings.add(step.line.mono, || {
                format!(
                    "{} led term {} and deleted {removed} entries of its own log, from index {from} on, for {by} ({})",
                    step.name(),
                    step.line.term,
                    step.place()
                )
            });
        }
    }
}
