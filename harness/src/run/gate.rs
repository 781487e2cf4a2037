//! The gate: while it is closed, no client of the workload begins an operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// Shared by the clients, who pass, and the nemesis, who opens and closes.
#[derive(Clone)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    in_flight: Arc<AtomicUsize>,
}

/// The right to do one operation; it is in flight until this is dropped.
pub struct Pass {
    in_flight: Arc<AtomicUsize>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gate {
    /// An open gate.
    pub fn opened() -> Self {
        Gate {
            open: Arc::new(watch::Sender::new(true)),
            in_flight: Arc::default(),
        }
    }

    /// Open or close it.
    pub fn set(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// How many operations of the workload are in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Wait until it is open, and pass.
    pub async fn pass(&self) -> Pass {
        let mut open = self.open.subscribe();
        loop {
            // The sender lives in `self`, so this never fails.
            let _ = open.wait_for(|open| *open).await;
            self.in_flight.fetch_add(1, Ordering::SeqCst);
            let pass = Pass {
                in_flight: Arc::clone(&self.in_flight),
            };
            // It may have closed in between: whoever closes and then sees nothing in flight must be right.
            if self.is_open() {
                return pass;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_gate_lets_nobody_pass_and_drains() {
        let gate = Gate::opened();
        let pass = gate.pass().await;
        gate.set(false);
        assert_eq!(gate.in_flight(), 1);
        drop(pass);
        assert_eq!(gate.in_flight(), 0);
        let waiting = gate.clone();
        let passes = tokio::spawn(async move { drop(waiting.pass().await) });
        tokio::task::yield_now().await;
        assert!(!passes.is_finished());
        gate.set(true);
        passes.await.unwrap();
    }
}
