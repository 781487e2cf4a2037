//! What can be seen in a view.

use histories::{Nanos, Term};

use crate::effect::{Effect, NodeId};
use crate::view::{ProcessState, Role, TailEntry, View};

/// The term of a system that tells none.
pub const UNTOLD: Term = Term(0);

/// Whether the node leads in this term; where terms are not told, whether it leads.
pub fn leads(view: &View, node: NodeId, term: Term) -> bool {
    view.status(node)
        .is_some_and(|status| status.role == Some(Role::Leader) && status.term.is_none_or(|at| at == term))
}

/// Whether the node follows this leader, in the leader's term.
pub fn follows(view: &View, node: NodeId, leader: NodeId) -> bool {
    let term = view.status(leader).and_then(|status| status.term);
    view.status(node).is_some_and(|status| {
        status.role == Some(Role::Follower) && status.leader == Some(leader) && status.term == term
    })
}

/// Who of `nodes` leads a later term than `after`, and that term. Where terms are not told it is [`UNTOLD`], and whoever leads counts.
pub fn leader_among(view: &View, nodes: &[NodeId], after: Term) -> Option<(NodeId, Term)> {
    nodes.iter().find_map(|node| {
        let status = view.status(*node)?;
        let term = match status.term {
            Some(term) if term <= after => return None,
            told => told.unwrap_or(UNTOLD),
        };
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

/// The one node that says it leads, where every node runs and tells at most that and its term, and nobody is of another term.
pub(super) fn only_leader(view: &View) -> Option<NodeId> {
    let [leader] = view.leaders().try_into().ok()?;
    let term = view.status(leader)?.term;
    let agrees = |node| view.status(node).is_some_and(|status| status.term == term);
    NodeId::all(view.nodes.len()).all(agrees).then_some(leader)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::view::{NodeStatus, NodeView};

    /// A cluster whose nodes tell this: whether they lead, and their term.
    fn view(told: &[Option<(bool, Option<u64>)>]) -> View {
        let status = |(leads, term): (bool, Option<u64>)| NodeStatus {
            incarnation: 1,
            role: Some(if leads { Role::Leader } else { Role::Follower }),
            term: term.map(Term),
            leader: None,
            commit: None,
            applied: None,
            last: None,
            last_at_election: None,
            matched: None,
            campaigns: None,
            denied: Vec::new(),
            tail: Arc::new([]),
        };
        let node = |told: &Option<_>| NodeView {
            process: ProcessState::Running,
            status: told.map(|told| (Nanos(1), Arc::new(status(told)))),
        };
        View {
            now: Nanos(1),
            nodes: told.iter().map(node).collect(),
            gate_open: true,
            in_flight: 0,
            pending_effects: 0,
            probes: Arc::default(),
        }
    }

    const N: [NodeId; 3] = [NodeId(0), NodeId(1), NodeId(2)];

    #[test]
    fn where_terms_are_told_only_a_later_one_counts() {
        let old = view(&[
            Some((true, Some(4))),
            Some((true, Some(5))),
            Some((false, Some(5))),
        ]);
        assert_eq!(leader_among(&old, &N, Term(4)), Some((N[1], Term(5))));
        assert_eq!(leader_among(&old, &N, Term(5)), None);
        assert!(leads(&old, N[0], Term(4)) && !leads(&old, N[0], Term(5)));
    }

    #[test]
    fn where_they_are_not_whoever_leads_counts() {
        let told = view(&[Some((true, None)), Some((true, None)), Some((false, None))]);
        assert_eq!(leader_among(&told, &N[1..], UNTOLD), Some((N[1], UNTOLD)));
        assert_eq!(leader_among(&told, &N[2..], UNTOLD), None);
        assert!(leads(&told, N[0], UNTOLD) && !leads(&told, N[2], UNTOLD));
    }

    #[test]
    fn one_leads_alone_where_all_are_heard_and_of_its_term() {
        let follower = Some((false, Some(4)));
        assert_eq!(
            only_leader(&view(&[Some((true, Some(4))), follower, follower])),
            Some(N[0])
        );
        assert_eq!(
            only_leader(&view(&[Some((true, Some(5))), follower, follower])),
            None
        );
        assert_eq!(only_leader(&view(&[Some((true, Some(4))), follower, None])), None);
        let leader = Some((true, Some(4)));
        assert_eq!(only_leader(&view(&[leader, leader, follower])), None);
        assert_eq!(
            only_leader(&view(&[Some((true, None)), Some((false, None))])),
            Some(N[0])
        );
    }
}
