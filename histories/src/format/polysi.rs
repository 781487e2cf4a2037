//! PolySI's and IsoVista's text: `r(key,value,session,transaction)` or `w(…)` a line.
//!
//! The value 0 stands for a key that nobody wrote (PolySI's `TextHistoryLoader`). IsoVista's transaction -1 is an aborted one, of
//! which each line is one by itself. No times: the order is that of each session.

use std::io::BufRead;

use super::edn::{Fault, excerpt};
use super::error::FormatError;
use super::sessions::{Micro, Sessions};
use super::{Imported, Interrupt, Options, head_text, read_text};
use crate::value::Value;

pub(super) const NAME: &str = "polysi";

/// The id of what was aborted.
const ABORTED: i64 = -1;

/// Whether the first line is a read or a write.
pub(super) fn recognise(head: &[u8]) -> bool {
    let text = head_text(head);
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| line_of(line).is_some())
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let imported = sessions(&text, options.interrupt).and_then(|sessions| {
        let initial = sessions.initial_zero();
        sessions.imported(NAME, initial, options.interrupt)
    });
    imported.map_err(|fault| fault.place(&text))
}

fn sessions(text: &str, interrupt: Interrupt<'_>) -> Result<Sessions, Fault> {
    let mut sessions = Sessions::default();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        interrupt.look(start)?;
        let (micro, session, id) = line_of(line).ok_or_else(|| {
            let expected = "r or w, and (key,value,session,transaction) of integers";
            Fault::expected(start, expected, excerpt(line))
        })?;
        if id == ABORTED {
            sessions.transaction(session, false, vec![micro]);
        } else if let Err(other) = sessions.micro(session, id, micro) {
            let found = format!("transaction {id} in session {session} and in session {other}");
            return Err(Fault::expected(start, "a transaction in one session", found));
        }
        start += line.len();
    }
    Ok(sessions)
}

/// What a line says, its session and its transaction.
fn line_of(line: &str) -> Option<(Micro, u64, i64)> {
    let (word, rest) = line.trim_end().split_once('(')?;
    let mut numbers = rest.strip_suffix(')')?.split(',');
    let mut next = || numbers.next()?.parse::<i64>().ok();
    let (key, value, session, id) = (next()?, next()?, next()?, next()?);
    let writes = match word {
        "r" => false,
        "w" => true,
        _ => return None,
    };
    let micro = Micro {
        writes,
        key: Value::Int(key),
        value: Value::Int(value),
    };
    let session = u64::try_from(session).ok()?;
    (numbers.next().is_none() && id >= ABORTED).then_some((micro, session, id))
}
