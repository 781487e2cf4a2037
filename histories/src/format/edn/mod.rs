//! EDN (<https://github.com/edn-format/edn>), as far as histories use it.
//!
//! Our own parser, because every error in a history names its line and column, also an error of meaning in the
//! middle of a form (an unknown `:type`), and no EDN crate says where a value stands: `clojure-reader` gives places
//! for syntax errors only, `edn-format` none, `edn-rs` is deprecated.
//!
//! Beyond EDN it takes what Clojure prints into histories: hexadecimal numbers (`#object[… 0x1f …]`) and `##NaN`.

mod parse;

use std::borrow::Cow;
use std::fmt;

use super::error::{FormatError, Problem};
use crate::value::whole;
pub(super) use parse::Parser;
use parse::is_symbol;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node<'a> {
    pub edn: Edn<'a>,
    /// The byte offset of its first character.
    pub start: usize,
    /// The byte offset behind its last.
    pub end: usize,
}

/// An EDN value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edn<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// A float, a ratio, or an integer of more than 64 bits, as written.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    Char(char),
    /// Without its colon.
    Keyword(&'a str),
    Symbol(&'a str),
    /// A vector or a list.
    Sequence(Vec<Node<'a>>),
    /// Its elements as they stand, in no order that means anything.
    Set(Vec<Node<'a>>),
    Map(Vec<(Node<'a>, Node<'a>)>),
    Tagged(&'a str, Box<Node<'a>>),
}

impl Edn<'_> {
    /// An integer, also one that is written as a float (`1.0`), as JavaScript's numbers are: up to 2^53, above which a
    /// float is not one integer alone.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Edn::Int(number) => Some(*number),
            Edn::Number(written) => whole(written.strip_suffix('M').unwrap_or(written).parse().ok()?),
            _ => None,
        }
    }

    /// The text of a keyword, a string or a symbol.
    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Edn::Keyword(word) | Edn::Symbol(word) => Some(word),
            Edn::Text(word) => Some(word),
            _ => None,
        }
    }
}

/// As EDN.
impl fmt::Display for Edn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edn::Nil => f.write_str("nil"),
            Edn::Bool(truth) => truth.fmt(f),
            Edn::Int(number) => number.fmt(f),
            Edn::Number(number) => f.write_str(number),
            Edn::Text(text) => f.write_str(&quoted(text)),
            Edn::Char(letter) => write!(f, "\\{letter}"),
            Edn::Keyword(word) => write!(f, ":{word}"),
            Edn::Symbol(word) => f.write_str(word),
            Edn::Sequence(elements) => write_elements(f, "[", elements, "]"),
            Edn::Set(elements) => write_elements(f, "#{", elements, "}"),
            Edn::Map(pairs) => {
                f.write_str("{")?;
                for (at, (key, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{} {}", if at > 0 { ", " } else { "" }, key.edn, value.edn)?;
                }
                f.write_str("}")
            }
            Edn::Tagged(tag, form) => write!(f, "#{tag} {}", form.edn),
        }
    }
}

fn write_elements(f: &mut fmt::Formatter<'_>, open: &str, elements: &[Node<'_>], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (at, element) in elements.iter().enumerate() {
        write!(f, "{}{}", if at > 0 { " " } else { "" }, element.edn)?;
    }
    f.write_str(close)
}

/// A string as EDN writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a text can stand as `:text`, and is the same when read again.
pub(super) fn is_keyword(text: &str) -> bool {
    is_symbol(text) && text.is_ascii()
}

/// A place and what is wrong there.
#[derive(Debug)]
pub(super) struct Fault {
    pub offset: usize,
    pub problem: Problem,
}

impl Fault {
    pub(super) fn expected(offset: usize, expected: &'static str, found: impl Into<String>) -> Self {
        Fault {
            offset,
            problem: Problem::expected(expected, found),
        }
    }

    /// The error in a file that has bytes and no lines.
    pub(super) fn in_bytes(self) -> FormatError {
        FormatError::MalformedBytes {
            file: None,
            offset: self.offset as u64,
            problem: self.problem,
        }
    }

    /// The error with line and column instead of the offset into `text`.
    pub(super) fn place(self, text: &str) -> FormatError {
        let before = &text.as_bytes()[..self.offset.min(text.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = 1 + before.len() - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        FormatError::at(line as u64, column as u64, self.problem)
    }
}

/// What a message shows of a text: its first line, and not more than a few words.
pub(super) fn excerpt(text: &str) -> String {
    const CHARS: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "nothing".into(),
        None => line.into(),
    }
}
