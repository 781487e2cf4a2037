//! Which operations the page gets one by one, and how they are packed.
//!
//! All of them where they fit. Otherwise those around what failed, and of the rest how many there were, when.

use std::collections::BTreeSet;
use std::ops::Range;

use histories::Kind;
use serde::Serialize;

use super::columns::{Column, Deltas};
use super::faults::micros;
use super::operations::{Cell, NONE, Names, Operation, Table, shortened};

/// So many slices of the run are counted.
const SLICES: usize = 1500;
/// Values that are no numbers take at most so many bytes of the page; then all of them are told more shortly.
const TEXT_BYTES: usize = 2_000_000;

/// The operations of the page.
#[derive(Clone, Debug, Serialize)]
pub struct Packed {
    /// How many are here.
    pub count: usize,
    /// How many there were.
    pub of: usize,
    /// Between which times all of them are here, in microseconds; none if they all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<(u64, u64)>,
    /// Words, nodes and error codes.
    pub words: Names,
    /// Keys.
    pub keys: Names,
    /// Values that are no numbers.
    pub texts: Names,
    /// Index of the invocation.
    pub invoke: Deltas,
    /// How much greater the index of the completion is; 0 for none.
    pub complete: Column,
    /// Start in microseconds.
    pub start: Deltas,
    /// Duration in microseconds, plus one; 0 for no completion.
    pub took: Column,
    /// Process.
    pub process: Deltas,
    /// Word: its number times four, plus the outcome (0 ok, 1 fail, 2 info).
    pub f: Column,
    /// Key, node, error: the number plus one; 0 for none.
    pub key: Column,
    /// See `key`.
    pub node: Column,
    /// See `key`.
    pub error: Column,
    /// Argument: 0 nothing; odd a text; even a number, folded.
    pub argument: Column,
    /// Result, likewise.
    pub result: Column,
    /// Log index, 0 for none.
    pub at: Deltas,
    /// Term.
    pub term: Deltas,
    /// How many operations began in each slice of the run, by outcome.
    pub slices: Slices,
}

/// Counts over time.
#[derive(Clone, Debug, Serialize)]
pub struct Slices {
    /// How long a slice is, in microseconds.
    pub width: u64,
    /// How many that are ok, fail, info.
    pub ok: Column,
    /// See `ok`.
    pub fail: Column,
    /// See `ok`.
    pub info: Column,
}

/// Choose and pack. `culprits` are the invocations of what failed; `most` may be here one by one.
pub fn pack(table: &Table, culprits: &BTreeSet<u64>, horizon: u64, most: usize) -> Packed {
    let rows = &table.rows;
    let range = around(rows, culprits, most);
    let is_culprit = |row: &Operation| culprits.contains(&u64::from(row.invoke));
    let kept = rows
        .iter()
        .enumerate()
        .filter(|(at, row)| range.contains(at) || is_culprit(row));
    let longest = text_length(table, &range);
    let mut names = Renamed::new(table, longest);
    let mut packed = Packed {
        window: window_of(rows, &range),
        ..empty(table, horizon)
    };
    for (_, row) in kept {
        packed.push(row, &mut names);
    }
    Packed {
        words: names.words,
        keys: names.keys,
        texts: names.texts,
        ..packed
    }
}

/// The operations that are kept: all, or as many as may be around the middle of what failed, or from the beginning.
fn around(rows: &[Operation], culprits: &BTreeSet<u64>, most: usize) -> Range<usize> {
    if rows.len() <= most {
        return 0..rows.len();
    }
    let place = |index: &u64| rows.partition_point(|row| u64::from(row.invoke) < *index);
    let (first, last) = (
        culprits.first().map_or(0, place),
        culprits.last().map_or(0, place),
    );
    // Where even what failed does not fit, its end tells the most: there the contradiction shows.
    let middle = if last - first > most {
        last
    } else {
        (first + last) / 2
    };
    let from = middle.saturating_sub(most / 2).min(rows.len() - most);
    from..from + most
}

fn window_of(rows: &[Operation], range: &Range<usize>) -> Option<(u64, u64)> {
    let whole = range.len() == rows.len();
    let first = rows.get(range.start).filter(|_| !whole)?;
    let end = rows.get(range.end).or(rows.last())?;
    Some((micros(first.start), micros(end.start)))
}

/// How much of each text is told, so that all of them fit.
fn text_length(table: &Table, range: &Range<usize>) -> usize {
    let cells = || {
        table.rows[range.clone()]
            .iter()
            .flat_map(|row| [row.argument, row.result])
    };
    let texts: BTreeSet<u32> = cells()
        .filter_map(|cell| match cell {
            Cell::Text(text) => Some(text),
            _ => None,
        })
        .collect();
    let bytes = |longest: usize| -> usize {
        let lengths = texts
            .iter()
            .map(|text| table.texts.text(*text).len().min(longest) + 3);
        lengths.sum()
    };
    [200, 100, 50]
        .into_iter()
        .find(|longest| bytes(*longest) <= TEXT_BYTES)
        .unwrap_or(16)
}

/// The names of the page are numbered anew, so that only those that are used go with it.
struct Renamed<'a> {
    table: &'a Table,
    longest: usize,
    words: Names,
    keys: Names,
    texts: Names,
}

