//! Small numbers for values.

use histories::Value;
use rustc_hash::FxHashMap;

/// What [`Numbers`] holds for an operation, more or less.
pub(crate) const NUMBER_BYTES: usize = 24;

/// How far integers may run ahead of their count and still be in turn.
const SLACK: usize = 64;

/// Small numbers for the values of one group.
#[derive(Default)]
pub(crate) struct Numbers<'a> {
    /// How many values have a number.
    count: u32,
    /// The numbers of the integers from 0 on, counted from 1, as long as they come about in turn.
    dense: Vec<u32>,
    /// The numbers of other values.
    sparse: FxHashMap<&'a Value, u32>,
}

impl<'a> Numbers<'a> {
    /// The value's number, counted from 0.
    #[inline]
    pub(crate) fn of(&mut self, value: &'a Value) -> u32 {
        let place = value.as_int().and_then(|number| usize::try_from(number).ok());
        match place.filter(|place| *place < 4 * self.count as usize + SLACK) {
            Some(place) => match self.dense.get(place) {
                Some(&number) if number > 0 => number - 1,
                _ => self.place(place, value),
            },
            None => self.look_up(value),
        }
    }

    /// The number of an integer without one in its place; it may have come too early for that.
    fn place(&mut self, place: usize, value: &'a Value) -> u32 {
        let number = self.look_up_in_sparse(value).unwrap_or_else(|| self.next());
        if place >= self.dense.len() {
            self.dense.resize(place + 1, 0);
        }
        self.dense[place] = number + 1;
        number
    }

    fn look_up(&mut self, value: &'a Value) -> u32 {
        match self.look_up_in_sparse(value) {
            Some(number) => number,
            None => {
                let number = self.next();
                self.sparse.insert(value, number);
                number
            }
        }
    }

    fn look_up_in_sparse(&self, value: &Value) -> Option<u32> {
        self.sparse.get(value).copied()
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }

    /// How many values have a number.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// The values in the order of their numbers.
    pub(crate) fn values(&self) -> Vec<Value> {
        let mut values = vec![Value::Null; self.len()];
        for (place, number) in (0..).zip(&self.dense).filter(|(_, number)| **number > 0) {
            values[*number as usize - 1] = Value::Int(place);
        }
        for (value, number) in &self.sparse {
            values[*number as usize] = (*value).clone();
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_one_number_whenever_it_comes() {
        let far = 4 * SLACK as i64;
        let mut values: Vec<Value> = vec![far.into(), (-1).into(), Value::Null, "1".into()];
        values.extend((0..2 * far).map(Value::from));
        let mut numbers = Numbers::default();
        let first: Vec<u32> = values.iter().map(|value| numbers.of(value)).collect();
        let again: Vec<u32> = values.iter().map(|value| numbers.of(value)).collect();
        assert_eq!(first, again, "far integers are looked up until it is their turn");
        let mut different = first.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different, (0..numbers.len() as u32).collect::<Vec<_>>());
        assert_eq!(numbers.len(), values.len() - 1, "one integer stands there twice");
    }
}
