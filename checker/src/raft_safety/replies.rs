//! Answers (Raft section 8): what a client was told has happened, once, and was told by a node that had applied it.

use histories::journal::{Event, Session};
use histories::{Kind, LogIndex, Nanos, Process};
use rustc_hash::FxHashMap;

use super::Step;
use super::findings::Findings;
use super::place::{Names, Place};

/// What the journals tell of a client's operation.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// Where it was applied first.
    applied: Option<(LogIndex, Place)>,
    /// Whether it was answered with success.
    ok: bool,
    /// Whether it was answered with an error after it was applied.
    refused: bool,
}

/// The check.
#[derive(Debug)]
pub(super) struct Replies {
    pub(super) findings: Findings,
    told: FxHashMap<Session, Told>,
}

impl Replies {
    pub(super) fn new() -> Self {
        Replies {
            findings: Findings::new("replies"),
            told: FxHashMap::default(),
        }
    }

    pub(super) fn take(&mut self, step: &Step<'_>) {
        match &step.line.event {
            Event::Apply {
                index,
                session: Some(session),
                dup: false,
                ..
            } if step.is_promised(*index) => self.applied(step, *session, *index),
            Event::Reply {
                session, index, res, ..
            } => self.reply(step, *session, *index, res.as_str() == "ok"),
            _ => {}
        }
    }

    fn applied(&mut self, step: &Step<'_>, session: Session, index: LogIndex) {
        let told = self.told.entry(session).or_default();
        let (first, at) = *told.applied.get_or_insert((index, step.at));
        if first == index {
            return;
        }
        // An old request that comes late finds a later one of its client, and changes nothing.
        let next = Session {
            seq: session.seq.saturating_add(1),
            ..session
        };
        let late = |told: &Told| {
            told.applied
                .is_some_and(|(next, _)| next < index.max(first) && next > index.min(first))
        };
        if self.told.get(&next).is_some_and(late) {
            return;
        }
        self.findings.add(step.line.mono, || {
            format!(
                "operation {} of client {} was applied twice: at index {first} ({}), and at index {index} ({})",
                session.seq,
                session.client,
                step.names.line(at),
                step.place()
            )
        });
    }

    fn reply(&mut self, step: &Step<'_>, session: Option<Session>, index: LogIndex, ok: bool) {
        let is_applied = index <= step.server.applied;
        let told = session.map(|session| self.told.entry(session).or_default());
        let elsewhere = told.as_ref().is_some_and(|told| told.applied.is_none());
        if let Some(told) = told {
            told.ok |= ok;
            told.refused |= !ok && is_applied;
        }
        if !ok {
            return;
        }
        if !is_applied {
            self.findings.add(step.line.mono, || {
                format!(
                    "{} answered that index {index} has happened, and had applied up to {} ({})",
                    step.name(),
                    step.server.applied,
                    step.place()
                )
            });
        } else if let Some(session) = session.filter(|_| elsewhere && step.server.voters.len() > 1) {
            self.findings.add(step.line.mono, || {
                format!(
                    "{} answered operation {} of client {} with index {index}, where it applied something else ({})",
                    step.name(),
                    session.seq,
                    session.client,
                    step.place()
                )
            });
        }
    }

    /// `complete` says whether no journal is missing.
    pub(super) fn finish(&mut self, history: &[histories::Event], names: &Names, complete: bool) {
        for event in history {
            let (Process::Client(client), Some(seq)) = (event.process, event.seq) else {
                continue;
            };
            let session = Session { client, seq };
            let told = self.told.get(&session).copied().unwrap_or_default();
            match event.kind {
                Kind::Ok if !told.ok && complete => self.findings.add(later(event.time), || {
                    format!(
                        "the history has a success of operation {seq} of client {client} (index {} of the history), and no journal has the answer",
                        event.index
                    )
                }),
                Kind::Ok if !told.ok => self.findings.undecided(),
                Kind::Fail => {
                    if let Some((index, at)) = told.applied.filter(|_| !told.refused) {
                        self.findings.add(later(event.time), || {
                            format!(
                                "the client was told that operation {seq} of client {client} certainly failed (index {} of the history), and it was applied at index {index} ({})",
                                event.index,
                                names.line(at)
                            )
                        });
                    }
                }
                _ => {}
            }
        }
    }
}

/// The history has a clock of its own: what only it shows is told after what the journals show by themselves.
fn later(time: Nanos) -> Nanos {
    Nanos(time.0 | 1 << 63)
}
