//! The threads that start processes. A parent-death signal is sent when the *thread* that spawned the child ends, so these
//! live as long as there is anybody who could start a node on them.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// The thread of all nodes that share this process's network.
static SHARED: Mutex<Option<Spawner>> = Mutex::new(None);

/// A thread that does what it is told, one after another. It ends with the last handle of it.
#[derive(Clone)]
pub(super) struct Spawner {
    jobs: Sender<Job>,
}

impl Spawner {
    /// One that lives as long as this process.
    pub(super) fn shared() -> io::Result<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let spawner = match shared.take() {
            Some(spawner) => spawner,
            None => Spawner::begin("nemesis-spawner".to_owned())?,
        };
        *shared = Some(spawner.clone());
        Ok(spawner)
    }

    /// A new one.
    pub(super) fn begin(name: String) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name(name)
            .spawn(move || queue.into_iter().for_each(|job| job()))?;
        Ok(Spawner { jobs })
    }

    /// Run `job` on the thread, after those that came before.
    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let ended = |_| io::Error::other("the thread that starts processes has ended");
        self.jobs.send(Box::new(job)).map_err(ended)
    }
}
