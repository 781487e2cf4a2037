//! Cobra's logs (Tan et al., OSDI 2020; as PolySI's `CobraHistoryLoader` reads them): one file a session.
//!
//! ```text
//! S transaction                          begins
//! W write, key, value                    each number of eight bytes, the greatest first
//! R transaction, write, key, value       whose write was read
//! C transaction                          commits
//! ```
//!
//! A write is known by its number, which is what is taken for its value: Cobra makes no number twice. What was read before
//! anybody wrote has the marks of the initial transaction. No times: the order is that of each session.

use std::io::BufRead;
use std::path::PathBuf;

use super::bytes::Bytes;
use super::edn::Fault;
use super::error::FormatError;
use super::sessions::{Micro, Sessions};
use super::{Imported, Interrupt, Options, read_bytes};
use crate::value::Value;

pub(super) const NAME: &str = "cobra";

/// The initial transaction, and what stands for none.
const INITIAL: [i64; 2] = [0xbebe_ebee, 0xdead_beef];
/// Reads of Cobra's own garbage collection: of no key.
const COLLECTS: [i64; 2] = [0x2333_2333, 0x6666_6666];

/// Whether the file begins with a transaction, whose number is none of letters.
pub(super) fn recognise(head: &[u8]) -> bool {
    match head {
        [b'S', id @ .., b'W' | b'R' | b'C'] if id.len() == 8 => id.contains(&0),
        [b'S', ..] => head.len() > 10 && recognise(&head[..10]),
        _ => false,
    }
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    import_all(&[(PathBuf::new(), read_bytes(input)?)], options).map_err(|(_, error)| error)
}

/// All sessions, one file each; an error with the number of its file.
pub(super) fn import_all(
    files: &[(PathBuf, Vec<u8>)],
    options: &Options<'_>,
) -> Result<Imported, (usize, FormatError)> {
    let mut sessions = Sessions::default();
    for (number, (_, bytes)) in files.iter().enumerate() {
        let read = read_session(bytes, number as u64, options.interrupt, &mut sessions);
        read.map_err(|fault| (number, fault.in_bytes()))?;
    }
    let imported = sessions.imported(NAME, Value::Null, options.interrupt);
    imported.map_err(|fault| (0, fault.in_bytes()))
}

fn read_session(
    bytes: &[u8],
    session: u64,
    interrupt: Interrupt<'_>,
    sessions: &mut Sessions,
) -> Result<(), Fault> {
    let mut bytes = Bytes::new(bytes, 0);
    while bytes.left() > 0 {
        let at = bytes.offset();
        interrupt.look(at)?;
        match bytes.byte("a record")? {
            b'S' => {}
            other => return Err(record(at, "S, where a transaction begins", other)),
        }
        let id = bytes.i64("a transaction's id")?;
        let micros = transaction(&mut bytes, id)?;
        sessions.transaction(session, true, micros);
    }
    Ok(())
}

/// The reads and writes up to the commit.
fn transaction(bytes: &mut Bytes<'_>, id: i64) -> Result<Vec<Micro>, Fault> {
    let mut micros = Vec::new();
    loop {
        let at = bytes.offset();
        match bytes.byte("a read, a write or the commit")? {
            b'W' => {
                let (write, key) = (bytes.i64("a write's number")?, bytes.i64("a key")?);
                bytes.i64("a value")?;
                micros.push(Micro {
                    writes: true,
                    key: Value::Int(key),
                    value: Value::Int(write),
                });
            }
            b'R' => {
                let (writer, write) = (bytes.i64("a writer's id")?, bytes.i64("a write's number")?);
                let key = bytes.i64("a key")?;
                bytes.i64("a value")?;
                let is_initial = INITIAL.contains(&writer);
                if is_initial && COLLECTS.contains(&write) {
                    continue;
                }
                micros.push(Micro {
                    writes: false,
                    key: Value::Int(key),
                    value: if is_initial {
                        Value::Null
                    } else {
                        Value::Int(write)
                    },
                });
            }
            b'C' => {
                let committed = bytes.i64("a transaction's id")?;
                if committed != id {
                    let found = format!("that of {committed}");
                    return Err(Fault::expected(
                        at,
                        "the commit of the transaction that began",
                        found,
                    ));
                }
                return Ok(micros);
            }
            other => return Err(record(at, "R, W or C", other)),
        }
    }
}

fn record(at: usize, expected: &'static str, found: u8) -> Fault {
    Fault::expected(at, expected, format!("the byte 0x{found:02x}"))
}
