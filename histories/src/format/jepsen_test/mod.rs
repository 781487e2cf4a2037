//! Jepsen's `test.jepsen` (0.3 and later): a test and its history in blocks of Fressian.
//!
//! | file | what it reads |
//! | --- | --- |
//! | `blocks` | header, index, blocks with their checksums (`jepsen.store.format`) |
//! | `fressian`, `numbers` | values, as the EDN that they stand for (`jepsen.store.fressian`) |
//!
//! The operations are read chunk by chunk, as they were written. What they mean is what `jepsen_edn` says.

mod blocks;
mod fressian;
mod numbers;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io::BufRead;

use self::blocks::{Block, File, Kind, unexpected};
use self::fressian::Fressian;
use super::bytes::Bytes;
use super::draft::{Draft, history_of};
use super::edn::{Edn, Fault, Node};
use super::error::FormatError;
use super::jepsen_edn::operation;
use super::names::Names;
use super::{Imported, Interrupt, Options, read_bytes};

pub(super) const NAME: &str = "jepsen-test";

/// A vector of vectors of … chunks.
const DEPTH_MAX: usize = 8;

/// Whether the file begins with the format's magic word.
pub(super) fn recognise(head: &[u8]) -> bool {
    head.starts_with(blocks::MAGIC)
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let bytes = read_bytes(input)?;
    let drafts = drafts(&bytes, options.interrupt).map_err(Fault::in_bytes)?;
    let history = history_of(drafts, options.independent, options.interrupt).map_err(Fault::in_bytes)?;
    Ok(Imported::without_header(NAME, history))
}

/// What the test's own checkers said, as EDN; none where the file has no results yet.
pub(super) fn results(bytes: &[u8]) -> Result<Option<Node<'_>>, Fault> {
    let file = File::open(bytes)?;
    let Edn::Map(test) = test(&file)?.edn else {
        return Ok(None);
    };
    match field(&test, "results") {
        None => Ok(None),
        Some(node) => match reference(node) {
            None => Ok(Some(node.clone())),
            Some(id) => map(&file, id, node.start).map(Some),
        },
    }
}

fn drafts(bytes: &[u8], interrupt: Interrupt<'_>) -> Result<Vec<Draft>, Fault> {
    let file = File::open(bytes)?;
    let test = test(&file)?;
    let history = match &test.edn {
        Edn::Map(pairs) => field(pairs, "history"),
        _ => None,
    };
    let history = history.ok_or_else(|| Fault::expected(test.start, "a test with a :history", "none"))?;
    let mut walk = Walk {
        file,
        interrupt,
        names: Names::default(),
        drafts: Vec::new(),
        seen: HashSet::new(),
    };
    match reference(history) {
        Some(id) => walk.block(id, history.start, 0)?,
        None => walk.list(history)?,
    }
    Ok(walk.drafts)
}

/// The map of the test; its history and its results stand in blocks of their own.
fn test<'a>(file: &File<'a>) -> Result<Node<'a>, Fault> {
    if file.root == 0 {
        return Err(Fault::expected(
            0,
            "an index with a root",
            "none: the test was never written",
        ));
    }
    map(file, file.root.into(), 0)
}

/// A map in a block, whole or in parts.
fn map<'a>(file: &File<'a>, id: i64, from: usize) -> Result<Node<'a>, Fault> {
    let (mut next, mut seen, mut all) = (id, HashSet::new(), None::<Node<'a>>);
    while next != 0 {
        if !seen.insert(next) {
            return Err(Fault::expected(
                from,
                "a map whose parts end",
                "one that comes back to itself",
            ));
        }
        let Block {
            kind,
            mut data,
            offset,
        } = file.block(next, from)?;
        next = match kind {
            Kind::Fressian => 0,
            Kind::PartialMap => data.i32("the id of the rest")?.into(),
            kind => return Err(unexpected(&Block { kind, data, offset }, "a block with a map")),
        };
        let part = Fressian::new(data).value()?;
        match (&mut all, part) {
            (
                Some(Node {
                    edn: Edn::Map(all), ..
                }),
                Node {
                    edn: Edn::Map(more), ..
                },
            ) => all.extend(more),
            (_, part) => all = Some(part),
        }
    }
    all.ok_or_else(|| Fault::expected(from, "the id of a block", "0"))
}

fn field<'n, 'a>(pairs: &'n [(Node<'a>, Node<'a>)], name: &str) -> Option<&'n Node<'a>> {
    let found = pairs.iter().find(|(key, _)| key.edn.word() == Some(name));
    found.map(|(_, value)| value)
}

/// The id of the block that a value stands in.
fn reference(node: &Node<'_>) -> Option<i64> {
    match &node.edn {
        Edn::Tagged("block-ref", inner) => match inner.edn {
            Edn::Int(id) => Some(id),
            _ => None,
        },
        _ => None,
    }
}

/// The operations, from one block to the next.
struct Walk<'a, 'i> {
    file: File<'a>,
    interrupt: Interrupt<'i>,
    names: Names,
    drafts: Vec<Draft>,
    seen: HashSet<i64>,
}

impl Walk<'_, '_> {
    fn block(&mut self, id: i64, from: usize, depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_MAX || !self.seen.insert(id) {
            let found = format!("the block {id} again, or too deep");
            return Err(Fault::expected(
                from,
                "a block of the history that stands in it once",
                found,
            ));
        }
        let block = self.file.block(id, from)?;
        match block.kind {
            Kind::Fressian => {
                let value = Fressian::new(block.data).value()?;
                self.list(&value)
            }
            Kind::FressianStream => {
                let mut values = Fressian::new(block.data);
                while values.has_next() {
                    let value = values.value()?;
                    self.operation(&value)?;
                }
                Ok(())
            }
            Kind::BigVector => self.vector(block.data, depth),
            Kind::Index | Kind::PartialMap => Err(unexpected(&block, "a block of operations")),
        }
    }

    /// How many operations, and chunks with the number of their first one.
    fn vector(&mut self, mut data: Bytes<'_>, depth: usize) -> Result<(), Fault> {
        let (start, before) = (data.offset(), self.drafts.len());
        let promised = data.i64("a count of operations")?;
        let is_at = |number: i64, drafts: &[Draft]| usize::try_from(number) == Ok(drafts.len() - before);
        while data.left() > 0 {
            let at = data.offset();
            let first = data.i64("the number of a chunk's first operation")?;
            if !is_at(first, &self.drafts) {
                let found = format!("{first} after {}", self.drafts.len() - before);
                return Err(Fault::expected(at, "the number of the next operation", found));
            }
            let id = data.i32("the id of a chunk's block")?;
            self.block(id.into(), at, depth + 1)?;
        }
        if !is_at(promised, &self.drafts) {
            let found = format!("{} of {promised}", self.drafts.len() - before);
            return Err(Fault::expected(
                start,
                "as many operations as are promised",
                found,
            ));
        }
        Ok(())
    }

    fn list(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        match &node.edn {
            Edn::Sequence(operations) => operations.iter().try_for_each(|each| self.operation(each)),
            Edn::Nil => Err(Fault::expected(
                node.start,
                "a history",
                "nil: the test ended before its first chunk was written; jepsen.log beside it has its operations",
            )),
            other => Err(Fault::expected(
                node.start,
                "a history",
                super::jepsen_edn::shown(other),
            )),
        }
    }

    fn operation(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        self.interrupt.look(node.start)?;
        self.drafts.push(operation(node, &mut self.names)?);
        Ok(())
    }
}
