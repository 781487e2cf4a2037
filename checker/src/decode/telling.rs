//! What a state shows, for a person: values stand in it by their numbers until they are named.

use histories::Value;

/// Of a longer list so many elements are told at its beginning and at its end.
const FIRST: usize = 4;
const LAST: usize = 8;

/// Of a longer text so many letters.
const LETTERS: usize = 60;

/// What a state shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Telling(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    /// A value, by its number.
    Value(u32),
}

impl Telling {
    /// These words.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Telling(vec![Part::Text(text.into())])
    }

    /// One value.
    pub(crate) fn value(number: u32) -> Self {
        Telling(vec![Part::Value(number)])
    }

    /// Values between brackets; of many the first and the last.
    pub(crate) fn list(open: &str, elements: &[u32], close: &str) -> Self {
        let items = Telling::joined(elements.len(), ", ", |at| Telling::value(elements[at]));
        Telling::text(open).and(items).and(Telling::text(close))
    }

    /// So many items; of many the first and the last.
    pub(crate) fn joined(many: usize, separator: &str, item: impl Fn(usize) -> Telling) -> Self {
        let items: Vec<Telling> = match many.checked_sub(FIRST + LAST) {
            Some(left_out @ 2..) => {
                let gap = Telling::text(format!("… {left_out} more …"));
                let (first, last) = ((0..FIRST).map(&item), (many - LAST..many).map(&item));
                first.chain([gap]).chain(last).collect()
            }
            _ => (0..many).map(item).collect(),
        };
        let mut telling = Telling(Vec::new());
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                telling = telling.and(Telling::text(separator));
            }
            telling = telling.and(item);
        }
        telling
    }

    /// One after the other.
    pub(crate) fn and(mut self, more: Telling) -> Self {
        self.0.extend(more.0);
        self
    }

    /// The numbers that must be named.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.0.iter().filter_map(|part| match part {
            Part::Value(number) => Some(*number),
            Part::Text(_) => None,
        })
    }

    /// The words, with these names for the numbers.
    pub(crate) fn words<'a>(&self, name: impl Fn(u32) -> &'a Value) -> String {
        let words = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(number) => shortened(&name(*number).to_string()),
        });
        words.collect()
    }
}

/// A long text without its middle.
pub(crate) fn shortened(text: &str) -> String {
    let letters = text.chars().count();
    if letters <= LETTERS {
        return text.to_owned();
    }
    let first: String = text.chars().take(LETTERS / 3).collect();
    let last: String = text.chars().skip(letters - LETTERS / 2).collect();
    format!("{first}… {} more …{last}", letters - LETTERS / 3 - LETTERS / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_states_are_shortened_and_short_ones_are_whole() {
        let values: Vec<Value> = (0..40).map(Value::from).collect();
        let told = |many: u32| {
            let elements: Vec<u32> = (0..many).collect();
            Telling::list("{", &elements, "}").words(|number| &values[number as usize])
        };
        assert_eq!(told(0), "{}");
        assert_eq!(told(2), "{0, 1}");
        assert_eq!(told(13).matches(',').count(), 12);
        assert_eq!(
            told(40),
            "{0, 1, 2, 3, … 28 more …, 32, 33, 34, 35, 36, 37, 38, 39}"
        );
        assert_eq!(shortened("short"), "short");
        let long = shortened(&"é".repeat(1000));
        assert!(
            long.contains("… 950 more …") && long.chars().count() < 80,
            "{long}"
        );
    }
}
