//! The rules that can be broken one by one, so that the tester is tested.

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident,)*) => {
        /// Every rule, correct by default. Each field is read at one place.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Rules {
            $($(#[$doc])* pub $rule: bool,)*
        }

        impl Default for Rules {
            fn default() -> Self {
                Rules { $($rule: true,)* }
            }
        }
    };
}

rules! {
    /// Section 5.4.2: a leader commits an entry by counting replicas only if it is of its current term.
    commit_current_term_only,
    /// Figure 2: a follower commits up to min(leaderCommit, index of last new entry).
    commit_up_to_last_new_entry,
    /// Section 5.3: what a follower holds of a leader's log is what that leader has compared with it.
    match_is_prev_plus_entries,
    /// Section 5.2: a quorum is more than half.
    quorum_is_majority,
    /// Section 5.3: a leader counts itself once.
    leader_counts_once,
    /// Section 5.3: a follower deletes entries only where they conflict.
    truncate_on_conflict_only,
    /// Section 5.3: a follower deletes the entries that conflict, and all that follow.
    truncate_on_conflict,
    /// Section 5.3: a follower refuses entries unless it has the entry before them, of the same term.
    check_prev_term,
    /// Section 5.1: a request of an older term is refused.
    refuse_old_terms,
    /// Figure 2: the commit index rises monotonically.
    commit_only_rises,
    /// Section 5.4.1: no vote for a log that is behind.
    vote_needs_log,
    /// Section 5.4.1: of two logs the one with the later last term is more up to date, however long they are.
    vote_compares_terms,
    /// Figure 2: votedFor survives a crash.
    vote_is_durable,
    /// Figure 2: currentTerm survives a crash.
    term_is_durable,
    /// Section 5.2: only votes of this term elect.
    vote_reply_of_this_term,
    /// Section 8: a leader has a majority confirm that it leads before it answers a read.
    read_confirms_leadership,
    /// Section 8: a new leader answers no read before what it found in its log is committed.
    read_waits_for_barrier,
    /// Section 8: reads are the leader's matter.
    read_asks_leader,
    /// Section 5.3: a client is answered after its entry has been applied.
    ack_after_commit,
    /// Section 5.3: a client is answered for its own entry: index and term, not index alone.
    ack_by_index_and_term,
    /// Section 8: a write that is pending when its leader steps down may yet happen.
    unknown_is_not_failure,
    /// Section 8: a retry within a session is applied once.
    sessions_deduplicate,
    /// Section 8: a conditional write is decided where it is applied.
    cas_decided_at_apply,
    /// Section 8: a request that is forwarded again is the same request.
    forward_keeps_id,
}
