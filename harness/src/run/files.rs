//! The folder of a run as the place where it is written down.

use histories::{Event, RunFolder, Value};
use nemesis::effect::EffectLine;
use runs::record::StatusLine;
use runs::sink::Sink;
use runs::world::Boxed;

use super::recorder::{Line, Recorder};

/// The files that grow while a run lasts; all of them are the recorder's.
pub(super) struct Files {
    folder: RunFolder,
    recorder: Recorder,
}

impl Files {
    /// Begin them, but for the history. Of a schedule that leaves no cycle there is no file, unless it is guided.
    pub(super) fn create(
        folder: &RunFolder,
        recorder: Recorder,
        schedules: &[&'static nemesis::Row],
    ) -> Self {
        let guided = schedules.iter().filter(|row| row.guided);
        let cycles = guided.map(|row| folder.cycles(row.name));
        for path in [folder.nemesis(), folder.status()].into_iter().chain(cycles) {
            recorder.begin(path);
        }
        Files {
            folder: folder.clone(),
            recorder,
        }
    }
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

    fn effect(&self, line: EffectLine) {
        self.recorder
            .add(self.folder.nemesis(), Line::Effect(Box::new(line)));
    }

    fn status(&self, line: StatusLine) {
        self.recorder.add(self.folder.status(), Line::Status(line));
    }

    fn cycle(&self, schedule: &str, cycle: serde_json::Value) {
        self.recorder
            .add(self.folder.cycles(schedule), Line::Cycle(cycle));
    }
}
