//! What templates see.

use std::path::Path;
use std::sync::Arc;

use histories::{Seed, Value};
use nemesis::NodeId;
use runs::store::{Request, StoreOp};
use runs::transaction::{Deed, Transaction};
use runs::watching::Watch;
use serde::Serialize;

use crate::description::{Part, Place, Word};
use crate::meaning::Found;

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
    /// Of what a compare-and-set has read, where it reads first: as it stood in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    /// The client, and the number of its request.
    process: u64,
    seq: u64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    txn: Option<TxnSees>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    watch: Option<WatchSees>,
    #[serde(skip)]
    part: Part,
    #[serde(skip)]
    wanted: Wanted,
}

/// What the template of a watch sees beside that.
#[derive(Clone, Debug, Serialize)]
struct WatchSees {
    prefix: String,
    /// The first key behind those that begin so.
    until: String,
    /// The first revision.
    since: i64,
}

/// What the templates of a transaction's requests see beside that.
#[derive(Clone, Debug, Serialize)]
struct TxnSees {
    micros: Vec<MicroSees>,
    /// Each once.
    keys: Vec<String>,
    /// What was found, where the transaction is committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<Vec<ReadSees>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    writes: Option<Vec<WriteSees>>,
}

#[derive(Clone, Debug, Serialize)]
struct MicroSees {
    f: &'static str,
    key: String,
    /// As JSON; none for a read.
    value: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct ReadSees {
    key: String,
    /// As JSON; none where nothing is there.
    value: Option<String>,
    /// As it stood in the answer; 0 where nothing is there.
    revision: String,
}

#[derive(Clone, Debug, Serialize)]
struct WriteSees {
    key: String,
    /// As JSON.
    value: String,
}

impl TxnSees {
    fn of(txn: &Transaction) -> Self {
        let micros = txn.micros().iter().map(|micro| MicroSees {
            f: micro.deed.word(),
            key: text(&micro.key),
            value: (micro.deed != Deed::Read).then(|| json(&micro.value)),
        });
        TxnSees {
            micros: micros.collect(),
            keys: txn.keys().into_iter().map(text).collect(),
            reads: None,
            writes: None,
        }
    }
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
    /// Of a watch: the beginning of the keys, and its first revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "revision")]
    since: Option<i64>,
}

impl Wanted {
    /// Nobody listens to a watch any more.
    pub(crate) fn unwatch() -> Self {
        Wanted {
            f: "unwatch",
            ..Wanted::status()
        }
    }

