//! Sets of small numbers: the pending operations of a configuration, and its used unknown ones.

use std::hash::Hash;

/// A set of numbers below a limit that is fixed when it is made.
pub(crate) trait Bits: Clone + Eq + Hash + Send + 'static {
    fn empty(limit: usize) -> Self;
    fn has(&self, at: usize) -> bool;
    fn insert(&mut self, at: usize);
    fn remove(&mut self, at: usize);
    fn add_all(&mut self, other: &Self);
    fn without(&self, other: &Self) -> Self;
    fn is_subset(&self, other: &Self) -> bool;
    /// The least member that is at least `from`.
    fn next(&self, from: usize) -> Option<usize>;
    /// Bytes on the heap.
    fn heap_bytes(&self) -> usize;

    /// All members, ascending.
    fn ones(&self) -> Ones<'_, Self> {
        Ones { set: self, from: 0 }
    }
}

/// The members of a set, ascending.
pub(crate) struct Ones<'a, B> {
    set: &'a B,
    from: usize,
}

impl<B: Bits> Iterator for Ones<'_, B> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let found = self.set.next(self.from)?;
        self.from = found + 1;
        Some(found)
    }
}

macro_rules! word {
    ($word:ty) => {
        impl Bits for $word {
            fn empty(_: usize) -> Self {
                0
            }
            fn has(&self, at: usize) -> bool {
                self >> at & 1 == 1
            }
            fn insert(&mut self, at: usize) {
                *self |= 1 << at;
            }
            fn remove(&mut self, at: usize) {
                *self &= !(1 << at);
            }
            fn add_all(&mut self, other: &Self) {
                *self |= other;
            }
            fn without(&self, other: &Self) -> Self {
                self & !other
            }
            fn is_subset(&self, other: &Self) -> bool {
                self & !other == 0
            }
            fn next(&self, from: usize) -> Option<usize> {
                let rest = if from < <$word>::BITS as usize {
                    self >> from
                } else {
                    0
                };
                (rest != 0).then(|| from + rest.trailing_zeros() as usize)
            }
            fn heap_bytes(&self) -> usize {
                0
            }
        }
    };
}

word!(u64);
word!(u128);

/// Any number of members: without the heap up to 128 of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wide {
    Few(u128),
    Many(Box<[u64]>),
}

/// Two sets of one limit, word by word.
fn zipped<'a>(mine: &'a [u64], its: &'a Wide) -> impl Iterator<Item = (u64, u64)> + 'a {
    let its = match its {
        Wide::Few(_) => &[][..],
        Wide::Many(words) => words,
    };
    mine.iter().copied().zip(its.iter().copied())
}

impl Bits for Wide {
    fn empty(limit: usize) -> Self {
        match limit {
            0..=128 => Wide::Few(0),
            _ => Wide::Many(vec![0; limit.div_ceil(64)].into()),
        }
    }
    fn has(&self, at: usize) -> bool {
        match self {
            Wide::Few(set) => set.has(at),
            Wide::Many(words) => words[at / 64] >> (at % 64) & 1 == 1,
        }
    }
    fn insert(&mut self, at: usize) {
        match self {
            Wide::Few(set) => set.insert(at),
            Wide::Many(words) => words[at / 64] |= 1 << (at % 64),
        }
    }
    fn remove(&mut self, at: usize) {
        match self {
            Wide::Few(set) => set.remove(at),
            Wide::Many(words) => words[at / 64] &= !(1 << (at % 64)),
        }
    }
    fn add_all(&mut self, other: &Self) {
        match (self, other) {
            (Wide::Few(mine), Wide::Few(its)) => *mine |= its,
            (Wide::Many(mine), Wide::Many(its)) => {
                mine.iter_mut().zip(its).for_each(|(mine, its)| *mine |= its);
            }
            // Sets are compared with those of their own limit alone.
            _ => {}
        }
    }
    fn without(&self, other: &Self) -> Self {
        match (self, other) {
            (Wide::Few(mine), Wide::Few(its)) => Wide::Few(mine & !its),
            (Wide::Many(mine), its) => Wide::Many(zipped(mine, its).map(|(mine, its)| mine & !its).collect()),
            (Wide::Few(_), Wide::Many(_)) => self.clone(),
        }
    }
    fn is_subset(&self, other: &Self) -> bool {
        match (self, other) {
            (Wide::Few(mine), Wide::Few(its)) => mine & !its == 0,
            (Wide::Many(mine), its) => zipped(mine, its).all(|(mine, its)| mine & !its == 0),
            (Wide::Few(_), Wide::Many(_)) => false,
        }
    }
    fn next(&self, from: usize) -> Option<usize> {
        let words = match self {
            Wide::Few(set) => return set.next(from),
            Wide::Many(words) => words,
        };
        let first = words.get(from / 64)? >> (from % 64) << (from % 64);
        let rest = words[from / 64 + 1..].iter().copied();
        let (skipped, word) = std::iter::once(first)
            .chain(rest)
            .enumerate()
            .find(|(_, word)| *word != 0)?;
        Some((from / 64 + skipped) * 64 + word.trailing_zeros() as usize)
    }
    fn heap_bytes(&self) -> usize {
        match self {
            Wide::Few(_) => 0,
            Wide::Many(words) => words.len() * 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_as_a_set<B: Bits>(limit: usize) {
        let members = [0, 3, limit / 2, limit - 1];
        let mut set = B::empty(limit);
        members.iter().for_each(|&at| set.insert(at));
        assert_eq!(set.ones().collect::<Vec<_>>(), members);
        let mut fewer = set.clone();
        fewer.remove(3);
        assert!(fewer.is_subset(&set) && !set.is_subset(&fewer) && !fewer.has(3) && set.has(3));
        assert_eq!(set.without(&fewer).ones().collect::<Vec<_>>(), [3]);
        fewer.add_all(&set);
        assert!(fewer == set && set.next(limit).is_none());
    }

    #[test]
    fn every_width_is_a_set() {
        same_as_a_set::<u64>(64);
        same_as_a_set::<u128>(128);
        same_as_a_set::<Wide>(64);
        same_as_a_set::<Wide>(128);
        same_as_a_set::<Wide>(129);
        same_as_a_set::<Wide>(1000);
    }
}
