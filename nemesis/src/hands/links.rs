//! The network of a cluster, as far as the hands need it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::life::Doing;
use crate::effect::{ClientRule, FrameKind, Link, LinkRule, NodeId, Outcome};
use crate::evidence::Traffic;
use crate::fault::Need;

/// What stands on the links between the nodes, and between them and their clients. What it is asked for and cannot do it
/// skips, with the reason; so it does for links that are not there.
pub(super) trait Links: Send + Sync {
    /// Which needs of faults it meets.
    fn can(&self) -> &[Need];

    /// What `link.0` dials to reach `link.1`, one for each port of its peers; the same over restarts.
    fn peer_addresses(&self, link: Link) -> &[SocketAddr];

    /// What clients of this node dial, one for each port of its clients; the same over restarts.
    fn client_addresses(&self, node: NodeId) -> &[SocketAddr];

    /// What leads to this node past all rules; nothing where its own address does.
    fn direct_address(&self, node: NodeId) -> Option<SocketAddr>;

    /// Set the rule of these links; it is in force when this is done. The evidence is [`crate::faults::RulesSet`], or
    /// [`crate::faults::Commanded`].
    fn set<'a>(&'a self, rule: LinkRule, links: &'a [Link]) -> Doing<'a, Outcome>;

    /// Set the rule of what is between these nodes and their clients. The evidence is [`crate::faults::ClientRulesSet`].
    fn set_clients(&self, rule: ClientRule, nodes: &[NodeId]) -> Outcome;

    /// Keep a copy of the first frames of this kind on each of these links.
    fn record(&self, kind: FrameKind, first: u64, links: &[Link]) -> Outcome;

    /// Put in what was recorded, past the rule, and wait until it was handed on. The evidence is
    /// [`crate::faults::FramesInjected`].
    fn inject<'a>(&'a self, links: &'a [Link]) -> Doing<'a, Outcome>;

    /// What does not pass: links, and nodes whose clients have a rule.
    fn changed(&self) -> (Vec<Link>, Vec<NodeId>);

    /// What went through each link between nodes since the run began.
    fn counters(&self) -> BTreeMap<Link, Traffic>;

    /// What went between each node and its clients since the run began, both ways.
    fn client_counters(&self) -> BTreeMap<NodeId, Traffic>;
}
