//! When what waits of a stream came, so that it can be handed on later.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What came while a delay was in force; what waited before that is due at once.
#[derive(Default)]
pub(super) struct Arrivals {
    chunks: VecDeque<(Instant, usize)>,
    /// All bytes of these.
    bytes: usize,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Arrivals {
    /// So many bytes have come.
    pub(super) fn came(&mut self, now: Instant, bytes: usize) {
        self.chunks.push_back((now, bytes));
        self.bytes += bytes;
    }

    /// Of so many that waited, these have gone: the oldest.
    pub(super) fn went(&mut self, waited: usize, gone: usize) {
        let mut left = gone.saturating_sub(waited - self.bytes);
        while left > 0
            && let Some((_, bytes)) = self.chunks.front_mut()
        {
            let part = left.min(*bytes);
            *bytes -= part;
            self.bytes -= part;
            left -= part;
            if *bytes == 0 {
                self.chunks.pop_front();
            }
        }
    }

    /// Nothing waits any more.
    pub(super) fn forget(&mut self) {
        self.chunks.clear();
        self.bytes = 0;
    }

    /// How many of so many that wait came at least `delay` ago.
    pub(super) fn due(&self, waiting: usize, now: Instant, delay: Duration) -> usize {
        let due = self.chunks.iter().take_while(|(came, _)| *came + delay <= now);
        waiting - self.bytes + due.map(|(_, bytes)| bytes).sum::<usize>()
    }

    /// Have the task woken when the first of them is due.
    pub(super) fn wake_when_due(&mut self, delay: Duration, context: &mut Context<'_>) {
        let Some((came, _)) = self.chunks.front() else {
            return;
        };
        let alarm = self.alarm.insert(Box::pin(sleep_until(*came + delay)));
        if alarm.as_mut().poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_came_first_is_due_first_and_what_waited_before_at_once() {
        let (start, delay) = (Instant::now(), Duration::from_millis(30));
        let at = |ms| start + Duration::from_millis(ms);
        let mut arrivals = Arrivals::default();
        arrivals.came(at(0), 10);
        arrivals.came(at(20), 5);
        // Seven bytes were there before the delay.
        assert_eq!(arrivals.due(22, at(29), delay), 7);
        assert_eq!(arrivals.due(22, at(30), delay), 17);
        arrivals.went(22, 9);
        assert_eq!(arrivals.due(13, at(30), delay), 8);
        assert_eq!(arrivals.due(13, at(50), delay), 13);
        arrivals.went(13, 13);
        arrivals.came(at(60), 3);
        assert_eq!(arrivals.due(3, at(61), delay), 0);
        arrivals.forget();
        assert_eq!(arrivals.due(3, at(61), delay), 3);
    }
}
