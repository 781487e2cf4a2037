//! Schedules that go by the clock: lanes of faults that come and go, drawn by lot from [`crate::faults`].
//!
//! A lane is calm, then has one fault in force, then undoes it and is calm again; each lasts the interval on average.
//! `kill`, `pause` and `partition` are one lane each, `chaos` is several side by side. A lane never goes on before what
//! it asked for last was answered, so every fault is undone, and undone before the lane's next one. A fault that is not
//! proved when it is undone (a cut that nothing ran into) came to nothing: unless one of its kind is proved already, the
//! lane draws the like again at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use histories::Nanos;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::proof::{self, plural};
use crate::effect::{Choice, Effect, Outcome};
use crate::fault::{Fault, Need, Spell, Target};
use crate::faults::{self, InForce};
use crate::schedule::{Profile, Row, Schedule, Settings};
use crate::scope::{Drawn, Scope};
use crate::view::View;

/// Kills alone.
pub(super) const KILL: Row = Row {
    name: "kill",
    about: "kill -9 of a random node, the leader or a minority; started again after a while",
    alone: true,
    asks: &[Need::Restarts],
    build: |settings| alone(settings, &faults::KILL),
    ..CHAOS
};

/// Pauses alone.
pub(super) const PAUSE: Row = Row {
    name: "pause",
    about: "SIGSTOP of a random node, the leader or a minority; continued after a while",
    alone: true,
    asks: &[Need::Processes],
    build: |settings| alone(settings, &faults::PAUSE),
    ..CHAOS
};

/// The cluster falls apart into two sides, in both directions or in one only.
pub(super) const PARTITION: Row = Row {
    name: "partition",
    about: "random halves, one node or the leader cut off, both ways or one way; healed after a while",
    asks: &[Need::Links],
    build: |settings| alone(settings, &faults::CUT),
    ..CHAOS
};

/// What a network does to single messages.
pub(super) const MESSAGES: Row = Row {
    name: "messages",
    about: "single messages between nodes are lost, repeated, late, and overtake each other",
    asks: &[Need::Messages],
    build: |settings| {
        let faults = vec![&faults::LOSE, &faults::REPEAT, &faults::REORDER, &faults::DELAY];
        Box::new(Unguided::new(settings, vec![faults]))
    },
    ..CHAOS
};

/// Everything at once. Faults overlap but never disturb each other's undo, and no majority is ever taken away.
pub(super) const CHAOS: Row = Row {
    name: "chaos",
    about: "a seeded mix of kills, pauses, partitions and delays, and of what loses and reorders messages, overlapping",
    least_nodes: 3,
    alone: false,
    nodes: 5,
    guided: false,
    retries: false,
    needs: &[],
    asks: &[],
    profile: Profile::Full,
    workload: "register",
    build: |settings| Box::new(Unguided::new(settings, faults::lanes(&settings.can))),
    armed: proof::judge,
};

/// How soon a lane tries again that found nobody whom it may hit.
const AGAIN: Duration = Duration::from_millis(100);

fn alone(settings: &Settings, fault: &'static Fault) -> Box<dyn Schedule> {
    Box::new(Unguided::new(settings, vec![vec![fault]]))
}

/// A schedule of lanes.
pub(super) struct Unguided {
    rng: ChaCha8Rng,
    interval: Duration,
    lanes: Vec<Lane>,
    choice: Option<Choice>,
    tally: BTreeMap<&'static str, usize>,
    /// What is in force, and what came of the effects that began it.
    in_force: InForce<Outcome>,
    /// The faults of which one is proved.
    proved: BTreeSet<&'static str>,
    /// What was drawn before it began: in words, and as a record until that is handed out.
    mix: String,
    record: Option<serde_json::Value>,
}

/// A lane before it begins: what it draws from, and how long its calm is beside the interval.
#[derive(Clone, Debug)]
pub(super) struct LanePlan {
    /// Each as often as it has weight.
    pub(super) faults: Vec<&'static Fault>,
    /// 1 is as long as a fault on average.
    pub(super) calm: f64,
}

struct Lane {
    plan: LanePlan,
    /// The fault in force.
    drawn: Option<Drawn>,
    /// The last one.
    last: Option<&'static Fault>,
    /// The next one, where the last one came to nothing.
    again: Option<&'static Fault>,
    /// When the present fault, or calm, ends. Not known before the first view.
    until: Option<Nanos>,
    /// What it asked for and was not answered yet.
    unanswered: Vec<Effect>,
}

impl Unguided {
    /// A lane for each of `lanes`, which draws from those faults.
    fn new(settings: &Settings, lanes: Vec<Vec<&'static Fault>>) -> Self {
        let plan = |faults| LanePlan { faults, calm: 1.0 };
        let rng = ChaCha8Rng::seed_from_u64(settings.seed.0);
        Self::planned(settings, rng, lanes.into_iter().map(plan))
    }

    /// The same with lanes that were drawn from `rng`.
    pub(super) fn planned(
        settings: &Settings,
        rng: ChaCha8Rng,
        lanes: impl IntoIterator<Item = LanePlan>,
    ) -> Self {
        let lane = |plan: LanePlan| Lane {
            plan,
            drawn: None,
            last: None,
            again: None,
            until: None,
            unanswered: Vec::new(),
        };
        Unguided {
            rng,
            interval: settings.interval,
            lanes: lanes.into_iter().map(lane).collect(),
            choice: None,
            tally: BTreeMap::new(),
            in_force: InForce::default(),
            proved: BTreeSet::new(),
            mix: String::new(),
            record: None,
        }
    }

