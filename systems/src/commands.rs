//! From the commands of a description to those of a run: templates become words. Nothing is run here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nemesis::hands::{Answering, Deed, LinkOrders, NodeOrders, Order, Probe, Reached, Says};
use nemesis::{Link, Need, NodeId};
use serde::Serialize;

use crate::description::{
    self, Asking, Cluster, Commands, Description, Line, Place, StartedBy, Template, TemplateError,
};
use crate::seen::NodeSees;

/// How long a command may take where the description does not say.
const WITHIN: Duration = Duration::from_secs(10);
/// How long a node may take until it answers where the description does not say.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(20);

/// Why a command has no words.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Its template cannot be filled in.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Its text is none that a shell could split.
    #[error("the command `{line}` cannot be split into words: {source}; write it as a list of words")]
    Quotes {
        /// The text.
        line: String,
        /// What is wrong with it.
        source: shell_words::ParseError,
    },
    /// Nothing is left of it.
    #[error("the command `{0}` has no words")]
    Empty(String),
}

/// What the templates of `cut` and `heal` see.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LinkSees<'a> {
    /// Who sends.
    pub(crate) from: &'a Place,
    /// Who is to receive it, or not.
    pub(crate) to: &'a Place,
    /// All nodes.
    pub(crate) nodes: &'a [Place],
    /// The run's.
    pub(crate) profile: &'a str,
}

/// Every line of what a template becomes is a word; one that becomes nothing is none.
pub(crate) fn words(templates: &[Template], sees: &impl Serialize) -> Result<Vec<String>, TemplateError> {
    let mut words = Vec::new();
    for template in templates {
        let text = template.render(sees)?;
        words.extend(text.lines().filter(|word| !word.is_empty()).map(str::to_owned));
    }
    Ok(words)
}

/// The words of a command line.
pub(crate) fn line(line: &Line, sees: &impl Serialize) -> Result<Vec<String>, CommandError> {
    let words = match line {
        Line::Words(templates) => words(templates, sees)?,
        Line::Text(template) => {
            let text = template.render(sees)?;
            shell_words::split(&text).map_err(|source| CommandError::Quotes { line: text, source })?
        }
    };
    match words.is_empty() {
        true => {
            let sources: Vec<&str> = line.templates().iter().map(Template::source).collect();
            Err(CommandError::Empty(sources.join(" ")))
        }
        false => Ok(words),
    }
}

fn order(text: &Line, within: Duration, sees: &impl Serialize) -> Result<Order, CommandError> {
    let words = line(text, sees)?;
    Ok(Order { words, within })
}

/// A command with its proof, for whoever its templates see.
pub(crate) fn deed(
    deed: &description::Deed,
    within: Duration,
    sees: &impl Serialize,
) -> Result<Deed, CommandError> {
    let within = deed.within().map_or(within, |span| span.0);
    let probe = deed.probe().map(|wanted| probe(wanted, within, sees));
    Ok(Deed {
        order: order(deed.line(), within, sees)?,
        probe: probe.transpose()?,
    })
}

fn probe(
    wanted: &description::Probe,
    within: Duration,
    sees: &impl Serialize,
) -> Result<Probe, CommandError> {
    let looks = match wanted {
        description::Probe::Asked(Asking::Answers) => return Ok(Probe::Answers(within)),
        description::Probe::Asked(Asking::DoesNotAnswer) => return Ok(Probe::DoesNotAnswer(within)),
        description::Probe::Run(looks) => looks,
    };
    let says = looks.says.as_ref().map(|pattern| {
        let (what, fits) = (pattern.0.to_string(), pattern.0.clone());
        Says {
            what,
            fits: Arc::new(move |text| text.lines().any(|line| fits.is_match(line))),
        }
    });
    Ok(Probe::Order {
        order: order(&looks.run, within, sees)?,
        says,
    })
}

fn within(commands: &Commands) -> Duration {
    commands.within.map_or(WITHIN, |span| span.0)
}

/// What a node can be told; `answers` asks it as a client.
pub(crate) fn of_node(
    described: &Description,
    commands: &Commands,
    sees: &NodeSees,
    answers: Answering,
) -> Result<NodeOrders, CommandError> {
    let limit = within(commands);
    let ready = described.life.ready.within.map_or(READY_WITHIN, |span| span.0);
    let planned = |wanted: &Option<description::Deed>| {
        let planned = wanted.as_ref().map(|wanted| deed(wanted, limit, sees));
        planned.transpose()
    };
    let ordered = |wanted: &Option<Line>| {
        let ordered = wanted.as_ref().map(|wanted| order(wanted, limit, sees));
        ordered.transpose()
    };
    let mut start = planned(&commands.start)?;
    let lives = start
        .as_mut()
        .map(|start| start.probe.get_or_insert(Probe::Answers(ready)).clone());
    Ok(NodeOrders {
        lives: lives.unwrap_or(Probe::Answers(ready)),
        start,
        kill: planned(&commands.kill)?,
        stop: planned(&commands.stop)?,
        pause: planned(&commands.pause)?,
        resume: planned(&commands.resume)?,
        logs: ordered(&commands.logs)?,
        data: ordered(&commands.data)?,
        answers,
        folder: sees.folder().into(),
    })
}

