//! Start, kill, pause, resume, stop: what they do and what proves it.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use nemesis::faults::{Killed, Stopped};
use nemesis::hands::{Framing, Unexpected};
use nemesis::{Effect, Link, LinkRule, Outcome, ProcessState};

use crate::stage::{IDLE, N1, N2, N3, Stage, bounded, lives, nowhere, ready_then, until};

const GRACE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_start_waits_for_the_ready_file() {
    let stage = Stage::new(3, Framing::Frames).await;
    assert_eq!(stage.skipped(Effect::Start(N1)).await, "n1 has no command");
    stage.script(N1, &ready_then(IDLE, nowhere(), nowhere()));
    assert_eq!(stage.hands.process_state(N1), ProcessState::Down);
    assert_eq!(stage.hands.direct_address(N1), None);
    let started = stage.start(N1).await;
    assert!(lives(started.pid));
    assert_eq!((started.starts, started.client), (1, nowhere().to_string()));
    assert_eq!(stage.hands.process_state(N1), ProcessState::Running);
    assert_eq!(stage.hands.direct_address(N1), Some(nowhere()));
    assert_eq!(stage.skipped(Effect::Start(N1)).await, "n1 is running");
}

#[tokio::test]
async fn a_kill_is_proved_by_the_signal_and_undone_by_a_start() {
    let stage = Stage::idle().await;
    let killed: Killed = stage.done(Effect::Kill(N2)).await;
    assert_eq!(killed.signal, Some(9));
    assert!(!lives(killed.pid));
    assert_eq!(stage.hands.process_state(N2), ProcessState::Down);
    assert_eq!(stage.skipped(Effect::Kill(N2)).await, "n2 is down");
    assert_eq!(stage.skipped(Effect::Pause(N2)).await, "n2 is down");
    assert_eq!(stage.start(N2).await.starts, 2);
}

#[tokio::test]
async fn a_pause_is_proved_by_the_state_of_every_thread() {
    let stage = Stage::idle().await;
    let paused: Stopped = stage.done(Effect::Pause(N1)).await;
    assert!(paused.all_stopped(), "{paused:?}");
    assert_eq!(stage.hands.process_state(N1), ProcessState::Paused);
    assert_eq!(stage.skipped(Effect::Pause(N1)).await, "n1 is paused");
    assert_eq!(stage.skipped(Effect::Start(N1)).await, "n1 is paused");
    let resumed: Stopped = stage.done(Effect::Resume(N1)).await;
    assert!(!resumed.threads.contains('T'), "{resumed:?}");
    assert_eq!(stage.skipped(Effect::Resume(N1)).await, "n1 is running");
}

/// A store may be a wrapper with what really serves beside it: a pause of the wrapper alone would prove nothing.
#[tokio::test]
async fn a_pause_is_proved_of_what_the_node_has_started_too() {
    // The second leaves the node's group.
    for shell in ["sh", "setsid sh"] {
        let stage = Stage::new(1, Framing::Frames).await;
        // It is there before the node is ready.
        let serves = ready_then("wait", nowhere(), nowhere());
        let started = format!("{shell} -c \"touch $READY.left; exec sleep 1000\" &");
        let is_there = "until [ -e $READY.left ]; do sleep 0.01; done";
        stage.script(N1, &format!("{started}\n{is_there}\n{serves}"));
        stage.start(N1).await;
        let paused: Stopped = stage.done(Effect::Pause(N1)).await;
        assert!(paused.all_stopped() && paused.threads.len() > 1, "{paused:?}");
        let resumed: Stopped = stage.done(Effect::Resume(N1)).await;
        assert!(!resumed.threads.contains('T'), "{resumed:?}");
    }
}

#[tokio::test]
async fn a_paused_node_can_be_killed() {
    let stage = Stage::idle().await;
    let _: Stopped = stage.done(Effect::Pause(N3)).await;
    let killed: Killed = stage.done(Effect::Kill(N3)).await;
    assert_eq!(killed.signal, Some(9));
    assert!(!lives(killed.pid));
}

#[tokio::test]
async fn a_kill_takes_along_what_the_node_has_started() {
    for started in ["sleep 1000", "setsid sleep 1000"] {
        takes_along(started).await;
    }
}

