//! Nodes, disks and links, driven by a seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cluster_node::raft::config::Config;
use cluster_node::raft::types::{Message, Millis, NodeId, RequestId};
use cluster_node::raft::{Action, Input, Persist, Raft, Recovered, Role};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::invariants::Seen;

/// All of the log, in a status.
const WHOLE: usize = usize::MAX >> 1;

type Link = (NodeId, NodeId);

pub struct Cluster {
    rng: ChaCha8Rng,
    config: Config,
    now: Millis,
    names: Vec<NodeId>,
    /// Those that run.
    nodes: BTreeMap<NodeId, Raft>,
    disks: BTreeMap<NodeId, Recovered>,
    /// In order on each connection; in any order between them.
    links: BTreeMap<Link, VecDeque<Message>>,
    cut: BTreeSet<Link>,
    /// Nothing arrives there for now; it is late, not lost.
    stalled: BTreeSet<Link>,
    last_id: u64,
    seen: Seen,
}

impl Cluster {
    pub fn new(config: Config, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = rng.random_range(3..=7);
        let mut cluster = Cluster {
            rng,
            config,
            now: Millis(0),
            names: (1..=count).map(|n| NodeId::from(&*format!("n{n}"))).collect(),
            nodes: BTreeMap::new(),
            disks: BTreeMap::new(),
            links: BTreeMap::new(),
            cut: BTreeSet::new(),
            stalled: BTreeSet::new(),
            last_id: 0,
            seen: Seen::default(),
        };
        for name in cluster.names.clone() {
            // A first start has spoken in no term.
            cluster.start(&name).unwrap();
        }
        cluster
    }

    /// One thing happens.
    pub fn step(&mut self) -> Result<(), String> {
        match self.rng.random_range(0..1000) {
            0..700 => self.deliver_somewhere(),
            700..860 => self.pass_time(),
            860..960 => self.ask(),
            960..970 => self.repeat(),
            970..980 => self.lose(),
            980..988 => self.crash(),
            988..994 => self.start_one(),
            994..997 => self.cut_some(),
            _ => {
                self.cut.clear();
                self.stalled.clear();
                Ok(())
            }
        }
    }

    fn start(&mut self, name: &NodeId) -> Result<(), String> {
        let peers = self.names.iter().filter(|peer| *peer != name).cloned().collect();
        let disk = self.disks.entry(name.clone()).or_default().clone();
        let mut raft = Raft::new(
            name.clone(),
            peers,
            self.config.clone(),
            self.rng.next_u64(),
            disk,
            self.now,
        );
        raft.observe();
        let term = raft.status(0).hard.term;
        self.nodes.insert(name.clone(), raft);
        self.seen.restarted(name, term)
    }

    fn start_one(&mut self) -> Result<(), String> {
        let down = self
            .names
            .iter()
            .find(|name| !self.nodes.contains_key(*name))
            .cloned();
        down.iter().try_for_each(|name| self.start(name))
    }

    fn some_node(&mut self) -> Option<NodeId> {
        let running: Vec<&NodeId> = self.nodes.keys().collect();
        running.choose(&mut self.rng).map(|name| (*name).clone())
    }

    fn some_link(&mut self) -> Option<Link> {
        let busy: Vec<&Link> = self
            .links
            .keys()
            .filter(|link| !self.stalled.contains(*link))
            .collect();
        busy.choose(&mut self.rng).map(|link| (*link).clone())
    }

    /// A node takes a few messages of one connection, and carries out what they lead to.
    fn deliver_somewhere(&mut self) -> Result<(), String> {
        let Some(link) = self.some_link() else {
            return Ok(());
        };
        let count = self.rng.random_range(1..4);
        let mut queue = self.links.remove(&link).unwrap_or_default();
        let (from, to) = link.clone();
        let arrived: Vec<Input> = queue
            .drain(..count.min(queue.len()))
            .map(|message| Input::Message {
                from: from.clone(),
                message,
            })
            .collect();
        if !queue.is_empty() {
            self.links.insert(link.clone(), queue);
        }
        // What was under way when the link was cut is lost.
        if self.cut.contains(&link) {
            Ok(())
        } else {
            self.take(&to, arrived, false)
        }
    }

    fn pass_time(&mut self) -> Result<(), String> {
        self.now = self.now.plus(self.rng.random_range(1..40));
        let is_due = |(_, raft): &(&NodeId, &Raft)| raft.next_deadline() <= self.now;
        let due: Vec<NodeId> = self
            .nodes
            .iter()
            .filter(is_due)
            .map(|(name, _)| name.clone())
            .collect();
        due.iter()
            .try_for_each(|name| self.take(name, vec![Input::Tick], false))
    }

    fn ask(&mut self) -> Result<(), String> {
        let leads = |(_, raft): &(&NodeId, &Raft)| raft.status(0).role == Role::Leader;
        let leaders: Vec<NodeId> = self
            .nodes
            .iter()
            .filter(leads)
            .map(|(name, _)| name.clone())
            .collect();
        let leader = leaders.choose(&mut self.rng).cloned();
        let anybody = self.some_node();
        let Some(asked) = leader.filter(|_| self.rng.random_bool(0.8)).or(anybody) else {
            return Ok(());
        };
        self.last_id += 1;
        let id = RequestId(self.last_id);
        let input = match self.rng.random_range(0..3) {
            0 => {
                self.seen.read_begins(id);
                Input::Read {
                    id,
                    forward: self.rng.random(),
                }
            }
            _ => Input::Propose {
                id,
                payload: id.0.to_string().into_bytes().into(),
            },
        };
        self.take(&asked, vec![input], false)
    }

