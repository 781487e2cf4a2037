//! `cluster-node`, our own Raft store, met over the wire like any foreign system (docs/cluster-node.md).

use std::ffi::OsString;
use std::sync::LazyLock;
use std::time::Duration;

use histories::{LogIndex, Term, Value};
use nemesis::hands::{Framing, Hands, Instructions, Logs, NodeCommand, Plan, Ready};
use nemesis::{Link, NodeId, NodeStatus};
use runs::capabilities::Capabilities;
use runs::store::{Answer, Reply, Request, StoreOp};
use runs::world::Boxed;
use serde::{Deserialize, Serialize};

use crate::error::SystemError;
use crate::http_client::plain;
use crate::system::{Row, Settings, System};

/// The row of this system.
pub(crate) fn row() -> Row {
    Row {
        name: "cluster-node",
        about: "our own Raft key-value store, whose rules can be broken one by one",
        binary: Some("cluster-node"),
        how_to_get: "build it with `cargo build --release`, or name it with --node-bin",
        profiles: &["fig8", "prod"],
        full: "prod",
        durable: None,
        description: None,
        nemesis: "figure8",
        // Twice a failover, as of other systems: 0.3 s by `harness doctor cluster-node`, 0.5 s under the profile prod.
        interval: Duration::from_millis(600),
        bugs: runs::cluster_node::BUGS,
        capabilities: Capabilities::all(),
        may_tell: &[],
        proxies: Some(Framing::Frames),
        namespaces: Some(Plan {
            framing: Framing::Frames,
            peer_ports: vec![PEER_PORT],
            client_ports: vec![CLIENT_PORT],
        }),
        messages: false,
        cluster: None,
        build: Box::new(|settings| Ok(Box::new(ClusterNode::new(settings)?))),
    }
}

/// Where the nodes listen that have an address of their own.
const PEER_PORT: u16 = 7000;
const CLIENT_PORT: u16 = 8000;
/// A node keeps a pending write for longer than any client waits, so that it is the client who gives up.
const OP_TIMEOUT_MS: u64 = 15_000;
/// A node that does not tell its status by then counts as silent.
const STATUS_TIMEOUT: Duration = Duration::from_millis(250);
/// How much of the log's end a status shows: more than a guided cycle appends with the gate closed.
const STATUS_TAIL: usize = 48;

struct ClusterNode {
    commands: Vec<NodeCommand>,
    hands: Hands,
    clients: reqwest::Client,
    observer: reqwest::Client,
}

impl ClusterNode {
    fn new(settings: &Settings<'_>) -> Result<Self, SystemError> {
        let http = |timeout: Duration| plain(timeout).build().map_err(SystemError::Client);
        Ok(ClusterNode {
            commands: NodeId::all(settings.nodes)
                .map(|node| command(settings, node))
                .collect(),
            hands: settings.hands.clone(),
            clients: http(Duration::from_secs(1))?,
            observer: http(STATUS_TIMEOUT)?,
        })
    }
}

fn command(settings: &Settings<'_>, node: NodeId) -> NodeCommand {
    let folder = settings.folder.node(&node.name());
    let ready_file = folder.join("ready.json");
    let mut args: Vec<OsString> = Vec::new();
    let mut flag = |name: &str, value: OsString| args.extend([name.into(), value]);
    flag("--id", node.to_string().into());
    flag("--data", folder.join("data").into());
    flag("--ready-file", ready_file.clone().into());
    flag("--profile", settings.profile.into());
    flag("--journal", folder.clone().into());
    flag("--op-timeout-ms", OP_TIMEOUT_MS.to_string().into());
    // Each node draws its election timeouts from a stream of its own.
    flag(
        "--seed",
        settings
            .seed
            .0
            .wrapping_mul(31)
            .wrapping_add(node.0 as u64)
            .to_string()
            .into(),
    );
    for peer in NodeId::all(settings.nodes).filter(|peer| *peer != node) {
        flag(
            "--peer",
            format!("{peer}={}", settings.hands.peer_address(Link(node, peer))).into(),
        );
    }
    if let Some(own) = settings.hands.own_address(node) {
        flag("--peer-listen", format!("{own}:{PEER_PORT}").into());
        flag("--client-listen", format!("{own}:{CLIENT_PORT}").into());
    }
    for bug in settings.bugs {
        flag("--bug", bug.into());
    }
    args.push("--exit-with-stdin".into());
    NodeCommand::new(
        settings.program.clone(),
        args,
        Ready::File(ready_file),
        Logs {
            stdout: folder.join("stdout.log"),
            stderr: folder.join("stderr.log"),
        },
    )
}