async fn takes_along(started: &str) {
    let stage = Stage::new(1, Framing::Frames).await;
    let wrapper = format!("{started} & echo $!\nwait");
    stage.script(N1, &ready_then(&wrapper, nowhere(), nowhere()));
    stage.start(N1).await;
    let out = stage.folder.path().join("n1.out");
    let mut child = 0;
    until("the wrapper has told its child", || {
        let told = std::fs::read_to_string(&out).unwrap();
        child = told.trim().parse().unwrap_or(0);
        child != 0
    })
    .await;
    assert!(lives(child));
    let _: Killed = stage.done(Effect::Kill(N1)).await;
    until("the wrapped process is gone", || !lives(child)).await;
}

#[tokio::test]
async fn a_node_that_dies_by_itself_is_reported_with_its_last_words() {
    let stage = Stage::new(2, Framing::Frames).await;
    let stderr = stage.folder.path().join("n1.err");
    std::fs::write(stderr, "from an earlier incarnation\n").unwrap();
    let dying = "until [ -e $READY.die ]; do sleep 0.01; done; echo the disk is gone >&2; exit 3";
    stage.script(N1, &ready_then(dying, nowhere(), nowhere()));
    stage.start(N1).await;
    std::fs::write(stage.folder.path().join("n1.ready.die"), "").unwrap();
    let Unexpected::Exit(exit) = bounded(stage.hands.next_unexpected()).await else {
        panic!("it spoke no protocol that it could break");
    };
    assert_eq!((exit.node, exit.clean), (N1, false));
    assert_eq!(exit.stderr, ["the disk is gone"]);
    assert_eq!(
        exit.to_string(),
        "n1 ended by itself (exit status: 3)\n  the disk is gone"
    );
    until("it counts as down", || {
        stage.hands.process_state(N1) == ProcessState::Down
    })
    .await;
}