    /// An old message once more, as after a connection that was dialled again.
    fn repeat(&mut self) -> Result<(), String> {
        if let Some(link) = self.some_link() {
            let queue = self.links.entry(link).or_default();
            queue.extend(queue.front().cloned());
        }
        Ok(())
    }

    fn lose(&mut self) -> Result<(), String> {
        if let Some(link) = self.some_link() {
            self.links.remove(&link);
        }
        Ok(())
    }

    /// A node takes what has arrived, and dies before its sync is done.
    fn crash(&mut self) -> Result<(), String> {
        let Some(name) = self.some_node() else {
            return Ok(());
        };
        let to_it: Vec<Link> = self.links.keys().filter(|(_, to)| *to == name).cloned().collect();
        let mut inputs = Vec::new();
        for (from, to) in to_it {
            // What it does not take now is there when it is back.
            if self.rng.random() {
                continue;
            }
            let queue = self.links.remove(&(from.clone(), to)).unwrap_or_default();
            inputs.extend(queue.into_iter().map(|message| Input::Message {
                from: from.clone(),
                message,
            }));
        }
        self.last_id += 1;
        let payload = self.last_id.to_string().into_bytes().into();
        inputs.push(Input::Propose {
            id: RequestId(self.last_id),
            payload,
        });
        if self.rng.random() {
            self.links.retain(|(from, _), _| *from != name);
        }
        self.take(&name, inputs, true)?;
        self.nodes.remove(&name);
        // Half of them are back at once: what is under way still means the term of before.
        if self.rng.random() {
            self.start(&name)?;
        }
        Ok(())
    }

    /// Two halves, or one direction of one link.
    fn cut_some(&mut self) -> Result<(), String> {
        let half: BTreeSet<NodeId> = self.names.iter().filter(|_| self.rng.random()).cloned().collect();
        let is_one_way = self.rng.random_bool(0.3);
        let is_late_only = self.rng.random_bool(0.4);
        let target = if is_late_only {
            &mut self.stalled
        } else {
            &mut self.cut
        };
        for from in &self.names {
            for to in &self.names {
                let crosses = half.contains(from) && !half.contains(to);
                let crosses_back = half.contains(to) && !half.contains(from);
                if crosses || (crosses_back && !is_one_way) {
                    target.insert((from.clone(), to.clone()));
                }
            }
        }
        Ok(())
    }

    /// A batch as the node's thread takes it: step through it, persist, then everything else. Nothing else happens
    /// if it dies, and only a part of what was to be persisted is on disk.
    fn take(&mut self, name: &NodeId, mut inputs: Vec<Input>, dies: bool) -> Result<(), String> {
        let Some(raft) = self.nodes.get_mut(name) else {
            return Ok(());
        };
        inputs.push(Input::Flush);
        let mut actions = Vec::new();
        for input in inputs {
            let before = raft.status(0);
            let new = raft.step(self.now, input);
            if !dies {
                self.seen.check(name, &before, &raft.status(WHOLE), &new)?;
            }
            actions.extend(new);
        }
        for note in raft.take_notes() {
            self.seen.noted(name, &note)?;
        }
        let persists: Vec<&Persist> = actions
            .iter()
            .filter_map(|action| match action {
                Action::Persist(what) => Some(what),
                _ => None,
            })
            .collect();
        let durable = if dies {
            self.rng.random_range(0..=persists.len())
        } else {
            persists.len()
        };
        let disk = self.disks.entry(name.clone()).or_default();
        persists[..durable].iter().for_each(|what| write(disk, what));
        // An AppendEntries may leave before its entries are on disk, unless a term or a vote has to be there first.
        let sends_ahead = !persists.iter().any(|what| matches!(what, Persist::HardState(_)));
        for action in actions {
            let Action::Send { to, message } = action else {
                continue;
            };
            let is_ahead = sends_ahead && matches!(message, Message::AppendEntries { .. });
            if dies && !is_ahead {
                continue;
            }
            self.seen.sent(name, &to, &message)?;
            let link = (name.clone(), to);
            if !self.cut.contains(&link) {
                self.links.entry(link).or_default().push_back(message);
            }
        }
        Ok(())
    }

    /// With everything healed, the cluster elects, takes a write, and all logs become equal. How many writes were
    /// acknowledged in all.
    pub fn heal_and_converge(mut self) -> Result<usize, String> {
        self.cut.clear();
        self.stalled.clear();
        for name in self.names.clone() {
            if !self.nodes.contains_key(&name) {
                self.start(&name)?;
            }
        }
        for _ in 0..20_000 {
            match self.rng.random_range(0..20) {
                0 => self.pass_time()?,
                1 => self.ask()?,
                _ => self.deliver_somewhere()?,
            }
            if self.links.is_empty() && self.is_converged() {
                return Ok(self.seen.acknowledged);
            }
        }
        Err("no convergence after everything was healed".to_owned())
    }

    fn is_converged(&self) -> bool {
        let mut statuses = self.nodes.values().map(|raft| raft.status(WHOLE));
        let Some(first) = statuses.next() else {
            return false;
        };
        first.commit == first.last.index
            && first.last.term == first.hard.term
            && statuses.all(|other| other.tail == first.tail && other.commit == first.commit)
    }
}

fn write(disk: &mut Recovered, what: &Persist) {
    match what {
        Persist::HardState(hard) => disk.hard = hard.clone(),
        Persist::Truncate(from) => disk.entries.truncate(from.0 as usize - 1),
        Persist::Append(entries) => disk.entries.extend(entries.iter().cloned()),
    }
}
