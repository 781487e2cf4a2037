//! What unguided schedules share: lanes of faults that come and go by the clock, and whom a fault may hit.
//!
//! A lane is calm, then has one fault in force, then undoes it and is calm again; each lasts the interval on average.
//! `kill`, `pause` and `partition` are one lane each, `chaos` is several side by side. A lane never goes on before what
//! it asked for last was answered, so every fault is undone, and undone before the lane's next one. A rule for links that
//! nothing ran into was no fault: unless one of its kind is proved already, the lane draws the like again at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use histories::Nanos;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::guided::majority;
use crate::effect::{Choice, Effect, NodeId, Outcome};
use crate::evidence::{self, RuleEnded, RulesSet};
use crate::schedule::{Schedule, Settings};
use crate::view::{ProcessState, View};

/// How soon a lane tries again that found nobody whom it may hit.
const AGAIN: Duration = Duration::from_millis(100);

/// A fault that was drawn, with its undo.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// What kind: `kill`, `cut` …, as the tally counts it.
    pub(super) kind: &'static str,
    /// Why these effects.
    pub(super) choice: Choice,
    /// Whose process it concerns; links concern nobody's.
    pub(super) victims: Vec<NodeId>,
    /// What brings it about.
    pub(super) begin: Vec<Effect>,
    /// What undoes it.
    pub(super) end: Vec<Effect>,
}

/// What a draw may know: the view, and whom the faults in force concern (the view tells it a little later).
pub(super) struct Scene<'a> {
    pub(super) view: &'a View,
    held: Vec<NodeId>,
}

/// Draws a fault; none if there is nobody whom it may hit.
pub(super) type Draw = fn(&mut ChaCha8Rng, &Scene<'_>) -> Option<Fault>;

impl Scene<'_> {
    /// All nodes.
    pub(super) fn nodes(&self) -> Vec<NodeId> {
        NodeId::all(self.view.nodes.len()).collect()
    }

    /// The nodes whose process runs and that no fault in force concerns.
    pub(super) fn free(&self) -> Vec<NodeId> {
        let runs = |node: &NodeId| self.view.nodes[node.0].process == ProcessState::Running;
        let mut free = self.nodes();
        free.retain(|node| runs(node) && !self.held.contains(node));
        free
    }

    /// How many processes may be taken away so that a majority is left.
    fn spare(&self) -> usize {
        let needed = majority(self.view.nodes.len());
        self.free().len().saturating_sub(needed)
    }

    /// The leader as a choice resolves to it: `n3, term 7`.
    pub(super) fn leader(&self) -> Option<(NodeId, String)> {
        let leader = self.view.leader()?;
        let term = self.view.status(leader)?.term;
        Some((leader, format!("{leader}, term {term}")))
    }
}

/// Draw whose processes a fault hits: a node, the leader, or a minority; never so many that no majority is left. `verb`
/// is what is done to them.
pub(super) fn draw_victims(
    rng: &mut ChaCha8Rng,
    scene: &Scene<'_>,
    verb: &str,
) -> Option<(Choice, Vec<NodeId>)> {
    let mut free = scene.free();
    let spare = scene.spare();
    free.shuffle(rng);
    let one = *free.first().filter(|_| spare > 0)?;
    let (whom, resolved, victims) = match rng.random_range(0..3) {
        0 => ("a node", names(&[one]), vec![one]),
        1 => match scene.leader().filter(|(leader, _)| free.contains(leader)) {
            Some((leader, resolved)) => ("the leader", resolved, vec![leader]),
            None => ("the leader", format!("{one}, as none is known"), vec![one]),
        },
        _ => {
            let mut minority = free[..spare].to_vec();
            minority.sort_unstable();
            ("a minority", names(&minority), minority)
        }
    };
    let what = format!("{verb} {whom}");
    Some((Choice { what, resolved }, victims))
}

/// `n1, n4`.
pub(super) fn names(nodes: &[NodeId]) -> String {
    let names: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
    names.join(", ")
}

/// The word for so many faults of a kind.
pub(super) fn plural(kind: &str, count: usize) -> String {
    if count == 1 {
        kind.to_owned()
    } else {
        format!("{kind}s")
    }
}

