//! The cluster in virtual time: one thing happens after the other, each at its moment.
//!
//! | file | what |
//! | --- | --- |
//! | `agenda` | what is going to happen |
//! | `server` | a node with its disk |
//! | `gate` | the end of a directed link: its rule, its counters |
//! | `faults` | effects, done to them, with the evidence that the hands would give |
//! | `ticket` | what somebody outside waits for |

mod agenda;
mod faults;
mod gate;
mod server;
mod ticket;

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cluster_node::frame::Frame;
use cluster_node::inbox::{Arrival, Reply};
use histories::Nanos;
use nemesis::evidence::Count;
use nemesis::{ClientRule, Link, NodeId, ProcessState};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::agenda::{Agenda, Next};
use self::gate::{Gate, Passage};
use self::server::{Departure, Held, Server, Turn, node_of};
use self::ticket::Tickets;
pub use self::ticket::{Answer, TicketId};
use crate::executor::{Clockwork, Spawner};
use crate::pace::Pace;
use crate::template::Template;

/// What a client sends to a node: the request as the node takes it, but for who waits for the answer.
pub type Request = Box<dyn FnOnce(TicketId) -> Arrival<TicketId> + Send>;

/// Something that happens.
enum Event {
    /// A frame comes to the gate of its link.
    Frame(usize, Frame),
    /// A delayed frame is due.
    Due(usize),
    /// A node wants a turn.
    Alarm(NodeId),
    /// A sync is over, of this start of the node.
    Synced(NodeId, u64),
    /// A process has come up, unless it is gone again.
    Up(NodeId, TicketId),
    /// A client's request comes to its node.
    Request(TicketId, Request),
    /// A node is asked how it stands.
    Look(TicketId),
    /// Somebody is told.
    Tell(TicketId, Answer),
    /// Somebody has slept enough.
    Wake(Waker),
}

/// A source of chance for each concern, so that more of one does not change what is drawn for another.
struct Chance {
    network: ChaCha8Rng,
    disk: ChaCha8Rng,
    process: ChaCha8Rng,
}

/// See the module.
pub struct Cluster {
    now: Nanos,
    agenda: Agenda<Event, TicketId>,
    template: Template,
    pace: Pace,
    chance: Chance,
    servers: Vec<Server>,
    gates: Vec<Gate>,
    tickets: Tickets,
    turn: Turn,
    tasks: Spawner,
}

impl Cluster {
    /// A cluster whose nodes are all down.
    pub fn new(template: Template, tasks: Spawner) -> Self {
        let nodes = template.names.len();
        let stream = |number| {
            let mut rng = ChaCha8Rng::seed_from_u64(template.seed.0);
            rng.set_stream(number);
            rng
        };
        let all = || NodeId::all(nodes);
        Cluster {
            now: Nanos(0),
            agenda: Agenda::new(),
            pace: Pace::default(),
            chance: Chance {
                network: stream(1),
                disk: stream(2),
                process: stream(3),
            },
            servers: all().map(Server::new).collect(),
            gates: all()
                .flat_map(|from| all().map(move |to| Gate::new(Link(from, to))))
                .collect(),
            tickets: Tickets::default(),
            turn: Turn::default(),
            template,
            tasks,
        }
    }