/// What the links between these nodes can be told.
pub(crate) fn of_links(
    commands: &Commands,
    nodes: &[Place],
    profile: &str,
) -> Result<BTreeMap<Link, LinkOrders>, CommandError> {
    let (Some(cut), Some(heal)) = (&commands.cut, &commands.heal) else {
        return Ok(BTreeMap::new());
    };
    let limit = within(commands);
    let planned = Link::all(nodes.len()).map(|link| {
        let Link(NodeId(from), NodeId(to)) = link;
        let sees = LinkSees {
            from: &nodes[from],
            to: &nodes[to],
            nodes,
            profile,
        };
        let (cut, heal) = (deed(cut, limit, &sees)?, deed(heal, limit, &sees)?);
        Ok((link, LinkOrders { cut, heal }))
    });
    planned.collect()
}

/// Which needs of faults these commands meet: of each fault, what brings it about and what undoes it.
pub(crate) fn can(commands: &Commands) -> Vec<Need> {
    let pairs = [
        (
            Need::Restarts,
            commands.kill.is_some() && commands.start.is_some(),
        ),
        (
            Need::Processes,
            commands.pause.is_some() && commands.resume.is_some(),
        ),
        (Need::Links, commands.cut.is_some() && commands.heal.is_some()),
    ];
    let met = pairs.into_iter().filter(|(_, met)| *met);
    met.map(|(need, _)| need).collect()
}

/// The nodes of a cluster, as templates see them.
pub(crate) fn places(cluster: &Cluster) -> Vec<Place> {
    let members = cluster.nodes.iter().enumerate();
    let place = |(at, member): (usize, &description::Member)| Place {
        name: member.name.clone().unwrap_or_else(|| format!("n{}", at + 1)),
        id: at + 1,
        address: member.address.clone(),
        host: member.host.clone().unwrap_or_else(|| member.address.clone()),
    };
    members.map(place).collect()
}

/// Where clients reach these nodes, and what can be done to them.
pub(crate) fn reached(described: &Description, cluster: &Cluster, commands: &Commands) -> Reached {
    let client = |member: &description::Member| match &member.client {
        Some(client) => client.clone(),
        None => format!("{}:{}", member.address, described.network.client),
    };
    Reached {
        clients: cluster.nodes.iter().map(client).collect(),
        can: can(commands),
    }
}

/// What a run may do to the cluster, for whoever is asked whether it may: the commands for the first node and link, to which
/// the others are alike.
///
/// # Errors
/// A command has no words.
pub(crate) fn would(
    described: &Description,
    cluster: &Cluster,
    commands: &Commands,
) -> Result<String, CommandError> {
    let (nodes, profile) = (
        places(cluster),
        described.profiles.first().map_or("", String::as_str),
    );
    let mut text = String::new();
    let reached = reached(described, cluster, commands);
    for (place, client) in nodes.iter().zip(&reached.clients) {
        text += &format!("  n{} is {}, at {client}\n", place.id, place.name);
    }
    let sees = NodeSees::of_cluster(&nodes, described.network.client, profile);
    text += "  for n1, and for the others alike:\n";
    for (name, wanted) in commands.of_nodes() {
        text += &shown(name, &deed(wanted, WITHIN, &sees)?);
    }
    for (name, wanted) in [("logs", &commands.logs), ("data", &commands.data)] {
        if let Some(wanted) = wanted {
            text += &format!("  {name}: {} (at the end)\n", order(wanted, WITHIN, &sees)?);
        }
    }
    if let [from, to, ..] = nodes.as_slice() {
        let sees = LinkSees {
            from,
            to,
            nodes: &nodes,
            profile,
        };
        if commands.of_links().next().is_some() {
            text += "  from n1 to n2, and from each to each alike:\n";
        }
        for (name, wanted) in commands.of_links() {
            text += &shown(name, &deed(wanted, WITHIN, &sees)?);
        }
    }
    if cluster.started_by == StartedBy::Others {
        text += "  its clients write keys of their own, which stay there\n";
    }
    Ok(text.trim_end().to_owned())
}