/// A schedule of lanes.
pub(super) struct Unguided {
    rng: ChaCha8Rng,
    interval: Duration,
    lanes: Vec<Lane>,
    choice: Option<Choice>,
    tally: BTreeMap<&'static str, usize>,
    /// The kinds of faults on links that are proved.
    proved: BTreeSet<&'static str>,
}

/// A lane before it begins: what it draws from, and how long its calm is beside the interval.
#[derive(Clone, Debug)]
pub(super) struct LanePlan {
    /// Each as often as it has weight.
    pub(super) draws: Vec<Draw>,
    /// 1 is as long as a fault on average.
    pub(super) calm: f64,
}

struct Lane {
    /// What it draws from.
    draws: Vec<Draw>,
    /// How long its calm is beside the interval.
    calm: f64,
    /// The fault in force.
    fault: Option<Fault>,
    /// The kind of the last one, and what drew it.
    last: Option<(&'static str, Draw)>,
    /// What draws the next one, where the last one came to nothing.
    again: Option<Draw>,
    /// When the present fault, or calm, ends. Not known before the first view.
    until: Option<Nanos>,
    /// What it asked for and was not answered yet.
    unanswered: Vec<Effect>,
}

impl Unguided {
    /// One lane for each of `lanes`, which draws from that table.
    pub(super) fn new(settings: &Settings, lanes: &[&[Draw]]) -> Self {
        let plan = |draws: &&[Draw]| LanePlan {
            draws: draws.to_vec(),
            calm: 1.0,
        };
        let rng = ChaCha8Rng::seed_from_u64(settings.seed.0);
        Self::planned(settings, rng, lanes.iter().map(plan))
    }

    /// The same with lanes that were drawn from `rng`.
    pub(super) fn planned(
        settings: &Settings,
        rng: ChaCha8Rng,
        lanes: impl IntoIterator<Item = LanePlan>,
    ) -> Self {
        let lane = |plan: LanePlan| Lane {
            draws: plan.draws,
            calm: plan.calm,
            fault: None,
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
            proved: BTreeSet::new(),
        }
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
        let (effects, span) = match self.lanes[number].fault.take() {
            Some(fault) => {
                let calm = self.span().mul_f64(self.lanes[number].calm);
                (self.undo(fault), calm)
            }
            None => match self.draw(number, view) {
                Some(fault) => (self.begin(number, fault), self.span()),
                None => (Vec::new(), AGAIN),
            },
        };
        let lane = &mut self.lanes[number];
        lane.until = Some(view.now + span);
        lane.unanswered.clone_from(&effects);
        effects
    }

    fn draw(&mut self, number: usize, view: &View) -> Option<Fault> {
        let in_force = self.lanes.iter().filter_map(|lane| lane.fault.as_ref());
        let held = in_force.flat_map(|fault| fault.victims.iter().copied()).collect();
        let lane = &mut self.lanes[number];
        let draw = match lane.again.take() {
            Some(draw) => draw,
            None => lane.draws[self.rng.random_range(0..lane.draws.len())],
        };
        let fault = draw(&mut self.rng, &Scene { view, held })?;
        lane.last = Some((fault.kind, draw));
        Some(fault)
    }

    fn begin(&mut self, number: usize, fault: Fault) -> Vec<Effect> {
        *self.tally.entry(fault.kind).or_default() += 1;
        self.choice = Some(fault.choice.clone());
        let effects = fault.begin.clone();
        self.lanes[number].fault = Some(fault);
        effects
    }

    fn undo(&mut self, fault: Fault) -> Vec<Effect> {
        self.choice = Some(Choice {
            what: format!("undo: {}", fault.choice.what),
            resolved: fault.choice.resolved,
        });
        fault.end
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
        let undone = lane.last.filter(|_| lane.fault.is_none());
        if let (Some((kind, draw)), Some(set)) = (undone, evidence::of::<RulesSet>(outcome)) {
            if set.ended.iter().any(RuleEnded::is_proof) {
                self.proved.insert(kind);
            } else if !self.proved.contains(kind) {
                (lane.again, lane.until) = (Some(draw), Some(Nanos(0)));
            }
        }
    }

    fn stage(&self) -> String {
        let in_force = self.lanes.iter().filter_map(|lane| lane.fault.as_ref());
        let stages: Vec<String> = in_force.map(|fault| fault.choice.to_string()).collect();
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
        counts.join(", ")
    }
}
