//! Log Matching (Raft section 5.3): logs that have an entry with the same index and term agree up to there.
//!
//! The chained hash of an entry stands for the whole log up to it, so one comparison an entry decides.

use super::Step;
use super::entries::Clash;
use super::findings::Findings;

/// The check.
#[derive(Debug)]
pub(super) struct LogMatching {
    pub(super) findings: Findings,
}

impl LogMatching {
    pub(super) fn new() -> Self {
        LogMatching {
            findings: Findings::new("log matching"),
        }
    }

    /// `clash` is what the entry of this line contradicts.
    pub(super) fn take(&mut self, step: &Step<'_>, clash: Option<Clash>) {
        let (Some(clash), Some(entry)) = (clash, step.entry) else {
            return;
        };
        let position = step.entries.get(entry).position();
        let (other, what) = match clash {
            Clash::OtherLog(other) => (other, "the logs up to there differ"),
            Clash::SameHash(other) => (
                other,
                "the chained hashes there are equal, but not the entries or what stands before them",
            ),
        };
        self.findings.add(step.line.mono, || {
            format!(
                "index {} of term {}: {} has it ({}) and {} has it ({}), and {what}",
                position.index,
                position.term,
                step.names.of(step.entries.get(other).seen.node),
                step.names.line(step.entries.get(other).seen),
                step.name(),
                step.place()
            )
        });
    }
}