fn shown(name: &str, planned: &Deed) -> String {
    let proof = match (&planned.probe, name) {
        (Some(probe), _) => format!("proved by {probe}"),
        (None, "start") => "proved by its answer".to_owned(),
        (None, _) => "attempted: no probe proves it".to_owned(),
    };
    format!("  {name}: {} ({proof})\n", planned.order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::reading::read;

    const CLUSTER: &str = include_str!("commands/example.toml");

    fn described(edits: &[(&str, &str)]) -> Description {
        let mut text = CLUSTER.to_owned();
        for (from, to) in edits {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        read(&text, "mine.toml", &builtin::none).unwrap()
    }

    fn parts(described: &Description) -> (&Cluster, &Commands) {
        (
            described.cluster.as_ref().unwrap(),
            described.life.commands.as_ref().unwrap(),
        )
    }

    fn answers() -> Answering {
        Arc::new(|| Box::pin(async { true }))
    }

    #[test]
    fn templates_become_words_for_each_node_and_link() {
        let described = described(&[]);
        let (cluster, commands) = parts(&described);
        let nodes = places(cluster);
        let sees = NodeSees::of_cluster(&nodes, described.network.client, "default");
        let orders = of_node(&described, commands, &sees, answers()).unwrap();
        let kill = orders.kill.unwrap();
        assert_eq!(kill.order.words, ["docker", "kill", "store-a"]);
        assert_eq!(kill.order.within, Duration::from_secs(7));
        let probe = "`docker inspect --format {{.State.Status}} store-a`, which says ^exited$";
        assert_eq!(kill.probe.unwrap().to_string(), probe);
        // One text is split as a shell would do it, and whoever starts has the node's answer for a proof.
        let start = orders.start.unwrap();
        assert_eq!(start.order.words, ["ssh", "db1", "docker start store-a"]);
        assert!(matches!(start.probe, Some(Probe::Answers(limit)) if limit == READY_WITHIN));
        assert!(matches!(orders.lives, Probe::Answers(_)));
        assert!(matches!(
            orders.pause.unwrap().probe,
            Some(Probe::DoesNotAnswer(limit)) if limit == Duration::from_secs(3)
        ));
        assert_eq!(orders.logs.unwrap().words, ["docker", "logs", "store-a"]);
        let links = of_links(commands, &nodes, "default").unwrap();
        assert_eq!(links.len(), 6);
        let cut = &links[&Link(NodeId(2), NodeId(0))].cut;
        assert_eq!(
            cut.order.to_string(),
            "ssh db1 iptables -A INPUT -s 10.0.0.3 -j DROP"
        );
        assert!(cut.probe.is_none());
    }

    #[test]
    fn what_a_pattern_says_is_looked_for_line_by_line() {
        let described = described(&[]);
        let (cluster, commands) = parts(&described);
        let sees = NodeSees::of_cluster(&places(cluster), 1, "default");
        let kill = deed(commands.kill.as_ref().unwrap(), WITHIN, &sees).unwrap();
        let Some(Probe::Order { says: Some(says), .. }) = kill.probe else {
            panic!("{kill:?}");
        };
        assert!((says.fits)("a warning\nexited\n"));
        assert!(!(says.fits)("running\n"));
    }

    #[test]
    fn a_fault_without_its_commands_is_not_offered() {
        let described = described(&[]);
        let (_, whole) = parts(&described);
        assert_eq!(can(whole), [Need::Restarts, Need::Processes, Need::Links]);
        let without_kill = Commands {
            kill: None,
            ..whole.clone()
        };
        assert_eq!(can(&without_kill), [Need::Processes, Need::Links]);
    }

    #[test]
    fn whoever_is_asked_is_told_who_is_hurt_and_how() {
        let described = described(&[]);
        let (cluster, commands) = parts(&described);
        let would = would(&described, cluster, commands).unwrap();
        for wanted in [
            "n1 is store-a, at 10.0.0.1:2379",
            "n2 is n2, at gate:12379",
            "kill: docker kill store-a (proved by `docker inspect",
            "for n1, and for the others alike",
            "logs: docker logs store-a (at the end)",
            "from n1 to n2, and from each to each alike",
            "cut: ssh n2.example.com iptables -A INPUT -s 10.0.0.1 -j DROP (attempted: no probe proves it)",
        ] {
            assert!(would.contains(wanted), "{wanted}\n{would}");
        }
    }

    /// What docs/running-clusters.md shows can be followed.
    #[test]
    fn the_examples_of_the_documentation_are_read() {
        let text = include_str!("../../docs/running-clusters.md");
        let examples: Vec<&str> = text.split("```toml\n").skip(1).collect();
        assert_eq!(examples.len(), 3);
        for example in examples {
            let (example, _) = example.split_once("```").unwrap();
            let whole = format!("{example}\n[client.http.read]\npath = \"/\"\n");
            let described = read(&whole, "example.toml", &builtin::none).unwrap();
            let (cluster, commands) = parts(&described);
            assert!(can(commands).contains(&Need::Restarts) && cluster.nodes.len() == 3);
        }
    }

    #[test]
    fn a_command_that_cannot_be_split_or_is_nothing_is_an_error() {
        let sees = serde_json::json!({});
        let text = |text: &str| Line::Text(Template::try_from(text.to_owned()).unwrap());
        let error = |text: &Line| line(text, &sees).unwrap_err().to_string();
        assert!(error(&text("docker kill 'store")).contains("cannot be split into words"));
        assert!(error(&text("  ")).contains("has no words"));
        assert!(error(&Line::Words(Vec::new())).contains("has no words"));
    }
}
