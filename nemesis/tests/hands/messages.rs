//! Nodes that speak in lines: each message is carried, delayed and lost by itself, and counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nemesis::evidence::Traffic;
use nemesis::faults::RulesSet;
use nemesis::hands::{Latency, Messages, Network, Ready, Spread, Unexpected};
use nemesis::{Effect, Link, LinkRule, NodeId, ProcessState};

use crate::stage::{N1, N2, Stage, bounded, command, until};

const THERE: Link = Link(N1, N2);
/// Whatever n1 is told it tells n2, and what n2 is told it tells a client.
const N1_SAYS: &str = r#"{"src":"n1","dest":"n2","body":{}}"#;
const N2_SAYS: &str = r#"{"src":"n2","dest":"c1","body":{}}"#;

fn says(what: &str) -> String {
    format!("while read -r line; do echo '{what}'; done")
}

/// Two nodes that run, and how much the client has heard.
async fn stage(n2: &str) -> (Stage, Arc<AtomicU64>) {
    let stage = Stage::on(2, Network::Messages).await;
    let heard = Arc::new(AtomicU64::new(0));
    let hears = Arc::clone(&heard);
    messages(&stage).listen(Box::new(move |_, _, _| {
        hears.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }));
    for (node, script) in [(N1, says(N1_SAYS)), (N2, n2.to_owned())] {
        let mut command = command(stage.folder.path(), node, &script);
        command.ready = Ready::Answers(Arc::new(|| Box::pin(async { Ok(()) })));
        stage.hands.set_command(node, command);
        stage.start(node).await;
    }
    messages(&stage).open(N1);
    (stage, heard)
}

fn messages(stage: &Stage) -> &Messages {
    stage.hands.messages().unwrap()
}

/// Have n1 send n2 a message.
fn tell(stage: &Stage) {
    messages(stage).send(N1, "go".to_owned());
}

fn traffic(stage: &Stage) -> Traffic {
    stage.hands.link_counters()[&THERE]
}

async fn offered(stage: &Stage, frames: u64) {
    until("it is offered", || traffic(stage).offered.frames == frames).await;
}

#[tokio::test]
async fn a_cut_takes_what_is_sent_and_what_is_on_its_way() {
    let (stage, heard) = stage(&says(N2_SAYS)).await;
    tell(&stage);
    offered(&stage, 1).await;
    // It waits until its receiver is ready.
    assert_eq!(traffic(&stage).delivered.frames, 0);
    messages(&stage).open(N2);
    until("it is heard", || heard.load(Ordering::SeqCst) == 1).await;
    let set = |rule| stage.done::<RulesSet>(Effect::links(rule, [THERE]));
    set(LinkRule::DelayMs(3_600_000)).await;
    tell(&stage);
    offered(&stage, 2).await;
    set(LinkRule::Cut).await;
    tell(&stage);
    offered(&stage, 3).await;
    let healed = set(LinkRule::Pass).await;
    assert!(healed.ended[0].proves_cut(), "{healed:?}");
    tell(&stage);
    until("what follows the heal is heard", || {
        heard.load(Ordering::SeqCst) == 2
    })
    .await;
    assert_eq!(stage.hands.link_counters()[&Link(N2, N1)], Traffic::default());
}

#[tokio::test]
async fn what_is_on_its_way_to_a_node_that_is_killed_is_lost() {
    let (stage, heard) = stage(&says(N2_SAYS)).await;
    tell(&stage);
    offered(&stage, 1).await;
    stage.done::<serde_json::Value>(Effect::Kill(N2)).await;
    assert_eq!(traffic(&stage).dropped.frames, 1);
    stage.start(N2).await;
    messages(&stage).open(N2);
    tell(&stage);
    until("the next one is heard", || heard.load(Ordering::SeqCst) == 1).await;
    assert_eq!(traffic(&stage).delivered.frames, 1);
}

