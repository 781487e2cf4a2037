//! Whom a fault may hit, and how that is drawn by lot.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::effect::{Choice, Effect, NodeId};
use crate::view::{ProcessState, View, majority};

/// What a draw may know.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// The cluster.
    pub view: &'a View,
    /// Whose processes have a fault in force: the view tells that a little later.
    pub held: Vec<NodeId>,
}

impl Scope<'_> {
    /// All nodes.
    pub fn nodes(&self) -> Vec<NodeId> {
        NodeId::all(self.view.nodes.len()).collect()
    }

    /// The nodes whose process runs and that no fault in force concerns.
    pub fn free(&self) -> Vec<NodeId> {
        let runs = |node: &NodeId| self.view.nodes[node.0].process == ProcessState::Running;
        let mut free = self.nodes();
        free.retain(|node| runs(node) && !self.held.contains(node));
        free
    }

    /// The leader as a choice resolves to it: `n3, term 7`.
    pub fn leader(&self) -> Option<(NodeId, String)> {
        let leader = self.view.leader()?;
        let term = self.view.status(leader)?.term;
        let term = term.map_or(String::new(), |term| format!(", term {term}"));
        Some((leader, format!("{leader}{term}")))
    }

    /// Draw whose processes a fault hits: a node, the leader, or a minority; never so many that no majority is left, but where
    /// there is one node, that.
    /// `verb` is what `effect` does to them.
    pub fn victims(&self, rng: &mut ChaCha8Rng, verb: &str, effect: fn(NodeId) -> Effect) -> Option<Drawn> {
        let mut free = self.free();
        let kept = match self.view.nodes.len() {
            1 => 0,
            all => majority(all),
        };
        let spare = free.len().saturating_sub(kept);
        free.shuffle(rng);
        let one = *free.first().filter(|_| spare > 0)?;
        let (whom, resolved, victims) = match rng.random_range(0..3) {
            0 => ("a node", names(&[one]), vec![one]),
            1 => match self.leader().filter(|(leader, _)| free.contains(leader)) {
                Some((leader, resolved)) => ("the leader", resolved, vec![leader]),
                None => ("the leader", format!("{one}, as none is known"), vec![one]),
            },
            _ => {
                let mut minority = free[..spare].to_vec();
                minority.sort_unstable();
                ("a minority", names(&minority), minority)
            }
        };
        Some(Drawn {
            choice: Choice {
                what: format!("{verb} {whom}"),
                resolved,
            },
            effects: victims.into_iter().map(effect).collect(),
        })
    }

    /// Draw one side of a partition, the smaller one: half of the nodes (rounded down), one node that runs (from and to
    /// any other nothing is sent), or the leader.
    pub fn side(&self, rng: &mut ChaCha8Rng) -> Side {
        let mut nodes = self.nodes();
        nodes.shuffle(rng);
        let (whom, resolved, nodes) = match (rng.random_range(0..3), self.leader()) {
            (0, _) => {
                nodes.truncate(nodes.len() / 2);
                nodes.sort_unstable();
                ("half of the nodes", names(&nodes), nodes)
            }
            (1, Some((leader, resolved))) => ("the leader", resolved, vec![leader]),
            (choice, _) => {
                let free = self.free();
                nodes.sort_by_key(|node| !free.contains(node));
                nodes.truncate(1);
                match choice {
                    1 => (
                        "the leader",
                        format!("{}, as none is known", names(&nodes)),
                        nodes,
                    ),
                    _ => ("a node", names(&nodes), nodes),
                }
            }
        };
        Side {
            whom,
            resolved,
            nodes,
        }
    }
}

/// A fault that was drawn.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// Why these effects.
    pub choice: Choice,
    /// What brings it about; each is undone by itself.
    pub effects: Vec<Effect>,
}

/// One side of a partition.
#[derive(Clone, Debug)]
pub struct Side {
    /// As it was chosen.
    pub whom: &'static str,
    /// What that came to.
    pub resolved: String,
    /// Who is on it.
    pub nodes: Vec<NodeId>,
}

/// `n1, n4`.
fn names(nodes: &[NodeId]) -> String {
    let names: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
    names.join(", ")
}
