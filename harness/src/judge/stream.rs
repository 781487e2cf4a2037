//! The fast path: a history/1 file of one register that is judged while it is read, without keeping its operations.
//!
//! A stream can only prove a pass. Wherever it cannot, the file is read as a whole and judged by the checks that
//! can tell why; so the verdict never depends on which way was taken.

use std::fs::File;
use std::path::Path;

use checker::{Budget, Check, Stream, Verdict};
use histories::format::FormatError;
use histories::format::history1::Blocks;
use histories::{Header, Process};

use super::history::model;
use super::results::{Operations, Results};
use super::{Implied, Limits};
use crate::exit::Failure;

/// Between two looks at the stop flag.
const STRIDE: u64 = 1 << 16;

/// The results, if the stream could prove a pass.
pub fn judge(path: &Path, limits: &Limits, budget: &Budget) -> Result<Option<Results>, Failure> {
    let Some(blocks) = open(path, limits) else {
        return Ok(None);
    };
    let header = blocks.header().clone();
    let Some(stream) = stream(&header, limits)? else {
        return Ok(None);
    };
    let mut operations = Operations::default();
    // After an error the full reader says what is wrong, and where.
    let check = stream.run(blocks, |event| {
        if event.process != Process::Nemesis {
            operations.add(event.kind);
        }
        let stopped = event.index.is_multiple_of(STRIDE) && budget.is_cancelled();
        !event.is_final && !stopped
    });
    let proved = check.filter(|check| check.verdict == Verdict::Pass);
    Ok(proved.map(|check| results(path, &header, check, operations)))
}

/// The file, if it is one that can be streamed.
fn open(path: &Path, limits: &Limits) -> Option<Blocks<File>> {
    let is_history1 = |name: &str| name == "history1";
    if path.as_os_str() == "-" || !limits.format.as_deref().is_none_or(is_history1) {
        return None;
    }
    let open = || -> Result<Blocks<File>, FormatError> {
        let file = File::open(path).map_err(|source| FormatError::Read { file: None, source })?;
        Blocks::open(file)
    };
    open().ok()
}

fn stream(header: &Header, limits: &Limits) -> Result<Option<Stream>, Failure> {
    let Some(name) = limits.model.as_ref().or(header.model.as_ref()) else {
        return Ok(None);
    };
    Ok(Stream::of(
        header,
        model(name)?,
        &limits.options(Implied::default()),
    ))
}

fn results(path: &Path, header: &Header, check: Check, operations: Operations) -> Results {
    Results {
        operations,
        seed: header.seed,
        run: path.display().to_string(),
        ..Results::of(vec![check])
    }
}
