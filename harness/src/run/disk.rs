//! How long the machine takes to put a block on disk, while a store is waited for.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use histories::Nanos;

/// Between two blocks.
const PAUSE: Duration = Duration::from_millis(100);
/// What a file system writes at least.
const BLOCK: [u8; 4096] = [0; 4096];

/// Writes a block again and again, and keeps the longest time that it took.
pub(super) struct DiskWatch {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<Duration>>>,
}

impl DiskWatch {
    /// In this folder, in a file that is gone afterwards. Where that cannot be, nothing is measured.
    pub(super) fn start(folder: &Path) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (is_over, file) = (Arc::clone(&over), folder.join(".disk-watch"));
        let watch = thread::Builder::new().name("disk-watch".to_owned());
        DiskWatch {
            thread: watch.spawn(move || watched(&file, &is_over)).ok(),
            over,
        }
    }

    /// The longest time.
    pub(super) fn finish(self) -> Option<Nanos> {
        self.over.store(true, Ordering::Relaxed);
        let slowest = self.thread?.join().ok()??;
        Some(Nanos(slowest.as_nanos() as u64))
    }
}

fn watched(path: &Path, over: &AtomicBool) -> Option<Duration> {
    let mut slowest = None;
    while !over.load(Ordering::Relaxed) {
        slowest = slowest.max(synced(path).ok());
        thread::sleep(PAUSE);
    }
    let _ = std::fs::remove_file(path);
    slowest
}

fn synced(path: &Path) -> std::io::Result<Duration> {
    let begun = Instant::now();
    let mut file = File::create(path)?;
    file.write_all(&BLOCK)?;
    file.sync_data()?;
    Ok(begun.elapsed())
}
