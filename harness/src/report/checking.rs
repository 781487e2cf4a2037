//! The bar of a check that takes long.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use runs::judge::{Progress, Show};

/// A bar on standard error, which is there as long as the check lasts.
pub(crate) fn bar() -> Show {
    let bar: Mutex<Option<ProgressBar>> = Mutex::new(None);
    Arc::new(move |progress| {
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::Keys { done, total } => {
                let bar = bar.get_or_insert_with(drawn);
                bar.set_length(total);
                bar.set_position(done);
                bar.tick();
            }
            Progress::Over => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    })
}

fn drawn() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("checking {wide_bar} {pos} of {len} keys, {elapsed}") {
        bar.set_style(style);
    }
    bar
}
