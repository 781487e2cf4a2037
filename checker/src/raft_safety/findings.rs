//! What a check has found: all of it is counted, the earliest is told.

use histories::Nanos;

use crate::verdict::Verdict;

/// So many violations of one check are told.
const TOLD: usize = 5;

/// A violation, told.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// For the order in which they are told; no verdict depends on it.
    pub(super) mono: Nanos,
    /// The check, and the moment of the line that breaks it: no node writes two at once.
    pub(super) code: String,
    pub(super) why: String,
}

/// What one check has found.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) check: &'static str,
    pub(super) count: u64,
    /// What could not be decided, for the journals do not tell enough.
    pub(super) undecided: u64,
    pub(super) told: Vec<Finding>,
}

impl Findings {
    pub(super) fn new(check: &'static str) -> Self {
        Findings {
            check,
            count: 0,
            undecided: 0,
            told: Vec::new(),
        }
    }

    /// A violation; it is only put in words if it is among the earliest.
    pub(super) fn add(&mut self, mono: Nanos, why: impl FnOnce() -> String) {
        self.count += 1;
        let at = self.told.partition_point(|finding| finding.mono <= mono);
        if at < TOLD {
            let why = format!("{}: {}", self.check, why());
            let code = format!("{}@{}", self.check.replace(' ', "-"), mono.0);
            self.told.insert(at, Finding { mono, code, why });
            self.told.truncate(TOLD);
        }
    }

    pub(super) fn undecided(&mut self) {
        self.undecided += 1;
    }

    pub(super) fn verdict(&self) -> Verdict {
        match (self.count, self.undecided) {
            (0, 0) => Verdict::Pass,
            (0, _) => Verdict::Inconclusive,
            _ => Verdict::Violation,
        }
    }
}
