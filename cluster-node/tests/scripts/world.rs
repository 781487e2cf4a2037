//! A few cores, and the messages between them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use cluster_node::raft::config::{Config, Profile};
use cluster_node::raft::rules::Rules;
use cluster_node::raft::types::{Entry, LogIndex, Message, Millis, NodeId, Position, RequestId, Term};
use cluster_node::raft::{Action, HardState, Input, Persist, Raft, Recovered, Rejection, Status};

#[derive(Default)]
pub struct World {
    now: Millis,
    config: Option<Config>,
    names: Vec<NodeId>,
    nodes: BTreeMap<NodeId, Raft>,
    disks: BTreeMap<NodeId, Recovered>,
    links: BTreeMap<(NodeId, NodeId), VecDeque<Message>>,
    isolated: BTreeSet<NodeId>,
    /// What is under way there stays so.
    stalled: BTreeSet<(NodeId, NodeId)>,
    /// What was recorded on a link.
    recorded: BTreeMap<(NodeId, NodeId), VecDeque<Message>>,
    bug: Option<String>,
    /// The names that the script gave to writes and reads.
    requests: Vec<String>,
    is_quiet: bool,
}

impl World {
    /// A world whose nodes all have this bug.
    pub fn with_bug(bug: Option<String>) -> Self {
        World {
            bug,
            ..World::default()
        }
    }

