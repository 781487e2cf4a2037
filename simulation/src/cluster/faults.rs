//! Effects, done to the cluster, each with the evidence that the hands would give.

use std::time::Duration;

use nemesis::evidence::{Count, indeterminate, installed, skipped};
use nemesis::faults::{
    ClientRuleEnded, ClientRulesSet, FramesInjected, Injected, Killed, RulesSet, Started, Stopped,
};
use nemesis::{ClientRule, Effect, FrameKind, Link, LinkRule, NodeId, Outcome, ProcessState};

use rand::RngExt;

use super::gate::count;
use super::server::Server;
use super::{Answer, Cluster, Event, TicketId};

/// SIGKILL, as an exit status tells it.
const SIGKILL: i32 = 9;

/// A process has a number; which one means nothing here.
fn pid(server: &Server, node: NodeId) -> u32 {
    1000 * (node.0 as u32 + 1) + server.incarnation() as u32
}

/// Evidence of a start.
pub(super) fn started(server: &Server, took: Duration) -> Outcome {
    installed(&Started {
        pid: pid(server, server.id()),
        starts: server.incarnation(),
        took_us: took.as_micros() as u64,
        client: "simulated".to_owned(),
        peer: None,
    })
}

impl Cluster {
    /// Do it. What it came to is told when it is in force, or given up.
    pub fn apply(&mut self, effect: &Effect) -> TicketId {
        let ticket = self.tickets.open(NodeId(0));
        let outcome = match effect {
            Effect::Start(node) => match self.begin_start(*node, ticket) {
                Ok(()) => return ticket,
                Err(reason) => skipped(reason),
            },
            Effect::Kill(node) => self.on_process(*node, Self::kill),
            Effect::Pause(node) => self.on_process(*node, Self::pause),
            Effect::Resume(node) => self.on_process(*node, Self::resume),
            Effect::Links { rule, links } => self.set_rule(*rule, links),
            Effect::Record { kind, first, links } => self.record(*kind, *first, links),
            Effect::Inject { links } => self.inject(links),
            Effect::Clients { rule, nodes } => self.set_client_rule(*rule, nodes),
            Effect::Gate { .. } | Effect::Probe(_) => skipped("not a matter of the cluster"),
        };
        let takes = match effect {
            Effect::Kill(_) | Effect::Pause(_) | Effect::Resume(_) => {
                self.pace.signal(&mut self.chance.process)
            }
            _ => Duration::ZERO,
        };
        self.plan(self.now + takes, Event::Tell(ticket, Answer::Done(outcome)));
        ticket
    }

    /// What undoes every fault that is in force.
    pub fn undo(&self) -> Vec<Effect> {
        let mut effects = Vec::new();
        let nodes = NodeId::all(self.servers.len());
        let links: Vec<Link> = Link::all(self.servers.len())
            .filter(|Link(from, to)| !self.gates[from.0 * self.servers.len() + to.0].is_open())
            .collect();
        if !links.is_empty() {
            effects.push(Effect::links(LinkRule::Pass, links));
        }
        let is_cut = |node: &NodeId| self.servers[node.0].client_rule != ClientRule::Pass;
        let cut: Vec<NodeId> = nodes.clone().filter(is_cut).collect();
        if !cut.is_empty() {
            let rule = ClientRule::Pass;
            effects.push(Effect::Clients { rule, nodes: cut });
        }
        effects.extend(nodes.filter_map(|node| match self.process(node) {
            ProcessState::Paused => Some(Effect::Resume(node)),
            ProcessState::Down => Some(Effect::Start(node)),
            ProcessState::Starting | ProcessState::Running => None,
        }));
        effects
    }

    fn on_process(
        &mut self,
        node: NodeId,
        deed: fn(&mut Self, NodeId) -> Result<Outcome, String>,
    ) -> Outcome {
        if node.0 >= self.servers.len() {
            return skipped(format!("there is no {node}"));
        }
        deed(self, node).unwrap_or_else(skipped)
    }

    fn begin_start(&mut self, node: NodeId, ticket: TicketId) -> Result<(), String> {
        let now = self.now;
        let Some(server) = self.servers.get_mut(node.0) else {
            return Err(format!("there is no {node}"));
        };
        if server.process != ProcessState::Down {
            return Err(format!("{node} is not down"));
        }
        server.process = ProcessState::Starting;
        server.starter = Some((ticket, now));
        let takes = self.pace.start(&mut self.chance.process);
        self.plan(now + takes, Event::Up(node, ticket));
        Ok(())
    }

    fn kill(&mut self, node: NodeId) -> Result<Outcome, String> {
        let server = &mut self.servers[node.0];
        if server.process == ProcessState::Down {
            return Err(format!("{node} is down already"));
        }
        let killed = Killed {
            pid: pid(server, node),
            signal: Some(SIGKILL),
            status: "signal: 9 (SIGKILL)".to_owned(),
            took_us: 0,
        };
        server.die(&mut self.chance.disk);
        if let Some((starter, _)) = server.starter.take() {
            let reason = format!("{node} was ended again before it was ready");
            self.tickets.answer(starter, Answer::Done(skipped(reason)));
        }
        for asker in std::mem::take(&mut self.servers[node.0].askers) {
            self.tickets.answer(asker, Answer::Status(None));
        }
        for ticket in self.tickets.abandoned(node) {
            self.lose(ticket);
        }
        for from in NodeId::all(self.servers.len()) {
            self.gate(Link(from, node)).disconnect();
            // What it has sent still arrives; nobody speaks on that connection any more.
        }
        Ok(installed(&killed))
    }