#[tokio::test]
async fn what_is_no_message_is_told_with_the_nodes_last_words() {
    let (stage, _) = stage("echo alas >&2; read -r line; echo hello; sleep 1000").await;
    messages(&stage).send(N2, "go".to_owned());
    messages(&stage).open(N2);
    let Unexpected::Breach(breach) = bounded(stage.hands.next_unexpected()).await else {
        panic!("it still runs");
    };
    assert_eq!((breach.node, breach.stderr), (N2, vec!["alas".to_owned()]));
    assert!(breach.what.contains("hello"), "{}", breach.what);
    assert_eq!(stage.hands.process_state(NodeId(1)), ProcessState::Running);
}

#[tokio::test]
async fn messages_are_lost_repeated_and_overtake_each_other_and_each_is_proved() {
    let (stage, heard) = stage(&says(N2_SAYS)).await;
    messages(&stage).open(N2);
    let set = |rule| stage.done::<RulesSet>(Effect::links(rule, [THERE]));
    let mut sent = 0;
    let mut several = async |count: u64| {
        for _ in 0..count {
            tell(&stage);
        }
        sent += count;
        offered(&stage, sent).await;
    };

    set(LinkRule::LosePercent(50)).await;
    several(40).await;
    let arrived = || traffic(&stage).delivered.frames + traffic(&stage).dropped.frames;
    until("each is delivered or lost", || arrived() == 40).await;
    let lost = set(LinkRule::RepeatPercent(100)).await;
    assert!(lost.ended[0].proves_loss(), "{lost:?}");

    let before = heard.load(Ordering::SeqCst);
    several(3).await;
    until("each is heard twice", || {
        heard.load(Ordering::SeqCst) >= before + 6
    })
    .await;
    let repeated = set(LinkRule::ReorderMs(300)).await;
    assert!(repeated.ended[0].proves_repetition(), "{repeated:?}");
    assert_eq!(repeated.ended[0].traffic.repeated, 3);
    assert!(messages(&stage).has_repeated());

    several(20).await;
    until("one has overtaken another", || traffic(&stage).overtaken > 0).await;
    let reordered = set(LinkRule::Pass).await;
    assert!(reordered.ended[0].proves_reordering(), "{reordered:?}");
}

/// What overtakes by itself is no fault, and proves none.
#[tokio::test]
async fn messages_take_their_time_and_overtake_each_other_where_it_differs() {
    const MANY: usize = 60;
    let counts = r#"i=0; while read -r line; do i=$((i+1)); echo '{"src":"n1","dest":"n2","body":{"number":'$i'}}'; done"#;
    let repeats = r#"while read -r line; do echo '{"src":"n2","dest":"c1","body":{"got":'"$line"'}}'; done"#;
    for (spread, in_order) in [(Spread::Constant, true), (Spread::Uniform, false)] {
        let stage = Stage::on(2, Network::Messages).await;
        let numbers = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&numbers);
        messages(&stage).listen(Box::new(move |_, _, message| {
            let number = message.body["got"]["body"]["number"].as_u64();
            heard.lock().unwrap().push(number.unwrap());
            Ok(())
        }));
        messages(&stage).take(Latency {
            mean: Duration::from_millis(20),
            spread,
            seed: 3,
        });
        for (node, script) in [(N1, counts), (N2, repeats)] {
            let mut command = command(stage.folder.path(), node, script);
            command.ready = Ready::Answers(Arc::new(|| Box::pin(async { Ok(()) })));
            stage.hands.set_command(node, command);
            stage.start(node).await;
            messages(&stage).open(node);
        }
        for _ in 0..MANY {
            tell(&stage);
        }
        until("all are heard", || numbers.lock().unwrap().len() == MANY).await;
        assert_eq!(numbers.lock().unwrap().is_sorted(), in_order, "{spread:?}");
        assert_eq!(traffic(&stage).overtaken, 0, "{spread:?}");
    }
}
