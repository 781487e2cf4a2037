//! What the nodes said of themselves over time: role, term, commit index.

use std::collections::BTreeMap;

use histories::run_folder::read_lines;
use histories::{LogIndex, Nanos, RunFolder, Term};
use nemesis::{NodeId, Role};
use runs::record::Unreadable;
use serde::{Deserialize, Serialize};

use super::columns::{Column, Deltas};
use super::faults::micros;
use crate::exit::Failure;

/// A page keeps so many statuses of a node; beyond it those that only moved on are thinned out.
const KEPT: usize = 10_000;

/// A line of status.jsonl, without the log.
#[derive(Deserialize)]
struct Line {
    time: Nanos,
    node: NodeId,
    incarnation: u64,
    role: Role,
    term: Term,
    leader: Option<NodeId>,
    commit: LogIndex,
    last: LogIndex,
}

impl Line {
    fn standing(&self) -> (u64, Role, Term, Option<NodeId>) {
        (self.incarnation, self.role, self.term, self.leader)
    }
}

/// One node's statuses, as columns.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lane {
    /// How many.
    pub count: usize,
    /// When, in microseconds.
    pub time: Deltas,
    /// 0 follower, 1 candidate, 2 leader.
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
    fn push(&mut self, line: &Line) {
        self.count += 1;
        self.time.push(micros(line.time));
        self.role.push(match line.role {
            Role::Follower => 0,
            Role::Candidate => 1,
            Role::Leader => 2,
        });
        self.term.push(line.term.0);
        self.leader
            .push(line.leader.map_or(0, |leader| leader.0 as u64 + 1));
        self.commit.push(line.commit.0);
        self.last.push(line.last.0);
        self.incarnation.push(line.incarnation);
    }
}

/// Every node's lane, by its name.
pub fn lanes(folder: &RunFolder, unfinished: bool) -> Result<BTreeMap<NodeId, Lane>, Failure> {
    let lines: Vec<Line> = read_lines(&folder.status(), unfinished).map_err(Unreadable)?;
    let mut of_node: BTreeMap<NodeId, Vec<Line>> = BTreeMap::new();
    for line in lines {
        of_node.entry(line.node).or_default().push(line);
    }
    Ok(of_node
        .into_iter()
        .map(|(node, lines)| (node, thinned(&lines)))
        .collect())
}

fn thinned(lines: &[Line]) -> Lane {
    let stride = lines.len().div_ceil(KEPT).max(1);
    let mut lane = Lane::default();
    let mut before = None;
    for (at, line) in lines.iter().enumerate() {
        let turned = before.replace(line.standing()) != Some(line.standing());
        if turned || at % stride == 0 {
            lane.push(line);
        }
    }
    lane
}
