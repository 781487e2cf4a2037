//! The table of systems.

use std::path::Path;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::Duration;

use nemesis::hands::{Framing, Plan};
use runs::record::SettingsError;

use crate::commands;
use crate::description::{Description, Frames, Network, StartedBy};
use crate::foreign::{self, Foreign};
use crate::reading::{self, DescriptionError};
use crate::system::{Cluster, Row, Source};
use crate::{builtin, cluster_node, maelstrom};

/// The systems: those of this folder, and what was added while the program runs.
static TABLE: LazyLock<RwLock<Vec<&'static Row>>> = LazyLock::new(|| {
    let described = builtin::TABLE.iter().map(|builtin| {
        // A test reads every one of them.
        let described = builtin.read(builtin.text, builtin.name);
        let described = described.expect("what comes with the harness is well-formed");
        described_row(described, builtin.text)
    });
    let rows = [cluster_node::row(), maelstrom::row()]
        .into_iter()
        .chain(described);
    RwLock::new(rows.map(leaked).collect())
});

/// How long a fault lasts on average where a description does not say how long a failover takes.
const INTERVAL: Duration = Duration::from_secs(3);

/// Rows live as long as the program.
fn leaked(row: Row) -> &'static Row {
    Box::leak(Box::new(row))
}

/// The row of a described system.
fn described_row(described: Description, source: &str) -> Row {
    let described = Arc::new(described);
    let text = |text: &str| -> &'static str { String::leak(text.to_owned()) };
    Row {
        name: text(&described.name),
        about: text(&described.about),
        binary: described.program.as_ref().map(|program| text(&program.binary)),
        how_to_get: text(
            described
                .program
                .as_ref()
                .map_or("", |program| &program.how_to_get),
        ),
        profiles: Vec::leak(described.profiles.iter().map(|name| text(name)).collect()),
        full: described.profiles.first().map_or("", |name| text(name)),
        durable: None,
        description: Some(Source {
            text: source.to_owned(),
            says: Arc::clone(&described),
        }),
        nemesis: "chaos",
        interval: described.life.failover.map_or(INTERVAL, |span| span.0 * 2),
        bugs: &[],
        capabilities: foreign::capabilities(&described),
        may_tell: &[],
        proxies: None,
        namespaces: described.cluster.is_none().then(|| plan(&described.network)),
        messages: false,
        cluster: cluster(&described),
        build: Box::new(move |settings| Ok(Box::new(Foreign::new(&described, settings)?))),
    }
}

/// A described cluster that is led by commands. They were tried when its file was read.
fn cluster(described: &Description) -> Option<Cluster> {
    let (cluster, commands) = (described.cluster.as_ref()?, described.life.commands.as_ref()?);
    Some(Cluster {
        reached: commands::reached(described, cluster, commands),
        starts_nodes: cluster.started_by == StartedBy::Harness,
        would: commands::would(described, cluster, commands).unwrap_or_default(),
    })
}

/// A described system knows one address per peer.
fn plan(described: &Network) -> Plan {
    Plan {
        framing: Framing::Stream(
            described.direction.into(),
            described.frames.as_ref().map(Frames::form),
        ),
        peer_ports: described.peers.clone().unwrap_or_default(),
        client_ports: vec![described.client],
    }
}

/// The system that a file describes, put into the table.
///
/// # Errors
/// It describes none.
pub fn from_file(path: &Path) -> Result<&'static Row, DescriptionError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| DescriptionError::Io {
        file: file.clone(),
        source,
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut described = reading::read(&text, &file, &|name| {
        let beside = folder.join(name);
        std::fs::read(&beside).map_err(|error| format!("cannot read {}: {error}", beside.display()))
    })?;
    if let Some(program) = described
        .program
        .as_mut()
        .filter(|program| program.binary.contains('/'))
    {
        program.binary = folder.join(&program.binary).display().to_string();
    }
    described.client.beside(folder);
    Ok(add(described_row(described, &text)))
}

/// Every system.
pub fn all() -> Vec<&'static Row> {
    TABLE.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Put a system into the table, where it stays as long as the program runs; one of its name gives way.
pub fn add(row: Row) -> &'static Row {
    let row = leaked(row);
    let mut rows = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    rows.retain(|other| other.name != row.name);
    rows.push(row);
    row
}

/// The system of that name.
///
/// # Errors
/// There is none.
pub fn row(name: &str) -> Result<&'static Row, SettingsError> {
    let found = all().into_iter().find(|row| row.name == name);
    found.ok_or_else(|| SettingsError::unknown("system", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_is_added_is_found_and_takes_the_place_of_its_name() {
        let other = |about| Row {
            name: "other",
            about,
            ..cluster_node::row()
        };
        assert!(row("other").is_err());
        add(other("the first"));
        add(other("the second"));
        assert_eq!(row("other").unwrap().about, "the second");
        assert_eq!(all().iter().filter(|row| row.name == "other").count(), 1);
        assert!(row("cluster-node").is_ok());
    }
}
