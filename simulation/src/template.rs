//! What all nodes of a run have in common.

use std::time::Duration;

use clap::Parser;
use cluster_node::cli::{Args, ArgsError};
use cluster_node::raft::config::Config;
use cluster_node::raft::types::NodeId as Name;
use histories::Seed;
use nemesis::NodeId;

/// A node keeps a pending write for longer than any client waits, as under the harness.
const OP_TIMEOUT_MS: u64 = 15_000;

/// See the module.
#[derive(Clone)]
pub struct Template {
    pub(crate) names: Vec<Name>,
    pub(crate) profile: String,
    pub(crate) bugs: Vec<String>,
    pub(crate) config: Config,
    pub(crate) session_limit: usize,
    pub(crate) forward_timeout_ms: u64,
    pub(crate) op_timeout: Duration,
    /// Whether nodes keep journals.
    pub(crate) journals: bool,
    pub(crate) seed: Seed,
}

/// Settings that no node would start with.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The command line.
    #[error("{0}")]
    Words(#[from] clap::Error),
    /// What it means.
    #[error(transparent)]
    Args(#[from] ArgsError),
}

impl Template {
    /// Nodes that are started as the harness starts them: what it leaves open is the node's own default.
    ///
    /// # Errors
    /// There is no such profile, or bug.
    pub fn new(
        nodes: usize,
        profile: &str,
        bugs: &[String],
        journals: bool,
        seed: Seed,
    ) -> Result<Self, TemplateError> {
        let timeout = OP_TIMEOUT_MS.to_string();
        let words = ["cluster-node", "--id", "n1", "--data", "-"];
        let words = words
            .into_iter()
            .chain(["--profile", profile, "--op-timeout-ms", &timeout]);
        let bug_words = bugs.iter().flat_map(|bug| ["--bug", bug]);
        let args = Args::try_parse_from(words.chain(bug_words))?;
        Ok(Template {
            names: NodeId::all(nodes)
                .map(|node| Name::from(node.name().as_str()))
                .collect(),
            profile: profile.to_owned(),
            bugs: bugs.to_vec(),
            config: args.settings()?.config,
            session_limit: args.session_limit as usize,
            forward_timeout_ms: args.forward_timeout_ms,
            op_timeout: args.op_timeout(),
            journals,
            seed,
        })
    }

    /// The same nodes in a run of another seed.
    pub fn with_seed(&self, seed: Seed) -> Self {
        Template { seed, ..self.clone() }
    }

    pub(crate) fn peers(&self, node: NodeId) -> Vec<Name> {
        let others = self.names.iter().enumerate().filter(|(at, _)| *at != node.0);
        others.map(|(_, name)| name.clone()).collect()
    }

    /// As the harness gives it to the node.
    pub(crate) fn node_seed(&self, node: NodeId) -> u64 {
        self.seed.0.wrapping_mul(31).wrapping_add(node.0 as u64)
    }
}
