//! The rules that can be broken one by one, so that the tester is tested.

use std::fmt;

/// Every rule, correct by default. Each field is read at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Raft section 5.4.2: a leader commits an entry by counting replicas only if it is of its current term.
    pub commit_current_term_only: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            commit_current_term_only: true,
        }
    }
}

/// A bug: a rule that is broken on purpose.
pub struct Bug {
    /// Its name on the command line.
    pub name: &'static str,
    /// Break the rule.
    pub switch_on: fn(&mut Rules),
}

/// Every bug.
pub const BUGS: &[Bug] = &[Bug {
    name: "commit-any-term",
    switch_on: |rules| rules.commit_current_term_only = false,
}];

/// A bug that does not exist.
#[derive(Debug)]
pub struct UnknownBug(String);

impl fmt::Display for UnknownBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = BUGS.iter().map(|bug| bug.name).collect();
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

impl Rules {
    /// The rules with these bugs.
    pub fn with_bugs(names: &[String]) -> Result<Self, UnknownBug> {
        let mut rules = Rules::default();
        for name in names {
            let bug = BUGS
                .iter()
                .find(|bug| bug.name == name)
                .ok_or_else(|| UnknownBug(name.clone()))?;
            (bug.switch_on)(&mut rules);
        }
        Ok(rules)
    }
}
