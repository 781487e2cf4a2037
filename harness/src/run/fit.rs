//! Whether what a run asks for is in its system's power: told before anything starts.

use runs::record::{Settings, SettingsError};
use systems::Row;

/// Nothing that this run needs is lacking in its system.
pub(super) fn fits(settings: &Settings, row: &Row) -> Result<(), SettingsError> {
    let (system, capabilities) = (|| settings.system.clone(), &row.capabilities);
    if settings.retry && !capabilities.sessions {
        return Err(SettingsError::NoSessions { system: system() });
    }
    let workload = settings.workload_row()?;
    if workload
        .asks
        .is_some_and(|does| !capabilities.does.contains(&does))
    {
        return Err(SettingsError::NoTransactions {
            workload: workload.name,
            system: system(),
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
