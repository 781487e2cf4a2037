//! The thread that starts every process. A parent-death signal is sent when the *thread* that spawned the child ends,
//! so there is one that lives as long as this process.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

static SPAWNER: Mutex<Option<Sender<Job>>> = Mutex::new(None);

/// Run `job` on the spawning thread, after those that came before.
pub(super) fn submit(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut spawner = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner);
    let jobs = match spawner.take() {
        Some(jobs) => jobs,
        None => begin()?,
    };
    let accepted = jobs.send(Box::new(job));
    *spawner = Some(jobs);
    accepted.map_err(|_| io::Error::other("the thread that starts processes has ended"))
}

fn begin() -> io::Result<Sender<Job>> {
    let (jobs, queue) = mpsc::channel::<Job>();
    thread::Builder::new()
        .name("nemesis-spawner".to_owned())
        .spawn(move || queue.into_iter().for_each(|job| job()))?;
    Ok(jobs)
}
