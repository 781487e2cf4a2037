//! Where a simulated run is written down: in memory, as the types that its files would hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use histories::{Event, Kind, Nanos, Value};
use nemesis::effect::EffectLine;
use runs::record::StatusLine;
use runs::sink::Sink;
use runs::world::Boxed;

/// See the module.
#[derive(Default)]
pub struct Memory(Mutex<Kept>);

/// What was written down.
#[derive(Default)]
pub struct Kept {
    /// The history.
    pub events: Vec<Event>,
    /// What the nemesis did.
    pub effects: Vec<EffectLine>,
    /// How the nodes stood.
    pub statuses: Vec<StatusLine>,
    /// The cycles of each schedule.
    pub cycles: BTreeMap<String, Vec<serde_json::Value>>,
    written: BTreeSet<Value>,
    last_time: Nanos,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it; nothing is left.
    pub fn take(&self) -> Kept {
        std::mem::take(&mut *self.lock())
    }
}

impl Sink for Memory {
    fn event(&self, mut event: Event) {
        let mut kept = self.lock();
        event.index = kept.events.len() as u64;
        event.time = event.time.max(kept.last_time);
        kept.last_time = event.time;
        if let (Some(key), Kind::Invoke) = (&event.key, event.kind)
            && &*event.f != "read"
            && !kept.written.contains(key)
        {
            kept.written.insert(key.clone());
        }
        kept.events.push(event);
    }

    fn written_keys(&self) -> Boxed<'_, Vec<Value>> {
        Box::pin(async { self.lock().written.iter().cloned().collect() })
    }

    fn effect(&self, line: EffectLine) {
        self.lock().effects.push(line);
    }

    fn status(&self, line: StatusLine) {
        self.lock().statuses.push(line);
    }

    fn cycle(&self, schedule: &str, cycle: serde_json::Value) {
        self.lock()
            .cycles
            .entry(schedule.to_owned())
            .or_default()
            .push(cycle);
    }
}
