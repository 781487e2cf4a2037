//! An entry of an older term on a majority: is it committed? Raft section 5.4.2 says not yet.

use std::time::Duration;

use histories::{LogIndex, Term};

use super::clients::Sent;
use super::look::{holders, holders_of_term, leads};
use super::majority;
use super::probes::{answered, ok_value};
use super::record::{Facts, OnMajority};
use super::scene::{Miss, Scene, Told, require};
use crate::effect::NodeId;
use crate::view::{TailEntry, View};

/// What is read meanwhile is answered, or refused, so long after the hold.
const ANSWERED: Duration = Duration::from_millis(1700);

/// The entry on a majority of which the leader knows, while an entry of the leader's own term is on so few that the rest
/// can still elect a leader without one; where it is on more, the trap is closed.
pub fn on_majority(view: &View, leader: NodeId, entry: &TailEntry) -> Told<Option<OnMajority>> {
    let seen = view
        .status(leader)
        .and_then(|status| Some((status, status.term?, status.last_index()?)));
    let Some((status, term, last)) = seen else {
        return Ok(None);
    };
    let (nodes, many) = (view.nodes.len(), majority(view.nodes.len()));
    let p = holders_of_term(view, term).len();
    if p > nodes - many {
        let told = format!("nodes with an entry of the leader's own term: {p}");
        return Err(Miss::with("trap closed by the no-op", told));
    }
    let mut matched: Vec<LogIndex> = status.matched.iter().flatten().map(|(_, index)| *index).collect();
    matched.push(last);
    matched.sort_unstable_by(|a, b| b.cmp(a));
    let match_quorum = matched.get(many - 1).copied().unwrap_or_default();
    let holders = holders(view, entry);
    let commits = holders.iter().filter_map(|node| view.status(*node));
    let seen = OnMajority {
        p,
        match_quorum,
        commit: commits
            .filter_map(|status| status.commit)
            .max()
            .unwrap_or_default(),
        held_ms: 0,
        acknowledged: false,
    };
    Ok((holders.len() >= many && match_quorum >= entry.index).then_some(seen))
}

impl Scene {
    /// The entry, for whose acknowledgement `sent` waits, stays on a majority for this time, or until everybody was told
    /// that it is committed: by a commit index, a reader, and the client who wrote it.
    pub async fn hold_on_majority(
        &self,
        entry: &TailEntry,
        sent: &Sent,
        (leader, term): (NodeId, Term),
        hold: Duration,
    ) -> Told<Facts> {
        let since = self.now();
        let read = self.read(leader, &self.key(), hold);
        let mut facts = Facts::default();
        let mut commit = LogIndex(0);
        let look = |view: &View| {
            require(leads(view, leader, term), "the leader changed during the hold")?;
            let seen = on_majority(view, leader, entry)?;
            require(
                seen.is_some(),
                "the entry did not stay on a majority during the hold",
            )?;
            commit = seen.iter().map(|seen| seen.commit).fold(commit, LogIndex::max);
            let time = view.now.since(since);
            facts.holders = holders(view, entry);
            facts.reads = vec![self.read_so_far(&read)];
            facts.majority = seen.map(|seen| OnMajority {
                commit,
                held_ms: time.as_millis() as u64,
                acknowledged: ok_value(view, sent.probe).is_some(),
                ..seen
            });
            let was_read = ok_value(view, read.probe).is_some();
            let exposed = commit >= entry.index && was_read && answered(view, sent.probe);
            let over = exposed || (time >= hold && answered(view, read.probe));
            Ok(over.then_some(()))
        };
        self.until_told(hold + ANSWERED, "the hold did not end", look)
            .await?;
        Ok(facts)
    }
}
