//! Whether a cluster that is led by commands can be led by them: each fault has what undoes it, and somebody starts the nodes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::Slip;
use crate::commands::{LinkSees, deed, line, places};
use crate::description::{Cluster, Commands, Description, StartedBy};
use crate::seen::NodeSees;

pub(super) fn check(described: &Description) -> Result<(), Slip> {
    let commands = described.life.commands.as_ref();
    match (&described.cluster, commands) {
        (None, None) => processes(described),
        (None, Some(_)) => Err(marked(
            "[life.commands",
            "[life.commands] lead the nodes of a [cluster], and there is none",
        )),
        (Some(_), None) => Err(marked(
            "[cluster",
            "a [cluster] is led by [life.commands], and there are none: say at least how it is started, even if it is never done",
        )),
        (Some(cluster), Some(commands)) => {
            ours(described)?;
            members(cluster)?;
            pairs(commands)?;
            ends(cluster, commands)
        }
    }
}

fn marked(mark: &str, why: impl Into<String>) -> Slip {
    Slip::Marked {
        mark: mark.to_owned(),
        why: why.into(),
    }
}

/// What processes of the harness need.
fn processes(described: &Description) -> Result<(), Slip> {
    let lacks = |mark, what: &str| Err(marked(mark, format!("missing field `{what}`")));
    match described {
        _ if described.program.is_none() => lacks("name =", "program"),
        _ if described.life.command.is_empty() => lacks("[life", "life.command"),
        _ if described.network.peers.is_none() => lacks("[network]", "network.peers"),
        _ => Ok(()),
    }
}

/// What is for processes of the harness alone.
fn ours(described: &Description) -> Result<(), Slip> {
    let life = &described.life;
    for (mark, is_there) in [
        ("[program]", described.program.is_some()),
        ("command =", !life.command.is_empty()),
        ("restart =", life.restart.is_some()),
        ("[life.env]", !life.env.is_empty()),
        ("[life.files]", !life.files.is_empty()),
        ("line =", life.ready.line.is_some()),
        ("clean-exits", !life.clean_exits.is_empty()),
        ("peers =", described.network.peers.is_some()),
    ] {
        if is_there {
            let what = mark.trim_end_matches(" =");
            return Err(marked(
                mark,
                format!(
                    "{what} is for processes that the harness starts itself, and these nodes are a [cluster]"
                ),
            ));
        }
    }
    Ok(())
}

fn members(cluster: &Cluster) -> Result<(), Slip> {
    if cluster.nodes.is_empty() {
        return Err(marked(
            "[cluster",
            "a [cluster] has at least one [[cluster.node]]",
        ));
    }
    let mut names = BTreeSet::new();
    for place in places(cluster) {
        if !names.insert(place.name.clone()) {
            let why = format!("two nodes of the cluster are called {}", place.name);
            return Err(marked(&format!("name = {:?}", place.name), why));
        }
    }
    for client in cluster.nodes.iter().filter_map(|member| member.client.as_ref()) {
        let port = client.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(_))) {
            let why = format!("client = {client:?}: write it as host:port");
            return Err(marked(&format!("{client:?}"), why));
        }
    }
    Ok(())
}

/// Whoever begins a fault has to be able to undo it.
fn pairs(commands: &Commands) -> Result<(), Slip> {
    for (name, begins, undo, undoes) in [
        ("kill", &commands.kill, "start", &commands.start),
        ("pause", &commands.pause, "resume", &commands.resume),
        ("cut", &commands.cut, "heal", &commands.heal),
    ] {
        if begins.is_some() && undoes.is_none() {
            let why = format!("[life.commands] has `{name}`, and no `{undo}` that would undo it");
            return Err(marked("[life.commands", why));
        }
    }
    Ok(())
}

fn ends(cluster: &Cluster, commands: &Commands) -> Result<(), Slip> {
    let ends = commands.stop.is_some() || commands.kill.is_some();
    match cluster.started_by {
        StartedBy::Harness if commands.start.is_none() || !ends => Err(marked(
            "started-by",
            "who starts nodes stops them: [life.commands] has to have `start`, and `stop` or `kill`",
        )),
        StartedBy::Harness | StartedBy::Others => Ok(()),
    }
}

/// Every command becomes words.
pub(super) fn templates(described: &Description, profile: &str) -> Result<(), Slip> {
    let (Some(cluster), Some(commands)) = (&described.cluster, &described.life.commands) else {
        return Ok(());
    };
    let nodes = places(cluster);
    let sees = NodeSees::of_cluster(&nodes, described.network.client, profile);
    for (_, wanted) in commands.of_nodes() {
        deed(wanted, Duration::ZERO, &sees)?;
    }
    for wanted in commands.logs.iter().chain(&commands.data) {
        line(wanted, &sees)?;
    }
    if let [first, .., last] = nodes.as_slice() {
        let sees = LinkSees {
            from: first,
            to: last,
            nodes: &nodes,
            profile,
        };
        for (_, wanted) in commands.of_links() {
            deed(wanted, Duration::ZERO, &sees)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::builtin;
    use crate::reading::read;

    #[test]
    fn every_slip_of_a_cluster_is_told_with_its_place() {
        let text = include_str!("../../commands/example.toml");
        for (from, to, wanted) in [
            ("[[cluster.node]]", "[[cluster.nod]]", "unknown field `nod`"),
            ("resume = [", "logs2 = [", "unknown field `logs2`"),
            (
                "resume = [",
                "stop = [",
                "has `pause`, and no `resume` that would undo it",
            ),
            (
                "\"does-not-answer\"",
                "\"silence\"",
                "expected \"answers\", \"does-not-answer\"",
            ),
            ("{{ host }}", "{{ hots }}", "undefined value"),
            ("{{ from.address }}", "{{ from.adress }}", "undefined value"),
            ("'docker start", "docker start", "cannot be split into words"),
            ("\"gate:12379\"", "\"gate\"", "write it as host:port"),
            (
                "name = \"store-a\"",
                "name = \"n2\"",
                "two nodes of the cluster are called n2",
            ),
            (
                "client = 2379",
                "client = 2379\npeers = [2380]",
                "is for processes that the harness starts",
            ),
            (
                "run = \"docker pause {{ name }}\"",
                "probe2 = 3",
                "unknown field `probe2`",
            ),
        ] {
            assert!(text.contains(from), "{from}");
            let error = read(&text.replacen(from, to, 1), "mine.toml", &builtin::none).unwrap_err();
            let error = error.to_string();
            assert!(
                error.starts_with("mine.toml") && error.contains(wanted),
                "{from}: {error}"
            );
        }
        let started = text.replace(
            "[life.commands]",
            "[cluster]\nstarted-by = \"harness\"\n\n[life.commands]",
        );
        assert!(read(&started, "mine.toml", &builtin::none).is_ok());
    }
}
