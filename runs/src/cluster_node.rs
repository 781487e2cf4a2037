//! The bugs of `cluster-node`, in whatever world it runs, each with the run that shows it.
//! Names, rules and sources are those that the node tells of itself
//! (`cluster-node --list-bugs`).

use crate::case::{Bug, Case};

/// Every bug.
pub const BUGS: &[Bug] = &[
    Bug {
        name: "commit-any-term",
        rule: "5.4.2: a leader commits by counting replicas only an entry of its current term",
        seen: "LogCabin #44, canonical/raft #220, async-raft #108, PySyncObj #169, nats-server PR 7955",
        case: Case::under("figure8"),
    },
    Bug {
        name: "commit-no-min",
        rule: "figure 2: a follower commits up to min(leaderCommit, index of last new entry)",
        seen: "copycat #265, scylla #9965, cockroach #36353",
        case: Case::under("rejoin-tail"),
    },
    Bug {
        name: "match-is-last-index",
        rule: "5.3: matchIndex is prevLogIndex plus the entries sent, not where the follower's log ends",
        seen: "ra #637, PySyncObj #167",
        case: Case::under("rejoin-tail"),
    },
    Bug {
        name: "quorum-even-off-by-one",
        rule: "5.2: a quorum is more than half of the servers",
        seen: "raft-java #21, openraft #1802",
        case: Case::under("even-split"),
    },
    Bug {
        name: "self-counted-twice",
        rule: "5.3: a leader counts itself once for a majority",
        seen: "no public report is known",
        case: Case::under("lone-follower"),
    },
    Bug {
        name: "ae-truncate-always",
        rule: "5.3: a follower deletes entries only where they conflict",
        seen: "raftos #26, openraft #511",
        case: Case::under("frame-replay"),
    },
    Bug {
        name: "ae-no-truncate-on-conflict",
        rule: "5.3: a follower deletes an entry that conflicts and all that follow it",
        seen: "copycat #265",
        case: Case::under("rejoin-tail"),
    },
    Bug {
        name: "prevterm-unchecked",
        rule: "5.3: the entry before the new ones must have the same index and term",
        seen: "akka-raft #59",
        case: Case::under("rejoin-tail"),
    },
    Bug {
        name: "stale-term-ae-accepted",
        rule: "5.1: an AppendEntries of an older term is refused",
        seen: "no public report is known",
        case: Case::under("frame-replay"),
    },
    Bug {
        name: "commit-regress",
        rule: "figure 2: the commit index rises monotonically",
        seen: "PySyncObj #166",
        case: Case::under("early-read"),
    },
    Bug {
        name: "vote-no-log-check",
        rule: "5.4.1: no vote for a candidate whose log is behind",
        seen: "jgroups-raft #14, akka-raft #30",
        case: Case::under("lagging-candidate"),
    },
    Bug {
        name: "vote-length-only",
        rule: "5.4.1: logs are compared by the last term first, then by the index",
        seen: "noraft #22",
        case: Case::under("figure8"),
    },
    Bug {
        name: "vote-volatile",
        rule: "figure 2: votedFor is on disk before a vote is given",
        seen: "PySyncObj #202, and many that clear it",
        case: Case::under("double-vote"),
    },
    Bug {
        name: "term-volatile",
        rule: "figure 2: currentTerm is on disk before it is spoken of",
        seen: "PySyncObj #202, camunda #19290",
        case: Case::under("restart-all"),
    },
    Bug {
        name: "vote-reply-term-unchecked",
        rule: "5.2: only votes for the present term count",
        seen: "Xraft #33",
        case: Case::under("double-vote"),
    },
    Bug {
        name: "read-leader-local",
        rule: "8: a leader has a majority confirm that it leads before it answers a read",
        seen: "etcd and Consul 2014, dqlite #258",
        case: Case::under("stale-leader"),
    },
    Bug {
        name: "read-no-term-barrier",
        rule: "8: a new leader answers no read before what it found in its log is committed",
        seen: "etcd #7331, redisraft #18, tikv #9239",
        case: Case::under("early-read"),
    },
    Bug {
        name: "read-follower",
        rule: "8: a follower answers no read by itself",
        seen: "jgroups-raft #208",
        case: Case::under("stale-leader").reading_anywhere(),
    },
    Bug {
        name: "ack-at-propose",
        rule: "5.3: a client is answered after its entry is committed and applied",
        seen: "no public report is known",
        case: Case::under("stale-leader"),
    },
    Bug {
        name: "ack-by-index",
        rule: "5.3: an answer is for the entry of an index and a term",
        seen: "KurrentDB #3472",
        case: Case::under("step-down"),
    },
    Bug {
        name: "definite-fail-on-step-down",
        rule: "8: a write that is pending at a step-down may yet happen; its outcome is unknown",
        seen: "redisraft #23",
        case: Case::under("step-down"),
    },
    Bug {
        name: "no-session-dedupe",
        rule: "8: a command is executed once, however often its client sends it",
        seen: "khepri #250, etcd #14890, redisraft #659",
        case: Case::under("lost-reply"),
    },
    Bug {
        name: "cas-at-propose",
        rule: "8: a conditional write is decided where it is applied, not where it is proposed",
        seen: "d-engine #371",
        case: Case::under("none"),
    },
    Bug {
        name: "forward-retry-dup",
        rule: "8: a request that is forwarded again keeps its identity",
        seen: "fluree/db #1839",
        case: Case::under("lost-reply"),
    },
];

#[cfg(test)]
mod tests {
    use super::BUGS;
    use crate::workloads;

    #[test]
    fn every_case_is_a_run_that_can_be() {
        for bug in BUGS {
            let schedule = nemesis::schedules::find(bug.case.schedule);
            assert!(schedule.is_some(), "{}: {}", bug.name, bug.case.schedule);
            let workload = bug.case.workload.unwrap_or("register");
            assert!(workloads::find(workload).is_some(), "{}: {workload}", bug.name);
        }
    }
}
