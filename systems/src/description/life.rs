//! How a system's processes live, and where they listen.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::answers::Pattern;
use super::commands::Commands;
use super::content::Content;
use super::frames::Frames;
use super::init::Init;
use super::span::Span;
use super::template::Template;

/// A system's binary.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Program {
    /// Its name, looked for beside harness and on PATH; or a path, counted from the folder of this file.
    pub binary: String,
    /// What to do where it is not there.
    pub how_to_get: String,
}

/// How a node's process starts, becomes ready and stops. Templates see `program`, `name`, `id`, `address`, `port`, `folder`,
/// `data`, `seed`, `first` (whether it was never started), `nodes` and `peers`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Life {
    /// The command line. Every line of what a template becomes is a word; one that becomes nothing is none.
    #[serde(default)]
    pub command: Vec<Template>,
    /// Commands that reach the nodes of a `cluster`, instead.
    pub commands: Option<Commands>,
    /// The command line of every start but the first; the same, if nothing is said.
    pub restart: Option<Vec<Template>>,
    /// What is put into its environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Files that are written into the node's folder before its first start: templates, or files that the description brings
    /// along.
    #[serde(default)]
    pub files: BTreeMap<String, Content>,
    /// How it is seen that a node is ready; without it: it answers a status, or a read where there is none.
    #[serde(default)]
    pub ready: Ready,
    /// What is done once, when all nodes run.
    pub init: Option<Init>,
    /// How long it takes at most to have another leader after one was lost, such as `2s`: faults last twice as long on average,
    /// unless `--interval` says otherwise.
    pub failover: Option<Span>,
    /// Exit codes of a node that was asked to stop and did, beside 0.
    #[serde(default)]
    pub clean_exits: Vec<i32>,
}

/// How it is seen that a node is ready.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ready {
    /// A line of its output in which this regular expression occurs.
    pub line: Option<Pattern>,
    /// How long that may take; 20 s, if nothing is said.
    pub within: Option<Span>,
}

/// Where a system's nodes listen: at fixed ports of an address of their own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Network {
    /// The port that clients dial.
    pub client: u16,
    /// The ports that peers dial; left out where commands cut the links.
    pub peers: Option<Vec<u16>>,
    /// What a cut from one node to another takes.
    #[serde(default)]
    pub direction: Direction,
    /// How peers cut what they say into frames.
    pub frames: Option<Frames>,
}

/// What a cut from one node to another takes, where a connection carries bytes both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// What travels that way, whoever dialled.
    #[default]
    Bytes,
    /// Both ways of the connections that the first has dialled to the second.
    Dialer,
}

impl From<Direction> for nemesis::hands::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Bytes => nemesis::hands::Direction::Bytes,
            Direction::Dialer => nemesis::hands::Direction::Dialer,
        }
    }
}
