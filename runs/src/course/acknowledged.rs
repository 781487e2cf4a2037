//! The changes that were acknowledged to clients, for watchers who wait to be told of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use histories::Value;

/// Each as a key and its new value, in the order of their acknowledgements. Cheap to clone.
#[derive(Clone, Default)]
pub struct Acknowledged(Arc<Mutex<Vec<(Value, Value)>>>);

impl Acknowledged {
    /// Every one so far.
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<(Value, Value)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This value was acknowledged to stand under this key.
    pub(super) fn add(&self, key: Value, value: Value) {
        self.lock().push((key, value));
    }
}
