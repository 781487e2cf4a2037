//! A cluster that is there already, or elsewhere: where its nodes are, and the commands that reach them.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::answers::Pattern;
use super::span::Span;
use super::template::Template;

/// The nodes of a cluster that is led by commands.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cluster {
    /// Who starts and stops the nodes.
    #[serde(default)]
    pub started_by: StartedBy,
    /// The nodes: n1, n2 and so on are their names in histories and reports.
    #[serde(rename = "node")]
    pub nodes: Vec<Member>,
}

/// Who starts and stops the nodes of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StartedBy {
    /// Somebody else: they run before, and go on to run. A run asks for `--i-own-this-cluster`.
    #[default]
    Others,
    /// The run, by `start`; it ends them by `stop`, or else by `kill`.
    Harness,
}

/// A node that is there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Member {
    /// What its cluster calls it, which templates see as `name`: a container, a pod. Without it n1, n2 and so on.
    pub name: Option<String>,
    /// The address that its peers know it by.
    pub address: String,
    /// Where clients reach it, as `host:port`; without it, its address and the port `network.client`.
    pub client: Option<String>,
    /// The machine that it is on, for `ssh`; without it, its address.
    pub host: Option<String>,
}

/// The commands that reach the nodes of a cluster. Templates see what those of `life` see; of `cut` and `heal` they see `from`
/// and `to`, two nodes, instead of one. A fault that has no command is not offered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Commands {
    /// How long each may take, and how long it is waited for its proof; 10 s, if nothing is said.
    pub within: Option<Span>,
    /// Starts a node that is down. Unless its probe says otherwise, it is proved by the node's answering.
    pub start: Option<Deed>,
    /// Ends a node at once; undone by `start`.
    pub kill: Option<Deed>,
    /// Ends a node in order, where the run has started it.
    pub stop: Option<Deed>,
    /// Stops a node where it stands; undone by `resume`.
    pub pause: Option<Deed>,
    /// Lets it go on.
    pub resume: Option<Deed>,
    /// Lets nothing pass that one node sends another; undone by `heal`.
    pub cut: Option<Deed>,
    /// Lets it pass again.
    pub heal: Option<Deed>,
    /// Prints a node's logs, at the end of a run.
    pub logs: Option<Line>,
    /// Brings a node's data into `{{ data }}`, at the end of a run.
    pub data: Option<Line>,
}

/// A command line: its words, or one text of them, with quotes as a shell has them. No shell is run unless it is the program.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Line {
    /// Every line of what a template becomes is a word, and one that becomes nothing is none.
    Words(Vec<Template>),
    /// Split into words when it is filled in.
    Text(Template),
}

/// A command, and what proves that it did what it is for.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Deed {
    /// The command, which nothing proves.
    Line(Line),
    /// With more about it.
    Full(Box<Full>),
}

/// A command with its proof.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Full {
    /// The command.
    pub run: Line,
    /// What proves that it did what it is for. Without one it is only attempted.
    pub probe: Option<Probe>,
    /// How long it may take, if that differs.
    pub within: Option<Span>,
}

/// What proves that a command did what it is for. It must not say so before the command is run.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Probe {
    /// By asking the node as a client.
    Asked(Asking),
    /// By a command.
    Run(Box<Looks>),
}

/// What a node that is asked as a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Asking {
    /// The node answers, whatever it says.
    Answers,
    /// The node leaves everything unanswered for a while.
    DoesNotAnswer,
}

/// A command that ends with 0 where it is so: not one that fails where it is not, for a lost connection fails, too.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Looks {
    /// The command.
    pub run: Line,
    /// A regular expression that occurs in what it prints.
    pub says: Option<Pattern>,
}

impl Deed {
    /// The command.
    pub fn line(&self) -> &Line {
        match self {
            Deed::Line(line) => line,
            Deed::Full(full) => &full.run,
        }
    }

    /// What proves it.
    pub fn probe(&self) -> Option<&Probe> {
        match self {
            Deed::Line(_) => None,
            Deed::Full(full) => full.probe.as_ref(),
        }
    }

    /// How long it may take, where it says so itself.
    pub fn within(&self) -> Option<Span> {
        match self {
            Deed::Line(_) => None,
            Deed::Full(full) => full.within,
        }
    }
}

impl Line {
    /// Its templates.
    pub(crate) fn templates(&self) -> &[Template] {
        match self {
            Line::Words(words) => words,
            Line::Text(text) => std::slice::from_ref(text),
        }
    }
}

impl Commands {
    /// Those that are done to a node, by name.
    pub(crate) fn of_nodes(&self) -> impl Iterator<Item = (&'static str, &Deed)> {
        let named = [
            ("start", &self.start),
            ("kill", &self.kill),
            ("stop", &self.stop),
            ("pause", &self.pause),
            ("resume", &self.resume),
        ];
        named
            .into_iter()
            .filter_map(|(name, deed)| Some((name, deed.as_ref()?)))
    }

    /// Those that are done to a link, by name.
    pub(crate) fn of_links(&self) -> impl Iterator<Item = (&'static str, &Deed)> {
        let named = [("cut", &self.cut), ("heal", &self.heal)];
        named
            .into_iter()
            .filter_map(|(name, deed)| Some((name, deed.as_ref()?)))
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LineVisitor)
    }
}

impl<'de> Deserialize<'de> for Deed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DeedVisitor)
    }
}

impl<'de> Deserialize<'de> for Probe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ProbeVisitor)
    }
}

// Untagged enums would tell of any slip only that no variant fits.

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a command line: a list of words, or a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Line, E> {
        let template = Template::try_from(text.to_owned());
        template.map(Line::Text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, words: A) -> Result<Line, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(words)).map(Line::Words)
    }
}

struct DeedVisitor;

impl<'de> Visitor<'de> for DeedVisitor {
    type Value = Deed;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a command line, or { run = a command line, probe = what proves it }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Deed, E> {
        LineVisitor.visit_str(text).map(Deed::Line)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, words: A) -> Result<Deed, A::Error> {
        LineVisitor.visit_seq(words).map(Deed::Line)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Deed, A::Error> {
        let full = Full::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Deed::Full(Box::new(full)))
    }
}

struct ProbeVisitor;

impl<'de> Visitor<'de> for ProbeVisitor {
    type Value = Probe;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"answers\", \"does-not-answer\", or { run = a command line }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Probe, E> {
        match text {
            "answers" => Ok(Probe::Asked(Asking::Answers)),
            "does-not-answer" => Ok(Probe::Asked(Asking::DoesNotAnswer)),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Probe, A::Error> {
        let looks = Looks::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Probe::Run(Box::new(looks)))
    }
}
