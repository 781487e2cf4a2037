//! The gate: while it is closed, no client of the workload begins an operation.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Shared by the clients, who pass, and the nemesis, who opens and closes.
#[derive(Clone, Default)]
pub struct Gate(Arc<Shared>);

#[derive(Default)]
struct Shared {
    closed: AtomicBool,
    in_flight: AtomicUsize,
    /// Wakes those who wait in the order in which they came.
    opened: Notify,
}

/// The right to do one operation; it is in flight until this is dropped.
pub struct Pass(Gate);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gate {
    /// An open gate.
    pub fn opened() -> Self {
        Gate::default()
    }

    /// Open or close it.
    pub fn set(&self, open: bool) {
        self.0.closed.store(!open, Ordering::SeqCst);
        if open {
            self.0.opened.notify_waiters();
        }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        !self.0.closed.load(Ordering::SeqCst)
    }

    /// How many operations of the workload are in flight.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::SeqCst)
    }

    /// Wait until it is open, and pass.
    pub async fn pass(&self) -> Pass {
        loop {
            let mut opened = pin!(self.0.opened.notified());
            opened.as_mut().enable();
            if self.is_open() {
                self.0.in_flight.fetch_add(1, Ordering::SeqCst);
                let pass = Pass(self.clone());
                // It may have closed in between: whoever closes and then sees nothing in flight must be right.
                if self.is_open() {
                    return pass;
                }
            } else {
                opened.await;
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
