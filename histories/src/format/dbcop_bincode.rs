//! `history.bincode` of dbcop's first version (OOPSLA 2019), which PolySI's benchmarks come in (its `DBCopHistoryLoader`).
//!
//! ```text
//! history      five numbers (id, nodes, variables, transactions, events) | info | start | end | sessions
//! text         length | bytes          list   length | elements
//! transaction  list of events | succeeded: 1
//! event        writes: 1 | variable | version | succeeded: 1
//! ```
//!
//! Numbers have eight bytes, the least first; the version 0 is that of a key that nobody wrote. What an event says that did not
//! succeed is nothing. No times: the order is that of each session.

use std::io::BufRead;

use super::bytes::Bytes;
use super::edn::Fault;
use super::error::FormatError;
use super::sessions::{Micro, Sessions};
use super::{Imported, Interrupt, Options, read_bytes};
use crate::value::Value;

pub(super) const NAME: &str = "dbcop-bincode";

/// Numbers that no header of a real history has: what begins so is something else.
const NUMBER_MAX: u64 = 1 << 40;

/// Whether the file begins with five small numbers and a short text. No text begins so: such numbers have zeroes in them.
pub(super) fn recognise(head: &[u8]) -> bool {
    let mut bytes = Bytes::new(head, 0);
    let mut small = || {
        bytes
            .u64_le("a number")
            .ok()
            .filter(|number| *number < NUMBER_MAX)
    };
    let numbers: Option<Vec<u64>> = (0..6).map(|_| small()).collect();
    let Some(length) = numbers.and_then(|numbers| usize::try_from(numbers[5]).ok()) else {
        return false;
    };
    let info = bytes
        .take(length.min(bytes.left()), "the info")
        .unwrap_or_default();
    (1..256).contains(&length) && std::str::from_utf8(info).is_ok()
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let bytes = read_bytes(input)?;
    let imported = sessions(&bytes, options.interrupt).and_then(|sessions| {
        let initial = sessions.initial_zero();
        sessions.imported(NAME, initial, options.interrupt)
    });
    imported.map_err(Fault::in_bytes)
}

fn sessions(bytes: &[u8], interrupt: Interrupt<'_>) -> Result<Sessions, Fault> {
    let (mut bytes, mut sessions) = (Bytes::new(bytes, 0), Sessions::default());
    for what in [
        "an id",
        "a count of nodes",
        "of variables",
        "of transactions",
        "of events",
    ] {
        bytes.u64_le(what)?;
    }
    for what in ["the info", "when it began", "when it ended"] {
        let length = count(&mut bytes)?;
        bytes.take(length, what)?;
    }
    for session in 1..=count(&mut bytes)? as u64 {
        for _ in 0..count(&mut bytes)? {
            interrupt.look(bytes.offset())?;
            let micros = events(&mut bytes)?;
            let committed = truth(&mut bytes)?;
            sessions.transaction(session, committed, micros);
        }
    }
    match bytes.left() {
        0 => Ok(sessions),
        left => {
            let found = format!("{left} bytes more");
            Err(Fault::expected(bytes.offset(), "the end of the file", found))
        }
    }
}

fn events(bytes: &mut Bytes<'_>) -> Result<Vec<Micro>, Fault> {
    let mut micros = Vec::new();
    for _ in 0..count(bytes)? {
        let writes = truth(bytes)?;
        let (key, value) = (number(bytes)?, number(bytes)?);
        if truth(bytes)? {
            micros.push(Micro { writes, key, value });
        }
    }
    Ok(micros)
}

/// A length; each of what it counts has a byte at least.
fn count(bytes: &mut Bytes<'_>) -> Result<usize, Fault> {
    let at = bytes.offset();
    let number = bytes.u64_le("a length")?;
    let fits = |count: &usize| *count <= bytes.left();
    usize::try_from(number).ok().filter(fits).ok_or_else(|| {
        let found = format!("{number}, with {} bytes left", bytes.left());
        Fault::expected(at, "a length that the file has room for", found)
    })
}

fn number(bytes: &mut Bytes<'_>) -> Result<Value, Fault> {
    let at = bytes.offset();
    let number = bytes.u64_le("a variable or a version")?;
    i64::try_from(number)
        .map(Value::Int)
        .map_err(|_| Fault::expected(at, "a number of 63 bits", number.to_string()))
}

fn truth(bytes: &mut Bytes<'_>) -> Result<bool, Fault> {
    let at = bytes.offset();
    match bytes.byte("0 or 1")? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Fault::expected(at, "0 or 1", other.to_string())),
    }
}
