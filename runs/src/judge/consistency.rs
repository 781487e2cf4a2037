//! What a history is held to: the levels that the command line names, of those that the model knows.

use checker::models::Model;
use checker::{Assume, CheckName, Level, Levels, Order, Subject};

use super::error::JudgeError;

/// What a model with a legal order of its own is held to, whatever else there is.
const LINEARIZABLE: &str = "linearizable";

/// Whether transactions can be held to a level of this name.
pub fn is_level_of_transactions(name: &str) -> bool {
    Subject::Transactions.find(name).is_some()
}

/// The levels of these names; without names, what the model stands for. `timed`: whether the history tells what had
/// completed before what. Transactions of one that does not cannot be held to that.
///
/// # Errors
/// The model knows no level of such a name.
pub fn levels(names: &[String], model: &Model, timed: bool) -> Result<Levels, JudgeError> {
    let strict = Level::STRICT_SERIALIZABLE;
    let untimed = |level: Level| match level.order {
        Order::RealTime if !timed && model.subject() == Some(Subject::Transactions) => {
            Level::of(level.isolation, Order::Any)
        }
        _ => level,
    };
    if names.is_empty() {
        return Ok(untimed(strict).into());
    }
    let find = |name: &String| {
        let found = match model.subject() {
            Some(subject) => subject.find(name),
            None => {
                (name.eq_ignore_ascii_case(LINEARIZABLE) && model.may_have_a_legal_order()).then_some(strict)
            }
        };
        found.ok_or_else(|| no_such_level(name, model))
    };
    names.iter().map(|name| Ok(untimed(find(name)?))).collect()
}

/// What is assumed, where the model takes assumptions.
pub(super) fn assumed(assume: Assume, model: &Model) -> Result<Assume, JudgeError> {
    match assume == Assume::NOTHING || model.takes_assumptions() {
        true => Ok(assume),
        false => Err(JudgeError::NoAssumptions { model: model.name }),
    }
}

/// Whoever asks for a level by its name is not answered by an analysis that looks for none.
pub(super) fn answered(names: &[String], model: &Model, check: CheckName) -> Result<(), JudgeError> {
    match names.first() {
        Some(name) if check == CheckName::Bounds => Err(JudgeError::NoLevel {
            level: name.clone(),
            model: model.name,
            takes: "none: an analysis judges it (docs/models.md)".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn no_such_level(name: &str, model: &Model) -> JudgeError {
    let takes = match model.subject() {
        Some(Subject::Transactions) => "a level of transactions (harness list levels)".to_owned(),
        Some(subject) => {
            let all: Levels = subject.levels().into_iter().collect();
            subject.names(all).join(", ")
        }
        None if model.may_have_a_legal_order() => LINEARIZABLE.to_owned(),
        None => "none".to_owned(),
    };
    JudgeError::NoLevel {
        level: name.to_owned(),
        model: model.name,
        takes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(model: &str, names: &[&str], timed: bool) -> Result<Levels, String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let model = checker::models::find(model).unwrap();
        levels(&names, model, timed).map_err(|error| error.to_string())
    }

    #[test]
    fn a_model_knows_its_own_levels() {
        let sequential: Levels = Level::STRONG_SESSION_SERIALIZABLE.into();
        assert_eq!(asked("register", &["Sequential"], true), Ok(sequential));
        assert_eq!(
            asked("rw-register", &["strong-session-serializable"], true),
            Ok(sequential)
        );
        assert_eq!(
            asked("fifo-queue", &["linearizable"], true),
            Ok(Levels::default())
        );
        let said = asked("register", &["serializable"], true).unwrap_err();
        assert!(
            said.ends_with("takes monotonic-reads, monotonic-writes, read-your-writes, writes-follow-reads, pram, causal, sequential, linearizable"),
            "{said}"
        );
        assert!(
            asked("fifo-queue", &["sequential"], true)
                .unwrap_err()
                .ends_with("takes linearizable")
        );
        assert!(asked("multi-register", &["pram"], true).is_err());
        assert!(asked("list-append", &["linearizable"], true).is_err());
    }

    #[test]
    fn without_an_order_in_time_transactions_are_not_held_to_it() {
        let serializable: Levels = Level::SERIALIZABLE.into();
        assert_eq!(asked("rw-register", &[], false), Ok(serializable));
        assert_eq!(
            asked("rw-register", &["strict-serializable"], false),
            Ok(serializable)
        );
        assert_eq!(asked("register", &[], false), Ok(Levels::default()));
    }
}
