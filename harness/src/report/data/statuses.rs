//! What the nodes said of themselves over time: role, term, commit index.

use std::collections::BTreeMap;

use histories::run_folder::read_lines;
use histories::{RunFolder, Term};
use nemesis::{NodeId, Role};
use runs::record::{StatusLine, Unreadable};
use serde::Serialize;

use super::columns::{Column, Deltas};
use super::faults::micros;
use crate::exit::Failure;

/// A page keeps so many statuses of a node; beyond it those that only moved on are thinned out.
const KEPT: usize = 10_000;

fn standing(line: &StatusLine) -> (u64, Option<Role>, Option<Term>, Option<NodeId>) {
    (line.incarnation, line.role, line.term, line.leader)
}

/// One node's statuses, as columns.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lane {
    /// How many.
    pub count: usize,
    /// When, in microseconds.
    pub time: Deltas,
    /// 0 follower, 1 candidate, 2 leader, 3 not told.
    pub role: Column,
    /// Its term.
    pub term: Deltas,
    /// Whom it follows, by position from 1; 0 for nobody.
    pub leader: Column,
    /// Its commit index.
    pub commit: Deltas,
    /// Its last index.
    pub last: Deltas,
    /// Which start of it.
    pub incarnation: Column,
}

impl Lane {
    fn push(&mut self, line: &StatusLine) {
        self.count += 1;
        self.time.push(micros(line.time));
        self.role.push(match line.role {
            Some(Role::Follower) => 0,
            Some(Role::Candidate) => 1,
            Some(Role::Leader) => 2,
            None => 3,
        });
        self.term.push(line.term.unwrap_or_default().0);
        self.leader
            .push(line.leader.map_or(0, |leader| leader.0 as u64 + 1));
        self.commit.push(line.commit.unwrap_or_default().0);
        self.last.push(line.last.unwrap_or_default().0);
        self.incarnation.push(line.incarnation);
    }
}

/// Every node's lane, by its name.
pub fn lanes(folder: &RunFolder, unfinished: bool) -> Result<BTreeMap<NodeId, Lane>, Failure> {
    let lines: Vec<StatusLine> = read_lines(&folder.status(), unfinished).map_err(Unreadable)?;
    let mut of_node: BTreeMap<NodeId, Vec<StatusLine>> = BTreeMap::new();
    for line in lines {
        of_node.entry(line.node).or_default().push(line);
    }
    Ok(of_node
        .into_iter()
        .map(|(node, lines)| (node, thinned(&lines)))
        .collect())
}

fn thinned(lines: &[StatusLine]) -> Lane {
    let stride = lines.len().div_ceil(KEPT).max(1);
    let mut lane = Lane::default();
    let mut before = None;
    for (at, line) in lines.iter().enumerate() {
        let turned = before.replace(standing(line)) != Some(standing(line));
        if turned || at % stride == 0 {
            lane.push(line);
        }
    }
    lane
}
