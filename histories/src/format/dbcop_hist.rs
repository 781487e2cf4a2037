//! dbcop's text (`.hist`; its `docs/history-format.md`): transactions in brackets, `---` between sessions.
//!
//! ```text
//! // a comment
//! [x:=1 y:=2] [y==2 x==?]
//! ---
//! [x==1]!
//! ```
//!
//! `:=` writes, `==` reads, `==?` reads a key that nobody wrote, `!` marks what was not committed. No times: the order is that of
//! each session.

use std::io::BufRead;

use super::edn::{Fault, excerpt};
use super::error::FormatError;
use super::sessions::{Micro, Sessions};
use super::{Imported, Interrupt, Options, head_text, read_text};
use crate::value::Value;

pub(super) const NAME: &str = "dbcop-hist";

/// Whether the first line that says something begins with a transaction.
pub(super) fn recognise(head: &[u8]) -> bool {
    let mut lines = head_text(head).lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with("//") && !is_separator(line));
    let inside = first.and_then(|line| line.strip_prefix('['));
    inside.is_some_and(|inside| {
        let word = inside.split([' ', ']']).next().unwrap_or_default();
        micro(word).is_some()
    })
}

fn is_separator(line: &str) -> bool {
    !line.is_empty() && line.chars().all(|letter| letter == '-')
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let sessions = sessions(&text, options.interrupt);
    let imported = sessions.and_then(|sessions| sessions.imported(NAME, Value::Null, options.interrupt));
    imported.map_err(|fault| fault.place(&text))
}

fn sessions(text: &str, interrupt: Interrupt<'_>) -> Result<Sessions, Fault> {
    let (mut sessions, mut session, mut start) = (Sessions::default(), 1, 0);
    for line in text.split_inclusive('\n') {
        interrupt.look(start)?;
        let said = line.split("//").next().unwrap_or_default();
        match is_separator(said.trim()) {
            true => session += 1,
            false => read_line(said, start, session, &mut sessions)?,
        }
        start += line.len();
    }
    Ok(sessions)
}

fn read_line(line: &str, start: usize, session: u64, sessions: &mut Sessions) -> Result<(), Fault> {
    let mut rest = line.trim_end();
    loop {
        rest = rest.trim_start();
        let at = start + line.trim_end().len() - rest.len();
        if rest.is_empty() {
            return Ok(());
        }
        let Some((inside, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
            let expected = "a transaction in brackets, or dashes between sessions";
            return Err(Fault::expected(at, expected, excerpt(rest)));
        };
        let mut micros = Vec::new();
        for word in inside.split_whitespace() {
            let offset = at + 1 + (word.as_ptr() as usize - inside.as_ptr() as usize);
            let expected = "x:=1 (a write), x==1 or x==? (reads)";
            micros.push(micro(word).ok_or_else(|| Fault::expected(offset, expected, excerpt(word)))?);
        }
        let aborted = behind.strip_prefix('!');
        sessions.transaction(session, aborted.is_none(), micros);
        rest = aborted.unwrap_or(behind);
    }
}

fn micro(word: &str) -> Option<Micro> {
    let (key, version, writes) = match word.split_once(":=") {
        Some((key, version)) => (key, version, true),
        None => word
            .split_once("==")
            .map(|(key, version)| (key, version, false))?,
    };
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let named = key.chars().all(is_name) && !key.starts_with(|letter: char| letter.is_ascii_digit());
    let value = match version {
        "?" if !writes => Value::Null,
        version => Value::Int(
            version
                .parse::<u32>()
                .map(i64::from)
                .or_else(|_| version.parse())
                .ok()?,
        ),
    };
    (named && !key.is_empty() && value >= Value::Null).then(|| Micro {
        writes,
        key: key.into(),
        value,
    })
}
