//! What a history leaves open, named instead of guessed, and who shall decide.

use crate::levels::Levels;

/// How a history is read and judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What a failed cas says.
    pub failed_cas: FailedCas,
    /// Who decides.
    pub engine: Engine,
    /// Whether a pass must come with a legal order, which an independent verifier replays.
    pub certify: bool,
    /// What transactions over many keys must be: all of these.
    pub consistency: Levels,
    /// What is taken for granted of an `rw-register`'s keys.
    pub assume: Assume,
    /// How closely a set and a counter are looked at.
    pub analysis: Analysis,
    /// What a read of null says of a register.
    pub null_read: NullRead,
    /// What a read that lacks an element of a `set-full` says, if a later one has it.
    pub stale_reads: StaleReads,
    /// What a bank's reads must show.
    pub bank: Bank,
    /// Whether a violation of a legal order comes with its proof.
    pub proof: Proof,
}

/// What is taken for granted of the keys of an `rw-register`, as Elle can; what rests on it is named so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assume {
    /// That each key by itself is linearizable.
    pub linearizable_keys: bool,
    /// That each key by itself is sequential: every process sees it go forward.
    pub sequential_keys: bool,
    /// That within a transaction writes follow reads, which is known of every transaction in any case.
    pub wfr_keys: bool,
}

impl Assume {
    /// Nothing.
    pub const NOTHING: Assume = Assume {
        linearizable_keys: false,
        sequential_keys: false,
        wfr_keys: false,
    };

    /// The names of what is assumed.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            (self.linearizable_keys, "linearizable-keys"),
            (self.sequential_keys, "sequential-keys"),
            (self.wfr_keys, "wfr-keys"),
        ];
        all.into_iter()
            .filter_map(|(is, name)| is.then_some(name))
            .collect()
    }

    /// The assumption of this name, beside those that are made.
    #[must_use]
    pub fn and(self, assumption: Assumption) -> Self {
        match assumption {
            Assumption::LinearizableKeys => Assume {
                linearizable_keys: true,
                ..self
            },
            Assumption::SequentialKeys => Assume {
                sequential_keys: true,
                ..self
            },
            Assumption::WfrKeys => Assume {
                wfr_keys: true,
                ..self
            },
        }
    }

    /// Whether it says something of the order of versions that is not known without it.
    pub(crate) fn orders_versions(self) -> bool {
        self.linearizable_keys || self.sequential_keys
    }
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Assumption {
    /// Each key by itself is linearizable.
    LinearizableKeys,
    /// Each key by itself is sequential.
    SequentialKeys,
    /// Within a transaction writes follow reads; known in any case.
    WfrKeys,
}

/// What a `set-full` makes of a read that began after an element was known and lacks it, though a later one has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum StaleReads {
    /// The element came late, which is no loss.
    #[default]
    Allowed,
    /// A violation, as with Jepsen's `:linearizable? true`.
    Violation,
}

/// Whether it is said why there is no legal order. That takes longer than to know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// The few operations that prove it, and the reasons.
    #[default]
    Given,
    /// For who only asks whether there is one: a violation names no operations.
    LeftOut,
}

/// How closely the models `set`, `counter` and `unordered-queue` look, which Jepsen's checkers of these names judge by less than a legal order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Analysis {
    /// There must be a legal order that respects real time.
    #[default]
    Linearizable,
    /// As `jepsen.checker`: of a set the last read alone must have every acknowledged element, and nothing that was
    /// never tried; each read of a counter must lie between what was acknowledged before it and what was tried
    /// until its end; of an `unordered-queue` everything acknowledged must have come out once it was empty, and nothing that
    /// was never tried.
    Jepsen,
}

/// What a read that returned null says of a `register` or `cas-register`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum NullRead {
    /// That the value is null: what it may be before the first write.
    #[default]
    Observation,
    /// Nothing, as in Knossos, where it is legal after any write.
    SaysNothing,
}

/// What a bank's reads must show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bank {
    /// The sum of all balances; none: that of the read that completed first.
    pub total: Option<i64>,
    /// Whether a balance may be below zero.
    pub negative_balances: bool,
}

/// What a `cas` that failed tells about the register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum FailedCas {
    /// Nothing: it did not happen (Jepsen, Knossos).
    #[default]
    DidNotHappen,
    /// The value was not the expected one at some moment between its ends (Porcupine's etcd model).
    Observation,
}

/// Who decides about a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Engine {
    /// The model's graph engine where it applies, else the search.
    #[default]
    Auto,
    /// The graph engine alone; a key to which it does not apply is inconclusive.
    Graph,
    /// The search alone, depth-first and breadth-first raced.
    Search,
    /// The depth-first search alone.
    DepthFirst,
    /// The breadth-first search alone.
    #[cfg_attr(feature = "clap", value(skip))]
    BreadthFirst,
    /// The search that registers have for themselves, alone; where it does not apply, both.
    #[cfg_attr(feature = "clap", value(skip))]
    Supply,
}