    fn pause(&mut self, node: NodeId) -> Result<Outcome, String> {
        self.switch(node, ProcessState::Running, ProcessState::Paused)?;
        Ok(installed(&self.stopped(node, "TTT")))
    }

    fn resume(&mut self, node: NodeId) -> Result<Outcome, String> {
        self.switch(node, ProcessState::Paused, ProcessState::Running)?;
        let incarnation = self.servers[node.0].incarnation();
        if self.servers[node.0]
            .held
            .as_ref()
            .is_some_and(|held| held.is_over)
        {
            self.synced(node, incarnation);
        }
        self.tell_askers(node);
        // Its thread may see how late it is before it sees what has come.
        if self.servers[node.0].is_idle() {
            let mut turn = std::mem::take(&mut self.turn);
            match self.chance.process.random() {
                true => self.servers[node.0].wake_up(self.now, &mut turn),
                false => self.servers[node.0].take_turn(self.now, &mut turn),
            }
            self.after_turn(node, turn);
            if !self.servers[node.0].inbox.is_empty() {
                self.give_turn(node);
            }
        }
        Ok(installed(&self.stopped(node, "SSS")))
    }

    fn switch(&mut self, node: NodeId, from: ProcessState, to: ProcessState) -> Result<(), String> {
        let server = &mut self.servers[node.0];
        if server.process != from {
            return Err(format!("{node} is not {}", format!("{from:?}").to_lowercase()));
        }
        server.process = to;
        Ok(())
    }

    fn stopped(&self, node: NodeId, threads: &str) -> Stopped {
        Stopped {
            pid: pid(&self.servers[node.0], node),
            threads: threads.to_owned(),
            took_us: 0,
        }
    }

    fn are_links(&self, links: &[Link]) -> bool {
        let nodes = self.servers.len();
        links
            .iter()
            .all(|Link(from, to)| from.0 < nodes && to.0 < nodes && from != to)
    }

    fn set_rule(&mut self, rule: LinkRule, links: &[Link]) -> Outcome {
        if !self.are_links(links) {
            return skipped("there is no such link");
        }
        let now = self.now;
        let mut ended = Vec::with_capacity(links.len());
        let mut let_go = Vec::new();
        for link in links {
            let (end, frames) = self.gate(*link).set(now, rule);
            ended.push(end);
            let_go.extend(frames.into_iter().map(|frame| (*link, frame)));
        }
        for (Link(from, to), frame) in let_go {
            self.deliver(from.0 * self.servers.len() + to.0, frame);
        }
        installed(&RulesSet {
            in_force_us: 0,
            ended,
        })
    }

    fn record(&mut self, kind: FrameKind, first: u64, links: &[Link]) -> Outcome {
        if !self.are_links(links) {
            return skipped("there is no such link");
        }
        for link in links {
            self.gate(*link).record(kind, first);
        }
        installed(&serde_json::json!({}))
    }

    fn inject(&mut self, links: &[Link]) -> Outcome {
        if !self.are_links(links) {
            return skipped("there is no such link");
        }
        let mut put = Vec::with_capacity(links.len());
        for link in links {
            put.push((*link, self.gate(*link).take_recorded()));
        }
        if let Some((Link(from, to), _)) = put.iter().find(|(_, frames)| frames.is_empty()) {
            return skipped(format!("nothing was recorded on {from} to {to}"));
        }
        let mut injected = Vec::with_capacity(put.len());
        for (link, frames) in put {
            let recorded = frames.len() as u64;
            let mut delivered = Count::default();
            let now = self.now;
            if self.gate(link).connected <= now {
                for frame in frames {
                    delivered.add(count(&frame));
                    self.deliver(link.0.0 * self.servers.len() + link.1.0, frame);
                }
            }
            injected.push(Injected {
                link,
                recorded,
                delivered,
            });
        }
        let whole = injected.iter().all(|put| put.delivered.frames == put.recorded);
        let evidence = FramesInjected {
            took_us: 0,
            links: injected,
        };
        match whole {
            true => installed(&evidence),
            false => indeterminate(
                "a link has no connection, or its receiver takes nothing",
                &evidence,
            ),
        }
    }

    fn set_client_rule(&mut self, rule: ClientRule, nodes: &[NodeId]) -> Outcome {
        if nodes.iter().any(|node| node.0 >= self.servers.len()) {
            return skipped("there is no such node");
        }
        let ended = nodes.iter().map(|node| {
            let server = &mut self.servers[node.0];
            ClientRuleEnded {
                node: *node,
                was: std::mem::replace(&mut server.client_rule, rule),
                dropped: std::mem::take(&mut server.client_dropped),
            }
        });
        let ended = ended.collect();
        installed(&ClientRulesSet { ended })
    }
}
