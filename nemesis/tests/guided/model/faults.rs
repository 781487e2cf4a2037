//! Effects, done to the model.

use super::*;

impl Cluster {
    pub fn apply(&mut self, effect: &Effect) -> Outcome {
        match effect {
            Effect::Start(node) => {
                self.rest(*node);
                let node = &mut self.nodes[node.0];
                assert_eq!(
                    node.process,
                    ProcessState::Down,
                    "a start of a node that is not down"
                );
                (node.process, node.role, node.leader) = (ProcessState::Running, Role::Follower, None);
                node.incarnation += 1;
                (node.commit, node.campaigns) = (0, 0);
                node.denied.clear();
            }
            Effect::Kill(node) => self.nodes[node.0].process = ProcessState::Down,
            Effect::Pause(node) => self.nodes[node.0].process = ProcessState::Paused,
            Effect::Resume(node) => self.nodes[node.0].process = ProcessState::Running,
            Effect::Links { rule, links } => self.rules_of.extend(links.iter().map(|link| (*link, *rule))),
            Effect::Record { kind, first, links } => {
                for link in links {
                    let recording = Recording {
                        kind: *kind,
                        left: *first,
                        frames: Vec::new(),
                    };
                    self.recordings.insert(*link, recording);
                }
            }
            Effect::Inject { links } => return self.inject(links),
            Effect::Clients { rule, nodes } => return self.set_clients(*rule, nodes),
            Effect::Gate { open } => self.gate_open = *open,
            Effect::Probe(probe) => {
                self.probes.insert(probe.id, ProbeState::Pending);
                while self.probes.len() > PROBES {
                    self.probes.pop_first();
                }
                self.waiting.push(Waiting {
                    id: probe.id,
                    since: self.now,
                    node: probe.node,
                    key: probe.key.clone(),
                    op: probe.op.clone(),
                    until: self.now + Duration::from_millis(probe.timeout_ms),
                    incarnation: self.nodes[probe.node.0].incarnation,
                    entry: None,
                });
            }
        }
        Outcome::Installed {
            evidence: serde_json::Value::Null,
        }
    }

    fn inject(&mut self, links: &[Link]) -> Outcome {
        let mut injected = Vec::new();
        for link in links {
            let recording = self.recordings.remove(link);
            let frames = recording.map_or(Vec::new(), |recording| recording.frames);
            if frames.is_empty() {
                return evidence::skipped("nothing was recorded");
            }
            for frame in &frames {
                // A correct node minds no other frame that comes late or again.
                if let Frame::RequestVote { term, last } = frame {
                    self.vote(link.0, link.1, *term, *last);
                }
            }
            let delivered = Count {
                frames: frames.len() as u64,
                bytes: 1,
            };
            injected.push(Injected {
                link: *link,
                recorded: delivered.frames,
                delivered,
            });
        }
        evidence::installed(&FramesInjected {
            took_us: 1,
            links: injected,
        })
    }

    fn set_clients(&mut self, rule: ClientRule, nodes: &[NodeId]) -> Outcome {
        let ended = nodes.iter().map(|node| {
            let dropped = self.mute.remove(node);
            if rule == ClientRule::CutReplies {
                self.mute.insert(*node, 0);
            }
            let was = match dropped {
                Some(_) => ClientRule::CutReplies,
                None => ClientRule::Pass,
            };
            let frames = dropped.unwrap_or_default();
            let dropped = Count {
                frames,
                bytes: frames,
            };
            ClientRuleEnded {
                node: *node,
                was,
                dropped,
            }
        });
        let ended = ended.collect();
        evidence::installed(&ClientRulesSet { ended })
    }
}