/// The body of `POST /op`.
#[derive(Serialize)]
struct Op<'a> {
    f: &'static str,
    key: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    forward: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retry: bool,
}

impl<'a> Op<'a> {
    fn of(request: &'a Request) -> Self {
        let (client, seq) = request.session.unzip();
        let plain = |f| Op {
            f,
            key: &request.key,
            value: None,
            from: None,
            to: None,
            forward: request.forward,
            client,
            seq,
            retry: request.retry,
        };
        let with = |f, value| Op {
            value: Some(value),
            ..plain(f)
        };
        match &request.op {
            StoreOp::Read => plain("get"),
            StoreOp::Write(value) => with("put", value.clone()),
            // Words that it does not know, and refuses.
            StoreOp::Txn(value) => with("txn", value.clone()),
            StoreOp::Enqueue(value) => with("enqueue", value.clone()),
            StoreOp::Dequeue => plain("dequeue"),
            StoreOp::Generate => plain("generate"),
            StoreOp::Call(call) => plain(call.word()),
            StoreOp::Append(value) => with("append", value.clone()),
            StoreOp::Add(amount) => with("add", Value::Int(*amount)),
            StoreOp::Cas { expected, new } => Op {
                from: Some(expected),
                to: Some(new),
                ..plain("cas")
            },
        }
    }
}

/// What a node answers.
#[derive(Deserialize)]
struct Body {
    ok: bool,
    #[serde(default, deserialize_with = "given")]
    value: Option<Value>,
    index: Option<LogIndex>,
    term: Option<Term>,
    error: Option<Error>,
}

/// A field that is there, be it null.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Error {
    code: String,
    leader: Option<String>,
    message: Option<String>,
}

/// Whether the system's errors say that the operation certainly did not happen: what they do not know is not known to.
fn is_definite(code: &str) -> bool {
    #[derive(Deserialize)]
    struct Row {
        code: &'static str,
        definite: bool,
    }
    static ERRORS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        let file = include_str!("../../docs/cluster-node.errors.json");
        serde_json::from_str(file).expect("the file has such rows")
    });
    ERRORS.iter().any(|row| row.code == code && row.definite)
}

fn reply(request: &Request, body: Body) -> Reply {
    let at = body.index.zip(body.term);
    let error = match (body.ok, body.error, body.value) {
        (true, _, Some(value)) if request.op.is_read() => return Reply::ok(value, at),
        (true, _, _) if !request.op.is_read() => return Reply::ok(Value::Null, at),
        (false, Some(error), _) => error,
        // An answer that says neither is no acknowledgement.
        _ => return Reply::unknown("unreadable-answer", "neither a value nor an error".to_owned()),
    };
    let leader = error.leader.as_deref().and_then(NodeId::from_name);
    Reply {
        answer: match is_definite(&error.code) {
            true => Answer::Fail,
            false => Answer::Unknown,
        },
        elsewhere: (error.code == "not-leader").then_some(leader),
        error: Some(error.code),
        message: error.message,
        decided: false,
        at,
        revision: None,
        read_revisions: Vec::new(),
    }
}

/// What a request that got no answer says of its operation: only one that was never sent certainly did not happen.
fn no_answer(error: &reqwest::Error) -> Reply {
    match (error.is_connect(), error.is_timeout()) {
        (true, _) => Reply {
            answer: Answer::Fail,
            elsewhere: Some(None),
            ..Reply::unknown("no-connection", error.to_string())
        },
        (_, true) => Reply::unknown("client-timeout", error.to_string()),
        _ => Reply::unknown("connection-lost", error.to_string()),
    }
}

impl System for ClusterNode {
    fn instructions(&self) -> Instructions {
        Instructions::Processes(self.commands.clone())
    }

