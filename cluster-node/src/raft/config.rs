//! The profiles, and every setting of the core.

use super::rules::Rules;

/// A named set of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Bare Raft as in the paper: nothing that closes the trap of Figure 8 by accident.
    Fig8,
    /// What one would run: no-op at election, batches, pre-vote, check-quorum.
    Prod,
}

/// Settings of the core; times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How often a leader is heard at least.
    pub heartbeat_ms: u64,
    /// A follower waits at least so long for its leader …
    pub election_min_ms: u64,
    /// … and less than this; drawn anew each time.
    pub election_max_ms: u64,
    /// An AppendEntries without an answer is sent again after so long.
    pub resend_ms: u64,
    /// How many entries an AppendEntries carries at most …
    pub batch: usize,
    /// … and how many bytes of them, one entry excepted.
    pub batch_bytes: usize,
    /// How many AppendEntries may be under way to a follower whose match is known.
    pub window: usize,
    /// Whether a new leader appends an entry of its own (Raft section 8).
    pub no_op: bool,
    /// Whether a candidate asks first (Raft thesis, section 9.6).
    pub pre_vote: bool,
    /// Whether a leader that hears no majority steps down (Raft thesis, section 6.2).
    pub check_quorum: bool,
    /// Whether a client who waits for a write is kept when the leader steps down.
    pub keep_waiters: bool,
    /// A read that could not be confirmed for so long is forgotten.
    pub read_patience_ms: u64,
    /// What is broken on purpose.
    pub rules: Rules,
}

impl Config {
    /// The settings of a profile.
    pub fn of(profile: Profile) -> Self {
        let fig8 = Config {
            heartbeat_ms: 50,
            election_min_ms: 150,
            election_max_ms: 300,
            resend_ms: 100,
            batch: 1,
            batch_bytes: 1 << 20,
            window: 1,
            no_op: false,
            pre_vote: false,
            check_quorum: false,
            keep_waiters: true,
            read_patience_ms: 5000,
            rules: Rules::default(),
        };
        match profile {
            Profile::Fig8 => fig8,
            Profile::Prod => Config {
                election_min_ms: 300,
                election_max_ms: 600,
                batch: 64,
                window: 8,
                no_op: true,
                pre_vote: true,
                check_quorum: true,
                keep_waiters: false,
                ..fig8
            },
        }
    }
}
