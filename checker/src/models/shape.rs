//! What a history without a header looks like: enough for each model's row to say whether it can be of that model.

use std::collections::BTreeSet;

use histories::{Event, Kind, Process, Value};

/// The words of a history's operations, and the shape of their values.
#[derive(Debug, Default)]
pub(crate) struct Shape<'a> {
    words: BTreeSet<&'a str>,
    /// The word of the first micro-operation that begins a value: `[r k v]` and the like.
    pub micro: Option<&'a str>,
    /// What the micro-operations of transactions are.
    pub micros: Micros,
    /// A read asks for `[version value]`.
    pub versions: bool,
    /// What the first read that says so returned.
    pub reads: Option<Reads>,
    /// An element is added twice.
    pub adds_twice: bool,
    /// The first read of an array, where nothing wrote one: the index of its completion.
    pub strange_read: Option<u64>,
    /// The first acquire or release with a value.
    pub lock_value: Option<u64>,
}

/// What reads return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Number,
    List,
}

/// Micro-operations, by the first that tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Micros {
    /// There are none.
    #[default]
    Empty,
    /// Nothing but `[r k v]`, of no list.
    Reads,
    /// `[append k v]`, or `[r k [v …]]`.
    Lists,
    /// `[w k v]`.
    Registers,
    /// `[read k v]` and `[write k v]`, as Knossos's.
    Spelled,
    /// What no model knows.
    Strange,
}

impl<'a> Shape<'a> {
    /// Looks at all operations.
    pub(crate) fn of(events: &'a [Event]) -> Self {
        let (mut shape, mut added, mut writes_lists) = (Shape::default(), BTreeSet::new(), false);
        for event in events.iter().filter(|event| event.process != Process::Nemesis) {
            shape.words.insert(&event.f);
            match (&*event.f, event.kind, &event.value) {
                ("read", Kind::Ok, Value::Int(_)) => shape.reads = shape.reads.or(Some(Reads::Number)),
                ("read", Kind::Ok, Value::List(_)) => shape.reads = shape.reads.or(Some(Reads::List)),
                ("write", _, Value::List(_)) => writes_lists = true,
                ("cas", _, Value::List(pair)) => {
                    writes_lists |= pair.iter().any(|side| side.as_list().is_some())
                }
                ("acquire" | "release", _, value) if *value != Value::Null => {
                    shape.lock_value = shape.lock_value.or(Some(event.index));
                }
                ("add", Kind::Invoke, value) => shape.adds_twice |= !added.insert(value),
                _ => {}
            }
            match (&*event.f, event.kind, event.value.as_list()) {
                ("read", Kind::Ok, Some(_)) if shape.strange_read.is_none() => {
                    shape.strange_read = Some(event.index);
                }
                _ => {}
            }
            match (&*event.f, event.kind, event.value.as_list()) {
                ("txn", _, Some(micros)) => micros.iter().for_each(|micro| shape.micros.see(micro)),
                ("read", Kind::Invoke, Some([Value::Null, Value::Null])) => shape.versions = true,
                (_, _, Some([first, ..])) => shape.micro = shape.micro.or(word(first)),
                _ => {}
            }
        }
        shape.strange_read = shape.strange_read.filter(|_| !writes_lists);
        shape
    }

    /// The words, for a person.
    pub(crate) fn told(&self) -> String {
        let words: Vec<&str> = self.words.iter().copied().collect();
        match words.as_slice() {
            [] => "it has no operations".to_owned(),
            [only] => format!("its operations are {only} alone"),
            [first @ .., last] => format!("its operations are {} and {last}", first.join(", ")),
        }
    }

    /// Whether there are operations, and none but with these words.
    pub(crate) fn only(&self, words: &[&str]) -> bool {
        !self.words.is_empty() && self.words.iter().all(|word| words.contains(word))
    }

    /// Whether there are additions, and at most reads beside them.
    pub(crate) fn adds(&self) -> bool {
        self.only(&["read", "add"]) && self.has("add")
    }

    /// Whether values begin with micro-operations that some model knows.
    pub(crate) fn has_accesses(&self) -> bool {
        matches!(self.micro, Some("r" | "w" | "read" | "write"))
    }

    /// Whether an operation has this word.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

impl Micros {
    fn see(&mut self, micro: &Value) {
        if matches!(self, Micros::Empty | Micros::Reads) {
            *self = match (word(micro), micro.as_list()) {
                (Some("append"), _) | (Some("r"), Some([_, _, Value::List(_)])) => Micros::Lists,
                (Some("w"), _) => Micros::Registers,
                (Some("read" | "write"), _) => Micros::Spelled,
                (Some("r"), _) => Micros::Reads,
                _ => Micros::Strange,
            };
        }
    }
}

/// The word of a micro-operation.
fn word(micro: &Value) -> Option<&str> {
    match micro.as_list()? {
        [Value::Text(word), _, _] => Some(word),
        // What it will see is not yet known.
        [Value::Text(word), _] if matches!(&**word, "r" | "read") => Some(word),
        _ => None,
    }
}