    /// How does the node stand?
    pub(crate) fn status() -> Self {
        Wanted {
            f: "status",
            key: None,
            value: None,
            from: None,
            to: None,
            prefix: None,
            since: None,
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
            // Its keys stand in it.
            StoreOp::Txn(value) => Wanted {
                key: None,
                ..with("txn", value.clone())
            },
            StoreOp::Enqueue(value) => with("enqueue", value.clone()),
            StoreOp::Dequeue => plain("dequeue"),
            StoreOp::Generate => plain("generate"),
            // A word that no adapter knows, and refuses.
            StoreOp::Call(call) => plain(call.word()),
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

/// The revision of a key under which nothing stands.
const NOTHING: &str = "0";

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
            txn: None,
            watch: None,
            part: Part::default(),
            wanted: Wanted::of(request),
        };
        match &request.op {
            StoreOp::Read | StoreOp::Dequeue | StoreOp::Generate | StoreOp::Call(_) => {}
            StoreOp::Write(value) | StoreOp::Append(value) | StoreOp::Enqueue(value) => {
                seen.value = Some(json(value));
            }
            StoreOp::Txn(value) => {
                seen.value = Some(json(value));
                seen.txn = Transaction::of(value).as_ref().map(TxnSees::of);
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

    /// Which part of a transaction it asks for.
    pub(crate) fn part(&self) -> Part {
        self.part
    }

    /// The part of a transaction that reads its keys.
    pub(crate) fn reading(&self) -> Self {
        RequestSees {
            part: Part::Read,
            ..self.clone()
        }
    }

    /// The part of a transaction that puts what it writes, given what its keys were found to hold, if they were read.
    pub(crate) fn committing(&self, found: &[(Value, Found)], writes: &[(Value, Value)]) -> Self {
        let reads = found.iter().map(|(key, found)| ReadSees {
            key: text(key),
            value: (found.value != Value::Null).then(|| json(&found.value)),
            revision: found.revision.clone().unwrap_or_else(|| NOTHING.to_owned()),
        });
        let writes = writes.iter().map(|(key, value)| WriteSees {
            key: text(key),
            value: json(value),
        });
        let (reads, writes) = (reads.collect(), writes.collect());
        RequestSees {
            part: Part::Commit,
            txn: self.txn.clone().map(|txn| TxnSees {
                reads: Some(reads),
                writes: Some(writes),
                ..txn
            }),
            ..self.clone()
        }
    }

    /// The read of what a compare-and-set is to update.
    pub(crate) fn read_first(&self) -> Self {
        RequestSees {
            word: Word::Read,
            value: None,
            expected: None,
            ..self.clone()
        }
    }

    /// A compare-and-set, when what it is to update was read; without a revision nothing is there.
    pub(crate) fn with_revision(&self, revision: Option<String>) -> Self {
        RequestSees {
            revision: Some(revision.unwrap_or_else(|| NOTHING.to_owned())),
            ..self.clone()
        }
    }

    /// Whether a compare-and-set expects this.
    pub(crate) fn expects(&self, found: &Value) -> bool {
        self.wanted.from.as_ref() == Some(found)
    }

    pub(crate) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// A watch.
    pub(crate) fn watching(watch: &Watch, profile: &Arc<str>) -> Self {
        RequestSees {
            word: Word::Watch,
            watch: Some(WatchSees {
                prefix: watch.prefix.clone(),
                until: watch.until(),
                since: watch.from,
            }),
            wanted: Wanted {
                f: "watch",
                prefix: Some(watch.prefix.clone()),
                since: Some(watch.from),
                ..Wanted::status()
            },
            ..RequestSees::look(profile)
        }
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
            StoreOp::Enqueue(1.into()),
            StoreOp::Dequeue,
            StoreOp::Generate,
            StoreOp::Txn(example_txn()),
        ]
        .map(|op| {
            let request = Request {
                op,
                session: Some((1, 1)),
                ..Request::read("k1".into(), std::time::Duration::ZERO)
            };
            RequestSees::of(&request, profile)
        })
        .into_iter()
        .chain([RequestSees::watching(&example_watch(), profile)])
        .collect()
    }
}

fn example_watch() -> Watch {
    Watch {
        prefix: "k".to_owned(),
        from: 7,
        idle: std::time::Duration::ZERO,
    }
}

/// A transaction that reads one key and changes another.
fn example_txn() -> Value {
    let micro = |f: &str, key: i64, value: Value| Value::list([f.into(), Value::Int(key), value]);
    Value::list([micro("append", 1, 2.into()), micro("r", 2, Value::Null)])
}

impl RequestSees {
    /// The requests of every way to ask for this transaction, for templates that are tried.
    pub(crate) fn parts(&self) -> Vec<Self> {
        let found = |value: Value, revision: Option<&str>| Found {
            value,
            revision: revision.map(str::to_owned),
        };
        let reads = [
            (1.into(), found(Value::list([1.into()]), Some("5"))),
            (2.into(), found(Value::Null, None)),
        ];
        let writes = [(1.into(), Value::list([1.into(), 2.into()]))];
        vec![
            self.clone(),
            self.reading(),
            self.committing(&reads, &writes),
            self.committing(&[], &writes),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_asked_in_its_words() {
        for (op, wanted) in [
            (StoreOp::Dequeue, r#"{"f":"dequeue","key":"k1"}"#),
            (
                StoreOp::Enqueue(3.into()),
                r#"{"f":"enqueue","key":"k1","value":3}"#,
            ),
            (StoreOp::Generate, r#"{"f":"generate","key":"k1"}"#),
            (
                StoreOp::Txn(example_txn()),
                r#"{"f":"txn","value":[["append",1,2],["r",2,null]]}"#,
            ),
        ] {
            let request = Request {
                op,
                ..Request::read("k1".into(), std::time::Duration::ZERO)
            };
            let sees = RequestSees::of(&request, &"default".into());
            assert_eq!(serde_json::to_string(sees.wanted()).unwrap(), wanted);
        }
        let sees = RequestSees::watching(&example_watch(), &"default".into());
        let wanted = r#"{"f":"watch","prefix":"k","revision":7}"#;
        assert_eq!(serde_json::to_string(sees.wanted()).unwrap(), wanted);
    }
}