    /// Do it, and tell what came of it.
    pub fn command(&mut self, line: &str) -> Result<String, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (verb, rest) = words.split_first().ok_or("an empty line")?;
        match *verb {
            "nodes" => self.found(rest),
            "log" => self.recover(rest),
            "status" => Ok(self.status()),
            "settle" => self.settle(),
            "deliver" => self.each_link(rest, Self::deliver),
            "drop" => self.each_link(rest, |world, from, to| {
                world.links.remove(&(from, to));
                Ok(String::new())
            }),
            "stall" => self.each_link(rest, |world, from, to| {
                world.stalled.insert((from, to));
                Ok(String::new())
            }),
            "release" => self.each_link(rest, |world, from, to| {
                world.stalled.remove(&(from, to));
                Ok(String::new())
            }),
            "record" => self.each_link(rest, |world, from, to| {
                let link = (from, to);
                let under_way = world.links.get(&link).cloned().unwrap_or_default();
                world.recorded.insert(link, under_way);
                Ok(String::new())
            }),
            "replay" => self.each_link(rest, |world, from, to| {
                let link = (from, to);
                let again = world
                    .recorded
                    .get(&link)
                    .cloned()
                    .ok_or("nothing was recorded there")?;
                world.links.entry(link).or_default().extend(again);
                Ok(String::new())
            }),
            "isolate" => {
                self.links
                    .retain(|(from, to), _| *from.0 != *rest[0] && *to.0 != *rest[0]);
                self.isolated.insert(self.named(rest)?);
                Ok(String::new())
            }
            "join" => self.named(rest).map(|node| {
                self.isolated.remove(&node);
                String::new()
            }),
            "wait" => {
                let ms = rest
                    .first()
                    .and_then(|ms| ms.parse().ok())
                    .ok_or("wait how long?")?;
                self.now = self.now.plus(ms);
                Ok(String::new())
            }
            "timeout" => {
                let node = self.named(rest)?;
                self.now = self.now.max(self.node(&node)?.next_deadline());
                self.step(&node, Input::Tick)
            }
            "tick" => self.named(rest).and_then(|node| self.step(&node, Input::Tick)),
            "restart" => self.named(rest).map(|node| {
                self.start(&node);
                String::new()
            }),
            "propose" | "read" => self.request(verb, rest),
            other => Err(format!("no command {other}")),
        }
    }

    fn found(&mut self, words: &[&str]) -> Result<String, String> {
        *self = World::with_bug(self.bug.take());
        let count: usize = words.first().and_then(|n| n.parse().ok()).ok_or("how many?")?;
        let is_prod = words.contains(&"prod");
        let mut config = Config::of(if is_prod { Profile::Prod } else { Profile::Fig8 });
        let bugs = words[1..].iter().filter(|word| **word != "prod");
        let bugs: Vec<String> = bugs
            .map(|bug| (*bug).to_owned())
            .chain(self.bug.clone())
            .collect();
        config.rules = Rules::with_bugs(&bugs).map_err(|e| e.to_string())?;
        self.config = Some(config);
        self.names = (1..=count).map(|n| NodeId::from(&*format!("n{n}"))).collect();
        for name in self.names.clone() {
            self.start(&name);
        }
        Ok(String::new())
    }

    fn recover(&mut self, words: &[&str]) -> Result<String, String> {
        let node = self.named(words)?;
        let terms = words[1..].iter().map(|term| term.parse().map(Term));
        let terms: Vec<Term> = terms.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        let entry = |(at, term): (usize, &Term)| Entry {
            term: *term,
            index: LogIndex(at as u64 + 1),
            payload: format!("old{term}").into_bytes().into(),
        };
        let hard = HardState {
            term: terms.last().copied().unwrap_or_default(),
            voted_for: None,
        };
        let entries = terms.iter().enumerate().map(entry).collect();
        self.disks.insert(node.clone(), Recovered { hard, entries });
        self.start(&node);
        Ok(String::new())
    }

    fn start(&mut self, node: &NodeId) {
        let peers = self.names.iter().filter(|name| *name != node).cloned().collect();
        let disk = self.disks.entry(node.clone()).or_default().clone();
        let config = self.config.clone().unwrap();
        let seed = node.0.as_bytes()[1].into();
        let raft = Raft::new(node.clone(), peers, config, seed, disk, self.now);
        self.nodes.insert(node.clone(), raft);
    }

    fn request(&mut self, verb: &str, words: &[&str]) -> Result<String, String> {
        let node = self.named(words)?;
        let name = (*words.get(1).ok_or("a name for it is missing")?).to_owned();
        self.requests.push(name.clone());
        let id = RequestId(self.requests.len() as u64);
        let forward = words.contains(&"forward");
        self.step(
            &node,
            match verb {
                "read" => Input::Read { id, forward },
                _ => Input::Propose {
                    id,
                    payload: name.into_bytes().into(),
                },
            },
        )
    }

    fn named(&self, words: &[&str]) -> Result<NodeId, String> {
        let name = words.first().ok_or("which node?")?;
        let node = self.names.iter().find(|node| *node.0 == **name);
        node.cloned().ok_or(format!("no node {name}"))
    }

    fn node(&mut self, node: &NodeId) -> Result<&mut Raft, String> {
        self.nodes.get_mut(node).ok_or(format!("no node {node}"))
    }

    /// The node takes an input and has no more for now.
    fn step(&mut self, node: &NodeId, input: Input) -> Result<String, String> {
        let now = self.now;
        let raft = self.node(node)?;
        let before = raft.status(0);
        let mut actions = raft.step(now, input);
        actions.extend(raft.step(now, Input::Flush));
        let after = raft.status(0);
        let mut told = String::new();
        if (before.role, before.hard.term) != (after.role, after.hard.term) {
            let _ = writeln!(told, "{node} is {:?} in term {}", after.role, after.hard.term);
        }
        for action in actions {
            told += &self.carry_out(node, action);
        }
        Ok(told)
    }

    fn carry_out(&mut self, node: &NodeId, action: Action) -> String {
        let said = match &action {
            Action::Persist(what) => self.persist(node, what),
            Action::Send { .. } if self.is_quiet => String::new(),
            Action::Send { to, message } => format!("{node}>{to} {}\n", show(message)),
            Action::Apply { entry, waiter } => {
                let told = waiter.map(|id| format!(", told to {}", self.name(id)));
                format!("{node} applies {}{}\n", at(entry), told.unwrap_or_default())
            }
            Action::Acknowledge { id, at } => {
                format!(
                    "{node} tells {} that it is done, at {}@{}\n",
                    self.name(*id),
                    at.index,
                    at.term
                )
            }
            Action::ReadAt { id, index, .. } => format!("{node} reads {} at {index}\n", self.name(*id)),
            Action::Reject { id, why } => format!("{node} rejects {}: {}\n", self.name(*id), because(why)),
        };
        if let Action::Send { to, message } = action
            && !self.isolated.contains(&to)
            && !self.isolated.contains(node)
        {
            self.links
                .entry((node.clone(), to))
                .or_default()
                .push_back(message);
        }
        said
    }

    fn name(&self, id: RequestId) -> &str {
        &self.requests[id.0 as usize - 1]
    }

    fn persist(&mut self, node: &NodeId, what: &Persist) -> String {
        let disk = self.disks.entry(node.clone()).or_default();
        match what {
            Persist::HardState(hard) => {
                disk.hard = hard.clone();
                let vote = hard
                    .voted_for
                    .as_ref()
                    .map_or("none".to_owned(), NodeId::to_string);
                format!("{node} keeps term {} and vote {vote}\n", hard.term)
            }
            Persist::Truncate(from) => {
                disk.entries.truncate(from.0 as usize - 1);
                format!("{node} deletes from {from}\n")
            }
            Persist::Append(entries) => {
                disk.entries.extend(entries.iter().cloned());
                format!("{node} appends {}\n", list(entries))
            }
        }
    }

    fn each_link(
        &mut self,
        words: &[&str],
        act: impl Fn(&mut Self, NodeId, NodeId) -> Result<String, String>,
    ) -> Result<String, String> {
        let mut told = String::new();
        for word in words {
            let links: Vec<(NodeId, NodeId)> = match word.split_once('>') {
                Some((from, to)) => vec![(self.named(&[from])?, self.named(&[to])?)],
                None => {
                    let node = self.named(&[word])?;
                    let touches = |(from, to): &&(NodeId, NodeId)| *from == node || *to == node;
                    self.links.keys().filter(touches).cloned().collect()
                }
            };
            for (from, to) in links {
                told += &act(self, from, to)?;
            }
        }
        Ok(told)
    }

    fn deliver(&mut self, from: NodeId, to: NodeId) -> Result<String, String> {
        let arrived = self.links.remove(&(from.clone(), to.clone())).unwrap_or_default();
        let mut told = String::new();
        for message in arrived {
            let from = from.clone();
            told += &self.step(&to, Input::Message { from, message })?;
        }
        Ok(told)
    }

    fn settle(&mut self) -> Result<String, String> {
        self.is_quiet = true;
        let mut told = String::new();
        for _ in 0..1000 {
            let mut busy = self.links.keys().filter(|link| !self.stalled.contains(*link));
            let Some((from, to)) = busy.next().cloned() else {
                self.is_quiet = false;
                return Ok(told);
            };
            told += &self.deliver(from, to)?;
        }
        Err("it does not settle".to_owned())
    }

    fn status(&self) -> String {
        let line = |(node, raft): (&NodeId, &Raft)| {
            let Status {
                role,
                hard,
                commit,
                tail,
                pending_reads,
                ..
            } = raft.status(64);
            let vote = hard
                .voted_for
                .as_ref()
                .map_or("none".to_owned(), NodeId::to_string);
            let reads = match pending_reads {
                0 => String::new(),
                reads => format!(", {reads} reads pending"),
            };
            let log = list(&tail);
            format!(
                "{node} {role:?} term {} vote {vote} commit {commit} log {log}{reads}\n",
                hard.term
            )
        };
        self.nodes.iter().map(line).collect()
    }
}

