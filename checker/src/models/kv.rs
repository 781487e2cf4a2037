//! Strings: `get → s`, `put s`, `append s`, as Porcupine's key-value model.
//!
//! A string that no get returned and that is no beginning of one can never become one that was returned, whatever
//! is appended: all such strings are the same state. Every other one is the beginning of a returned string, and its state
//! is the first such string with the number of pieces.

use std::collections::HashSet;
use std::sync::Arc;

use histories::{Kind, Value};

use super::row::{Judge, Model, Start};
use super::spelling::Spelling;
use crate::budget::{Meter, Stop};
use crate::decode::{
    Decision, Decode, Decoded, NUMBER_BYTES, Telling, bad_initial, decode_each, shortened, unknown_f,
};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::graph::strings;
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::strings::{Action, Pieces};
use crate::spec::{Entry, Role, Spec};
#[cfg(test)]
use crate::twins::{self, Drawn, Examples, Proof};

pub(super) const MODEL: Model = Model {
    name: "kv",
    about: "strings: get, put, append, as Porcupine's",
    operations: &["get → s", "put s", "append s"],
    suggested: |shape| shape.only(&["get", "put", "append"]),
    contradicted: |_| None,
    start: Start::Else("\"\""),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge::<Kv>),
    transactions: None,
    reading: |_, _| None,
    final_reads: Some(final_reads::growth),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(twins::Kv(twins::MANY))],
        illegal: "put 'a'; append 'b'; put 'a'; get null → 'ab'",
        states: &["\"\"", "\"\""],
        proofs: &[Proof::PassesOver, Proof::Sums],
    },
};

/// The beginning of a returned string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Beginning {
    /// The place of the first string that begins so.
    of: u32,
    /// How many pieces.
    pieces: u32,
}

/// The specification.
pub(crate) struct Kv {
    initial: Pieces,
    /// How many pieces there are, if each text is one.
    texts: Option<usize>,
    /// What was returned, ascending.
    returned: Vec<Pieces>,
}

impl Kv {
    fn new(initial: Pieces, texts: Option<usize>, entries: &[Entry<Action>]) -> Self {
        let gets = entries.iter().filter_map(|entry| match &entry.op {
            Action::Get(seen) => Some(seen.clone()),
            _ => None,
        });
        let mut returned: Vec<_> = gets.collect::<HashSet<_>>().into_iter().collect();
        returned.sort_unstable();
        Kv {
            initial,
            texts,
            returned,
        }
    }

    /// The state that shows this; none for all strings that nobody can see any more.
    fn state(&self, pieces: &[u32]) -> Option<Beginning> {
        let at = self.returned.partition_point(|other| **other < *pieces);
        let first = self.returned.get(at)?;
        first.starts_with(pieces).then_some(Beginning {
            of: at as u32,
            pieces: pieces.len() as u32,
        })
    }

    fn shows(&self, state: Beginning) -> &[u32] {
        &self.returned[state.of as usize][..state.pieces as usize]
    }

    fn append(&self, state: Beginning, more: &[u32]) -> Option<Beginning> {
        let before = self.shows(state);
        let length = before.len() + more.len();
        // Strings with the same beginning stand together, ascending by what follows.
        let later = &self.returned[state.of as usize..];
        let skip = match later[0].get(before.len()..length) == Some(more) {
            true => 0,
            false => {
                later.partition_point(|other| other.starts_with(before) && other[before.len()..] < *more)
            }
        };
        let first = later.get(skip)?;
        let fits = first.starts_with(before) && first[before.len()..].starts_with(more);
        fits.then_some(Beginning {
            of: state.of + skip as u32,
            pieces: length as u32,
        })
    }
}

impl Spec for Kv {
    const OFTEN: bool = true;

    type State = Option<Beginning>;
    type Op = Action;

    fn op_bytes(op: &Action) -> usize {
        let (Action::Get(pieces) | Action::Put(pieces) | Action::Append(pieces)) = op;
        size_of_val(&**pieces) + 16
    }

    fn initial(&self) -> Self::State {
        self.state(&self.initial)
    }

    fn step(&self, state: &Self::State, op: &Action) -> Option<Self::State> {
        match (op, *state) {
            (Action::Get(seen), Some(state)) => (**seen == *self.shows(state)).then_some(Some(state)),
            (Action::Get(_), None) => None,
            (Action::Put(pieces), _) => Some(self.state(pieces)),
            (Action::Append(more), Some(state)) => Some(self.append(state, more)),
            (Action::Append(_), None) => Some(None),
        }
    }

