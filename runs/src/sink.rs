//! Where a run is written down while it lasts.

use histories::{Event, Value};
use nemesis::effect::EffectLine;

use crate::record::StatusLine;
use crate::world::Boxed;

/// Takes what a run leaves, line by line: into the files of a folder, or into memory. Nobody who writes something down
/// waits for it, and nobody is told that it cannot be written: no check may rest on what is not there, so then the run
/// ends, and whoever leads it says why.
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
    fn effect(&self, line: EffectLine);

    /// A line of `status.jsonl`.
    fn status(&self, line: StatusLine);

    /// A cycle of a guided schedule, for the file of its name.
    fn cycle(&self, schedule: &str, cycle: serde_json::Value);
}
