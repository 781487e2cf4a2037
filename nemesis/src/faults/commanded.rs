//! What proves an effect that commands bring about, on machines that are not ours to look into: that each command was done,
//! and that its probe found what it is there to find. What has no probe is *attempted*, and proves nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::effect::Outcome;
use crate::evidence;
use crate::fault::{Spell, Target};

/// Evidence of an effect that commands brought about, target by target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commanded {
    /// What was done to each target.
    pub commands: Vec<Ran>,
    /// From the decision until the last of them was over, in microseconds.
    pub took_us: u64,
}

/// A command that was run, and what its probe found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// Whom it was done to: `n1`, `n1→n3`.
    pub target: String,
    /// As one would type it; none where nothing had to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether it ended with exit code 0, and in time.
    pub done: bool,
    /// How it ended: `exit status: 0`, `not within 10s`.
    pub ended: String,
    /// The last lines of what it printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<String>,
    /// What is proved.
    pub proof: Proof,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Proof {
    /// It is as the command was to make it.
    Proved {
        /// What says so: a command, or whether the node answers.
        by: String,
    },
    /// It was not found so.
    Unproved {
        /// What was to say so.
        by: String,
        /// What was found.
        why: String,
    },
    /// It was so before the command was run, which therefore proves nothing.
    Before {
        /// What says so.
        by: String,
    },
    /// The description has no probe.
    None,
}

impl Ran {
    /// Whether the command was done and its probe proves it.
    pub fn is_proved(&self) -> bool {
        self.done && matches!(self.proof, Proof::Proved { .. })
    }

    /// Whether the command was done, and nobody can say what it came to.
    pub fn is_attempted(&self) -> bool {
        self.done && self.proof == Proof::None
    }
}

impl Commanded {
    /// What is not proved of it, in words; none if all is.
    pub fn doubt(&self) -> Option<String> {
        let doubtful: Vec<&Ran> = self.commands.iter().filter(|ran| !ran.is_proved()).collect();
        let first = doubtful
            .iter()
            .find(|ran| !ran.is_attempted())
            .or(doubtful.first())?;
        let others = match doubtful.len() {
            1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        Some(format!("{first}{others}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.target)?;
        if let Some(command) = &self.command {
            write!(f, "`{command}`: {}", self.ended)?;
            if !self.done {
                return self.said.iter().try_for_each(|line| write!(f, "\n  {line}"));
            }
            f.write_str("; ")?;
        }
        match &self.proof {
            Proof::Proved { by } => write!(f, "proved by {by}"),
            Proof::Unproved { by, why } => write!(f, "not proved by {by}: {why}"),
            Proof::Before { by } => write!(f, "{by} said so before, and so proves nothing"),
            Proof::None => f.write_str("attempted: without a probe nothing proves it"),
        }
    }
}

impl fmt::Display for Commanded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> = self.commands.iter().map(Ran::to_string).collect();
        f.write_str(&told.join("; "))
    }
}

/// Whether commands brought it about, or tried to.
pub fn by_command(outcome: &Outcome) -> bool {
    evidence::known::<Commanded>(outcome).is_some()
}

/// Whether every command of it was done, and of one at least nobody can say what it came to.
pub fn attempted(outcome: &Outcome) -> bool {
    let commands = evidence::known::<Commanded>(outcome).map_or_else(Vec::new, |known| known.commands);
    commands.iter().any(Ran::is_attempted) && commands.iter().all(|ran| ran.is_proved() || ran.is_attempted())
}

/// Whether commands began the fault on the spell's target and ended it there, and both are proved.
pub(super) fn proves(spell: &Spell<'_>) -> bool {
    let proved = |outcome| is_proved(outcome, spell.target);
    proved(spell.begun) && proved(spell.ended)
}

fn is_proved(outcome: &Outcome, target: Target) -> bool {
    let known = evidence::known::<Commanded>(outcome);
    let of_target = |ran: &Ran| ran.target == target.to_string() && ran.is_proved();
    known.is_some_and(|known| known.commands.iter().any(of_target))
}
