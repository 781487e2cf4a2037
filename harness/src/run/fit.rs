//! Whether what a run asks for is in its system's power: told before anything starts.

use checker::Levels;
use nemesis::{Need, Tells};
use runs::judge;
use runs::record::{Settings, SettingsError};
use runs::workloads;
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
    may_be_hurt(settings, row)?;
    if !settings.latency.is_zero() && !row.messages {
        return Err(SettingsError::NoLatency { system: system() });
    }
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
    let schedules = settings.nemesis_rows()?;
    schedules
        .into_iter()
        .try_for_each(|schedule| led(schedule, settings, row, workload))
}

/// What this schedule needs of the system, and of the workload, is there.
fn led(
    schedule: &nemesis::Row,
    settings: &Settings,
    row: &Row,
    workload: &workloads::Row,
) -> Result<(), SettingsError> {
    let (system, capabilities) = (|| settings.system.clone(), &row.capabilities);
    let is_hidden = |needed: &&Tells| !capabilities.tell(**needed) && !row.may_tell.contains(needed);
    let unseen = schedule.needs.iter().find(is_hidden);
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
    if schedule.retries && !capabilities.sessions {
        return Err(SettingsError::Retries {
            nemesis: schedule.name,
            system: system(),
        });
    }
    if schedule.guided && !workload.looks {
        return Err(SettingsError::NoLooks {
            nemesis: schedule.name,
            workload: workload.name,
        });
    }
    if schedule.asks.contains(&Need::Messages) && !row.messages {
        return Err(SettingsError::NoMessages {
            nemesis: schedule.name,
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
        Need::Delays | Need::Messages | Need::Counts | Need::Frames | Need::Clients => "what no command does",
    }
}
