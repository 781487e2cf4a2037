//! The folder of a run as the place where it is written down.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use histories::run_folder::{FolderError, Lines};
use histories::{Event, RunFolder, Value};
use nemesis::effect::EffectLine;
use runs::record::StatusLine;
use runs::sink::Sink;
use runs::world::Boxed;

use super::recorder::Recorder;

/// The files that grow while a run lasts.
pub(super) struct Files {
    folder: RunFolder,
    recorder: Recorder,
    effects: Mutex<Lines>,
    statuses: Mutex<Lines>,
    /// By schedule. Of one that leaves no cycle there is no file, unless it is guided.
    cycles: Mutex<BTreeMap<String, Lines>>,
}

impl Files {
    /// Begin them, but for the history, which is the recorder's.
    pub(super) fn create(
        folder: &RunFolder,
        recorder: Recorder,
        schedules: &[&'static nemesis::Row],
    ) -> Result<Self, FolderError> {
        let guided = schedules.iter().filter(|row| row.guided);
        let cycles = guided.map(|row| Ok((row.name.to_owned(), Lines::create(folder.cycles(row.name))?)));
        Ok(Files {
            recorder,
            effects: Mutex::new(Lines::create(folder.nemesis())?),
            statuses: Mutex::new(Lines::create(folder.status())?),
            cycles: Mutex::new(cycles.collect::<Result<_, FolderError>>()?),
            folder: folder.clone(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink for Files {
    fn event(&self, event: Event) {
        self.recorder.record(event);
    }

    fn room(&self) -> Boxed<'_, ()> {
        Box::pin(self.recorder.room())
    }

    fn written_keys(&self) -> Boxed<'_, Vec<Value>> {
        Box::pin(self.recorder.written_keys())
    }

    fn effect(&self, line: EffectLine) -> Result<(), FolderError> {
        lock(&self.effects).add(&line)
    }

    fn status(&self, line: StatusLine) -> Result<(), FolderError> {
        lock(&self.statuses).add(&line)
    }

    fn cycle(&self, schedule: &str, cycle: serde_json::Value) -> Result<(), FolderError> {
        let mut cycles = lock(&self.cycles);
        if !cycles.contains_key(schedule) {
            let lines = Lines::create(self.folder.cycles(schedule))?;
            cycles.insert(schedule.to_owned(), lines);
        }
        cycles.get_mut(schedule).map_or(Ok(()), |lines| lines.add(&cycle))
    }
}
