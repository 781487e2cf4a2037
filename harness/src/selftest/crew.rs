//! Several runs side by side.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use runs::stop::Stop;

/// Do every job, so many at a time, in their order. What is not begun when `stop` is set is not done at all.
pub(crate) fn work<J: Sync, R: Send>(
    jobs: &[J],
    at_a_time: usize,
    stop: &Stop,
    act: impl Fn(usize, &J) -> R + Sync,
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new((0..jobs.len()).map(|_| None).collect::<Vec<Option<R>>>());
    std::thread::scope(|scope| {
        for _ in 0..at_a_time.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                while let Some((at, job)) = take(&next, jobs, stop) {
                    let result = act(at, job);
                    done.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn take<'a, J>(next: &AtomicUsize, jobs: &'a [J], stop: &Stop) -> Option<(usize, &'a J)> {
    if stop.is_set() {
        return None;
    }
    let at = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(at).map(|job| (at, job))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn every_job_is_done_once_and_two_at_a_time() {
        let jobs: Vec<u64> = (0..10).collect();
        // Two that wait for each other end only if both are under way.
        let pair = Barrier::new(2);
        let results = work(&jobs, 2, &Stop::unset(), |_, job| {
            pair.wait();
            job * 2
        });
        let doubled: Vec<_> = jobs.iter().map(|job| Some(job * 2)).collect();
        assert_eq!(results, doubled);
    }

    #[test]
    fn after_a_stop_nothing_is_begun() {
        let stop = Stop::unset();
        let results = work(&[1, 2, 3], 1, &stop, |_, job| {
            stop.set();
            *job
        });
        assert_eq!(results, [Some(1), None, None]);
    }
}
