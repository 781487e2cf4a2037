//! Reading ahead, on a thread of its own: it reads and cuts, and scans what the judge is too busy for.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use histories::format::history1::{Block, Blocks, EventRef, ValueRef};
use histories::{Kind, Process};

/// Pieces that wait to be judged, at most.
const AHEAD: usize = 2;

/// What a stream looks at in an event. It borrows nothing, so that it can be had before the event's turn.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    /// The position, from 0, without gaps.
    pub index: u64,
    /// Who.
    pub process: Process,
    /// Invocation or which completion.
    pub kind: Kind,
    /// Whether it is one of the reads after the heal.
    pub is_final: bool,
    pub(super) word: Word,
    pub(super) key: Seen,
    pub(super) value: Seen,
}

/// The words of a register that a stream knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Read,
    Write,
    Other,
}

/// A key or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Null,
    Int(i64),
    /// Which one stands in the event itself.
    Text,
    Other,
}

impl From<ValueRef<'_>> for Seen {
    #[inline]
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Seen::Null,
            ValueRef::Int(number) => Seen::Int(number),
            ValueRef::Text(_) => Seen::Text,
            _ => Seen::Other,
        }
    }
}

impl From<&EventRef<'_>> for Glance {
    #[inline]
    fn from(event: &EventRef<'_>) -> Self {
        Glance {
            index: event.index,
            process: event.process,
            kind: event.kind,
            is_final: event.is_final,
            word: match event.f {
                "read" => Word::Read,
                "write" => Word::Write,
                _ => Word::Other,
            },
            key: event.key.map_or(Seen::Null, Seen::from),
            value: event.value.into(),
        }
    }
}

/// Whole lines, and what was seen in them if they were scanned ahead.
pub(super) struct Piece {
    pub block: Block,
    glances: Vec<Glance>,
    is_scanned: bool,
}

impl Piece {
    /// What was seen ahead of the judge; none if the block still has to be scanned.
    pub(super) fn scanned(&self) -> Option<&[Glance]> {
        self.is_scanned.then_some(&self.glances)
    }

    /// Scans the block, unless something in it needs its text: a key in letters, a mistake.
    fn scan(&mut self) {
        let mut events = self.block.events();
        while let Ok(event) = events.next_event() {
            let Some(event) = event else {
                self.is_scanned = true;
                return;
            };
            let glance = Glance::from(&event);
            if glance.key == Seen::Text {
                return;
            }
            self.glances.push(glance);
        }
    }
}

/// Pieces on their way from the reader to the judge, and their memory on its way back.
pub(super) struct Pieces<'a> {
    filled: Receiver<Option<Piece>>,
    empty: Sender<Piece>,
    waiting: &'a AtomicUsize,
}

/// The reader's ends.
pub(super) struct Ahead<'a> {
    full: SyncSender<Option<Piece>>,
    emptied: Receiver<Piece>,
    /// Pieces that the judge has not taken yet.
    waiting: &'a AtomicUsize,
}

/// Both ends of the way.
pub(super) fn way(waiting: &AtomicUsize) -> (Ahead<'_>, Pieces<'_>) {
    let (full, filled) = sync_channel(AHEAD);
    let (empty, emptied) = channel();
    let ahead = Ahead {
        full,
        emptied,
        waiting,
    };
    let pieces = Pieces {
        filled,
        empty,
        waiting,
    };
    (ahead, pieces)
}

impl Pieces<'_> {
    /// The next piece, and within it none after an error; none at the end.
    pub(super) fn next(&self) -> Option<Option<Piece>> {
        let piece = self.filled.recv().ok()?;
        self.waiting.fetch_sub(1, Relaxed);
        Some(piece)
    }

    /// Gives the memory of a piece that is done with to the reader, who may be done, and need no more.
    pub(super) fn give_back(&self, piece: Piece) {
        let _ = self.empty.send(piece);
    }
}

impl Ahead<'_> {
    /// Reads until the end, or until nobody wants more.
    pub(super) fn read<R: Read>(self, mut blocks: Blocks<R>) {
        loop {
            let (block, glances) = match self.emptied.try_recv() {
                Ok(used) => (Some(used.block), used.glances),
                Err(_) => (None, Vec::new()),
            };
            let piece = match blocks.next_block(block) {
                Ok(None) => return,
                Ok(Some(block)) => Some(self.prepared(block, glances)),
                Err(_) => None,
            };
            let failed = piece.is_none();
            self.waiting.fetch_add(1, Relaxed);
            if self.full.send(piece).is_err() || failed {
                return;
            }
        }
    }

    /// While the judge has something to do, the block can as well be scanned here.
    fn prepared(&self, block: Block, mut glances: Vec<Glance>) -> Piece {
        glances.clear();
        let mut piece = Piece {
            block,
            glances,
            is_scanned: false,
        };
        if self.waiting.load(Relaxed) > 0 {
            piece.scan();
        }
        piece
    }
}
