//! What a history leaves open, named instead of guessed.

/// How a model reads a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What a failed cas says.
    pub failed_cas: FailedCas,
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
