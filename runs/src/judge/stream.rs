//! The fast path: a history/1 file of one register that is judged while it is read, without keeping its operations.
//!
//! A stream can only prove a pass. Wherever it cannot, the file is read as a whole and judged by the checks that
//! can tell why; so the verdict never depends on which way was taken.

use std::fs::File;
use std::io::{Chain, Cursor, Read};
use std::path::Path;

use checker::{Budget, Check, Stream, Verdict};
use histories::format::history1::{self, Blocks};
use histories::format::{self, Unpacked};
use histories::{Header, Process};

use super::error::JudgeError;
use super::history::model;
use super::naming::{self, Named};
use super::{Implied, Limits};
use crate::record::{Operations, Results};

/// Enough of a file to recognise its format.
const HEAD_BYTES: u64 = 64 * 1024;

/// Between two looks at the stop flag.
const STRIDE: u64 = 1 << 16;

/// The results, if the stream could prove a pass.
pub(super) fn judge(path: &Path, limits: &Limits, budget: &Budget) -> Result<Option<Results>, JudgeError> {
    let Some(blocks) = open(path, limits) else {
        return Ok(None);
    };
    let mut header = blocks.header().clone();
    let Some(named) = Named::in_header(&header, limits) else {
        return Ok(None);
    };
    naming::start(&mut header, &named, limits)?;
    let Some(stream) = stream(&header, &named, limits)? else {
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
    Ok(proved.map(|mut check| Results {
        judged_as: Some(named.judged(&mut check)),
        ..results(path, &header, check, operations)
    }))
}

/// A file of which the beginning has been read.
type Begun = Chain<Cursor<Vec<u8>>, Unpacked<File>>;

/// The file, if it is one that can be streamed. Its format is recognised first: what is no history/1 may be one line of
/// gigabytes, in which a header would be looked for.
fn open(path: &Path, limits: &Limits) -> Option<Blocks<Begun>> {
    let is_history1 = |name: &str| name == history1::NAME;
    if path.as_os_str() == "-" || !limits.format.as_deref().is_none_or(is_history1) {
        return None;
    }
    let file = File::open(path).ok()?;
    let (mut file, mut head) = (format::unpack(file).ok()?, Vec::new());
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    format::recognise(&head).filter(|format| is_history1(format.name))?;
    Blocks::open(Cursor::new(head).chain(file)).ok()
}

fn stream(header: &Header, named: &Named, limits: &Limits) -> Result<Option<Stream>, JudgeError> {
    let row = model(&named.model)?;
    let options = limits.options(Implied::default(), row, format::has_real_time(header))?;
    Ok(Stream::of(header, row, &options))
}

fn results(path: &Path, header: &Header, check: Check, operations: Operations) -> Results {
    Results {
        operations,
        seed: header.seed,
        run: path.display().to_string(),
        ..Results::of(vec![check])
    }
}
