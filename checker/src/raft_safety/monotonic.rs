//! What only rises (Raft, figure 2): the term always, commit index and last applied until the node stops, the log one
//! entry at a time. And what was promised with a sync is there at the next start, unless a leader had it deleted:
//! the disk may be ahead of the journal. Whether what is gone was committed is asked by `committed_stays`.

use histories::journal::{Boot, Event};
use histories::{LogIndex, Term};

use super::Step;
use super::findings::Findings;

/// The check.
#[derive(Debug)]
pub(super) struct Monotonic {
    pub(super) findings: Findings,
}

impl Monotonic {
    pub(super) fn new() -> Self {
        Monotonic {
            findings: Findings::new("monotonic"),
        }
    }

    fn add(&mut self, step: &Step<'_>, what: impl FnOnce() -> String) {
        self.findings.add(step.line.mono, || {
            format!("{} {} ({})", step.name(), what(), step.place())
        });
    }

    pub(super) fn take(&mut self, step: &Step<'_>) {
        let (term, server) = (step.line.term, step.server);
        match &step.line.event {
            Event::Boot(boot) => return self.boot(step, boot),
            Event::Append { index, term: of, .. } => self.append(step, *index, *of),
            Event::Commit { from, to, .. } if to < from || *from != server.commit => self.add(step, || {
                format!(
                    "moved its commit index from {from} to {to}, after {}",
                    server.commit
                )
            }),
            Event::Apply { index, .. } => self.apply(step, *index),
            Event::Trunc { from, .. } if *from > server.last() => self.add(step, || {
                format!(
                    "deleted its log from index {from} on, and it ends at {}",
                    server.last()
                )
            }),
            _ => {}
        }
        if term < server.term {
            self.add(step, || format!("fell from term {} to {term}", server.term));
        }
    }

    fn append(&mut self, step: &Step<'_>, index: LogIndex, term: Term) {
        let last = step.server.last();
        let before = step.server.entry(last).map(|id| step.entries.get(id).term);
        if index.0 != last.0 + 1 {
            self.add(step, || format!("appended index {index} after {last}"));
        } else if let Some(before) = before.filter(|before| *before > term) {
            self.add(step, || {
                format!("appended index {index} of term {term} behind one of term {before}")
            });
        } else if term > step.line.term {
            self.add(step, || {
                format!("appended index {index} of term {term} in term {}", step.line.term)
            });
        }
    }

    fn apply(&mut self, step: &Step<'_>, index: LogIndex) {
        let server = step.server;
        if index.0 != server.applied.0 + 1 {
            self.add(step, || format!("applied index {index} after {}", server.applied));
        } else if index > server.commit {
            self.add(step, || {
                format!("applied index {index}, and had committed up to {}", server.commit)
            });
        }
    }

    fn boot(&mut self, step: &Step<'_>, boot: &Boot<'_>) {
        let server = step.server;
        if step.line.term < server.durable_term {
            self.add(step, || {
                format!(
                    "started in term {}, and had made term {} durable before",
                    step.line.term, server.durable_term
                )
            });
        }
        let found = step.entry.filter(|_| server.keeps_its_log(step.line.term));
        let lost = found.and_then(|found| server.lost(step.entries, boot.last, found));
        if let Some(lost) = lost.map(|lost| step.entries.get(lost)) {
            self.add(step, || {
                format!(
                    "started without index {} of term {}, and had made its log durable up to {}",
                    lost.index, lost.term, server.durable
                )
            });
        }
    }
}
