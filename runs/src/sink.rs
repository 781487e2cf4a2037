//! Where a run is written down while it lasts.

use histories::run_folder::FolderError;
use histories::{Event, Value};
use nemesis::effect::EffectLine;

use crate::record::StatusLine;
use crate::world::Boxed;

/// Takes what a run leaves, line by line: into the files of a folder, or into memory.
pub trait Sink: Send + Sync {
    /// An event of the history. The order of the calls is the order of the file; the index is given here, and the time
    /// never goes back.
    fn event(&self, event: Event);

    /// Returns when there is room for the events of one more operation. Only who begins one waits for it: what has
    /// happened is always taken.
    fn room(&self) -> Boxed<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// The keys that somebody wrote to, or tried to, in their order.
    fn written_keys(&self) -> Boxed<'_, Vec<Value>>;

    /// A line of `nemesis.jsonl`.
    ///
    /// # Errors
    /// It cannot be written: no check may rest on what is not there, so the run cannot go on.
    fn effect(&self, line: EffectLine) -> Result<(), FolderError>;

    /// A line of `status.jsonl`.
    ///
    /// # Errors
    /// As [`Sink::effect`].
    fn status(&self, line: StatusLine) -> Result<(), FolderError>;

    /// A cycle of a guided schedule, for the file of its name.
    ///
    /// # Errors
    /// As [`Sink::effect`].
    fn cycle(&self, schedule: &str, cycle: serde_json::Value) -> Result<(), FolderError>;
}
