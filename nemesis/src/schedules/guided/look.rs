//! What can be seen in a view.

use histories::{Nanos, Term};

use crate::effect::{Effect, NodeId};
use crate::view::{ProcessState, Role, TailEntry, View};

/// Whether the node leads in this term.
pub fn leads(view: &View, node: NodeId, term: Term) -> bool {
    view.status(node)
        .is_some_and(|status| status.role == Some(Role::Leader) && status.term == Some(term))
}

/// Whether the node follows this leader, in the leader's term.
pub fn follows(view: &View, node: NodeId, leader: NodeId) -> bool {
    let term = view.status(leader).and_then(|status| status.term);
    view.status(node).is_some_and(|status| {
        status.role == Some(Role::Follower) && status.leader == Some(leader) && status.term == term
    })
}

/// Who of `nodes` leads a later term than `after`, and that term.
pub fn leader_among(view: &View, nodes: &[NodeId], after: Term) -> Option<(NodeId, Term)> {
    nodes.iter().find_map(|node| {
        let status = view.status(*node)?;
        let term = status.term.filter(|term| *term > after)?;
        (status.role == Some(Role::Leader)).then_some((*node, term))
    })
}

/// The nodes that run and hold this entry.
pub fn holders(view: &View, entry: &TailEntry) -> Vec<NodeId> {
    let holds = |node: &NodeId| view.status(*node).is_some_and(|status| status.holds(entry));
    NodeId::all(view.nodes.len()).filter(holds).collect()
}

/// The nodes of which an entry of this term was last seen, be they out or not.
pub fn holders_of_term(view: &View, term: Term) -> Vec<NodeId> {
    let has = |node: &NodeId| {
        let status = view.nodes[node.0].status.as_ref();
        status.is_some_and(|(_, status)| status.has_entry_of(term))
    };
    NodeId::all(view.nodes.len()).filter(has).collect()
}

/// Who refused the node its vote in a later term than `after` because its log was older.
pub fn denied_by_log(view: &View, node: NodeId, after: Term) -> Vec<NodeId> {
    let denied = view.status(node).into_iter().flat_map(|status| &status.denied);
    let by_log = denied.filter(|denied| denied.why == "log" && denied.term > after);
    by_log.map(|denied| denied.by).collect()
}

/// The leader, if every node runs and follows it, in one term.
pub(super) fn one_leader(view: &View) -> Option<NodeId> {
    let leader = view.leader()?;
    let term = Some(view.status(leader)?.term?);
    let follows = |node| {
        view.status(node)
            .is_some_and(|status| status.term == term && status.leader == Some(leader))
    };
    NodeId::all(view.nodes.len()).all(follows).then_some(leader)
}

/// Whether every node runs, was asked after `since`, follows one leader in one term, and all logs are equal and
/// committed to the end.
pub(super) fn is_even(view: &View, since: Nanos) -> bool {
    let Some(leader) = view.leader() else { return false };
    let Some(first) = view.status(leader) else {
        return false;
    };
    view.nodes.iter().all(|node| match (&node.process, &node.status) {
        (ProcessState::Running, Some((asked, status))) => {
            *asked >= since
                && status.term == first.term
                && status.leader == Some(leader)
                && status.last == first.last
                && status.tail.last() == first.tail.last()
                && status.commit.is_some()
                && status.commit == first.last_index()
        }
        _ => false,
    })
}

/// What brings every node back that is down or paused.
pub(super) fn revive(view: &View) -> Vec<Effect> {
    NodeId::all(view.nodes.len())
        .filter_map(|node| match view.nodes[node.0].process {
            ProcessState::Down => Some(Effect::Start(node)),
            ProcessState::Paused => Some(Effect::Resume(node)),
            ProcessState::Starting | ProcessState::Running => None,
        })
        .collect()
}