    /// The same, which tells what was drawn before it began.
    pub(super) fn telling(mut self, mix: String, record: Option<serde_json::Value>) -> Self {
        (self.mix, self.record) = (mix, record);
        self
    }

    /// Between half of the interval and one and a half.
    fn span(&mut self) -> Duration {
        self.interval.mul_f64(self.rng.random_range(0.5..1.5))
    }

    /// The lanes that have nothing to wait for.
    fn due(&mut self, now: Nanos) -> Vec<usize> {
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].until.is_none() {
                self.lanes[lane].until = Some(now + self.span());
            }
        }
        let due = |lane: &Lane| lane.unanswered.is_empty() && lane.until.is_some_and(|until| until <= now);
        let numbers = 0..self.lanes.len();
        numbers.filter(|number| due(&self.lanes[*number])).collect()
    }

    fn turn(&mut self, number: usize, view: &View) -> Vec<Effect> {
        let (effects, span) = match self.lanes[number].drawn.take() {
            Some(drawn) => {
                let calm = self.span().mul_f64(self.lanes[number].plan.calm);
                (self.undo(drawn), calm)
            }
            None => match self.draw(number, view) {
                Some(drawn) => (self.begin(number, drawn), self.span()),
                None => (Vec::new(), AGAIN),
            },
        };
        let lane = &mut self.lanes[number];
        lane.until = Some(view.now + span);
        lane.unanswered.clone_from(&effects);
        effects
    }

    fn draw(&mut self, number: usize, view: &View) -> Option<Drawn> {
        let drawn = self.lanes.iter().filter_map(|lane| lane.drawn.as_ref());
        let targets = drawn
            .flat_map(|drawn| &drawn.effects)
            .flat_map(|effect| effect.act().targets);
        let held = targets.filter_map(|target| match target {
            Target::Process(node) => Some(node),
            // They concern nobody's process.
            Target::Link(_) | Target::Clients(_) => None,
        });
        let held = held.collect();
        let lane = &mut self.lanes[number];
        let fault = match lane.again.take() {
            Some(fault) => fault,
            None => lane.plan.faults[self.rng.random_range(0..lane.plan.faults.len())],
        };
        let drawn = (fault.chance?.draw)(&mut self.rng, &Scope { view, held })?;
        lane.last = Some(fault);
        *self.tally.entry(fault.name).or_default() += 1;
        Some(drawn)
    }

    fn begin(&mut self, number: usize, drawn: Drawn) -> Vec<Effect> {
        self.choice = Some(drawn.choice.clone());
        let effects = drawn.effects.clone();
        self.lanes[number].drawn = Some(drawn);
        effects
    }

    fn undo(&mut self, drawn: Drawn) -> Vec<Effect> {
        self.choice = Some(Choice {
            what: format!("undo: {}", drawn.choice.what),
            resolved: drawn.choice.resolved,
        });
        drawn.effects.iter().filter_map(Effect::undo).collect()
    }
}

impl Schedule for Unguided {
    /// One lane at a time, so that each has one choice to tell; the others have their turn a few milliseconds later.
    fn observe(&mut self, view: &View) -> Vec<Effect> {
        self.choice = None;
        for number in self.due(view.now) {
            let effects = self.turn(number, view);
            if !effects.is_empty() {
                return effects;
            }
        }
        Vec::new()
    }

    fn choice(&self) -> Option<Choice> {
        self.choice.clone()
    }

    fn on_outcome(&mut self, effect: &Effect, outcome: &Outcome) {
        let place = |lane: &Lane| lane.unanswered.iter().position(|asked| asked == effect);
        let asked = self
            .lanes
            .iter_mut()
            .find_map(|lane| place(lane).map(|place| (lane, place)));
        let Some((lane, place)) = asked else { return };
        lane.unanswered.remove(place);
        let over = self.in_force.after(effect, outcome, outcome);
        let undone = lane
            .last
            .filter(|_| lane.drawn.is_none() && outcome.is_installed());
        let Some(fault) = undone else { return };
        let proves = |ended: &faults::Ended<Outcome>| {
            (fault.proof)(&Spell {
                target: ended.target,
                begun: &ended.mark,
                end: effect,
                ended: outcome,
            })
        };
        if over.iter().any(proves) {
            self.proved.insert(fault.name);
        } else if !self.proved.contains(fault.name) {
            (lane.again, lane.until) = (Some(fault), Some(Nanos(0)));
        }
    }

    fn take_records(&mut self) -> Vec<serde_json::Value> {
        self.record.take().into_iter().collect()
    }

    fn stage(&self) -> String {
        let drawn = self.lanes.iter().filter_map(|lane| lane.drawn.as_ref());
        let stages: Vec<String> = drawn.map(|drawn| drawn.choice.to_string()).collect();
        if stages.is_empty() {
            "calm".to_owned()
        } else {
            stages.join(" + ")
        }
    }

    fn tally(&self) -> String {
        let counts: Vec<String> = self
            .tally
            .iter()
            .map(|(kind, count)| format!("{count} {}", plural(kind, *count)))
            .collect();
        match (counts.join(", "), self.mix.as_str()) {
            (counts, "") => counts,
            (counts, mix) if counts.is_empty() => mix.to_owned(),
            (counts, mix) => format!("{counts} ({mix})"),
        }
    }
}