fn at(entry: &Entry) -> String {
    let payload = String::from_utf8_lossy(&entry.payload);
    let what = if payload.is_empty() { "no-op" } else { &*payload };
    format!("{}@{} {what}", entry.index, entry.term)
}

fn list(entries: &[Entry]) -> String {
    let all: Vec<String> = entries.iter().map(at).collect();
    if all.is_empty() {
        "nothing".to_owned()
    } else {
        all.join(", ")
    }
}

fn show(message: &Message) -> String {
    let end = |Position { index, term }: &Position| format!("{index}@{term}");
    let vote = |refused: &Option<_>| match refused {
        None => "granted".to_owned(),
        Some(why) => format!("refused: {why:?}"),
    };
    match message {
        Message::PreVote { term, last } => format!("PreVote term {term} last {}", end(last)),
        Message::PreVoteReply { term, refused } => format!("PreVoteReply term {term} {}", vote(refused)),
        Message::RequestVote { term, last } => format!("RequestVote term {term} last {}", end(last)),
        Message::RequestVoteReply { term, refused } => {
            format!("RequestVoteReply term {term} {}", vote(refused))
        }
        Message::AppendEntries {
            term,
            prev,
            entries,
            commit,
            round,
        } => format!(
            "AppendEntries term {term} prev {} commit {commit} round {round}: {}",
            end(prev),
            list(entries)
        ),
        Message::AppendEntriesReply {
            term,
            matched: Some(matched),
            round,
            ..
        } => {
            format!("AppendEntriesReply term {term} matched {matched} round {round}")
        }
        Message::AppendEntriesReply {
            term, hint, round, ..
        } => {
            format!("AppendEntriesReply term {term} conflict, try {hint}, round {round}")
        }
        Message::ReadIndex { term, .. } => format!("ReadIndex term {term}"),
        Message::ReadIndexReply {
            term,
            index: Some(index),
            ..
        } => format!("ReadIndexReply term {term} index {index}"),
        Message::ReadIndexReply { term, .. } => format!("ReadIndexReply term {term} no leader"),
    }
}

fn because(why: &Rejection) -> String {
    match why {
        Rejection::NotLeader { leader: Some(leader) } => format!("not leader, {leader} is"),
        Rejection::NotLeader { leader: None } => "not leader, none is known".to_owned(),
        Rejection::LeadershipLost => "leadership lost".to_owned(),
        Rejection::Truncated => "truncated".to_owned(),
    }
}
