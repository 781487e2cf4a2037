//! What waits to be handed to one node that speaks in lines. A thread of each incarnation takes letter after letter, when it
//! is due, and writes it to the node's standard input.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::gate::Gate;
use crate::evidence::Count;

/// A line on its way.
pub(super) struct Letter {
    /// With its end.
    pub(super) line: Vec<u8>,
    /// The link that it came over; none if it came over none.
    pub(super) over: Option<Passage>,
}

/// How a letter was sent over a link.
#[derive(Clone)]
pub(super) struct Passage {
    pub(super) gate: Arc<Gate>,
    /// How often the link had been cut when it was sent.
    pub(super) cuts: u64,
    /// Its number among those that were sent over the link.
    pub(super) number: u64,
    /// Whether it is a copy of one that is on its way, too.
    pub(super) again: bool,
    /// Whether its link was to have messages overtake each other: what does so by itself is no fault.
    pub(super) reorders: bool,
}

impl Letter {
    /// Count what becomes of it: whether it may be handed over under the rule of this moment.
    fn arrives(&self) -> bool {
        let Some(passage) = &self.over else {
            return true;
        };
        let mut gate = passage.gate.lock();
        let arrives = !gate.is_cut() && gate.cuts == passage.cuts;
        let count = Count::frame(self.line.len() as u64);
        if !arrives {
            gate.traffic.dropped.add(count);
            return false;
        }
        gate.traffic.delivered.add(count);
        gate.traffic.repeated += u64::from(passage.again);
        gate.traffic.overtaken += u64::from(passage.reorders && passage.number < gate.latest);
        gate.latest = gate.latest.max(passage.number);
        true
    }

    fn is_lost(&self) {
        if let Some(passage) = &self.over {
            let count = Count::frame(self.line.len() as u64);
            passage.gate.lock().traffic.dropped.add(count);
        }
    }
}

/// A letter in the order of what is due, and then of what came first.
struct Waiting {
    due: Instant,
    number: u64,
    letter: Letter,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

/// Whether the node gets its letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has not said yet that it is ready: they wait.
    Closed,
    /// Letters are handed over as they become due.
    Open,
    /// It does not run: they are lost.
    Gone,
}

struct Held {
    phase: Phase,
    /// Counts the incarnations: an older one's threads have nothing to do here any more.
    incarnation: u64,
    /// What it gets before all letters.
    first: Option<Vec<u8>>,
    letters: BinaryHeap<Reverse<Waiting>>,
    numbers: u64,
}

/// The mailbox of a node, over all of its incarnations.
pub(super) struct Mailbox {
    held: Mutex<Held>,
    changed: Condvar,
}

impl Mailbox {
    /// Of a node that was never started: what is sent to it waits.
    pub(super) fn new() -> Self {
        Mailbox {
            held: Mutex::new(Held {
                phase: Phase::Closed,
                incarnation: 0,
                first: None,
                letters: BinaryHeap::new(),
                numbers: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new incarnation; tells its number.
    pub(super) fn begin(&self) -> u64 {
        let mut held = self.lock();
        held.phase = Phase::Closed;
        held.incarnation += 1;
        held.first = None;
        self.changed.notify_all();
        held.incarnation
    }

    /// The node has ended: what is on its way to it is lost.
    pub(super) fn end(&self) {
        let mut held = self.lock();
        held.phase = Phase::Gone;
        held.letters
            .drain()
            .for_each(|waiting| waiting.0.letter.is_lost());
        self.changed.notify_all();
    }

    /// Whether that incarnation still runs.
    pub(super) fn is(&self, incarnation: u64) -> bool {
        let held = self.lock();
        held.incarnation == incarnation && held.phase != Phase::Gone
    }

    /// Hand this line over before all letters.
    pub(super) fn first(&self, line: Vec<u8>) {
        self.lock().first = Some(line);
        self.changed.notify_all();
    }

    /// The node is ready for its letters.
    pub(super) fn open(&self) {
        let mut held = self.lock();
        if held.phase == Phase::Closed {
            held.phase = Phase::Open;
            self.changed.notify_all();
        }
    }

    /// Hand this letter over when it is due.
    pub(super) fn put(&self, letter: Letter, due: Instant) {
        let mut held = self.lock();
        if held.phase == Phase::Gone {
            return letter.is_lost();
        }
        held.numbers += 1;
        let number = held.numbers;
        held.letters.push(Reverse(Waiting { due, number, letter }));
        self.changed.notify_all();
    }

    /// The next line for that incarnation; waits for it. None when the incarnation is over.
    pub(super) fn next(&self, incarnation: u64) -> Option<Vec<u8>> {
        let mut held = self.lock();
        loop {
            if held.incarnation != incarnation || held.phase == Phase::Gone {
                return None;
            }
            if let Some(line) = held.first.take() {
                return Some(line);
            }
            let now = Instant::now();
            let due = match held.phase {
                Phase::Open => held.letters.peek().map(|waiting| waiting.0.due),
                Phase::Closed | Phase::Gone => None,
            };
            held = match due {
                Some(due) if due <= now => {
                    let letter = held.letters.pop().map(|waiting| waiting.0.letter);
                    if let Some(letter) = letter.filter(Letter::arrives) {
                        return Some(letter.line);
                    }
                    held
                }
                Some(due) => {
                    let waited = self.changed.wait_timeout(held, due - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(held).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
