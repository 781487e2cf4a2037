//! Names that many events share, each kept once.

use std::sync::Arc;

/// The few words that stand in every event: operations and nodes.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<Arc<str>>);

impl Names {
    /// A run has a handful of names; a file whose names are all different is not searched forever.
    const KEPT_MAX: usize = 32;

    /// The shared copy of this name.
    pub(super) fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(kept) = self.0.iter().find(|kept| &***kept == name) {
            return kept.clone();
        }
        let new: Arc<str> = name.into();
        if self.0.len() < Self::KEPT_MAX {
            self.0.push(new.clone());
        }
        new
    }
}
