//! Strings as sequences of pieces: of the texts that operations put and appended, else of letters.
//!
//! Where no text is the beginning of another one, a string is made of texts in at most one way. So two strings are the
//! same iff their sequences are. What cannot be spelled is a piece that nobody wrote. Strings are mostly continuations of
//! the last one with the same beginning, of which only the rest is looked at.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::spec::strings::Pieces;

/// Bytes that are compared at once.
const STRIDE: usize = 64;

/// How strings are spelled.
pub(super) enum Spelling {
    /// By the texts, each a piece.
    Texts(Texts),
    /// By letters, each a piece.
    Letters,
}

impl Spelling {
    /// For strings that are made of these texts.
    pub(super) fn of(mut texts: Vec<Arc<str>>) -> Self {
        texts.retain(|text| !text.is_empty());
        texts.sort_unstable();
        texts.dedup();
        if texts.windows(2).any(|pair| pair[1].starts_with(&*pair[0])) {
            return Spelling::Letters;
        }
        Spelling::Texts(Texts {
            texts,
            last: FxHashMap::default(),
            strange: FxHashMap::default(),
        })
    }

    /// How many pieces there are, if they are texts.
    pub(super) fn texts(&self) -> Option<usize> {
        match self {
            Spelling::Texts(texts) => Some(texts.texts.len() + texts.strange.len()),
            Spelling::Letters => None,
        }
    }

    /// The string's pieces.
    pub(super) fn spell(&mut self, string: &Arc<str>) -> Pieces {
        match self {
            Spelling::Texts(texts) => texts.spell(string),
            Spelling::Letters => string.chars().map(u32::from).collect(),
        }
    }
}

/// Texts of which none is the beginning of another one.
pub(super) struct Texts {
    /// Ascending; a text's piece is its place.
    texts: Vec<Arc<str>>,
    /// The last string by its first piece.
    last: FxHashMap<u32, Spelled>,
    /// Rests of strings that are not made of texts.
    strange: FxHashMap<Arc<str>, u32>,
}

struct Spelled {
    string: Arc<str>,
    pieces: Pieces,
    /// Where each piece ends, in bytes.
    ends: Vec<usize>,
}

impl Texts {
    fn spell(&mut self, string: &Arc<str>) -> Pieces {
        let Some(first) = self.first(string) else {
            return match string.is_empty() {
                true => Arc::new([]),
                false => Arc::new([self.strange(string)]),
            };
        };
        let (mut pieces, mut ends) = match self.last.get(&first) {
            Some(last) if last.string == *string => return last.pieces.clone(),
            Some(last) => {
                let common = common(last.string.as_bytes(), string.as_bytes());
                let known = last.ends.partition_point(|end| *end <= common);
                (last.pieces[..known].to_vec(), last.ends[..known].to_vec())
            }
            None => (Vec::new(), Vec::new()),
        };
        let mut at = ends.last().copied().unwrap_or(0);
        while let Some(piece) = self.first(&string[at..]) {
            at += self.texts[piece as usize].len();
            pieces.push(piece);
            ends.push(at);
        }
        if at < string.len() {
            pieces.push(self.strange(&string[at..]));
            return pieces.into();
        }
        let pieces: Pieces = pieces.into();
        let spelled = Spelled {
            string: string.clone(),
            pieces: pieces.clone(),
            ends,
        };
        self.last.insert(first, spelled);
        pieces
    }

    /// The text that the string begins with: as none is the beginning of another one, it is the greatest that is not
    /// greater than the string.
    fn first(&self, string: &str) -> Option<u32> {
        let place = self
            .texts
            .partition_point(|text| **text <= *string)
            .checked_sub(1)?;
        string.starts_with(&*self.texts[place]).then_some(place as u32)
    }

    fn strange(&mut self, rest: &str) -> u32 {
        let next = (self.texts.len() + self.strange.len()) as u32;
        *self.strange.entry(rest.into()).or_insert(next)
    }
}

/// How many bytes at their beginning are the same.
fn common(one: &[u8], other: &[u8]) -> usize {
    let strides = one.chunks_exact(STRIDE).zip(other.chunks_exact(STRIDE));
    let same = strides.take_while(|(one, other)| one == other).count() * STRIDE;
    let rest = one[same..].iter().zip(&other[same..]);
    same + rest.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(texts: &[&str]) -> Spelling {
        Spelling::of(texts.iter().map(|text| (*text).into()).collect())
    }

    #[test]
    fn a_string_is_spelled_by_its_texts_whatever_came_before() {
        let mut spelling = spelling(&["a1", "a2", "", "b", "a2"]);
        assert_eq!(spelling.texts(), Some(3));
        for (string, pieces) in [
            ("", &[][..]),
            ("a1b", &[0, 2]),
            ("a1ba2", &[0, 2, 1]),
            ("a1a2", &[0, 1]),
            ("a1", &[0]),
            ("a1a2b", &[0, 1, 2]),
            ("b", &[2]),
            ("a1ba3", &[0, 2, 3]),
            ("a3", &[3]),
            ("a1a2ba2", &[0, 1, 2, 1]),
        ] {
            assert_eq!(&*spelling.spell(&string.into()), pieces, "{string}");
        }
        assert_eq!(spelling.texts(), Some(4));
    }

    #[test]
    fn texts_that_begin_with_others_are_spelled_by_letters() {
        let mut spelling = spelling(&["1", "2", "12"]);
        assert_eq!(spelling.texts(), None);
        assert_eq!(&*spelling.spell(&"12".into()), &[u32::from('1'), u32::from('2')]);
    }

    #[test]
    fn long_strings_share_what_is_the_same() {
        let long = "x".repeat(200);
        for at in [0, 63, 64, 65, 199] {
            let mut other = long.clone();
            other.replace_range(at..=at, "y");
            assert_eq!(common(long.as_bytes(), other.as_bytes()), at);
        }
        assert_eq!(common(long.as_bytes(), &long.as_bytes()[..130]), 130);
    }
}
