//! The bugs: which rule each breaks, and where it was seen for real. A set is one file and a row in `SETS`.

mod set_a;

use serde::Serialize;

use super::rules::Rules;

/// A bug: a rule that is broken on purpose.
#[derive(Serialize)]
pub struct Bug {
    /// Its name on the command line.
    pub name: &'static str,
    /// The rule that it breaks; sections and figures are those of the Raft paper.
    pub rule: &'static str,
    /// Where it was seen for real.
    pub seen: &'static str,
    /// Break the rule.
    #[serde(skip)]
    pub switch_on: fn(&mut Rules),
}

/// Every set of bugs.
const SETS: &[&[Bug]] = &[set_a::BUGS];

/// Every bug.
pub fn all() -> impl Iterator<Item = &'static Bug> {
    SETS.iter().copied().flatten()
}

/// The bug of this name.
pub fn named(name: &str) -> Result<&'static Bug, UnknownBug> {
    all()
        .find(|bug| bug.name == name)
        .ok_or_else(|| UnknownBug(name.to_owned()))
}

impl Rules {
    /// The rules with these bugs.
    pub fn with_bugs(names: &[String]) -> Result<Self, UnknownBug> {
        let mut rules = Rules::default();
        for name in names {
            (named(name)?.switch_on)(&mut rules);
        }
        Ok(rules)
    }
}

/// A bug that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no bug {0:?}; see --list-bugs")]
pub struct UnknownBug(String);
