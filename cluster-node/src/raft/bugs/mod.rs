//! The bugs: which rule each breaks, and where it was seen for real. A set is one file and a row in `SETS`.

mod set_a;

use std::fmt;

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
#[derive(Debug)]
pub struct UnknownBug(String);

impl fmt::Display for UnknownBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = all().map(|bug| bug.name).collect();
        write!(f, "there is no bug {:?}", self.0)?;
        if let Some(nearest) = nearest(&self.0, &known) {
            write!(f, "; did you mean {nearest}?")?;
        }
        write!(f, "; there are: {}", known.join(", "))
    }
}

impl std::error::Error for UnknownBug {}

/// The known name that takes the fewest changes of a letter, at most half of its length.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let by_distance = known.iter().map(|known| (distance(name, known), *known));
    let (changes, nearest) = by_distance.min()?;
    (changes * 2 <= nearest.len()).then_some(nearest)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}
