use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use histories::Seed;
use nemesis::NodeId;
use runs::store::{Answer, Request, StoreOp};

use super::*;
use crate::description::Place;
use crate::meaning::reply;
use crate::seen::RunSees;

fn adapter(script: &str) -> Adapter {
    let nodes: Vec<Place> = (1..=3).map(Place::numbered).collect();
    let run = RunSees {
        nodes: &nodes,
        program: std::path::Path::new("none"),
        seed: Seed(1),
        profile: "default",
        port: 1,
    };
    let described: description::Adapter =
        toml::from_str("command = []\ndoes = [\"write\", \"cas\"]").unwrap();
    let words = ["/bin/sh", "-c", script].map(|word| word.to_owned().try_into().unwrap());
    let described = description::Adapter {
        command: words.to_vec(),
        ..described
    };
    let sees = NodeSees::new(NodeId(0), &run, std::path::Path::new("none"), true);
    Adapter::new(&described, &sees).unwrap()
}

/// Long enough for every machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn ask(adapter: &Adapter, op: StoreOp) -> runs::store::Reply {
    ask_within(PATIENCE, adapter, op).await
}

async fn ask_within(timeout: Duration, adapter: &Adapter, op: StoreOp) -> runs::store::Reply {
    let request = Request {
        op,
        ..Request::read("k1".into(), Duration::ZERO)
    };
    let sees = RequestSees::of(&request, &"default".into());
    let target = Target {
        node: NodeId(1),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        timeout,
    };
    let came = adapter.ask(target, &sees).await;
    let nodes: Vec<Place> = (1..=3).map(Place::numbered).collect();
    reply(rules(), &nodes, sees.word(), adapter.answer(&sees), &came)
}

/// A shell that answers every line with what stands here, `$id` being the id that was asked.
fn answers(with: &str) -> String {
    format!(
        r#"while read -r line; do id=${{line#*\"id\":}}; id=${{id%%,*}}; cat <<END
{with}
END
done"#
    )
}

