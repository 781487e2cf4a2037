//! A check that is watched: it ends at its limits or when the user loses patience, and tells how far it is.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use checker::Budget;

use super::Limits;

/// How often the watcher looks: limits are kept that closely.
const LOOK: Duration = Duration::from_millis(4);
/// What may be taken between two looks: so much, or this part of the limit if that is less, is left for it.
const MEANWHILE: u64 = 4 << 20;
const MEANWHILE_PART: u64 = 32;
/// What comes after the search belongs inside the limit of time: to tell how far it came, and to end the process. So long before the
/// limit the search ends, and so much longer for each GiB that the process holds, which the system takes back page by page; but
/// never more than this part of the limit.
const AFTERWARDS: Duration = Duration::from_millis(25);
const AFTERWARDS_PER_GIB: Duration = Duration::from_millis(150);
const AFTERWARDS_PART: u32 = 10;
/// How often progress is shown, in looks.
const SHOW: u32 = 25;
/// A check that is over by then shows nothing.
const SHORT: Duration = Duration::from_secs(1);

/// How far a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many keys are judged.
    Keys {
        /// These.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// The check is over; nothing more is shown.
    Over,
}

/// Shows it to whoever waits.
pub type Show = Arc<dyn Fn(Progress) + Send + Sync>;

/// Do it; the budget is cancelled at the limit.
pub(super) fn watched<T>(limits: &Limits, budget: &Budget, work: impl FnOnce() -> T) -> T {
    let (done, is_done) = channel::<()>();
    let most = limits.memory - MEANWHILE.min(limits.memory / MEANWHILE_PART);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let begin = Instant::now();
            let mut looks = 0;
            while is_done.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                looks += 1;
                let resident = resident_bytes();
                let left = afterwards(limits.timeout, resident.unwrap_or_default());
                if begin.elapsed() + left >= limits.timeout || limits.stop.is_set() {
                    budget.cancel();
                }
                if resident.is_some_and(|resident| resident > most) {
                    budget.exhaust();
                }
                if let Some(show) = &limits.progress
                    && begin.elapsed() >= SHORT
                    && looks % SHOW == 0
                {
                    let (done, total) = budget.progress();
                    show(Progress::Keys { done, total });
                }
            }
            if let Some(show) = &limits.progress {
                show(Progress::Over);
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// How long before the limit of time the search has to end.
fn afterwards(timeout: Duration, resident_bytes: u64) -> Duration {
    let of_memory = AFTERWARDS_PER_GIB.mul_f64(resident_bytes as f64 / (1u64 << 30) as f64);
    (AFTERWARDS + of_memory).min(timeout / AFTERWARDS_PART)
}

/// What the process holds, with everything that no budget counts: the history itself, the allocator's slack. None where the
/// system does not tell.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_search_is_inside_the_limit() {
        let minute = Duration::from_secs(60);
        assert_eq!(afterwards(minute, 0), AFTERWARDS);
        assert_eq!(afterwards(minute, 2 << 30), AFTERWARDS + 2 * AFTERWARDS_PER_GIB);
        let short = Duration::from_millis(100);
        assert_eq!(afterwards(short, 2 << 30), short / AFTERWARDS_PART);
    }
}
