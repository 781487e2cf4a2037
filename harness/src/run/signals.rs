//! Ctrl-C: the first ends the load early, the second stops at once. SIGTERM counts like Ctrl-C.

use tokio::sync::watch;

use crate::errors::RunError;

/// How often the user has asked to stop.
pub(crate) struct Signals(watch::Receiver<u32>);

impl Signals {
    /// Listen from now on.
    pub(crate) fn listen() -> Result<Self, RunError> {
        let (count, seen) = watch::channel(0);
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .map_err(RunError::Signals)?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    asked = tokio::signal::ctrl_c() => if asked.is_err() { return },
                    _ = terminate.recv() => {}
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Signals(seen))
    }

    async fn reached(&self, times: u32) {
        // Without a sender there is nobody who could ask.
        if self.0.clone().wait_for(|count| *count >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns at the first.
    pub(crate) async fn first(&self) {
        self.reached(1).await;
    }

    /// Returns at the third.
    pub(crate) async fn third(&self) {
        self.reached(3).await;
    }

    /// Returns at the second.
    pub(crate) async fn second(&self) {
        self.reached(2).await;
    }
}
