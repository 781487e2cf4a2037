//! What probes are answered.

use super::*;

impl Cluster {
    pub fn answer(&mut self) {
        for mut probe in std::mem::take(&mut self.waiting) {
            match self.state(&mut probe) {
                ProbeState::Pending => self.waiting.push(probe),
                state => {
                    let state = self.unless_mute(&probe, state);
                    self.probes.insert(probe.id, state);
                }
            }
        }
    }

    fn unless_mute(&mut self, probe: &Waiting, state: ProbeState) -> ProbeState {
        match (self.mute.get_mut(&probe.node), state) {
            (Some(dropped), ProbeState::Ok { .. } | ProbeState::Fail { .. }) => {
                *dropped += 1;
                ProbeState::Info {
                    code: "connection-lost".to_owned(),
                }
            }
            (_, state) => state,
        }
    }

    fn state(&mut self, probe: &mut Waiting) -> ProbeState {
        let asked = &self.nodes[probe.node.0];
        if asked.process == ProcessState::Down || asked.incarnation != probe.incarnation {
            return ProbeState::Info {
                code: "connection-lost".to_owned(),
            };
        }
        if self.now >= probe.until {
            return ProbeState::Info {
                code: "client-timeout".to_owned(),
            };
        }
        if asked.process == ProcessState::Paused {
            return ProbeState::Pending;
        }
        match probe.op.clone() {
            ProbeOp::Write(value) => self.write(probe, probe.node, value),
            // What the session has had already is applied to nothing.
            ProbeOp::Retry(_) => self.write(probe, probe.node, Value::Null),
            ProbeOp::WriteForwarded(value) => match asked.leader {
                Some(leader) => {
                    let delay = match self.rules_of.get(&Link(leader, probe.node)) {
                        Some(LinkRule::DelayMs(ms)) => Duration::from_millis(*ms),
                        _ => Duration::ZERO,
                    };
                    match self.write(probe, leader, value) {
                        ProbeState::Ok { .. } if self.now.since(probe.since) < delay => ProbeState::Pending,
                        state => state,
                    }
                }
                None => ProbeState::Pending,
            },
            ProbeOp::Read => self.read(probe.node, &probe.key),
            ProbeOp::ReadForwarded => match asked.leader {
                Some(leader) if leader == probe.node || self.reaches(probe.node, leader) => {
                    self.read(leader, &probe.key)
                }
                _ => ProbeState::Pending,
            },
        }
    }

    fn write(&mut self, probe: &mut Waiting, at: NodeId, value: Value) -> ProbeState {
        if let Some((index, term)) = probe.entry {
            let node = &self.nodes[at.0];
            return match node.log.get(index - 1) {
                Some(entry) if entry.term == term && node.commit >= index => {
                    let at = Some(Position {
                        index: LogIndex(index as u64),
                        term,
                    });
                    ProbeState::Ok { value, at }
                }
                Some(entry) if entry.term == term => ProbeState::Pending,
                _ => ProbeState::Info {
                    code: "truncated".to_owned(),
                },
            };
        }
        if self.nodes[at.0].role != Role::Leader {
            return ProbeState::Fail {
                code: "not-leader".to_owned(),
            };
        }
        let write = (probe.key.clone(), value);
        let is_retry = matches!(probe.op, ProbeOp::Retry(_));
        probe.entry = Some(self.append(at, (!is_retry).then_some(write)));
        ProbeState::Pending
    }

    fn read(&self, at: NodeId, key: &Value) -> ProbeState {
        let node = &self.nodes[at.0];
        let reached = NodeId::all(self.nodes.len())
            .filter(|other| self.reaches(at, *other))
            .count()
            + 1;
        let confirmed = node.role == Role::Leader
            && node.commit >= node.last_at_election
            && reached > self.nodes.len() / 2;
        if confirmed {
            ProbeState::Ok {
                value: node.read(key),
                at: None,
            }
        } else {
            ProbeState::Pending
        }
    }
}