    fn invoke<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply> {
        Box::pin(async move {
            let url = format!("http://{}/op", self.hands.client_address(node));
            let call = self
                .clients
                .post(url)
                .json(&Op::of(request))
                .timeout(request.timeout);
            let answered = async { call.send().await?.bytes().await };
            match answered.await {
                Ok(bytes) => match serde_json::from_slice(&bytes) {
                    Ok(body) => reply(request, body),
                    Err(error) => Reply::unknown("unreadable-answer", error.to_string()),
                },
                Err(error) => no_answer(&error),
            }
        })
    }

    fn status(&self, node: NodeId) -> Boxed<'_, Option<NodeStatus>> {
        Box::pin(async move {
            let address = self.hands.direct_address(node)?;
            let url = format!("http://{address}/status?tail={STATUS_TAIL}");
            let call = self.observer.get(url).timeout(STATUS_TIMEOUT);
            let bytes = call.send().await.ok()?.bytes().await.ok()?;
            serde_json::from_slice(&bytes).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(op: StoreOp) -> Request {
        Request {
            op,
            key: "k1".into(),
            forward: false,
            session: Some((7, 3)),
            retry: false,
            timeout: Duration::from_secs(1),
        }
    }

    fn sent(request: &Request) -> String {
        serde_json::to_string(&Op::of(request)).unwrap()
    }

    #[test]
    fn operations_are_put_into_the_words_of_the_store() {
        let session = r#""client":7,"seq":3"#;
        for (op, words) in [
            (StoreOp::Write(12.into()), r#""f":"put","key":"k1","value":12"#),
            (
                StoreOp::Append("a".into()),
                r#""f":"append","key":"k1","value":"a""#,
            ),
            (StoreOp::Add(-1), r#""f":"add","key":"k1","value":-1"#),
            (
                StoreOp::Cas {
                    expected: Value::Null,
                    new: 2.into(),
                },
                r#""f":"cas","key":"k1","from":null,"to":2"#,
            ),
        ] {
            assert_eq!(sent(&request(op)), format!("{{{words},{session}}}"));
        }
        let again = Request {
            retry: true,
            ..request(StoreOp::Add(1))
        };
        assert_eq!(
            sent(&again),
            format!(r#"{{"f":"add","key":"k1","value":1,{session},"retry":true}}"#)
        );
        let read = Request {
            session: None,
            forward: true,
            ..request(StoreOp::Read)
        };
        assert_eq!(sent(&read), r#"{"f":"get","key":"k1","forward":true}"#);
    }

    #[test]
    fn only_a_definite_error_is_a_failure() {
        let body = |text: &str| serde_json::from_str::<Body>(text).unwrap();
        let write = request(StoreOp::Write(12.into()));
        // The code decides: what the node says beside it is for people, and an unknown code says nothing.
        for code in [
            "truncated",
            "leadership-lost",
            "timeout",
            "stopping",
            "disk-on-fire",
        ] {
            let lost = body(&format!(
                r#"{{"ok":false,"error":{{"code":"{code}","definite":true}}}}"#
            ));
            assert_eq!(reply(&write, lost).answer, Answer::Unknown, "{code}");
        }
        let elsewhere = body(r#"{"ok":false,"error":{"code":"not-leader","definite":true,"leader":"n3"}}"#);
        let elsewhere = reply(&write, elsewhere);
        assert!(!elsewhere.is_decided());
        assert_eq!(
            (elsewhere.answer, elsewhere.elsewhere),
            (Answer::Fail, Some(Some(NodeId(2))))
        );
        for neither in [r#"{"ok":false}"#, r#"{"ok":true}"#] {
            assert_eq!(
                reply(&request(StoreOp::Read), body(neither)).answer,
                Answer::Unknown
            );
        }
        assert_eq!(reply(&write, body(r#"{"ok":false}"#)).answer, Answer::Unknown);
        let mismatch = body(
            r#"{"ok":false,"index":9,"term":2,"value":1,"error":{"code":"cas-mismatch","definite":true}}"#,
        );
        let mismatch = reply(&write, mismatch);
        assert!(mismatch.answer == Answer::Fail && mismatch.is_decided());
        let ok = reply(&write, body(r#"{"ok":true,"index":18,"term":3}"#));
        assert_eq!(
            (ok.answer, ok.at),
            (Answer::Ok(Value::Null), Some((LogIndex(18), Term(3))))
        );
    }
}
