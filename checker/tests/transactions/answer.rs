//! What a check says of one level, whichever it was asked about.

use checker::{Check, Level, Subject, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Whether the history keeps to the level.
    Says(bool),
    /// Nothing in the history could have contradicted the level.
    NothingToProve,
    /// Equal elements can be told apart in more ways than are tried.
    TooManyWays,
    /// The check does not say, and not why.
    Silent,
}

impl Answer {
    /// The answer about a level that is among those that the check was asked about.
    pub fn of(check: &Check, subject: Subject, level: Level) -> Self {
        match check.verdict {
            Verdict::Pass => return Answer::Says(true),
            Verdict::Inconclusive if check.details["proof"]["vacuous"].is_string() => {
                return Answer::NothingToProve;
            }
            _ => {}
        }
        let names = |field: &str| check.details[field].as_array().into_iter().flatten();
        let named = |field: &str| names(field).any(|name| name == subject.name(level));
        let implied = || {
            let mut levels = subject.levels().into_iter();
            levels.any(|stronger| {
                stronger.implies(level) && names("permits").any(|name| name == subject.name(stronger))
            })
        };
        match () {
            () if named("not") || named("also_not") => Answer::Says(false),
            () if implied() => Answer::Says(true),
            () if check.details["unclear"].is_string() => Answer::TooManyWays,
            () => Answer::Silent,
        }
    }
}
