//! What templates see.

use std::path::Path;
use std::sync::Arc;

use histories::{Seed, Value};
use nemesis::NodeId;
use runs::store::{Request, StoreOp};
use serde::Serialize;

use crate::description::{Place, Word};

/// What all nodes of a run have in common.
pub(crate) struct RunSees<'a> {
    pub(crate) nodes: &'a [Place],
    pub(crate) program: &'a Path,
    pub(crate) seed: Seed,
    pub(crate) profile: &'a str,
    /// Their first client port.
    pub(crate) port: u16,
}

/// What the templates of a node's life see.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NodeSees {
    program: String,
    #[serde(flatten)]
    me: Place,
    /// Its first client port.
    port: u16,
    folder: String,
    data: String,
    /// One for each node, from the run's.
    seed: u64,
    profile: String,
    first: bool,
    nodes: Vec<Place>,
    peers: Vec<Place>,
}

impl NodeSees {
    /// Of a node in a run.
    pub(crate) fn new(node: NodeId, run: &RunSees<'_>, folder: &Path, first: bool) -> Self {
        let me = run.nodes[node.0].clone();
        NodeSees {
            program: run.program.display().to_string(),
            port: run.port,
            folder: folder.display().to_string(),
            data: folder.join("data").display().to_string(),
            // JSON readers keep 53 bits of a number.
            seed: run.seed.0.wrapping_mul(31).wrapping_add(node.0 as u64) & ((1 << 53) - 1),
            profile: run.profile.to_owned(),
            first,
            peers: run
                .nodes
                .iter()
                .filter(|other| other.id != me.id)
                .cloned()
                .collect(),
            me,
            nodes: run.nodes.to_vec(),
        }
    }

    /// The first of three nodes, for templates that are tried.
    pub(crate) fn example(profile: &str) -> Self {
        NodeSees::of_cluster(&(1..=3).map(Place::numbered).collect::<Vec<_>>(), 1, profile)
    }

    /// The first of these nodes in some run, for commands that are shown.
    pub(crate) fn of_cluster(nodes: &[Place], port: u16, profile: &str) -> Self {
        let run = RunSees {
            nodes,
            program: Path::new("program"),
            seed: Seed(1),
            profile,
            port,
        };
        NodeSees::new(NodeId(0), &run, Path::new("folder"), true)
    }

    /// Where what the run keeps of it is.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }
}

/// What the templates of a request see.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RequestSees {
    profile: Arc<str>,
    #[serde(skip)]
    word: Word,
    /// As a text, whatever it is.
    key: String,
    /// As JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// As JSON; null where nothing may be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    /// Of what a compare-and-set has read, where the protocol reads first.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
    /// The client, and the number of its request.
    process: u64,
    seq: u64,
    #[serde(skip)]
    wanted: Wanted,
}

/// A request in an adapter's words.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted {
    f: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Value>,
}

impl Wanted {
    /// How does the node stand?
    pub(crate) fn status() -> Self {
        Wanted {
            f: "status",
            key: None,
            value: None,
            from: None,
            to: None,
        }
    }

    fn of(request: &Request) -> Self {
        let plain = |f| Wanted {
            f,
            key: Some(request.key.clone()),
            ..Wanted::status()
        };
        let with = |f, value| Wanted {
            value: Some(value),
            ..plain(f)
        };
        match &request.op {
            StoreOp::Read => plain("read"),
            StoreOp::Write(value) => with("write", value.clone()),
            StoreOp::Txn(value) => with("txn", value.clone()),
            StoreOp::Append(value) => with("append", value.clone()),
            StoreOp::Add(amount) => with("add", Value::Int(*amount)),
            StoreOp::Cas { expected, new } => Wanted {
                from: Some(expected.clone()),
                to: Some(new.clone()),
                ..plain("cas")
            },
        }
    }
}

/// A value as templates see it that stands for itself.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => other.to_string(),
    }
}

/// A value as JSON, as it is stored.
pub(crate) fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl RequestSees {
    pub(crate) fn of(request: &Request, profile: &Arc<str>) -> Self {
        let (process, seq) = request.session.unwrap_or_default();
        let mut seen = RequestSees {
            profile: Arc::clone(profile),
            word: Word::of(&request.op),
            key: text(&request.key),
            value: None,
            expected: None,
            amount: None,
            revision: None,
            process,
            seq,
            wanted: Wanted::of(request),
        };
        match &request.op {
            StoreOp::Read => {}
            StoreOp::Write(value) | StoreOp::Append(value) | StoreOp::Txn(value) => {
                seen.value = Some(json(value));
            }
            StoreOp::Add(amount) => seen.amount = Some(*amount),
            StoreOp::Cas { expected, new } => {
                seen.value = Some(json(new));
                seen.expected = Some((*expected != Value::Null).then(|| json(expected)));
            }
        }
        seen
    }

    pub(crate) fn word(&self) -> Word {
        self.word
    }

    /// The same, when what is to be updated was read.
    pub(crate) fn with_revision(&self, revision: i64) -> Self {
        RequestSees {
            revision: Some(revision),
            ..self.clone()
        }
    }

    /// Whether a compare-and-set expects this.
    #[cfg(feature = "nats")]
    pub(crate) fn expects(&self, found: &Value) -> bool {
        self.wanted.from.as_ref() == Some(found)
    }

    pub(crate) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// A read of a key that no workload has.
    pub(crate) fn look(profile: &Arc<str>) -> Self {
        let (key, nobody_waits) = ("harness-is-it-ready".into(), std::time::Duration::ZERO);
        RequestSees::of(&Request::read(key, nobody_waits), profile)
    }

    /// One request of every kind, for templates that are tried.
    pub(crate) fn examples(profile: &Arc<str>) -> Vec<Self> {
        let cas = |expected| StoreOp::Cas {
            expected,
            new: 2.into(),
        };
        [
            StoreOp::Read,
            StoreOp::Write(1.into()),
            cas(Value::Null),
            cas(1.into()),
            StoreOp::Append(1.into()),
            StoreOp::Add(1),
        ]
        .map(|op| {
            let request = Request {
                op,
                session: Some((1, 1)),
                ..Request::read("k1".into(), std::time::Duration::ZERO)
            };
            RequestSees::of(&request, profile)
        })
        .to_vec()
    }
}
