//! What a verdict rests on: never is there a pass without a proof, and here stands of which kind it is.
//!
//! **The rule of vacuity.** A pass needs an operation that succeeded and that could have contradicted the model: one with
//! a result that is illegal in some state (a read, a compare-and-set, a dequeue, an acquire …). Where none succeeded, or only such
//! as are legal in every state (writes, additions), every order is legal whatever the store did, and nothing was proved: that is
//! inconclusive. It is asked of the history and not of each key, since a key that nobody read does have a legal order; the number
//! of such keys is told. An analysis that is none of a legal order asks for what it compares: two reads, a last read.

use serde::{Deserialize, Serialize};

/// What a verdict rests on: the field `proof` of a check's details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Proved {
    /// Every key's operations have an order that is legal and respects real time.
    LegalOrder {
        /// Whether the independent verifier replayed it.
        replayed: bool,
        /// Whether the history tells what came before what; not one of completions alone.
        real_time: bool,
    },
    /// The transactions have a serial order.
    SerialOrder {
        /// Whether the independent verifier replayed it.
        replayed: bool,
    },
    /// The transactions have an order of commits, and each reads the state after some of them.
    SnapshotOrder {
        /// Whether the independent verifier replayed it.
        replayed: bool,
    },
    /// The transactions have an order of commits, and each reads the last of what it sees.
    CommitOrder {
        /// Whether the independent verifier went through it.
        replayed: bool,
    },
    /// No order was looked for: what an analysis looks at is as it should be.
    Bounds {
        /// Which analysis.
        analysis: Reading,
    },
    /// A violation: its operations prove it.
    Counterexample,
    /// Nothing was proved.
    Nothing {
        /// Why there was nothing to prove; none where a limit ended the check, or the history is not one that can be judged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vacuous: Option<Vacuous>,
    },
}

impl Proved {
    /// Whether an independent verifier has replayed the order.
    pub fn is_certificate(self) -> bool {
        matches!(
            self,
            Proved::LegalOrder { replayed: true, .. }
                | Proved::SerialOrder { replayed: true }
                | Proved::SnapshotOrder { replayed: true }
                | Proved::CommitOrder { replayed: true }
        )
    }
}

/// Why a history proves nothing, however it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vacuous {
    /// No operation succeeded.
    NothingSucceeded,
    /// What succeeded is legal in every state.
    NothingObserved,
    /// No two reads could be compared.
    NothingCompared,
}

impl Vacuous {
    /// For a person.
    pub(crate) fn told(self, operations: usize) -> String {
        match self {
            Vacuous::NothingSucceeded if operations == 0 => {
                "the history has no operation: nothing was proved".to_owned()
            }
            Vacuous::NothingSucceeded => {
                format!("none of {operations} operations succeeded: nothing was proved")
            }
            Vacuous::NothingCompared => format!(
                "{operations} operations have no two reads that could be compared: nothing was proved (of a bank \
                 --total-amount names what a single read is compared with)"
            ),
            Vacuous::NothingObserved => format!(
                "of {operations} operations none that succeeded saw anything (no read, or what else shows a state), so \
                 every order is legal: nothing was proved"
            ),
        }
    }
}

/// Analyses that look at less than a legal order; each is Jepsen's or Elle's of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// `jepsen.checker/counter`.
    Counter,
    /// `jepsen.checker/set`.
    Set,
    /// `jepsen.checker/set-full`.
    SetFull,
    /// `jepsen.checker/total-queue`.
    TotalQueue,
    /// `jepsen.tests.bank`.
    Bank,
    /// `jepsen.tests.long-fork`.
    LongFork,
    /// `jepsen.checker/unique-ids`.
    UniqueIds,
    /// `jepsen.tests.causal-reverse`.
    StrictOrder,
    /// `jepsen.tests.kafka`.
    Kafka,
    /// `jepsen.tests.adya`.
    AdyaG2,
    /// Elle's `monotonic-key-graph`, with the order of processes.
    Monotonic,
    /// Maelstrom's `echo`.
    Echo,
    /// Maelstrom's `g-counter` and `pn-counter`.
    PnCounter,
}

impl Reading {
    /// What was found to be as it should be; it stands behind a number of operations and a colon.
    pub fn holds(self) -> &'static str {
        match self {
            Reading::Counter => {
                "each read is within Jepsen's bounds (what was acknowledged before it, what was tried until its end)"
            }
            Reading::Set => {
                "the last read has all that was acknowledged and nothing that nobody tried to add, which is all that \
                 Jepsen's set looks at"
            }
            Reading::SetFull => {
                "no element is lost or stands twice in a read, as Jepsen's set-full looks at it"
            }
            Reading::TotalQueue => {
                "what was acknowledged came out, and nothing else did, which is all that Jepsen's total-queue looks at"
            }
            Reading::Bank => "each read adds up to the total, as Jepsen's bank looks at it",
            Reading::LongFork => {
                "no two reads of the same keys saw their writes in two orders (Jepsen's long-fork)"
            }
            Reading::UniqueIds => "no two identifiers are the same",
            Reading::StrictOrder => {
                "no read shows a write without one that had completed before it (Jepsen's causal-reverse)"
            }
            Reading::Kafka => "no message is lost, reordered or skipped, as Jepsen's kafka looks at them",
            Reading::Monotonic => {
                "they have an order in which no key goes back and each process keeps its own (Elle's monotonic keys)"
            }
            Reading::Echo => "each answer is what was sent",
            Reading::PnCounter => {
                "each final read is the sum of what was acknowledged and of some of what may have happened (Maelstrom's pn-counter)"
            }
            Reading::AdyaG2 => "of each key at most one insert succeeded (Jepsen's adya)",
        }
    }

    /// The analysis, by its author's name.
    pub fn name(self) -> &'static str {
        match self {
            Reading::Counter => "Jepsen's counter",
            Reading::Set => "Jepsen's set",
            Reading::SetFull => "Jepsen's set-full",
            Reading::TotalQueue => "Jepsen's total-queue",
            Reading::Bank => "Jepsen's bank",
            Reading::LongFork => "Jepsen's long-fork",
            Reading::UniqueIds => "Jepsen's unique-ids",
            Reading::StrictOrder => "Jepsen's causal-reverse",
            Reading::Kafka => "Jepsen's kafka",
            Reading::AdyaG2 => "Jepsen's adya",
            Reading::Monotonic => "Elle's monotonic keys",
            Reading::Echo => "Maelstrom's echo",
            Reading::PnCounter => "Maelstrom's pn-counter",
        }
    }
}