    /// Now.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.servers.len()
    }

    /// What a node's process is.
    pub fn process(&self, node: NodeId) -> ProcessState {
        self.servers
            .get(node.0)
            .map_or(ProcessState::Down, |server| server.process)
    }

    /// Whether a node is coming up.
    pub fn is_any_starting(&self) -> bool {
        let is_starting = |server: &Server| server.process == ProcessState::Starting;
        self.servers.iter().any(is_starting)
    }

    /// The journals of a node's incarnations, in their order.
    pub fn journals(&self, node: NodeId) -> &[(u64, Vec<u8>)] {
        self.servers.get(node.0).map_or(&[], |server| &server.journals)
    }

    // What somebody outside asks for.

    /// Have the waker woken then.
    pub fn wake_at(&mut self, at: Nanos, waker: Waker) {
        self.plan(at, Event::Wake(waker));
    }

    /// Send a node a client's request; nobody waits longer than `timeout`.
    pub fn ask(&mut self, node: NodeId, request: Request, timeout: Duration) -> TicketId {
        let ticket = self.tickets.open(node);
        let at = self.now + self.pace.request(&mut self.chance.network);
        self.plan(at, Event::Request(ticket, request));
        self.agenda.wait(self.now, timeout, ticket);
        ticket
    }

    /// Ask a node how it stands, past all links.
    pub fn look(&mut self, node: NodeId, timeout: Duration) -> TicketId {
        let ticket = self.tickets.open(node);
        let at = self.now + self.pace.request(&mut self.chance.network);
        self.plan(at, Event::Look(ticket));
        self.agenda.wait(self.now, timeout, ticket);
        ticket
    }

    /// What came of it, as soon as that is known; told once.
    pub fn poll(&mut self, ticket: TicketId, context: &Context<'_>) -> Poll<Answer> {
        self.tickets.poll(ticket, context)
    }

    /// Nobody waits for it any more.
    pub fn forget(&mut self, ticket: TicketId) {
        self.tickets.drop(ticket);
    }

    // What happens.

    fn plan(&mut self, at: Nanos, event: Event) {
        self.agenda.plan(at, event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Frame(gate, frame) => self.arrive(gate, frame),
            Event::Due(gate) => self.due(gate),
            Event::Alarm(node) => self.alarm(node),
            Event::Synced(node, incarnation) => self.synced(node, incarnation),
            Event::Up(node, ticket) => self.up(node, ticket),
            Event::Request(ticket, request) => self.request(ticket, request),
            Event::Look(ticket) => self.look_at(ticket),
            Event::Tell(ticket, answer) => self.tickets.answer(ticket, answer),
            Event::Wake(waker) => waker.wake(),
        }
    }

    fn gate(&mut self, Link(from, to): Link) -> &mut Gate {
        let nodes = self.servers.len();
        &mut self.gates[from.0 * nodes + to.0]
    }

    fn link(&self, gate: usize) -> Link {
        let nodes = self.servers.len();
        Link(NodeId(gate / nodes), NodeId(gate % nodes))
    }

    /// A node's word on its way.
    fn send(&mut self, from: NodeId, to: NodeId, frame: Frame) {
        if to.0 >= self.servers.len() {
            return;
        }
        let at = self.now + self.pace.frame(&mut self.chance.network);
        let now = self.now;
        let gate = self.gate(Link(from, to));
        if now < gate.connected {
            return;
        }
        let at = at.max(gate.last_arrival);
        gate.last_arrival = at;
        let number = from.0 * self.servers.len() + to.0;
        self.plan(at, Event::Frame(number, frame));
    }

    fn arrive(&mut self, gate: usize, frame: Frame) {
        let now = self.now;
        // Who has gone meanwhile takes its connections along.
        if now < self.gates[gate].connected {
            return;
        }
        match self.gates[gate].offer(now, frame) {
            Passage::Through(frame) => self.deliver(gate, frame),
            Passage::Later(due) => self.plan(due, Event::Due(gate)),
            Passage::Held | Passage::Dropped => {}
        }
    }

    fn due(&mut self, gate: usize) {
        while let Some(frame) = self.gates[gate].due(self.now) {
            self.deliver(gate, frame);
        }
    }

    fn deliver(&mut self, gate: usize, frame: Frame) {
        let Link(from, to) = self.link(gate);
        let sender = || self.template.names[from.0].clone();
        let arrival = match frame {
            Frame::Message(message) => Arrival::Message(sender(), message),
            Frame::Forward(forward) => Arrival::Forward(sender(), forward),
            Frame::Forwarded(forwarded) => Arrival::Forwarded(forwarded),
            Frame::Hello(_) => return,
        };
        self.take(to, arrival);
    }

    fn take(&mut self, node: NodeId, arrival: Arrival<TicketId>) {
        let server = &mut self.servers[node.0];
        if matches!(server.process, ProcessState::Running | ProcessState::Paused) {
            server.inbox.push(arrival);
            self.give_turn(node);
        }
    }

    fn give_turn(&mut self, node: NodeId) {
        if self.servers[node.0].is_idle() {
            let mut turn = std::mem::take(&mut self.turn);
            self.servers[node.0].take_turn(self.now, &mut turn);
            self.after_turn(node, turn);
        }
    }

    /// What leaves at once leaves; the rest waits for the sync.
    fn after_turn(&mut self, node: NodeId, mut turn: Turn) {
        self.depart(node, &mut turn.now);
        if turn.persists.is_empty() {
            self.depart(node, &mut turn.after);
        } else {
            let server = &mut self.servers[node.0];
            server.held = Some(Held {
                persists: std::mem::take(&mut turn.persists),
                departure: std::mem::take(&mut turn.after),
                is_over: false,
            });
            let incarnation = server.incarnation();
            let at = self.now + self.pace.sync(&mut self.chance.disk);
            self.plan(at, Event::Synced(node, incarnation));
        }
        self.turn = turn;
        self.set_alarm(node);
    }

    fn depart(&mut self, node: NodeId, departure: &mut Departure) {
        self.servers[node.0].log(&departure.lines);
        departure.lines.clear();
        for (to, frame) in departure.frames.drain(..) {
            self.send(node, node_of(&to), frame);
        }
        for (ticket, reply) in departure.answers.drain(..) {
            self.reply(node, ticket, reply);
        }
    }

    /// One alarm of a node is planned at a time; it is looked again when it goes off.
    fn set_alarm(&mut self, node: NodeId) {
        let server = &mut self.servers[node.0];
        let Some(deadline) = server.deadline() else { return };
        let deadline = deadline.max(self.now);
        if server.alarm.is_none_or(|alarm| deadline < alarm) {
            server.alarm = Some(deadline);
            self.plan(deadline, Event::Alarm(node));
        }
    }

    fn alarm(&mut self, node: NodeId) {
        let server = &mut self.servers[node.0];
        if server.alarm != Some(self.now) {
            return;
        }
        server.alarm = None;
        if server.process == ProcessState::Paused {
            return;
        }
        match server.deadline() {
            // A turn is due, at the latest after the sync that is under way.
            Some(deadline) if deadline <= self.now => self.give_turn(node),
            _ => self.set_alarm(node),
        }
    }

    fn synced(&mut self, node: NodeId, incarnation: u64) {
        let server = &mut self.servers[node.0];
        if server.incarnation() != incarnation {
            return;
        }
        let Some(mut held) = server.held.take() else {
            return;
        };
        if server.process == ProcessState::Paused {
            held.is_over = true;
            server.held = Some(held);
            return;
        }
        for what in held.persists {
            server.disk.write(what);
        }
        self.depart(node, &mut held.departure);
        self.tell_askers(node);
        let server = &self.servers[node.0];
        let is_due = server.deadline().is_some_and(|deadline| deadline <= self.now);
        if is_due || !server.inbox.is_empty() {
            self.give_turn(node);
        } else {
            self.set_alarm(node);
        }
    }

    // Clients.

    fn request(&mut self, ticket: TicketId, request: Request) {
        let Some(node) = self.tickets.node(ticket) else {
            return;
        };
        let server = &mut self.servers[node.0];
        let is_there = matches!(server.process, ProcessState::Running | ProcessState::Paused);
        let is_cut = server.client_rule == ClientRule::CutRequests;
        if is_there && is_cut {
            server.client_dropped.add(REQUEST);
        }
        if !is_there || is_cut {
            return self.lose(ticket);
        }
        self.tickets.arrived(ticket);
        self.take(node, request(ticket));
    }

    /// The client's connection is reset.
    fn lose(&mut self, ticket: TicketId) {
        let at = self.now + self.pace.request(&mut self.chance.network);
        self.plan(at, Event::Tell(ticket, Answer::Lost));
    }

    fn reply(&mut self, node: NodeId, ticket: TicketId, reply: Reply) {
        if self.tickets.node(ticket).is_none() {
            return;
        }
        self.tickets.left(ticket);
        let server = &mut self.servers[node.0];
        if server.client_rule == ClientRule::CutReplies {
            server.client_dropped.add(REQUEST);
            return self.lose(ticket);
        }
        let at = self.now + self.pace.request(&mut self.chance.network);
        self.plan(at, Event::Tell(ticket, Answer::Reply(reply)));
    }

    fn look_at(&mut self, ticket: TicketId) {
        let Some(node) = self.tickets.node(ticket) else {
            return;
        };
        let server = &mut self.servers[node.0];
        if !server.is_idle() && matches!(server.process, ProcessState::Running | ProcessState::Paused) {
            return server.askers.push(ticket);
        }
        let status = match server.process {
            ProcessState::Running => server.status(),
            _ => None,
        };
        self.tell_status(ticket, status);
    }

    fn tell_askers(&mut self, node: NodeId) {
        if self.servers[node.0].is_idle() && !self.servers[node.0].askers.is_empty() {
            let status = self.servers[node.0].status();
            for ticket in std::mem::take(&mut self.servers[node.0].askers) {
                self.tell_status(ticket, status.clone());
            }
        }
    }

    fn tell_status(&mut self, ticket: TicketId, status: Option<std::sync::Arc<nemesis::NodeStatus>>) {
        let at = self.now + self.pace.request(&mut self.chance.network);
        self.plan(at, Event::Tell(ticket, Answer::Status(status)));
    }

    // Processes.

    fn up(&mut self, node: NodeId, ticket: TicketId) {
        let server = &mut self.servers[node.0];
        let Some((_, since)) = server.starter.take_if(|(starter, _)| *starter == ticket) else {
            return;
        };
        let mut turn = std::mem::take(&mut self.turn);
        server.boot(&self.template, self.now, &mut turn);
        self.after_turn(node, turn);
        self.connect(node);
        let outcome = faults::started(&self.servers[node.0], self.now.since(since));
        self.tickets.answer(ticket, Answer::Done(outcome));
    }

    /// Whoever dials does so again every few milliseconds.
    fn connect(&mut self, node: NodeId) {
        let now = self.now;
        for other in NodeId::all(self.servers.len()) {
            for link in [Link(node, other), Link(other, node)] {
                let is_up = matches!(self.process(link.1), ProcessState::Running | ProcessState::Paused);
                let dialled = self.pace.dial(&mut self.chance.network);
                let gate = self.gate(link);
                // At the beginning nobody has heard of anybody, and there is nothing to lose.
                let at = if now < BEGINNING { now } else { now + dialled };
                gate.connected = if is_up { at } else { gate::NEVER };
            }
        }
    }
}

/// Nodes that come up by then are connected at once.
const BEGINNING: Nanos = Nanos::from_ms(50);
/// A client's request, or a reply, as it counts when it is dropped.
const REQUEST: Count = Count::frame(100);

impl Clockwork for Cluster {
    /// Up to the first moment at which some task can go on.
    fn advance(&mut self) -> bool {
        loop {
            let tickets = &self.tickets;
            let Some((at, next)) = self.agenda.next(|ticket| tickets.node(ticket).is_some()) else {
                return false;
            };
            self.now = self.now.max(at);
            match next {
                Next::Event(event) => self.happen(event),
                Next::Late(ticket) => self.tickets.answer(ticket, Answer::Late),
            }
            if !self.tasks.is_idle() {
                return true;
            }
        }
    }
}
