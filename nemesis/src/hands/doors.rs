//! The links as doors: every directed pair of nodes, and every node's clients, talk through a listener of ours. Where the
//! listeners stand is for [`super::proxies`] and [`super::namespaces`] to say; here are their rules, whatever network it is.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::clock::{Clock, micros};
use super::door::Door;
use super::gate::Gate;
use super::life::Doing;
use super::links::Links;
use super::network::{Direction, Framing};
use super::roads::{Carrier, Pump, Road, Target};
use super::shutter::Shutter;
use super::silent_pump::Pass;
use super::{HandsError, inject};
use crate::effect::{ClientRule, FrameKind, Link, LinkRule, NodeId, Outcome};
use crate::evidence::{Traffic, indeterminate, installed, skipped};
use crate::fault::Need;
use crate::faults::{ClientRuleEnded, ClientRulesSet, RulesSet};

/// Doors before they are opened: all gates are there, and listeners are put before them one by one.
pub(super) struct Layout {
    clock: Clock,
    framing: Framing,
    peers: BTreeMap<Link, Door>,
    clients: Vec<Door>,
    direct: Vec<Option<SocketAddr>>,
    shutters: Vec<Guard>,
    roads: Vec<(TcpListener, Road)>,
}

impl Layout {
    /// The doors of a cluster of so many nodes.
    pub(super) fn new(nodes: usize, framing: Framing, clock: Clock) -> Self {
        let door = || Door {
            addresses: Vec::new(),
            gate: Arc::new(Gate::new(clock)),
        };
        Layout {
            clock,
            framing,
            peers: Link::all(nodes).map(|link| (link, door())).collect(),
            clients: NodeId::all(nodes).map(|_| door()).collect(),
            direct: vec![None; nodes],
            shutters: Vec::new(),
            roads: Vec::new(),
        }
    }

    /// Have a link begin at this listener, too.
    pub(super) fn peer(&mut self, link: Link, listener: TcpListener, target: Target) -> io::Result<()> {
        let address = prepared(&listener)?;
        let gate = |link: Link| Arc::clone(&self.peers[&link].gate);
        let (there, reverse) = (gate(link), Link(link.1, link.0));
        let back = match &self.framing {
            Framing::Frames => None,
            Framing::Stream(Direction::Bytes, form) => Some((gate(reverse), form.clone())),
            Framing::Stream(Direction::Dialer, form) => Some((Arc::clone(&there), form.clone())),
        };
        let pump = match back {
            None => Pump::Frames(there),
            Some((back, form)) => {
                let (pass, shutter) = (Pass { there, back, form }, Shutter::of(&listener)?);
                self.shutters.push(Guard {
                    pass: pass.clone(),
                    shutter,
                });
                Pump::Silent(pass)
            }
        };
        if let Some(door) = self.peers.get_mut(&link) {
            door.addresses.push(address);
        }
        self.roads.push((listener, Road { target, pump }));
        Ok(())
    }

    /// Have clients of this node knock at this listener, too.
    pub(super) fn client(&mut self, node: NodeId, listener: TcpListener, target: Target) -> io::Result<()> {
        let door = &mut self.clients[node.0];
        door.addresses.push(prepared(&listener)?);
        let pump = Pump::Client(Arc::clone(&door.gate));
        self.roads.push((listener, Road { target, pump }));
        Ok(())
    }

    /// Have this listener lead to this node whatever the rules are.
    pub(super) fn direct(&mut self, node: NodeId, listener: TcpListener, target: Target) -> io::Result<()> {
        self.direct[node.0] = Some(prepared(&listener)?);
        let pump = Pump::Client(Arc::new(Gate::new(self.clock)));
        self.roads.push((listener, Road { target, pump }));
        Ok(())
    }

    /// Open the doors.
    pub(super) fn open(self) -> Result<Doors, HandsError> {
        Ok(Doors {
            framing: self.framing,
            peers: self.peers,
            clients: self.clients,
            direct: self.direct,
            shutters: Mutex::new(self.shutters),
            _carrier: Carrier::begin(self.roads).map_err(HandsError::Thread)?,
        })
    }
}

fn prepared(listener: &TcpListener) -> io::Result<SocketAddr> {
    listener.set_nonblocking(true)?;
    listener.local_addr()
}

/// The shutter of a listener, and the gates by which it is set.
struct Guard {
    pass: Pass,
    shutter: Shutter,
}

impl Guard {
    fn set(&mut self) -> io::Result<()> {
        self.shutter.set(self.pass.is_cut())
    }

    /// Count the tries at the gate that was in their way.
    fn count(&mut self) {
        let tries = self.shutter.tries();
        if tries > 0 {
            let there = self.pass.there.lock().is_cut();
            let gate = if there { &self.pass.there } else { &self.pass.back };
            gate.lock().traffic.refused += tries;
        }
    }
}

/// The doors of a run.
pub(super) struct Doors {
    framing: Framing,
    peers: BTreeMap<Link, Door>,
    clients: Vec<Door>,
    direct: Vec<Option<SocketAddr>>,
    /// Whoever sets rules has this lock: two at a time would leave shutters that belong to neither.
    shutters: Mutex<Vec<Guard>>,
    _carrier: Carrier,
}

