//! The check `raft-safety`: the invariants of Raft, in what the nodes wrote of themselves (docs/journal.md).
//!
//! Journals come in line by line, a node's in the order of its incarnations; in which order the nodes come does
//! not matter, for nothing is known of what happened first on two nodes but what the protocol implies. A line is
//! written before its effect leaves the node. So a line may tell of what never left: it counts as a promise only once
//! a `sync` covers it.
//!
//! | file | check |
//! | --- | --- |
//! | `election_safety` | one leader a term, with a majority's votes |
//! | `one_vote` | one vote a term, across restarts |
//! | `append_only` | a leader deletes nothing |
//! | `log_matching` | equal index and term, equal logs up to there |
//! | `leader_completeness` | a leader has what was committed before its term |
//! | `state_machine` | one entry is applied at an index, and leads to one state |
//! | `committed_stays` | what is committed is neither replaced nor deleted |
//! | `commit_oracle` | only what a majority had in its term is committed |
//! | `monotonic` | terms, commit indexes and logs go forward; what was durable is there after a restart |
//! | `replies` | what was answered was applied, once |
//! | `asserts` | what the node itself found broken |
//!
//! Beside them: `entries` (all logs as one tree), `server` (a node from line to line), `claims` and `chain` (what is
//! said to be committed), `findings`, `place`.

mod append_only;
mod asserts;
mod chain;
mod claims;
mod commit_oracle;
mod committed_stays;
mod election_safety;
mod entries;
mod findings;
mod leader_completeness;
mod log_matching;
mod monotonic;
mod one_vote;
mod place;
mod replies;
mod server;
mod state_machine;

use histories::journal::{Event, Line, Position};
use histories::{Incarnation, LogIndex, NodeName};
use serde_json::json;

use self::append_only::AppendOnly;
use self::asserts::Asserts;
use self::claims::Claims;
use self::commit_oracle::CommitOracle;
use self::committed_stays::CommittedStays;
use self::election_safety::ElectionSafety;
use self::entries::{Clash, Entries, EntryId, Mention};
use self::findings::{Finding, Findings};
use self::leader_completeness::LeaderCompleteness;
use self::log_matching::LogMatching;
use self::monotonic::Monotonic;
use self::one_vote::OneVote;
use self::place::{Names, NodeNumber, NodeSet, Place};
use self::replies::Replies;
use self::server::Server;
use self::state_machine::StateMachine;
use crate::verdict::{Check, CheckName, Verdict, Violation};

const NAME: CheckName = CheckName::RaftSafety;

/// A line, and how its node stands before it.
struct Step<'a> {
    at: Place,
    line: &'a Line<'a>,
    server: &'a Server,
    /// The entry that the line speaks of, of those events that name one by its chained hash.
    entry: Option<EntryId>,
    entries: &'a Entries,
    names: &'a Names,
}

impl Step<'_> {
    fn name(&self) -> &str {
        self.names.of(self.at.node)
    }

    fn place(&self) -> impl std::fmt::Display + '_ {
        self.names.line(self.at)
    }

    /// Whether what is applied here can be taken back no more: where only one node may vote, it must be on its disk.
    fn is_promised(&self, index: LogIndex) -> bool {
        self.server.voters.len() > 1 || index <= self.server.durable
    }
}

/// Why journals cannot be judged at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalsError {
    /// More nodes than a judge can keep apart.
    #[error("journals of {0} nodes; at most {most} can be judged together", most = NodeSet::MOST)]
    Nodes(usize),
    /// A node that is not of the cluster.
    #[error("a journal of {0}, which is none of the cluster's nodes")]
    Unknown(NodeName),
}

/// The judge of a cluster's journals.
///
/// ```
/// use checker::{RaftSafety, Verdict};
/// use histories::journal::Reader;
/// use histories::{Incarnation, NodeName};
///
/// let text = br#"{"v":1,"n":"n1","inc":1,"s":0,"mono":5,"term":0,"e":"boot","last":{"i":0,"t":0},"ch":"0000000000000000","commit":0,"applied":0,"snap":null,"vote":null,"voters":["n1","n2","n3"],"profile":"prod","bugs":[]}
/// {"v":1,"n":"n1","inc":1,"s":1,"mono":9,"term":2,"e":"role","role":"leader","votes":["n1"],"last_at_election":{"i":0,"t":0}}
/// "#;
/// let nodes = ["n1", "n2", "n3"].map(NodeName::from);
/// let mut safety = RaftSafety::new(&nodes)?;
/// let mut journal = safety.journal(&nodes[0], Incarnation(1))?;
/// let mut lines = Reader::new(text.as_slice(), nodes[0].clone(), Incarnation(1));
/// while let Some(line) = lines.next_line()? {
///     journal.take(&line);
/// }
/// let check = safety.finish(&[]);
/// assert_eq!(check.verdict, Verdict::Violation);
/// assert!(check.reason.starts_with("election safety: n1 became the leader of term 2 with the votes of n1 alone"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RaftSafety {
    names: Names,
    servers: Vec<Server>,
    /// The newest incarnation of each node of which there is a journal.
    newest: Vec<Incarnation>,
    /// Incarnations without a journal, before one that has one.
    gaps: Vec<(NodeNumber, Incarnation)>,
    entries: Entries,
    claims: Claims,
    lines: u64,
    election_safety: ElectionSafety,
    one_vote: OneVote,
    append_only: AppendOnly,
    log_matching: LogMatching,
    leader_completeness: LeaderCompleteness,
    state_machine: StateMachine,
    committed_stays: CommittedStays,
    commit_oracle: CommitOracle,
    monotonic: Monotonic,
    replies: Replies,
    asserts: Asserts,
}

