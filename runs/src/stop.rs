//! A flag that is set once, and can be waited for.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set once; cheap to clone.
#[derive(Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_set: AtomicBool,
    /// Wakes those who wait in the order in which they came, so that a seed fixes who goes on first.
    waiting: Notify,
}

impl Stop {
    /// Not set.
    pub fn unset() -> Self {
        Stop::default()
    }

    /// Set it.
    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
        self.0.waiting.notify_waiters();
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// Returns when it is set.
    pub async fn wait(&self) {
        let mut set = pin!(self.0.waiting.notified());
        // From here on no setting is missed.
        set.as_mut().enable();
        if !self.is_set() {
            set.await;
        }
    }
}
