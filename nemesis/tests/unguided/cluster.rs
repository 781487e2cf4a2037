//! A cluster that does at once what it is told, and elects a leader when there is none. It knows no log: unguided
//! schedules look only at who runs and who leads.

use std::collections::BTreeMap;
use std::time::Duration;

use histories::{LogIndex, Nanos, Term};
use nemesis::effect::EffectLine;
use nemesis::evidence::{self, Count, Traffic};
use nemesis::faults::{Killed, RuleEnded, RulesSet, Started, Stopped};
use nemesis::schedule::Settings;
use nemesis::schedules::find;
use nemesis::view::Position;
use nemesis::{
    Effect, Link, LinkRule, NodeId, NodeStatus, NodeView, Outcome, ProcessState, Role, Schedule, View,
};

/// How often the schedule is asked.
const TICK: Duration = Duration::from_millis(10);

/// How long the cluster is without a leader after the last one is gone.
const ELECTION: Duration = Duration::from_millis(300);

/// A schedule and the cluster that it is run against.
pub struct Play {
    pub schedule: Box<dyn Schedule>,
    pub now: Nanos,
    pub processes: Vec<ProcessState>,
    pub rules: BTreeMap<Link, LinkRule>,
    /// What `nemesis.jsonl` would hold.
    pub lines: Vec<EffectLine>,
    /// How long an effect takes.
    pub latency: Duration,
    /// Whether anything goes through the links.
    pub traffic: bool,
    /// Whether somebody is elected when there is no leader.
    pub elections: bool,
    leader: Option<NodeId>,
    term: u64,
    leaderless_since: Nanos,
    unanswered: Vec<(Nanos, EffectLine)>,
}

impl Play {
    pub fn new(name: &str, settings: &Settings) -> Self {
        let row = find(name).unwrap_or_else(|| panic!("no schedule {name}"));
        Play {
            schedule: (row.build)(settings),
            now: Nanos(0),
            processes: vec![ProcessState::Running; settings.nodes],
            rules: Link::all(settings.nodes)
                .map(|link| (link, LinkRule::Pass))
                .collect(),
            lines: Vec::new(),
            latency: Duration::ZERO,
            traffic: true,
            elections: true,
            leader: None,
            term: 0,
            leaderless_since: Nanos(0),
            unanswered: Vec::new(),
        }
    }

