//! What a row of the table of models says.

use histories::{Event, Header, Value};

use super::shape::Shape;
use crate::budget::Budget;
use crate::error::{Halt, HistoryError};
use crate::final_reads::FinalReads;
use crate::judge::Judged;
use crate::operations::Group;
use crate::options::Options;
use crate::proved::Reading;
use crate::subject::Subject;
use crate::transactions::Words;
use crate::verdict::Check;

/// A model: what a history's operations mean, and how it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name, as in a history's header and on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The words for its operations, and the values that they take.
    pub operations: &'static [&'static str],
    /// Whether a history without a header that looks so can be one of it.
    pub(crate) suggested: fn(&Shape<'_>) -> bool,
    /// The event that tells that it cannot be of this model after all, though it looks so: then nobody guesses.
    pub(crate) contradicted: fn(&Shape<'_>) -> Option<u64>,
    /// What it starts from.
    pub start: Start,
    /// Whether it is one value that is read and written: then a [`Stream`](crate::Stream) can prove a pass, and
    /// [`NullRead`](crate::NullRead) decides what a read of null says.
    pub is_register: bool,
    pub(crate) judge: Judge,
    /// Whether the analysis that the formats of Jepsen imply is taken where nobody names one.
    pub takes_implied_analysis: bool,
    /// How its operations are transactions, where they can be held to levels of consistency.
    pub(crate) transactions: Option<Words>,
    /// The analysis that judges a key, where that is not a legal order.
    pub(crate) reading: fn(&Group<'_>, &Options) -> Option<Reading>,
    /// What the final reads of a key must show; none if they tell nothing of what was acknowledged.
    pub(crate) final_reads: Option<FinalReads>,
    #[cfg(test)]
    pub(crate) examples: crate::twins::Examples,
}

impl Model {
    /// By which names levels of consistency are asked for; none where the model has only its own judgement.
    pub fn subject(&self) -> Option<Subject> {
        self.transactions.map(|words| words.subject)
    }

    /// Whether something can be taken for granted of its keys.
    pub fn takes_assumptions(&self) -> bool {
        let fits = |words: Words| words.subject == Subject::Transactions && !words.lists;
        self.transactions.is_some_and(fits)
    }

    /// Whether the last reads of a history can tell what became of everything that was acknowledged.
    pub fn has_final_reads(&self) -> bool {
        self.final_reads.is_some()
    }

    /// Whether `linearizable` is what it asks for, where it has an analysis that looks for a legal order.
    pub fn may_have_a_legal_order(&self) -> bool {
        matches!(self.judge, Judge::Key(_))
    }
}

/// What there is before the first operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The history's `initial`, which is null where nobody says anything else.
    Initial,
    /// The history's `initial`, and where that is null this.
    Else(&'static str),
    /// Always this: an `initial` means nothing.
    Always(&'static str),
}

impl Start {
    /// As a person says it.
    ///
    /// ```
    /// use checker::models::Start;
    /// assert_eq!(Start::Initial.of(&histories::Value::Null), "null");
    /// assert_eq!(Start::Else("0").of(&histories::Value::from(7)), "7");
    /// assert_eq!(Start::Always("empty").of(&histories::Value::from(7)), "empty");
    /// ```
    pub fn of(self, initial: &Value) -> String {
        match self {
            Start::Always(said) => said.to_owned(),
            Start::Else(said) if *initial == Value::Null => said.to_owned(),
            Start::Initial | Start::Else(_) => initial.to_string(),
        }
    }
}

/// Who gives the verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Judge {
    /// Each key is judged by itself.
    Key(fn(&Group<'_>, &Options, &Budget) -> Result<Judged, Halt>),
    /// Operations touch many keys: all are judged together.
    Whole(fn(&Header, &[Event], &Options, &Budget) -> Result<Check, HistoryError>),
}
