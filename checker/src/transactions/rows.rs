//! Lists of lists, and of them the one that tells who may have left a version.

use super::micro::NONE;

/// The source of what stands there before every write.
const INITIAL: &[u32] = &[NONE];

/// One list each, side by side.
#[derive(Debug)]
pub(super) struct Rows<T> {
    pub(super) starts: Vec<u32>,
    pub(super) items: Vec<T>,
}

impl Rows<u32> {
    /// Who may have left a version; [`NONE`] stands for the initial state.
    pub(super) fn of_version(&self, version: u32) -> &[u32] {
        match version {
            NONE => INITIAL,
            version => self.of(version),
        }
    }
}

impl<T: Copy> Rows<T> {
    pub(super) fn new(rows: usize) -> Self {
        let mut starts = Vec::with_capacity(rows + 1);
        starts.push(0);
        Rows {
            starts,
            items: Vec::with_capacity(rows * 2),
        }
    }

    /// Ends the row to which `items` belong.
    pub(super) fn end(&mut self) {
        self.starts.push(self.items.len() as u32);
    }

    /// Pairs of a row and an item, sorted into rows; the order within a row stays.
    pub(super) fn sorted(rows: usize, pairs: &[(u32, T)], nothing: T) -> Self {
        let mut starts = vec![0; rows + 1];
        pairs.iter().for_each(|&(row, _)| starts[row as usize + 1] += 1);
        for at in 0..rows {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut items = vec![nothing; pairs.len()];
        for &(row, item) in pairs {
            items[next[row as usize] as usize] = item;
            next[row as usize] += 1;
        }
        Rows { starts, items }
    }

    /// The row with this number.
    pub(super) fn of(&self, row: u32) -> &[T] {
        &self.items[self.starts[row as usize] as usize..self.starts[row as usize + 1] as usize]
    }

    /// How many items there are in all rows.
    pub(super) fn items(&self) -> usize {
        self.items.len()
    }
}
