//! Whether what a run asks for is in its system's power: told before anything starts.

use checker::Levels;
use runs::judge;
use runs::record::{Settings, SettingsError};
use systems::Row;

use crate::exit::Failure;

/// Nothing that this run needs is lacking in its system.
pub(super) fn fits(settings: &Settings, row: &Row) -> Result<(), Failure> {
    levels(settings)?;
    Ok(serves(settings, row)?)
}

/// What the history is held to.
pub(super) fn levels(settings: &Settings) -> Result<Levels, Failure> {
    let name = settings.workload_row()?.model;
    let model = checker::models::find(name).ok_or_else(|| SettingsError::unknown("model", name))?;
    Ok(judge::levels(&settings.consistency, model, true)?)
}

fn serves(settings: &Settings, row: &Row) -> Result<(), SettingsError> {
    let (system, capabilities) = (|| settings.system.clone(), &row.capabilities);
    if settings.retry && !capabilities.sessions {
        return Err(SettingsError::NoSessions { system: system() });
    }
    let workload = settings.workload_row()?;
    if let Some(lacks) = workload.lacks(capabilities) {
        return Err(SettingsError::NotServed {
            workload: workload.name,
            system: system(),
            lacks,
        });
    }
    for schedule in settings.nemesis_rows()? {
        let unseen = schedule.needs.iter().find(|needed| !capabilities.tell(**needed));
        if let Some(unseen) = unseen {
            return Err(SettingsError::Unseen {
                nemesis: schedule.name,
                unseen: *unseen,
                system: system(),
            });
        }
        let spared = |need| row.spared_until(&settings.profile, need);
        if let Some(durable) = schedule.asks.iter().copied().find_map(spared) {
            return Err(SettingsError::Forgets {
                nemesis: schedule.name,
                system: system(),
                durable,
            });
        }
    }
    Ok(())
}
