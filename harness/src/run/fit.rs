//! Whether what a run asks for is in its system's power: told before anything starts.

use nemesis::Need;
use runs::record::{Settings, SettingsError};
use systems::Row;

/// Nothing that this run needs is lacking in its system.
pub(super) fn fits(settings: &Settings, row: &Row) -> Result<(), SettingsError> {
    let (system, capabilities) = (|| settings.system.clone(), &row.capabilities);
    may_be_hurt(settings, row)?;
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
        if let Some(need) = schedule.asks.iter().find(|need| row.lacks(**need)) {
            return Err(SettingsError::NoCommands {
                nemesis: schedule.name,
                system: system(),
                needed: commands(*need),
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

/// A cluster that somebody else has started is hurt only by whoever says that it is theirs.
fn may_be_hurt(settings: &Settings, row: &Row) -> Result<(), SettingsError> {
    let Some(cluster) = &row.cluster else {
        return Ok(());
    };
    let (system, there) = (settings.system.clone(), cluster.reached.clients.len());
    if settings.nodes != there {
        return Err(SettingsError::OtherNodes {
            nodes: settings.nodes,
            system,
            there,
        });
    }
    match cluster.starts_nodes || settings.owned {
        true => Ok(()),
        false => Err(SettingsError::NotOwned {
            system,
            would: cluster.would.clone(),
        }),
    }
}

/// Which commands meet a need.
fn commands(need: Need) -> &'static str {
    match need {
        Need::Restarts => "`kill` and `start`",
        Need::Processes => "`pause` and `resume`",
        Need::Links => "`cut` and `heal`",
        Need::Delays | Need::Frames | Need::Clients => "what no command does",
    }
}