impl<'a> Renamed<'a> {
    fn new(table: &'a Table, longest: usize) -> Self {
        Renamed {
            table,
            longest,
            words: Names::default(),
            keys: Names::default(),
            texts: Names::default(),
        }
    }

    fn word(&mut self, number: u32) -> u64 {
        match number {
            NONE => 0,
            number => u64::from(self.words.number(self.table.words.text(number))) + 1,
        }
    }

    fn key(&mut self, number: u32) -> u64 {
        match number {
            NONE => 0,
            number => u64::from(self.keys.number(self.table.keys.text(number))) + 1,
        }
    }

    /// 0 nothing; 2n + 1 the text n; 2n + 2 the folded number n.
    fn cell(&mut self, cell: Cell) -> u64 {
        match cell {
            Cell::Null => 0,
            Cell::Number(number) => (((number << 1) ^ (number >> 63)) as u64) * 2 + 2,
            Cell::Text(number) => {
                let text = self.table.texts.text(number);
                let text = shortened(text.to_owned(), self.longest);
                u64::from(self.texts.number(&text)) * 2 + 1
            }
        }
    }
}

fn empty(table: &Table, horizon: u64) -> Packed {
    Packed {
        count: 0,
        of: table.rows.len(),
        window: None,
        words: Names::default(),
        keys: Names::default(),
        texts: Names::default(),
        invoke: Deltas::default(),
        complete: Column::default(),
        start: Deltas::default(),
        took: Column::default(),
        process: Deltas::default(),
        f: Column::default(),
        key: Column::default(),
        node: Column::default(),
        error: Column::default(),
        argument: Column::default(),
        result: Column::default(),
        at: Deltas::default(),
        term: Deltas::default(),
        slices: slices(&table.rows, horizon),
    }
}

impl Packed {
    fn push(&mut self, row: &Operation, names: &mut Renamed<'_>) {
        let outcome = match row.kind {
            Kind::Ok => 0,
            Kind::Fail => 1,
            Kind::Info | Kind::Invoke => 2,
        };
        self.count += 1;
        self.invoke.push(row.invoke.into());
        let completed = row.complete != NONE;
        self.complete
            .push(u64::from(if completed { row.complete - row.invoke } else { 0 }));
        self.start.push(micros(row.start));
        let took = row.end.map_or(0, |end| micros(end) - micros(row.start) + 1);
        self.took.push(took);
        self.process.push(row.process);
        self.f.push((names.word(row.f).saturating_sub(1)) * 4 + outcome);
        self.key.push(names.key(row.key));
        self.node.push(names.word(row.node));
        self.error.push(names.word(row.error));
        self.argument.push(names.cell(row.argument));
        self.result.push(names.cell(row.result));
        let (at, term) = row.at.unwrap_or((0, 0));
        self.at.push(at);
        self.term.push(term);
    }
}

fn slices(rows: &[Operation], horizon: u64) -> Slices {
    let width = (horizon / SLICES as u64).max(1);
    let mut counts = vec![[0u64; 3]; SLICES + 1];
    for row in rows {
        let slice = (micros(row.start) / width).min(SLICES as u64) as usize;
        counts[slice][match row.kind {
            Kind::Ok => 0,
            Kind::Fail => 1,
            Kind::Info | Kind::Invoke => 2,
        }] += 1;
    }
    let column = |outcome: usize| {
        let mut column = Column::default();
        counts.iter().for_each(|counts| column.push(counts[outcome]));
        column
    };
    Slices {
        width,
        ok: column(0),
        fail: column(1),
        info: column(2),
    }
}

#[cfg(test)]
mod tests {
    use histories::Nanos;

    use super::*;

    fn row(number: u32) -> Operation {
        Operation {
            start: Nanos::from_ms(u64::from(number)),
            end: None,
            invoke: number * 2,
            complete: NONE,
            process: 0,
            f: 0,
            key: NONE,
            node: NONE,
            error: NONE,
            argument: Cell::Null,
            result: Cell::Null,
            at: None,
            kind: Kind::Info,
        }
    }

    #[test]
    fn of_a_long_run_what_failed_is_kept_with_its_surroundings() {
        let rows: Vec<Operation> = (0..1000).map(row).collect();
        assert_eq!(around(&rows, &BTreeSet::from([1000, 1010]), 100), 452..552);
        assert_eq!(around(&rows, &BTreeSet::from([1998]), 100), 900..1000);
        assert_eq!(around(&rows, &BTreeSet::new(), 100), 0..100);
        assert_eq!(around(&rows, &BTreeSet::new(), 1000), 0..1000);
        // Too far apart for one window: the end is kept, where the contradiction shows.
        assert!(around(&rows, &BTreeSet::from([0, 1600]), 100).contains(&800));
    }

    #[test]
    fn every_operation_is_counted_in_one_slice() {
        let rows: Vec<Operation> = (0..1000).map(row).collect();
        let slices = slices(&rows, 999_000);
        let bytes = serde_json::to_value(&slices.info).unwrap();
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            bytes.as_str().unwrap(),
        );
        let sum: u64 = bytes.unwrap().iter().map(|byte| u64::from(*byte)).sum();
        assert_eq!(sum, 1000);
    }
}
