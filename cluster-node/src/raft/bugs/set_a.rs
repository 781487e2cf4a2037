//! The first set: elections, replication, commit, reads, answers, sessions.

use super::Bug;

/// The bugs of this set.
pub(super) const BUGS: &[Bug] = &[
    Bug {
        name: "commit-any-term",
        rule: "5.4.2: a leader commits by counting replicas only an entry of its current term",
        seen: "LogCabin #44, canonical/raft #220, async-raft #108, PySyncObj #169, nats-server PR 7955",
        switch_on: |rules| rules.commit_current_term_only = false,
    },
    Bug {
        name: "commit-no-min",
        rule: "figure 2: a follower commits up to min(leaderCommit, index of last new entry)",
        seen: "copycat #265, scylla #9965, cockroach #36353",
        switch_on: |rules| rules.commit_up_to_last_new_entry = false,
    },
    Bug {
        name: "match-is-last-index",
        rule: "5.3: matchIndex is prevLogIndex plus the entries sent, not where the follower's log ends",
        seen: "ra #637, PySyncObj #167",
        switch_on: |rules| rules.match_is_prev_plus_entries = false,
    },
    Bug {
        name: "quorum-even-off-by-one",
        rule: "5.2: a quorum is more than half of the servers",
        seen: "raft-java #21, openraft #1802",
        switch_on: |rules| rules.quorum_is_majority = false,
    },
    Bug {
        name: "self-counted-twice",
        rule: "5.3: a leader counts itself once for a majority",
        seen: "no public report is known",
        switch_on: |rules| rules.leader_counts_once = false,
    },
    Bug {
        name: "ae-truncate-always",
        rule: "5.3: a follower deletes entries only where they conflict",
        seen: "raftos #26, openraft #511",
        switch_on: |rules| rules.truncate_on_conflict_only = false,
    },
    Bug {
        name: "ae-no-truncate-on-conflict",
        rule: "5.3: a follower deletes an entry that conflicts and all that follow it",
        seen: "copycat #265",
        switch_on: |rules| rules.truncate_on_conflict = false,
    },
    Bug {
        name: "prevterm-unchecked",
        rule: "5.3: the entry before the new ones must have the same index and term",
        seen: "akka-raft #59",
        switch_on: |rules| rules.check_prev_term = false,
    },
    Bug {
        name: "stale-term-ae-accepted",
        rule: "5.1: an AppendEntries of an older term is refused",
        seen: "no public report is known",
        switch_on: |rules| rules.refuse_old_terms = false,
    },
    Bug {
        name: "commit-regress",
        rule: "figure 2: the commit index rises monotonically",
        seen: "PySyncObj #166",
        switch_on: |rules| rules.commit_only_rises = false,
    },
    Bug {
        name: "vote-no-log-check",
        rule: "5.4.1: no vote for a candidate whose log is behind",
        seen: "jgroups-raft #14, akka-raft #30",
        switch_on: |rules| rules.vote_needs_log = false,
    },
    Bug {
        name: "vote-length-only",
        rule: "5.4.1: logs are compared by the last term first, then by the index",
        seen: "noraft #22",
        switch_on: |rules| rules.vote_compares_terms = false,
    },
    Bug {
        name: "vote-volatile",
        rule: "figure 2: votedFor is on disk before a vote is given",
        seen: "PySyncObj #202, and many that clear it",
        switch_on: |rules| rules.vote_is_durable = false,
    },
    Bug {
        name: "term-volatile",
        rule: "figure 2: currentTerm is on disk before it is spoken of",
        seen: "PySyncObj #202, camunda #19290",
        switch_on: |rules| rules.term_is_durable = false,
    },
    Bug {
        name: "vote-reply-term-unchecked",
        rule: "5.2: only votes for the present term count",
        seen: "Xraft #33",
        switch_on: |rules| rules.vote_reply_of_this_term = false,
    },
    Bug {
        name: "read-leader-local",
        rule: "8: a leader has a majority confirm that it leads before it answers a read",
        seen: "etcd and Consul 2014, dqlite #258",
        switch_on: |rules| rules.read_confirms_leadership = false,
    },
    Bug {
        name: "read-no-term-barrier",
        rule: "8: a new leader answers no read before what it found in its log is committed",
        seen: "etcd #7331, redisraft #18, tikv #9239",
        switch_on: |rules| rules.read_waits_for_barrier = false,
    },
    Bug {
        name: "read-follower",
        rule: "8: a follower answers no read by itself",
        seen: "jgroups-raft #208",
        switch_on: |rules| rules.read_asks_leader = false,
    },
    Bug {
        name: "ack-at-propose",
        rule: "5.3: a client is answered after its entry is committed and applied",
        seen: "no public report is known",
        switch_on: |rules| rules.ack_after_commit = false,
    },
    Bug {
        name: "ack-by-index",
        rule: "5.3: an answer is for the entry of an index and a term",
        seen: "KurrentDB #3472",
        switch_on: |rules| rules.ack_by_index_and_term = false,
    },
    Bug {
        name: "definite-fail-on-step-down",
        rule: "8: a write that is pending at a step-down may yet happen; its outcome is unknown",
        seen: "redisraft #23",
        switch_on: |rules| rules.unknown_is_not_failure = false,
    },
    Bug {
        name: "no-session-dedupe",
        rule: "8: a command is executed once, however often its client sends it",
        seen: "khepri #250, etcd #14890, redisraft #659",
        switch_on: |rules| rules.sessions_deduplicate = false,
    },
    Bug {
        name: "cas-at-propose",
        rule: "8: a conditional write is decided where it is applied, not where it is proposed",
        seen: "d-engine #371",
        switch_on: |rules| rules.cas_decided_at_apply = false,
    },
    Bug {
        name: "forward-retry-dup",
        rule: "8: a request that is forwarded again keeps its identity",
        seen: "fluree/db #1839",
        switch_on: |rules| rules.forward_keeps_id = false,
    },
];
