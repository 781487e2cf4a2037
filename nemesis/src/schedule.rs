//! What a schedule is, and the table of all schedules.

use std::time::Duration;

use histories::Seed;
use serde::Serialize;

use crate::effect::{Choice, Effect, EffectLine, Outcome};
use crate::fault::Need;
use crate::tells::Tells;
use crate::view::View;

/// What a schedule is built from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many nodes there are.
    pub nodes: usize,
    /// Fixes every choice of the schedule.
    pub seed: Seed,
    /// How long an unguided schedule lets a fault, and the calm after it, last on average.
    pub interval: Duration,
    /// How long the system takes at most to have another leader.
    pub failover: Duration,
    /// What its nodes tell.
    pub tells: Vec<Tells>,
    /// What is in somebody's power: no other fault is drawn by lot.
    pub can: Vec<Need>,
    /// Where a leader appends an entry of its own as soon as it is elected, which would close some traps: how long a value is, in
    /// letters, whose entry fills a batch, so that what comes before it travels without what comes after it.
    pub filler: Option<u64>,
}

/// Decides which fault comes next from what it observes. No I/O, no clock but `view.now`, no randomness but its seed.
pub trait Schedule: Send {
    /// The next effects, in the order in which they are to be carried out. Called every few milliseconds.
    fn observe(&mut self, view: &View) -> Vec<Effect>;

    /// Why the effects that `observe` has just asked for were chosen; it goes with each of them into `nemesis.jsonl`.
    /// Guided schedules tell it in their records instead.
    fn choice(&self) -> Option<Choice> {
        None
    }

    /// What came of an effect that it asked for.
    fn on_outcome(&mut self, effect: &Effect, outcome: &Outcome) {
        let _ = (effect, outcome);
    }

    /// The load ends here: close the cycle that is open, so that its record says so.
    fn interrupt(&mut self, view: &View) {
        let _ = view;
    }

    /// Evidence that is complete, one object a cycle; each is handed out once. Unguided schedules have none.
    fn take_records(&mut self) -> Vec<serde_json::Value> {
        Vec::new()
    }

    /// Whether a finished cycle has shown by itself that what was committed is gone.
    fn has_caught(&self) -> bool {
        false
    }

    /// Where it stands, in a few words for the progress line: `cycle 7 (c) trap`.
    fn stage(&self) -> String;

    /// What the finished cycles came to, for the progress line: `3 refused, 2 closed`. Empty if there is nothing.
    fn tally(&self) -> String {
        String::new()
    }
}

/// Whether the faults really happened, and for a guided schedule, whether its trap was set often enough.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Armed {
    /// Enough, with evidence.
    pub armed: bool,
    /// One sentence.
    pub reason: String,
    /// The counts behind it.
    pub details: serde_json::Value,
}

/// What a run left of its nemesis, as read from its folder.
pub struct Evidence<'a> {
    /// The lines of `nemesis.jsonl`.
    pub effects: &'a [EffectLine],
    /// The cycles of a guided schedule.
    pub records: &'a [serde_json::Value],
    /// How long the load with the nemesis lasted.
    pub ran: Duration,
    /// How long a fault was to last on average.
    pub interval: Duration,
}

/// Which of a system's profiles a schedule is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Bare Raft as in the paper, without what closes traps by accident: the system's first profile.
    Bare,
    /// What one would run: the system's last profile.
    Full,
}

/// A row of the table of schedules.
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The least number of nodes that it makes sense with.
    pub least_nodes: usize,
    /// Whether it makes sense with one node, too: a store of a single server goes away as a whole.
    pub alone: bool,
    /// How many nodes a run has that does not say.
    pub nodes: usize,
    /// Whether it leads the cluster through stages of its own, and leaves a record of each cycle.
    pub guided: bool,
    /// Whether it sends a write again whose answer was lost: only a system that knows it again does it once (Raft section 8).
    pub retries: bool,
    /// What it must see of every node.
    pub needs: &'static [Tells],
    /// What must be in somebody's power, or none of its faults can be brought about.
    pub asks: &'static [Need],
    /// The system's settings in a run that does not say.
    pub profile: Profile,
    /// The workload of a run that does not say.
    pub workload: &'static str,
    /// Build it.
    pub build: fn(&Settings) -> Box<dyn Schedule>,
    /// Judge from the evidence whether it was armed.
    pub armed: fn(&Evidence<'_>) -> Armed,
}