    /// Go on for so long.
    pub fn play(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + TICK;
            self.answer();
            self.elect();
            let view = self.view();
            for effect in self.schedule.observe(&view) {
                let line = self.plan(effect);
                self.unanswered.push((self.now + self.latency, line));
            }
            self.answer();
        }
    }

    /// This node leads.
    pub fn lead(&mut self, leader: NodeId, term: u64) {
        (self.leader, self.term) = (Some(leader), term);
    }

    fn elect(&mut self) {
        let runs = |node: &NodeId| self.processes[node.0] == ProcessState::Running;
        if self.leader.is_some_and(|leader| !runs(&leader)) {
            (self.leader, self.leaderless_since) = (None, self.now);
        }
        let voters = NodeId::all(self.processes.len()).filter(runs);
        if self.leader.is_none() && self.elections && self.now >= self.leaderless_since + ELECTION {
            // Not always the first, so that the leader is not always n1.
            let place = self.term as usize % self.processes.len();
            let candidates: Vec<NodeId> = voters.collect();
            self.leader = candidates.get(place % candidates.len().max(1)).copied();
            self.term += u64::from(self.leader.is_some());
        }
    }

    fn view(&self) -> View {
        let nodes = NodeId::all(self.processes.len()).map(|node| NodeView {
            process: self.processes[node.0],
            status: Some((self.now, std::sync::Arc::new(self.status(node)))),
        });
        View {
            now: self.now,
            nodes: nodes.collect(),
            gate_open: true,
            in_flight: 3,
            pending_effects: self.unanswered.len(),
            probes: Default::default(),
        }
    }

    fn status(&self, node: NodeId) -> NodeStatus {
        let leads = self.leader == Some(node);
        NodeStatus {
            incarnation: 1,
            role: Some(if leads { Role::Leader } else { Role::Follower }),
            term: Some(Term(self.term)),
            leader: self.leader,
            commit: Some(LogIndex(1)),
            applied: Some(LogIndex(1)),
            last: Some(Position::default()),
            last_at_election: Some(LogIndex(0)),
            matched: None,
            campaigns: Some(0),
            denied: Vec::new(),
            tail: Default::default(),
        }
    }

    fn plan(&self, effect: Effect) -> EffectLine {
        EffectLine {
            id: (self.lines.len() + self.unanswered.len()) as u64,
            planned: self.now,
            done: self.now,
            effect,
            outcome: evidence::skipped("not yet"),
            choice: self.schedule.choice(),
            undoes: Vec::new(),
        }
    }

    /// Carry out what is due, and answer it.
    fn answer(&mut self) {
        while let Some(place) = self.unanswered.iter().position(|(due, _)| *due <= self.now) {
            let (_, mut line) = self.unanswered.remove(place);
            line.done = self.now;
            line.outcome = self.carry_out(&line.effect);
            self.schedule.on_outcome(&line.effect, &line.outcome);
            self.lines.push(line);
        }
    }

    fn carry_out(&mut self, effect: &Effect) -> Outcome {
        use ProcessState::{Down, Paused, Running};
        match effect {
            Effect::Start(node) => self.switch(*node, &[Down], Running, &started()),
            Effect::Kill(node) => self.switch(*node, &[Running, Paused], Down, &killed()),
            Effect::Pause(node) => self.switch(*node, &[Running], Paused, &threads("TTT")),
            Effect::Resume(node) => self.switch(*node, &[Paused], Running, &threads("SSS")),
            Effect::Links { rule, links } => self.set(*rule, links),
            Effect::Record { .. }
            | Effect::Inject { .. }
            | Effect::Clients { .. }
            | Effect::Gate { .. }
            | Effect::Probe(_) => panic!("no unguided schedule asks for {effect:?}"),
        }
    }

    fn switch(
        &mut self,
        node: NodeId,
        from: &[ProcessState],
        to: ProcessState,
        evidence: &impl serde::Serialize,
    ) -> Outcome {
        let state = &mut self.processes[node.0];
        if !from.contains(state) {
            return evidence::skipped(format!("{node} is {state:?}"));
        }
        *state = to;
        evidence::installed(evidence)
    }

    fn set(&mut self, rule: LinkRule, links: &[Link]) -> Outcome {
        let ended = links.iter().map(|link| {
            let was = self.rules.insert(*link, rule).unwrap();
            self.ended(*link, was)
        });
        let ended = ended.collect();
        evidence::installed(&RulesSet {
            in_force_us: 1,
            ended,
        })
    }

    fn ended(&self, link: Link, was: LinkRule) -> RuleEnded {
        let offered = if self.traffic {
            Count::frame(100)
        } else {
            Count::default()
        };
        let (delivered, dropped) = match was {
            LinkRule::Cut => (Count::default(), offered),
            _ => (offered, Count::default()),
        };
        let traffic = Traffic {
            offered,
            delivered,
            dropped,
            ..Traffic::default()
        };
        RuleEnded {
            link,
            was,
            for_us: 1,
            left: None,
            kept: false,
            traffic,
        }
    }
}

fn started() -> Started {
    Started {
        pid: 1,
        starts: 2,
        took_us: 1,
        client: String::new(),
        peer: None,
    }
}

fn killed() -> Killed {
    Killed {
        pid: 1,
        signal: Some(9),
        status: String::new(),
        took_us: 1,
    }
}

fn threads(states: &str) -> Stopped {
    Stopped {
        pid: 1,
        threads: states.to_owned(),
        took_us: 1,
    }
}
