//! What a history leaves open, named instead of guessed, and who shall decide.

/// How a history is read and judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What a failed cas says.
    pub failed_cas: FailedCas,
    /// Who decides.
    pub engine: Engine,
    /// Whether a pass must come with a legal order, which an independent verifier replays.
    pub certify: bool,
    /// What transactions over many keys must be.
    pub consistency: Consistency,
}

/// What transactions over many keys must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// As if one after the other, in any order.
    Serializable,
    /// As if one after the other, in an order that respects real time.
    #[default]
    StrictSerializable,
}

impl Consistency {
    /// Its name, as on the command line.
    ///
    /// ```
    /// assert_eq!(checker::Consistency::default().as_str(), "strict-serializable");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Consistency::Serializable => "serializable",
            Consistency::StrictSerializable => "strict-serializable",
        }
    }

    /// The name of the check.
    pub(crate) fn check(self) -> &'static str {
        match self {
            Consistency::Serializable => "serializability",
            Consistency::StrictSerializable => "strict-serializability",
        }
    }
}

/// What a `cas` that failed tells about the register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedCas {
    /// Nothing: it did not happen (Jepsen, Knossos).
    #[default]
    DidNotHappen,
    /// The value was not the expected one at some moment between its ends (Porcupine's etcd model).
    Observation,
}

/// Who decides about a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    BreadthFirst,
}
