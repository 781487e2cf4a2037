//! The operations of a run: read event by event into a table, of which the page gets as many as it can hold.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use histories::format::history1::{EventRef, Events, ValueRef};
use histories::format::{FormatError, Problem};
use histories::{Header, Kind, Nanos, Process, RunFolder};
use serde::Serialize;

use super::columns::EXACT;
use crate::exit::Failure;

/// Values are shown up to this many characters; the history has all of them.
const LONGEST: usize = 200;

/// No completion, no key, no node: nothing.
pub const NONE: u32 = u32::MAX;

/// Texts by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Names {
    /// The number of a text, a new one if it is new.
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// The text of a number.
    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }
}

impl Serialize for Names {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.texts.serialize(serializer)
    }
}

/// A value of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number that the page holds exactly.
    Number(i64),
    /// Anything else, as in the file.
    Text(u32),
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// When it was invoked.
    pub start: Nanos,
    /// When it completed, if it did.
    pub end: Option<Nanos>,
    /// The index of its invocation.
    pub invoke: u32,
    /// The index of its completion, or [`NONE`].
    pub complete: u32,
    /// Who.
    pub process: u64,
    /// The number of its word, key, node and error; [`NONE`] where there is none.
    pub f: u32,
    /// See `f`.
    pub key: u32,
    /// See `f`.
    pub node: u32,
    /// See `f`.
    pub error: u32,
    /// Its argument.
    pub argument: Cell,
    /// What it returned.
    pub result: Cell,
    /// Log index and term, where the system reported them.
    pub at: Option<(u64, u64)>,
    /// How it ended.
    pub kind: Kind,
}

/// What the gate of the workload did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// No operation can begin from here.
    Closed,
    /// From here they can again.
    Opened,
}

/// All operations of a run, in the order of their invocations.
#[derive(Debug)]
pub struct Table {
    /// The history's header.
    pub header: Header,
    /// The operations.
    pub rows: Vec<Operation>,
    /// Words, nodes, errors.
    pub words: Names,
    /// Keys.
    pub keys: Names,
    /// Values that are no numbers.
    pub texts: Names,
    /// When the gate was closed and opened.
    pub gate: Vec<(Nanos, Turn)>,
    /// The time of the last event.
    pub last: Nanos,
    /// How many events there are.
    pub events: u64,
}

impl Table {
    /// Read the history of a run. One that did not finish is read up to its last whole line.
    pub fn read(folder: &RunFolder, unfinished: bool) -> Result<Self, Failure> {
        let path = folder.history();
        let wrong = |error: FormatError| error.in_file(&path);
        let file = File::open(&path).map_err(|source| wrong(FormatError::Read { file: None, source }))?;
        let mut events = Events::open(file).map_err(wrong)?;
        let mut reader = Reader::new(events.header().clone());
        loop {
            match events.next_event() {
                Ok(Some(event)) => reader.take(event),
                Ok(None) => break,
                Err(FormatError::Malformed {
                    problem: Problem::CutOff,
                    ..
                }) if unfinished => break,
                Err(error) => return Err(wrong(error).into()),
            }
        }
        Ok(reader.table)
    }
}

struct Reader {
    table: Table,
    in_flight: HashMap<u64, u32>,
    text: String,
}

impl Reader {
    fn new(header: Header) -> Self {
        Reader {
            table: Table {
                header,
                rows: Vec::new(),
                words: Names::default(),
                keys: Names::default(),
                texts: Names::default(),
                gate: Vec::new(),
                last: Nanos(0),
                events: 0,
            },
            in_flight: HashMap::new(),
            text: String::new(),
        }
    }

    fn take(&mut self, event: EventRef<'_>) {
        self.table.last = event.time;
        self.table.events += 1;
        match (event.process, event.kind) {
            (Process::Nemesis, _) => match event.f {
                "close-gate" => self.table.gate.push((event.time, Turn::Closed)),
                "open-gate" => self.table.gate.push((event.time, Turn::Opened)),
                _ => {}
            },
            (Process::Client(process), Kind::Invoke) => self.invoke(process, event),
            (Process::Client(process), _) => self.complete(process, event),
        }
    }

    fn invoke(&mut self, process: u64, event: EventRef<'_>) {
        let argument = self.cell(event.value);
        let key = event.key.map_or(NONE, |key| self.key(key));
        let words = &mut self.table.words;
        let row = Operation {
            start: event.time,
            end: None,
            invoke: event.index as u32,
            complete: NONE,
            process,
            f: words.number(event.f),
            key,
            node: event.node.map_or(NONE, |node| words.number(node)),
            error: NONE,
            argument,
            result: Cell::Null,
            at: None,
            kind: Kind::Info,
        };
        self.in_flight.insert(process, self.table.rows.len() as u32);
        self.table.rows.push(row);
    }

    fn complete(&mut self, process: u64, event: EventRef<'_>) {
        // A completion without an invocation is the judge's to tell; the picture leaves it out.
        let Some(row) = self.in_flight.remove(&process) else {
            return;
        };
        let result = self.cell(event.value);
        let error = event.error.map_or(NONE, |error| self.table.words.number(error));
        let row = &mut self.table.rows[row as usize];
        row.end = Some(event.time);
        row.complete = event.index as u32;
        row.result = result;
        row.error = error;
        row.kind = event.kind;
        row.at = event.at.map(|(index, term)| (index.0, term.0));
    }

    fn key(&mut self, key: ValueRef<'_>) -> u32 {
        match key {
            ValueRef::Text(text) => self.table.keys.number(text),
            other => {
                let text = shortened(other.to_value().to_string(), LONGEST);
                self.table.keys.number(&text)
            }
        }
    }

    fn cell(&mut self, value: ValueRef<'_>) -> Cell {
        match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Int(number) if number.abs() < EXACT => Cell::Number(number),
            other => {
                self.text.clear();
                self.text.push_str(&other.to_value().to_string());
                let text = shortened(std::mem::take(&mut self.text), LONGEST);
                Cell::Text(self.table.texts.number(&text))
            }
        }
    }
}

/// The beginning of a text that is too long, and that it goes on.
pub fn shortened(text: String, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