#[tokio::test]
async fn a_start_that_fails_says_why() {
    let stage = Stage::new(2, Framing::Frames).await;
    let cases = [
        (
            "echo the port is taken >&2; exit 1",
            "(exit status: 1)\n  the port is taken",
        ),
        (
            "echo '{}' > $READY; exec sleep 1000",
            "does not say where the node listens",
        ),
    ];
    for (script, expected) in cases {
        stage.script(N1, script);
        match stage.hands.apply(&Effect::Start(N1)).await {
            Outcome::Indeterminate { reason, .. } => assert!(reason.contains(expected), "{reason}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(stage.hands.process_state(N1), ProcessState::Down);
    }
    let mut command = crate::stage::command(stage.folder.path(), N1, "");
    command.program = "/nowhere/node".into();
    stage.hands.set_command(N1, command);
    match stage.hands.apply(&Effect::Start(N1)).await {
        Outcome::Indeterminate { reason, .. } => assert!(reason.contains("/nowhere/node"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.hands.process_state(N1), ProcessState::Down);
}

#[tokio::test]
async fn a_node_can_be_killed_before_it_is_ready() {
    let stage = Stage::new(1, Framing::Frames).await;
    stage.script(N1, IDLE);
    let starting = tokio::spawn({
        let hands = stage.hands.clone();
        async move { hands.apply(&Effect::Start(N1)).await }
    });
    until("it is being started", || {
        stage.hands.process_state(N1) == ProcessState::Starting
    })
    .await;
    assert_eq!(stage.skipped(Effect::Pause(N1)).await, "n1 is starting");
    let killed: Killed = stage.done(Effect::Kill(N1)).await;
    assert!(!lives(killed.pid));
    let outcome = bounded(starting).await.unwrap();
    assert!(matches!(outcome, Outcome::Skipped { .. }), "{outcome:?}");
}

#[tokio::test]
async fn nodes_lead_a_group_of_their_own_and_hear_every_signal() {
    let stage = Stage::idle().await;
    let pid = stage.done::<Stopped>(Effect::Pause(N1)).await.pid;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    assert_eq!(after_name[2], pid.to_string(), "the process group");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for mask in ["SigBlk:", "SigIgn:"] {
        let line = status.lines().find(|line| line.starts_with(mask)).unwrap();
        let signals = u64::from_str_radix(line[mask.len()..].trim(), 16).unwrap();
        // Signal 32 and those beyond are the C library's own, or nobody's.
        assert_eq!(signals & 0x7fff_ffff, 0, "{line}");
    }
}

#[tokio::test]
async fn stop_all_leaves_no_process() {
    let stage = Stage::idle().await;
    let _: Killed = stage.done(Effect::Kill(N1)).await;
    let stubborn = ready_then("while :; do sleep 1; done", nowhere(), nowhere());
    stage.script(N1, &format!("trap '' TERM\n{stubborn}"));
    let stubborn = stage.start(N1).await.pid;
    let paused = stage.done::<Stopped>(Effect::Pause(N2)).await.pid;
    let exits = bounded(stage.hands.stop_all(GRACE)).await;
    let ends: Vec<_> = exits
        .iter()
        .map(|exit| (exit.node, exit.status.as_str()))
        .collect();
    let (term, kill) = ("signal: 15 (SIGTERM)", "signal: 9 (SIGKILL)");
    assert_eq!(ends, [(N1, kill), (N2, term), (N3, term)]);
    assert!(!lives(stubborn) && !lives(paused));
    assert_eq!(stage.skipped(Effect::Start(N1)).await, "the run is being stopped");
    assert_eq!(stage.hands.stop_all(GRACE).await, []);
}

#[tokio::test]
async fn kill_all_now_waits_for_nothing_and_ends_everything() {
    let stage = Stage::idle().await;
    let paused = stage.done::<Stopped>(Effect::Pause(N2)).await.pid;
    stage.hands.kill_all_now();
    until("the paused node is gone", || !lives(paused)).await;
    until("all are down", || {
        [N1, N2, N3].map(|node| stage.hands.process_state(node)) == [ProcessState::Down; 3]
    })
    .await;
    assert_eq!(stage.skipped(Effect::Start(N1)).await, "the run is being stopped");
}

#[tokio::test]
async fn heal_all_does_what_is_needed_and_no_more() {
    let stage = Stage::idle().await;
    assert_eq!(stage.hands.heal_all().await, []);
    let _: Killed = stage.done(Effect::Kill(N1)).await;
    let _: Stopped = stage.done(Effect::Pause(N3)).await;
    let cut = [Link(N1, N2), Link(N3, N2)];
    stage.hands.apply(&Effect::links(LinkRule::Cut, cut)).await;
    let mut healed = stage.hands.heal_all().await;
    assert!(
        healed.iter().all(|(_, outcome)| outcome.is_installed()),
        "{healed:?}"
    );
    healed.sort_by_key(|(effect, _)| effect.word());
    let effects: Vec<Effect> = healed.into_iter().map(|(effect, _)| effect).collect();
    let expected = [
        Effect::links(LinkRule::Pass, cut),
        Effect::Resume(N3),
        Effect::Start(N1),
    ];
    assert_eq!(effects, expected);
    assert_eq!(stage.hands.heal_all().await, []);
}

#[tokio::test]
async fn nothing_is_left_when_the_hands_are_dropped() {
    let stage = Stage::idle().await;
    let running = stage.done::<Stopped>(Effect::Pause(N1)).await.pid;
    let ports = [
        stage.hands.peer_address(Link(N1, N2)),
        stage.hands.client_address(N3),
    ];
    drop(TcpStream::connect(ports[0]).unwrap());
    drop(stage);
    assert!(!lives(running));
    for port in ports {
        // Another test may have been given the port meanwhile: then it is free again a little later.
        until("the port is free", || TcpListener::bind(port).is_ok()).await;
    }
}

#[tokio::test]
async fn gates_probes_and_unknown_nodes_are_skipped() {
    let stage = Stage::new(2, Framing::Frames).await;
    let gate = Effect::Gate { open: true };
    assert_eq!(stage.skipped(gate).await, "not a matter of the hands");
    assert_eq!(stage.skipped(Effect::Kill(N3)).await, "there is no n3");
    let link = Effect::links(LinkRule::Cut, [Link(N1, N3)]);
    assert_eq!(stage.skipped(link).await, "there is no such link");
}
