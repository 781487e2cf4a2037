//! The operations of etcd's robustness tests, as histories of single keys: `revision-register`, whose versions are etcd's
//! `mod_revision`.
//!
//! | etcd | here |
//! | --- | --- |
//! | a range | a read of each key that it shows, and of each key of the history in it that it does not |
//! | a put, a delete | a write; what is deleted is the value [`ABSENT`] |
//! | a transaction whose condition is a key's revision | a cas from the value of that revision, where it writes the key; else a read |
//! | a condition that did not hold | a `fail`, and what its other branch did |
//! | a lease that is revoked | for each key that was put with it a write of unknown outcome |
//! | an error | `info` of what writes, `fail` of what reads |
//! | a range at an old revision | `info`: it says nothing of the present |
//!
//! That a transaction takes its keys at one moment is not kept, and said so ([`NOTES`](super::NOTES)). Times are the tests'
//! own: at equal times an operation begins before another ends, as Porcupine's intervals are closed.

mod register;
#[cfg(test)]
mod tests;
mod wire;

use std::io::BufRead;
use std::path::PathBuf;

use self::register::Registers;
use self::wire::Operation;
use super::error::{FormatError, Problem, words};
use super::{Imported, Interrupt, Options, head_text, read_text};

pub(super) const NAME: &str = "etcd-robustness";

/// The value of a key that is not there, in histories that delete.
const ABSENT: &str = "(absent)";

/// Whether the first operation is one of Porcupine's with a request of etcd's.
pub(super) fn recognise(head: &[u8]) -> bool {
    let text = head_text(head).trim_start();
    let inside = text.strip_prefix('{').map(str::trim_start);
    let is_operation = inside.is_some_and(|inside| inside.starts_with("\"Client"));
    is_operation && text.contains("\"Input\"") && text.contains("\"Type\"")
}

/// The row's reader: the operations of one client, or of several one after the other.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    import_all(&[(PathBuf::new(), text.into_bytes())], options).map_err(|(_, error)| error)
}

/// An operation and where it stands.
struct Read {
    operation: Operation,
    file: usize,
    line: u64,
}

/// The operations of all clients, a file each; an error with the number of its file.
pub(super) fn import_all(
    files: &[(PathBuf, Vec<u8>)],
    options: &Options<'_>,
) -> Result<Imported, (usize, FormatError)> {
    let mut read = Vec::new();
    for (file, (_, bytes)) in files.iter().enumerate() {
        let text = read_text(&mut bytes.as_slice()).map_err(|error| (file, error))?;
        operations(&text, file, options.interrupt, &mut read).map_err(|error| (file, error))?;
    }
    let mut registers = Registers::of(&read);
    for each in &read {
        let taken = registers.take(each);
        taken.map_err(|problem| (each.file, FormatError::at(each.line, 1, problem)))?;
    }
    Ok(registers.imported())
}

fn operations(
    text: &str,
    file: usize,
    interrupt: Interrupt<'_>,
    read: &mut Vec<Read>,
) -> Result<(), FormatError> {
    let mut each = serde_json::Deserializer::from_str(text).into_iter::<Operation>();
    // Lines are counted up to where the last operation began.
    let (mut line, mut counted) = (1, 0);
    loop {
        let blank = text[each.byte_offset()..].len() - text[each.byte_offset()..].trim_start().len();
        let start = each.byte_offset() + blank;
        line += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..start]).count() as u64;
        counted = start;
        if interrupt.stops() {
            return Err(FormatError::at(line, 1, Problem::Stopped));
        }
        match each.next() {
            None => return Ok(()),
            Some(Ok(operation)) => read.push(Read {
                operation,
                file,
                line,
            }),
            Some(Err(error)) => {
                let (at, column) = (error.line().max(1) as u64, error.column().max(1) as u64);
                return Err(FormatError::at(at, column, Problem::Json(words(&error))));
            }
        }
    }
}