impl Doors {
    /// The doors of these links, if all of them are there and this may be asked of them.
    fn doors(&self, need: Need, links: &[Link]) -> Result<Vec<(Link, &Door)>, &'static str> {
        if !self.can().contains(&need) {
            return Err(match self.framing {
                Framing::Stream(_, Some(_)) => {
                    "of this system's frames only the form is known: they can be cut, delayed, counted and held"
                }
                Framing::Stream(_, None) => {
                    "frames are not known in this system's streams: they can only be cut and delayed"
                }
                Framing::Frames => {
                    "frames go over these links, in their order: none can be lost or repeated by lot"
                }
            });
        }
        let door = |link: &Link| Some((*link, self.peers.get(link)?));
        let doors: Option<_> = links.iter().map(door).collect();
        doors.ok_or("there is no such link")
    }

    fn clients(&self) -> impl Iterator<Item = (NodeId, &Door)> {
        NodeId::all(self.clients.len()).zip(&self.clients)
    }

    fn set_now(&self, rule: LinkRule, links: &[Link]) -> Outcome {
        let begun = Instant::now();
        let need = match rule {
            LinkRule::Pass | LinkRule::Cut => Need::Links,
            LinkRule::DelayMs(_) => Need::Delays,
            LinkRule::PassThenCut(_) | LinkRule::PassThenHold(..) | LinkRule::HoldFrom(_) => Need::Counts,
            LinkRule::LosePercent(_) | LinkRule::RepeatPercent(_) | LinkRule::ReorderMs(_) => Need::Messages,
        };
        let doors = match self.doors(need, links) {
            Ok(doors) => doors,
            Err(reason) => return skipped(reason),
        };
        let mut shutters = self.counted();
        let ended = doors.into_iter().map(|(link, door)| door.gate.set(link, rule));
        let ended = ended.collect();
        // The gates first: what slips in between is swallowed behind its door.
        let stuck = shutters.iter_mut().find_map(|guard| guard.set().err());
        let set = RulesSet {
            ended,
            in_force_us: micros(begun.elapsed()),
        };
        match stuck {
            None => installed(&set),
            Some(error) => indeterminate(
                format!("a listener cannot be kept from new connections: {error}"),
                &set,
            ),
        }
    }

    /// The shutters, with every try counted that they kept out so far.
    fn counted(&self) -> MutexGuard<'_, Vec<Guard>> {
        let mut shutters = self.shutters.lock().unwrap_or_else(PoisonError::into_inner);
        shutters.iter_mut().for_each(Guard::count);
        shutters
    }
}

impl Links for Doors {
    fn can(&self) -> &[Need] {
        match &self.framing {
            Framing::Frames => &[
                Need::Links,
                Need::Delays,
                Need::Counts,
                Need::Frames,
                Need::Clients,
            ],
            Framing::Stream(_, Some(_)) => &[Need::Links, Need::Delays, Need::Counts, Need::Clients],
            Framing::Stream(_, None) => &[Need::Links, Need::Delays, Need::Clients],
        }
    }

    fn peer_addresses(&self, link: Link) -> &[SocketAddr] {
        self.peers.get(&link).map_or(&[], |door| &door.addresses)
    }

    fn client_addresses(&self, node: NodeId) -> &[SocketAddr] {
        self.clients.get(node.0).map_or(&[], |door| &door.addresses)
    }

    fn direct_address(&self, node: NodeId) -> Option<SocketAddr> {
        *self.direct.get(node.0)?
    }

    fn set<'a>(&'a self, rule: LinkRule, links: &'a [Link]) -> Doing<'a, Outcome> {
        Box::pin(async move { self.set_now(rule, links) })
    }

    fn set_clients(&self, rule: ClientRule, nodes: &[NodeId]) -> Outcome {
        let door = |node: &NodeId| Some((*node, self.clients.get(node.0)?));
        let doors: Option<Vec<_>> = nodes.iter().map(door).collect();
        let Some(doors) = doors else {
            return skipped("there is no such node");
        };
        let ended = doors.into_iter().map(|(node, door)| {
            let (was, dropped) = door.gate.set_clients(rule);
            ClientRuleEnded { node, was, dropped }
        });
        let ended = ended.collect();
        installed(&ClientRulesSet { ended })
    }

    fn record(&self, kind: FrameKind, first: u64, links: &[Link]) -> Outcome {
        match self.doors(Need::Frames, links) {
            Ok(doors) => inject::record(&doors, kind, first),
            Err(reason) => skipped(reason),
        }
    }

    fn inject<'a>(&'a self, links: &'a [Link]) -> Doing<'a, Outcome> {
        Box::pin(async move {
            match self.doors(Need::Frames, links) {
                Ok(doors) => inject::inject(&doors).await,
                Err(reason) => skipped(reason),
            }
        })
    }

    fn changed(&self) -> (Vec<Link>, Vec<NodeId>) {
        let links = self
            .peers
            .iter()
            .filter(|(_, door)| door.gate.lock().rule != LinkRule::Pass);
        let nodes = self
            .clients()
            .filter(|(_, door)| door.gate.lock().client_rule != ClientRule::Pass);
        (
            links.map(|(link, _)| *link).collect(),
            nodes.map(|(node, _)| node).collect(),
        )
    }

    fn counters(&self) -> BTreeMap<Link, Traffic> {
        drop(self.counted());
        let counted = |(link, door): (&Link, &Door)| (*link, door.gate.lock().traffic);
        self.peers.iter().map(counted).collect()
    }

    fn client_counters(&self) -> BTreeMap<NodeId, Traffic> {
        self.clients()
            .map(|(node, door)| (node, door.gate.lock().traffic))
            .collect()
    }
}
