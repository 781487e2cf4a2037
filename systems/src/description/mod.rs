//! What a file says of a system: how its processes live, how they are spoken to, what their answers mean, and what can be
//! seen of them. docs/systems.md explains it field by field; `harness system schema` prints it as a JSON Schema.

mod answers;
mod client;
mod commands;
mod content;
mod frames;
mod init;
mod life;
mod path;
mod postgres;
mod secret;
mod span;
mod template;
mod txn;

use schemars::JsonSchema;
use serde::Deserialize;

pub use answers::{Condition, Decode, Form, Is, Recorded, Rule, Status, Transport, Value as ValueAt, Word};
pub use client::{
    Adapter, Asked, Client, Http, HttpOperation, Nats, NatsOperation, Operations, Postgres, Redis,
    RedisOperation,
};
pub use commands::{Asking, Cluster, Commands, Deed, Full, Line, Looks, Member, Probe, StartedBy};
pub use content::{Brought, Content};
pub use frames::{Frames, Length, Mark, Packed};
pub use init::{Init, Request};
pub use life::{Direction, Life, Network, Program, Ready};
pub use path::Path;
pub use postgres::{PostgresOperation, Sql};
pub use secret::{Auth, Secret, Tls};
pub use span::Span;
pub use template::{Place, Template, TemplateError};
pub(crate) use txn::Part;
pub use txn::Txn;

/// A system, as its file describes it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Description {
    /// Its name: letters, digits and hyphens.
    pub name: String,
    /// One line about it.
    pub about: String,
    /// Ways to run it, by name, which templates see as `profile`. The first is the default.
    #[serde(default = "one_profile")]
    pub profiles: Vec<String>,
    /// The binary, and how to get it; left out where `cluster` says that commands lead the nodes.
    pub program: Option<Program>,
    /// The nodes, where they are there already or are led by commands.
    pub cluster: Option<Cluster>,
    /// How its processes start, become ready and stop.
    pub life: Life,
    /// Its ports.
    pub network: Network,
    /// How its clients speak.
    pub client: Client,
    /// The level of consistency that its transactions are held to, as of `harness list levels`; strict-serializable, if nothing is
    /// said. `--consistency` of a run overrules it.
    pub consistency: Option<String>,
    /// What its errors mean: the first rule that fits decides. Without one, a write is unknown and a read failed.
    #[serde(default, rename = "error")]
    pub errors: Vec<Rule>,
    /// What can be seen of a node.
    pub status: Option<Status>,
}

fn one_profile() -> Vec<String> {
    vec!["default".to_owned()]
}

/// The JSON Schema of such a file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Description).to_value()
}
