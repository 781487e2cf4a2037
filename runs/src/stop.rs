//! A flag that is set once, and can be waited for.

use std::sync::Arc;

use tokio::sync::watch;

/// Set once; cheap to clone.
#[derive(Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// Not set.
    pub fn unset() -> Self {
        Stop(Arc::new(watch::Sender::new(false)))
    }

    /// Set it.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is set.
    pub async fn wait(&self) {
        // The sender lives in `self`, so this never fails.
        let _ = self.0.subscribe().wait_for(|set| *set).await;
    }
}