    fn observing(&self, op: &Action) -> bool {
        matches!(op, Action::Get(_))
    }

    fn role(&self, op: &Action) -> Role {
        match op {
            Action::Get(_) => Role::Pure,
            Action::Append(more) if more.is_empty() => Role::Pure,
            Action::Put(_) => Role::Blind,
            Action::Append(_) => Role::Update,
        }
    }

    fn elements(&self, op: &Action, elements: &mut Vec<u32>) {
        let (Action::Get(pieces) | Action::Put(pieces) | Action::Append(pieces)) = op;
        elements.extend(pieces.iter().filter(|piece| !self.initial.contains(piece)));
    }

    /// Without some pieces everywhere: what was legal stays so.
    fn restrict(&self, op: &Action, kept: &dyn Fn(u32) -> bool) -> Option<Action> {
        let stays = |piece: &u32| kept(*piece) || self.initial.contains(piece);
        let rest = |pieces: &Pieces| pieces.iter().copied().filter(stays).collect::<Pieces>();
        match op {
            Action::Get(seen) => Some(Action::Get(rest(seen))),
            Action::Put(pieces) => Some(Action::Put(rest(pieces))),
            Action::Append(more) => {
                Some(Action::Append(rest(more))).filter(|op| *op != Action::Append([].into()))
            }
        }
    }

    fn among(&self, entries: &[Entry<Action>]) -> Option<Self> {
        Some(Kv::new(self.initial.clone(), self.texts, entries))
    }
}

fn text(operation: &Operation<'_>, value: &Value, in_result: bool) -> Result<Arc<str>, HistoryError> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Null => Ok("".into()),
        _ => Err(operation.bad_value(in_result, "a string")),
    }
}

impl Decode for Kv {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let initial: Arc<str> = match group.initial {
            Value::Text(text) => text.clone(),
            Value::Null => "".into(),
            _ => return Err(bad_initial(group, MODEL.name, "a string").into()),
        };
        meter.grow(group.operations.len() * NUMBER_BYTES)?;
        let texts = group.operations.iter().filter_map(|operation| {
            let value = (&*operation.invoke.f != "get").then(|| operation.argument());
            value.and_then(|value| match value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            })
        });
        let mut spelling = Spelling::of(texts.chain([initial.clone()]).collect());
        let initial = spelling.spell(&initial);
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "get" if operation.outcome != Kind::Ok => Ok(None),
            "get" => {
                let seen = text(operation, operation.result(), true)?;
                Ok(Some(Action::Get(spelling.spell(&seen))))
            }
            "put" => {
                let text = text(operation, operation.argument(), false)?;
                Ok(Some(Action::Put(spelling.spell(&text))))
            }
            "append" => {
                let text = text(operation, operation.argument(), false)?;
                Ok(Some(Action::Append(spelling.spell(&text))))
            }
            _ => Err(unknown_f(operation, MODEL.name, MODEL.operations)),
        })?;
        Ok(Decoded {
            spec: Kv::new(initial, spelling.texts(), &entries),
            entries,
            failed,
        })
    }

    fn graph(
        decoded: &Decoded<Self>,
        want_order: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Decision<Action>, Stop> {
        strings::decide(
            decoded,
            &decoded.spec.initial,
            decoded.spec.texts,
            want_order,
            meter,
        )
    }

    fn start(initial: &Value) -> Option<String> {
        Some(MODEL.start.of(initial))
    }

    fn tell(&self, state: &Self::State) -> Telling {
        match (state, self.texts) {
            (None, _) => Telling::text("a string that no get saw"),
            (Some(state), Some(_)) => match self.shows(*state) {
                [] => Telling::text("\"\""),
                pieces => Telling::joined(pieces.len(), " + ", |at| Telling::value(pieces[at])),
            },
            (Some(state), None) => {
                let letters = self
                    .shows(*state)
                    .iter()
                    .filter_map(|&letter| char::from_u32(letter));
                Telling::text(shortened(&Value::from(&*letters.collect::<String>()).to_string()))
            }
        }
    }

    fn names<'a>(op: &Action, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        if let Action::Put(pieces) | Action::Append(pieces) = op
            && let [piece] = **pieces
        {
            name(piece, operation.argument());
        }
    }
}