/// One file, to be taken in line by line.
#[derive(Debug)]
pub struct Journal<'a> {
    safety: &'a mut RaftSafety,
    node: NodeNumber,
    incarnation: Incarnation,
}

impl RaftSafety {
    /// The judge of a cluster of these nodes.
    ///
    /// # Errors
    /// There are too many of them.
    pub fn new(nodes: &[NodeName]) -> Result<Self, JournalsError> {
        if nodes.len() > NodeSet::MOST {
            return Err(JournalsError::Nodes(nodes.len()));
        }
        let numbers = (0..nodes.len() as u8).map(NodeNumber);
        Ok(RaftSafety {
            names: Names(nodes.to_vec()),
            servers: numbers.map(Server::new).collect(),
            newest: vec![Incarnation(0); nodes.len()],
            gaps: Vec::new(),
            entries: Entries::new(),
            claims: Claims::default(),
            lines: 0,
            election_safety: ElectionSafety::new(),
            one_vote: OneVote::new(nodes.len()),
            append_only: AppendOnly::new(),
            log_matching: LogMatching::new(),
            leader_completeness: LeaderCompleteness::new(),
            state_machine: StateMachine::new(nodes.len()),
            committed_stays: CommittedStays::new(),
            commit_oracle: CommitOracle::new(),
            monotonic: Monotonic::new(),
            replies: Replies::new(),
            asserts: Asserts::new(),
        })
    }

    /// A file begins, or goes on. A node's incarnations are to come in their order.
    ///
    /// # Errors
    /// The node is none of the cluster's.
    pub fn journal(
        &mut self,
        node: &NodeName,
        incarnation: Incarnation,
    ) -> Result<Journal<'_>, JournalsError> {
        let number = self.names.find(node.as_str());
        let number = number.ok_or_else(|| JournalsError::Unknown(node.clone()))?;
        let newest = &mut self.newest[usize::from(number.0)];
        if incarnation > *newest {
            if incarnation.0 != newest.0 + 1 {
                self.gaps.push((number, Incarnation(incarnation.0 - 1)));
            }
            *newest = incarnation;
        }
        Ok(Journal {
            safety: self,
            node: number,
            incarnation,
        })
    }

    /// The verdict; `history` is what the clients saw.
    pub fn finish(mut self, history: &[histories::Event]) -> Check {
        let silent = self.silent();
        self.claims.sort(&self.entries);
        self.election_safety.finish(&self.names, silent);
        self.one_vote.finish(&self.names, &self.election_safety.elections);
        let chain = self
            .committed_stays
            .finish(&self.entries, &self.claims, &self.names);
        self.leader_completeness
            .finish(&self.entries, &self.claims, &chain, &self.names);
        self.commit_oracle
            .finish(&mut self.entries, &self.claims, &self.names, silent);
        self.replies.finish(history, &self.names, silent.is_empty());
        self.check(silent)
    }

    /// Nodes of whose lives a part is not told.
    fn silent(&self) -> NodeSet {
        let mut silent = NodeSet::default();
        for (server, newest) in self.servers.iter().zip(&self.newest) {
            if newest.0 == 0 {
                silent.add(server.number);
            }
        }
        for (node, _) in &self.gaps {
            silent.add(*node);
        }
        silent
    }

    fn findings(&self) -> [&Findings; 11] {
        [
            &self.election_safety.findings,
            &self.one_vote.findings,
            &self.append_only.findings,
            &self.log_matching.findings,
            &self.leader_completeness.findings,
            &self.state_machine.findings,
            &self.committed_stays.findings,
            &self.commit_oracle.findings,
            &self.monotonic.findings,
            &self.replies.findings,
            &self.asserts.findings,
        ]
    }

    fn check(&self, silent: NodeSet) -> Check {
        let mut told: Vec<&Finding> = self.findings().iter().flat_map(|found| &found.told).collect();
        told.sort_by_key(|finding| finding.mono);
        let (verdict, reason) = self.verdict(silent, &told);
        let checks: serde_json::Map<String, serde_json::Value> = self
            .findings()
            .iter()
            .map(|found| {
                let verdict = match silent.is_empty() {
                    true => found.verdict(),
                    false => found.verdict().max(Verdict::Inconclusive),
                };
                let value =
                    json!({ "verdict": verdict, "violations": found.count, "undecided": found.undecided });
                (found.check.to_owned(), value)
            })
            .collect();
        Check {
            name: NAME,
            verdict,
            reason,
            details: json!({
                "source": "journals", "lines": self.lines, "entries": self.entries.len(),
                "commits": self.claims.all.len(), "applied": self.state_machine.indexes(),
                "elections": self.election_safety.elections.len(), "checks": checks,
            }),
            violations: told
                .into_iter()
                .map(|finding| Violation {
                    code: Some(finding.code.clone()),
                    ..Violation::in_words(NAME, finding.why.clone())
                })
                .collect(),
        }
    }

    fn verdict(&self, silent: NodeSet, told: &[&Finding]) -> (Verdict, String) {
        let count: u64 = self.findings().iter().map(|found| found.count).sum();
        let undecided: Vec<&str> = self
            .findings()
            .iter()
            .filter(|found| found.undecided > 0)
            .map(|found| found.check)
            .collect();
        if let Some(first) = told.first() {
            let reason = match count {
                1 => first.why.clone(),
                _ => format!("{}; {count} violations in all", first.why),
            };
            return (Verdict::Violation, reason);
        }
        let reason = if !silent.is_empty() {
            format!("journals of {} are missing", self.names.list(silent))
        } else if !undecided.is_empty() {
            format!("the journals do not tell enough for: {}", undecided.join(", "))
        } else if self.claims.all.is_empty() {
            "no journal has a commit".to_owned()
        } else {
            let reason = format!(
                "no invariant of Raft is broken in {} lines of {} journals ({} entries, {} elections)",
                self.lines,
                self.names.0.len(),
                self.entries.len(),
                self.election_safety.elections.len()
            );
            return (Verdict::Pass, reason);
        };
        (Verdict::Inconclusive, reason)
    }
}

