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

/// Any number of members, for histories with more than 128 operations at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wide(Box<[u64]>);

impl Bits for Wide {
    fn empty(limit: usize) -> Self {
        Wide(vec![0; limit.div_ceil(64)].into())
    }
    fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }
    fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }
    fn remove(&mut self, at: usize) {
        self.0[at / 64] &= !(1 << (at % 64));
    }
    fn add_all(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(&*other.0)
            .for_each(|(mine, its)| *mine |= its);
    }
    fn without(&self, other: &Self) -> Self {
        Wide(
            self.0
                .iter()
                .zip(&*other.0)
                .map(|(mine, its)| mine & !its)
                .collect(),
        )
    }
    fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().zip(&*other.0).all(|(mine, its)| mine & !its == 0)
    }
    fn next(&self, from: usize) -> Option<usize> {
        let first = self.0.get(from / 64)? >> (from % 64) << (from % 64);
        let rest = self.0[from / 64 + 1..].iter().copied();
        let (skipped, word) = std::iter::once(first)
            .chain(rest)
            .enumerate()
            .find(|(_, word)| *word != 0)?;
        Some((from / 64 + skipped) * 64 + word.trailing_zeros() as usize)
    }
    fn heap_bytes(&self) -> usize {
        self.0.len() * 8
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
        same_as_a_set::<Wide>(129);
        same_as_a_set::<Wide>(1000);
    }
}
