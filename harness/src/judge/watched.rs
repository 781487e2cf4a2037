//! A check that is watched: it ends at its limits or when the user loses patience, and shows how far it is.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use checker::Budget;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Limits;

/// How often the watcher looks: limits are kept that closely.
const LOOK: Duration = Duration::from_millis(4);
/// What may be taken between two looks: so much, or this part of the limit if that is less, is left for it.
const MEANWHILE: u64 = 4 << 20;
const MEANWHILE_PART: u64 = 32;
/// How often progress is shown, in looks.
const SHOW: u32 = 25;
/// A check that is over by then shows nothing.
const SHORT: Duration = Duration::from_secs(1);

/// Do it; the budget is cancelled at the limit.
pub fn watched<T>(limits: &Limits, budget: &Budget, work: impl FnOnce() -> T) -> T {
    let (done, is_done) = channel::<()>();
    let most = limits.memory - MEANWHILE.min(limits.memory / MEANWHILE_PART);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let begin = Instant::now();
            let mut bar = None;
            let mut looks = 0;
            while is_done.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                looks += 1;
                if begin.elapsed() >= limits.timeout || limits.stop.is_set() {
                    budget.cancel();
                }
                if resident_bytes().is_some_and(|resident| resident > most) {
                    budget.exhaust();
                }
                if limits.progress && begin.elapsed() >= SHORT && looks % SHOW == 0 {
                    show(bar.get_or_insert_with(new_bar), budget);
                }
            }
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// What the process holds, with everything that no budget counts: the history itself, the allocator's slack. None where the
/// system does not tell.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("checking {wide_bar} {pos} of {len} keys, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, budget: &Budget) {
    let (done, total) = budget.progress();
    bar.set_length(total);
    bar.set_position(done);
    bar.tick();
}