impl Journal<'_> {
    /// Take the next line in.
    pub fn take(&mut self, line: &Line<'_>) {
        let at = Place::new(self.node, self.incarnation, line.number);
        let safety = &mut *self.safety;
        safety.lines += 1;
        let server = &safety.servers[usize::from(self.node.0)];
        let (entry, clash) = mentioned(&mut safety.entries, server, line, at);
        commit_oracle::mark(&mut safety.entries, self.node, line.term, &line.event, entry);
        let step = Step {
            at,
            line,
            server,
            entry,
            entries: &safety.entries,
            names: &safety.names,
        };
        match &line.event {
            // Most lines are these, and few checks care.
            Event::Append { .. } => {
                safety.log_matching.take(&step, clash);
                safety.monotonic.take(&step);
            }
            Event::Apply { .. } | Event::Reply { .. } => {
                safety.state_machine.take(&step);
                safety.monotonic.take(&step);
                safety.replies.take(&step);
            }
            _ => {
                safety.election_safety.take(&step);
                safety.one_vote.take(&step);
                safety.append_only.take(&step);
                safety.log_matching.take(&step, clash);
                safety.leader_completeness.take(&step);
                safety.state_machine.take(&step);
                safety.committed_stays.take(&step);
                safety.commit_oracle.take(&step);
                safety.monotonic.take(&step);
                safety.asserts.take(&step);
                safety.claims.take(&step);
            }
        }
        let server = &mut safety.servers[usize::from(self.node.0)];
        server.take(line.term, &line.event, entry, &safety.entries, &safety.names);
    }
}

/// The entry that a line speaks of, and what it contradicts.
fn mentioned(
    entries: &mut Entries,
    server: &Server,
    line: &Line<'_>,
    at: Place,
) -> (Option<EntryId>, Option<Clash>) {
    let (position, ch, h, parent) = match &line.event {
        Event::Append {
            index, term, h, ch, ..
        } => {
            let before = LogIndex(index.0.saturating_sub(1));
            let position = Position {
                index: *index,
                term: *term,
            };
            (position, *ch, Some(*h), server.entry(before))
        }
        Event::Boot(boot) => (boot.last, boot.ch, None, None),
        Event::Commit { to, t_at, ch, .. } => {
            let position = Position {
                index: *to,
                term: *t_at,
            };
            if let Some(own) = server.own_entry(entries, position, *ch) {
                return (Some(own), None);
            }
            if *to > server.last() {
                return (None, None);
            }
            (position, *ch, None, None)
        }
        Event::SyncLog { upto } => return (server.entry((*upto).min(server.last())), None),
        _ => return (None, None),
    };
    let (id, clash) = entries.mention(Mention {
        position,
        ch,
        h,
        parent,
        at,
    });
    (Some(id), clash)
}