/// Else a node that cannot be reached would seem to follow.
#[tokio::test]
async fn a_status_that_failed_says_nothing_of_how_the_node_stands() {
    for (kind, is_error) in [("ok", false), ("fail", true), ("info", true)] {
        let adapter = adapter(&answers(&format!(r#"{{"id":$id,"type":"{kind}","leads":true}}"#)));
        let target = Target {
            node: NodeId(1),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
            timeout: PATIENCE,
        };
        let status: Status = toml::from_str("").unwrap();
        let came = adapter
            .status(target, &status, &NodeSees::example("default"))
            .await;
        assert!(
            matches!(&came, Came::Answer(told) if told.is_error == is_error),
            "{kind}: {came:?}"
        );
    }
}

#[tokio::test]
async fn completions_mean_what_the_contract_says() {
    let write = || StoreOp::Write(3.into());
    for (with, op, wanted) in [
        (
            r#"{"id":$id,"type":"ok","value":[1,2]}"#,
            StoreOp::Read,
            Answer::Ok(serde_json::from_str("[1,2]").unwrap()),
        ),
        (
            r#"{"id":$id,"type":"ok"}"#,
            StoreOp::Read,
            Answer::Ok(histories::Value::Null),
        ),
        (
            r#"{"id":$id,"type":"ok"}"#,
            write(),
            Answer::Ok(histories::Value::Null),
        ),
        (r#"{"id":$id,"type":"fail"}"#, write(), Answer::Fail),
        (r#"{"id":$id,"type":"fail","code":11}"#, write(), Answer::Fail),
        (r#"{"id":$id,"type":"fail","code":13}"#, write(), Answer::Unknown),
        (r#"{"id":$id,"type":"fail","code":0}"#, write(), Answer::Unknown),
        (r#"{"id":$id,"type":"info"}"#, write(), Answer::Unknown),
        (r#"{"id":$id}"#, write(), Answer::Unknown),
        (r#"{"id":$id,"type":"perhaps"}"#, StoreOp::Read, Answer::Fail),
    ] {
        let adapter = adapter(&answers(with));
        assert_eq!(ask(&adapter, op).await.answer, wanted, "{with}");
        assert_eq!(adapter.broken(), None, "{with}");
    }
    let elsewhere = adapter(&answers(r#"{"id":$id,"type":"fail","leader":"n3"}"#));
    assert_eq!(ask(&elsewhere, write()).await.elsewhere, Some(Some(NodeId(2))));
    let mismatch = adapter(&answers(r#"{"id":$id,"type":"fail","code":22}"#));
    assert!(ask(&mismatch, write()).await.is_decided());
}

/// Nothing that such an adapter says counts, and no write that it was given is called failed.
#[tokio::test]
async fn an_adapter_that_breaks_its_contract_is_told() {
    for (script, wanted) in [
        ("exit 3".to_owned(), "it ended"),
        (
            "read -r line; printf '{\"id\":1,'".to_owned(),
            "in the middle of a line",
        ),
        (answers(r#"{"id":99,"type":"ok"}"#), "99, which nobody waits for"),
        (
            answers("{\"id\":$id,\"type\":\"ok\"}\n{\"id\":$id,\"type\":\"ok\"}"),
            "1, which nobody waits for",
        ),
        (answers("hello"), "without an id"),
        (
            "read -r line; head -c 3000000 /dev/zero".to_owned(),
            "longer than",
        ),
    ] {
        let adapter = adapter(&script);
        let reply = ask(&adapter, StoreOp::Write(3.into())).await;
        let broken = async {
            loop {
                if let Some(breach) = adapter.broken() {
                    return breach;
                }
                tokio::task::yield_now().await;
            }
        };
        let breach = tokio::time::timeout(Duration::from_secs(20), broken)
            .await
            .unwrap();
        assert!(breach.contains(wanted), "{script}: {breach}");
        let failed_unsent = reply.answer == Answer::Fail && reply.error.as_deref() == Some("no-connection");
        assert!(
            failed_unsent || reply.answer != Answer::Fail,
            "{script}: {reply:?}"
        );
    }
}

#[tokio::test]
async fn a_watch_is_told_of_events_until_it_fails() {
    let event = |changes: &str| format!(r#"echo '{{"id":1,"type":"event","changes":[{changes}]}}'"#);
    let change = |key: &str, revision: i64| format!(r#"{{"key":"{key}","value":3,"revision":{revision}}}"#);
    let (one, two) = (change("k1", 7), [change("k2", 8), change("k1", 9)].join(","));
    let adapter = adapter(&format!(
        r#"while read -r line; do case "$line" in
*unwatch*) {late};;
*watch*) {first}; {second}; echo '{{"id":1,"type":"fail"}}';;
*) echo '{{"id":2,"type":"ok"}}';;
esac; done"#,
        first = event(&one),
        second = event(&two),
        late = event(&one),
    ));
    let watch = runs::watching::Watch {
        prefix: "k".to_owned(),
        from: 7,
        idle: Duration::from_secs(20),
    };
    let target = Target {
        node: NodeId(1),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        timeout: watch.idle,
    };
    let told = Mutex::new(Vec::new());
    let tell = |changes: Vec<runs::watching::Change>| {
        told.lock()
            .unwrap()
            .extend(changes.into_iter().map(|change| change.revision));
    };
    let sees = RequestSees::watching(&watch, &"default".into());
    let why = adapter.watch(target, &sees, &tell).await;
    assert!(why.contains("fail"), "{why}");
    assert_eq!(*told.lock().unwrap(), [7, 8, 9]);
    // What it says to `unwatch` comes before this answer, and is late, not wrong.
    let write = ask(&adapter, StoreOp::Write(3.into())).await;
    assert_eq!(write.answer, Answer::Ok(histories::Value::Null));
    assert_eq!(adapter.broken(), None);
}

#[tokio::test]
async fn an_adapter_that_hangs_leaves_outcomes_unknown() {
    let adapter = adapter("while read -r line; do :; done");
    let hurried = |op| ask_within(Duration::from_millis(300), &adapter, op);
    assert_eq!(hurried(StoreOp::Write(3.into())).await.answer, Answer::Unknown);
    assert_eq!(hurried(StoreOp::Read).await.answer, Answer::Fail);
    assert_eq!(adapter.broken(), None);
}
