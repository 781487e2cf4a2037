//! Reading within a budget: a file that is too large for the limits ends the check as inconclusive, like a search.

use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use checker::{Budget, Check, CheckName, Stop, Verdict};
use histories::History;
use histories::format::{self, FormatError, Imported};
use serde_json::json;

use super::Limits;
use super::error::JudgeError;

/// What is asked for at once, so that the flag is seen soon.
const PIECE_BYTES: usize = 1 << 18;

/// How often it is looked whether a limit was reached.
const LOOK: Duration = Duration::from_millis(2);

/// Events of a history that takes long to be given back.
const LARGE: usize = 1 << 16;

/// An input that ends with an error when the budget's flag is set.
pub(super) struct Within<'a, R> {
    input: R,
    budget: &'a Budget,
}

impl<'a, R> Within<'a, R> {
    /// The input, within the budget.
    pub(super) fn new(input: R, budget: &'a Budget) -> Self {
        Within { input, budget }
    }
}

impl<R: Read> Read for Within<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(stop) = self.budget.stopped() {
            return Err(io::Error::other(format!("{} ended the reading", stop.as_str())));
        }
        let piece = buffer.len().min(PIECE_BYTES);
        self.input.read(&mut buffer[..piece])
    }
}

/// The history in a file; none if a limit was reached before its end.
///
/// It is read on a thread of its own. That ends soon after a limit, too, but first gives back what it has read, which takes
/// a large history as long as a check: nobody waits for it.
pub(super) fn read(
    path: &Path,
    limits: &Limits,
    budget: &Budget,
) -> Result<Result<Imported, Stop>, JudgeError> {
    let (tell, told) = channel();
    let (path, format, independent) = (path.to_owned(), limits.format.clone(), limits.independent);
    let within = budget.clone();
    let reader = std::thread::Builder::new().name("read".to_owned());
    let reader = reader.spawn(move || {
        // Whoever waited may have gone.
        let _ = tell.send(read_within(&path, format.as_deref(), independent, &within));
    });
    reader.map_err(JudgeError::Thread)?;
    loop {
        let read = told.recv_timeout(LOOK);
        match (read, budget.stopped()) {
            (_, Some(stop)) => return Ok(Err(stop)),
            (Ok(read), None) => return Ok(Ok(read?)),
            (Err(RecvTimeoutError::Timeout), None) => {}
            (Err(RecvTimeoutError::Disconnected), None) => {
                return Err(JudgeError::Panicked("the reading of the history"));
            }
        }
    }
}

fn read_within(
    path: &Path,
    format: Option<&str>,
    independent: format::Independent,
    budget: &Budget,
) -> Result<Imported, FormatError> {
    let stopped = || budget.stopped().is_some();
    let options = format::Options {
        format,
        independent,
        interrupt: format::Interrupt::when(&stopped),
    };
    match path.as_os_str() == "-" {
        true => format::read(Within::new(io::stdin().lock(), budget), &options),
        false => format::read_path_through(path, &options, &|file| Within::new(file, budget)),
    }
}

/// The check of a history that could not be read within the limits.
pub(super) fn unread(stop: Stop) -> Check {
    Check {
        name: CheckName::Linearizability,
        verdict: Verdict::Inconclusive,
        reason: format!("{} ended the check before the history was read", stop.as_str()),
        details: json!({"decided_by": {}, "undecided": []}),
        violations: Vec::new(),
    }
}

/// Gives the history's memory back beside the rest: that takes a large history as long as a check, and nobody waits for it.
pub(super) fn give_back(history: History) {
    if history.events.len() < LARGE {
        return;
    }
    let dropped = std::thread::Builder::new().name("give back".to_owned());
    // Without a thread it was dropped here.
    let _ = dropped.spawn(move || drop(history));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_read_within_the_limits_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"history\":1}\n").unwrap();
        let read = |budget: &Budget| {
            let read = read(file.path(), &Limits::default(), budget).unwrap();
            read.map(|imported| imported.history.events.len())
        };
        assert_eq!(read(&Budget::unlimited()), Ok(0));
        let full = Budget::unlimited();
        full.exhaust();
        assert_eq!(read(&full), Err(Stop::Bytes));
        assert!(unread(Stop::Bytes).reason.contains("the memory limit"));
    }
}
