//! What is going to happen, by its moment. Of two things at one moment the one that was planned first comes first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use histories::Nanos;

/// When something happens, and which of all plans it is.
type Place = (Nanos, u64);

/// Somebody's patience of this length.
struct Patience<T> {
    length: Duration,
    /// In the order in which they end, which is that in which they began.
    ends: VecDeque<(Place, T)>,
}

/// Plans of things `E`, and of the ends of the patience of somebody `T`.
pub(super) struct Agenda<E, T> {
    planned: u64,
    /// Where the event lies in `events`: what is sorted is small.
    heap: BinaryHeap<Reverse<(Place, usize)>>,
    events: Vec<Option<E>>,
    free: Vec<usize>,
    /// Of each length; there are few. Nearly all of it never ends, so it is kept off the heap.
    patience: Vec<Patience<T>>,
}

/// What happens next.
pub(super) enum Next<E, T> {
    Event(E),
    /// The end of somebody's patience.
    Late(T),
}

impl<E, T: Copy> Agenda<E, T> {
    pub(super) fn new() -> Self {
        Agenda {
            planned: 0,
            heap: BinaryHeap::new(),
            events: Vec::new(),
            free: Vec::new(),
            patience: Vec::new(),
        }
    }

    fn place(&mut self, at: Nanos) -> Place {
        self.planned += 1;
        (at, self.planned)
    }

    pub(super) fn plan(&mut self, at: Nanos, event: E) {
        let place = self.place(at);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[slot] = Some(event);
        self.heap.push(Reverse((place, slot)));
    }

    /// Somebody waits from now on, and no longer than this.
    pub(super) fn wait(&mut self, now: Nanos, length: Duration, who: T) {
        let end = (self.place(now + length), who);
        match self
            .patience
            .iter_mut()
            .find(|patience| patience.length == length)
        {
            Some(patience) => patience.ends.push_back(end),
            None => self.patience.push(Patience {
                length,
                ends: VecDeque::from([end]),
            }),
        }
    }

    /// What happens next, and when. Who does not wait any more is passed over.
    pub(super) fn next(&mut self, waits: impl Fn(T) -> bool) -> Option<(Nanos, Next<E, T>)> {
        for patience in &mut self.patience {
            while patience.ends.pop_front_if(|(_, who)| !waits(*who)).is_some() {}
        }
        let first = |patience: &&mut Patience<T>| patience.ends.front().map(|(place, _)| *place);
        let queues = self
            .patience
            .iter_mut()
            .filter(|patience| !patience.ends.is_empty());
        let patience = queues.min_by_key(first);
        let event = self.heap.peek().map(|Reverse((place, _))| *place);
        if let Some(patience) = patience
            && event.is_none_or(|event| patience.ends.front().is_some_and(|(late, _)| *late < event))
        {
            let ((at, _), who) = patience.ends.pop_front()?;
            return Some((at, Next::Late(who)));
        }
        let Reverse(((at, _), slot)) = self.heap.pop()?;
        self.free.push(slot);
        Some((at, Next::Event(self.events[slot].take()?)))
    }
}
