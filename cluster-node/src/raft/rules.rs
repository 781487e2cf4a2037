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
        write!(f, "there is no bug {:?}; there are {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownBug {}

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
