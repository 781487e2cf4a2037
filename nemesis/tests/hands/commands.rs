//! Nodes and links that commands lead: each command with its proof, and what is owed.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nemesis::evidence;
use nemesis::fault::{Spell, Target};
use nemesis::faults::{CUT, Commanded, KILL, Proof, attempted};
use nemesis::hands::{
    Answering, Clock, Deed, Hands, Instructions, LinkOrders, Network, NodeOrders, Order, Orders, Probe,
    Reached,
};
use nemesis::{Effect, Link, LinkRule, Need, Outcome, ProcessState};

use crate::stage::{N1, N2, lives, until};

const LINK: Link = Link(N1, N2);

fn order(script: &str) -> Order {
    Order {
        words: ["sh", "-c", script].map(str::to_owned).to_vec(),
        within: Duration::from_secs(2),
    }
}

fn deed(script: &str, probe: Option<&str>) -> Deed {
    let probe = probe.map(|probe| Probe::Order {
        order: order(probe),
        says: None,
    });
    Deed {
        order: order(script),
        probe,
    }
}

/// Two nodes that are files: `n1` is there while it lives, `cut` while the link is cut.
struct Files {
    hands: Hands,
    folder: tempfile::TempDir,
}

impl Files {
    /// They are there, and were found.
    async fn new(edit: impl FnOnce(&mut Orders)) -> Self {
        let files = Files::told(edit).await;
        for node in [N1, N2] {
            assert!(files.hands.apply(&Effect::Start(node)).await.is_installed());
        }
        files
    }

    /// Nothing was done to them yet.
    async fn told(edit: impl FnOnce(&mut Orders)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |script: &str| script.replace('@', folder.path().to_str().unwrap());
        let deed = |script: &str, probe: Option<&str>| deed(&at(script), probe.map(&at).as_deref());
        let node = |name: &str| {
            std::fs::write(folder.path().join(name), "").unwrap();
            let (lives, dead) = (format!("test -e @/{name}"), format!("test ! -e @/{name}"));
            let start = deed(&format!("touch @/{name}"), Some(&lives));
            NodeOrders {
                lives: start.probe.clone().unwrap(),
                start: Some(start),
                kill: Some(deed(&format!("rm @/{name}"), Some(&dead))),
                stop: None,
                pause: None,
                resume: None,
                logs: Some(order(&format!("echo logs of {name}"))),
                data: None,
                answers: Arc::new(|| Box::pin(async { true })),
                folder: folder.path().to_owned(),
            }
        };
        let links = LinkOrders {
            cut: deed("touch @/cut", Some("test -e @/cut")),
            heal: deed("rm @/cut", Some("test ! -e @/cut")),
        };
        let mut orders = Orders {
            system: "files".to_owned(),
            folder: folder.path().to_owned(),
            nodes: vec![node("n1"), node("n2")],
            links: BTreeMap::from([(LINK, links)]),
            starts_nodes: false,
            redact: Arc::new(|text| text.replace("hush", "…")),
        };
        edit(&mut orders);
        let reached = Reached {
            clients: vec!["127.0.0.1:1".to_owned(), "localhost:1".to_owned()],
            can: vec![Need::Restarts, Need::Links],
        };
        let hands = Hands::new(2, Network::Commands(reached), Clock::start())
            .await
            .unwrap();
        hands.instruct(Instructions::Commands(Box::new(orders))).unwrap();
        Files { hands, folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn undo(&self) -> String {
        std::fs::read_to_string(self.path("undo")).unwrap_or_default()
    }

    async fn cut(&self) -> Outcome {
        self.hands.apply(&Effect::links(LinkRule::Cut, [LINK])).await
    }

    async fn heal(&self) -> Outcome {
        self.hands.apply(&Effect::links(LinkRule::Pass, [LINK])).await
    }
}

fn proof(outcome: &Outcome) -> Proof {
    evidence::known::<Commanded>(outcome)
        .unwrap()
        .commands
        .remove(0)
        .proof
}

fn commands(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("commands.jsonl")).unwrap()
}

#[tokio::test]
async fn a_cut_with_its_probe_is_proved_and_owed_until_it_is_healed() {
    let files = Files::new(|_| ()).await;
    assert_eq!(files.hands.can(), [Need::Restarts, Need::Links]);
    let begun = files.cut().await;
    assert!(begun.is_installed(), "{begun:?}");
    assert!(
        files.undo().contains("n1→n2: cut") && files.undo().contains("rm "),
        "{}",
        files.undo()
    );
    let end = Effect::links(LinkRule::Pass, [LINK]);
    let ended = files.hands.apply(&end).await;
    assert_eq!(files.undo(), "");
    let spell = |begun, ended| Spell {
        target: Target::Link(LINK),
        begun,
        end: &end,
        ended,
    };
    assert!((CUT.proof)(&spell(&begun, &ended)));
    // That it was undone has to be proved, too, and on this very target.
    let skipped = evidence::skipped("no");
    assert!(!(CUT.proof)(&spell(&begun, &skipped)));
    let other = Spell {
        target: Target::Link(Link(N2, N1)),
        ..spell(&begun, &ended)
    };
    assert!(!(CUT.proof)(&other));
}

#[tokio::test]
async fn what_no_probe_proves_is_attempted_and_what_was_so_before_proves_nothing() {
    let files = Files::new(|orders| {
        let links = orders.links.get_mut(&LINK).unwrap();
        links.cut.probe = None;
        orders.nodes[0].kill.as_mut().unwrap().probe = Some(Probe::Order {
            order: order("true"),
            says: None,
        });
    })
    .await;
    let cut = files.cut().await;
    assert!(!cut.is_installed() && attempted(&cut), "{cut:?}");
    assert_eq!(proof(&cut), Proof::None);
    let killed = files.hands.apply(&Effect::Kill(N1)).await;
    assert!(matches!(proof(&killed), Proof::Before { .. }), "{killed:?}");
    let start = Effect::Start(N1);
    let started = files.hands.apply(&start).await;
    assert!(!(KILL.proof)(&Spell {
        target: Target::Process(N1),
        begun: &killed,
        end: &start,
        ended: &started,
    }));
}

#[tokio::test]
async fn a_command_that_fails_is_no_fault_and_tells_what_it_said() {
    let files = Files::new(|orders| {
        orders.nodes[0].kill.as_mut().unwrap().order = order("echo hush, no such node >&2; exit 7");
    })
    .await;
    let Outcome::Indeterminate { reason, evidence } = files.hands.apply(&Effect::Kill(N1)).await else {
        panic!("it is no fault");
    };
    assert!(
        reason.contains("exit status: 7") && reason.contains("…, no such node"),
        "{reason}"
    );
    assert!(!evidence.to_string().contains("hush") && !commands(files.folder.path()).contains("hush"));
    // It may have happened all the same, until it is looked.
    assert_eq!(files.hands.process_state(N1), ProcessState::Down);
    assert!(files.undo().contains("n1: kill"));
    let started = files.hands.apply(&Effect::Start(N1)).await;
    assert!(started.is_installed(), "{started:?}");
    assert!(
        evidence::of::<Commanded>(&started).unwrap().commands[0]
            .command
            .is_none()
    );
    assert_eq!(files.undo(), "");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_with_all_that_it_started() {
    let files = Files::new(|orders| {
        let kill = orders.nodes[0].kill.as_mut().unwrap();
        kill.order = order("sleep 1000 & echo $! > pid; wait");
        kill.order.words.splice(
            0..0,
            [
                "env".to_owned(),
                "-C".to_owned(),
                orders.folder.display().to_string(),
            ],
        );
        kill.order.within = Duration::from_millis(300);
    })
    .await;
    let killed = files.hands.apply(&Effect::Kill(N1)).await;
    let Outcome::Indeterminate { reason, .. } = killed else {
        panic!("{killed:?}");
    };
    assert!(reason.contains("not within 300ms"), "{reason}");
    let pid = std::fs::read_to_string(files.path("pid")).unwrap();
    let pid = pid.trim().parse().unwrap();
    until("what it started is gone", || !lives(pid)).await;
}

#[tokio::test]
async fn whatever_happened_faults_are_undone_and_what_cannot_be_is_named() {
    let files = Files::new(|orders| {
        orders.links.get_mut(&LINK).unwrap().heal.order = order("echo the way is lost; exit 255");
    })
    .await;
    assert!(files.cut().await.is_installed());
    assert!(files.hands.apply(&Effect::Kill(N2)).await.is_installed());
    let debts = files.hands.leave().await;
    assert!(files.path("n2").exists());
    let owed: Vec<&str> = debts.iter().map(|debt| debt.because.as_str()).collect();
    assert_eq!(owed, ["n1→n2: cut"]);
    assert!(files.undo().contains("exit 255") && !files.undo().contains("n2: kill"));
    assert_eq!(
        std::fs::read_to_string(files.path("node.log"))
            .unwrap()
            .lines()
            .count(),
        1
    );
    // Nothing is begun any more.
    assert!(matches!(
        files.hands.apply(&Effect::Kill(N1)).await,
        Outcome::Skipped { .. }
    ));
}

/// What a node answers: `said`, ask by ask, and then the last of it for ever; and how often it was asked.
fn answering(said: &'static [bool]) -> (Answering, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&asked);
    let answers = Arc::new(move || {
        let at = counts.fetch_add(1, Ordering::SeqCst);
        let answer = said[at.min(said.len() - 1)];
        Box::pin(async move { answer }) as Pin<Box<dyn Future<Output = bool> + Send>>
    });
    (answers, asked)
}

#[tokio::test]
async fn a_cut_that_never_happened_is_undone_when_its_probe_says_so() {
    let files = Files::new(|orders| {
        orders.links.get_mut(&LINK).unwrap().cut.order = order("exit 1");
    })
    .await;
    assert!(!files.cut().await.is_installed());
    assert!(files.undo().contains("n1→n2: cut"));
    // `rm` fails, for nothing is there.
    let healed = files.heal().await;
    assert!(healed.is_installed(), "{healed:?}");
    assert_eq!(files.undo(), "");
}

#[tokio::test]
async fn a_heal_that_was_done_before_its_connection_was_lost_is_a_heal() {
    let files = Files::new(|orders| {
        let heal = &mut orders.links.get_mut(&LINK).unwrap().heal;
        let script = heal.order.words[2].clone();
        heal.order = order(&format!("{script} || exit 1; exit 255"));
    })
    .await;
    assert!(files.cut().await.is_installed());
    let healed = files.heal().await;
    assert!(healed.is_installed(), "{healed:?}");
    assert_eq!(files.undo(), "");
}

/// Whether the nodes answer clients says nothing of a link.
#[tokio::test]
async fn an_answer_does_not_show_that_a_failed_heal_was_done() {
    let files = Files::new(|orders| {
        let heal = &mut orders.links.get_mut(&LINK).unwrap().heal;
        heal.order = order("exit 1");
        heal.probe = Some(Probe::Answers(Duration::ZERO));
    })
    .await;
    assert!(files.cut().await.is_installed());
    assert!(!files.heal().await.is_installed());
    assert!(files.undo().contains("n1→n2: cut"));
}

/// A node that can be paused: the pause fails.
fn pausing(orders: &mut Orders) {
    let node = &mut orders.nodes[0];
    node.pause = Some(deed("exit 1", None));
    node.resume = Some(Deed {
        order: order("exit 1"),
        probe: Some(Probe::Answers(Duration::ZERO)),
    });
}

#[tokio::test]
async fn a_pause_that_never_happened_is_over_when_the_node_answers_and_is_owed_until_then() {
    let files = Files::new(pausing).await;
    assert!(!files.hands.apply(&Effect::Pause(N1)).await.is_installed());
    // A kill would forget what is owed.
    let killed = files.hands.apply(&Effect::Kill(N1)).await;
    assert!(matches!(killed, Outcome::Skipped { .. }), "{killed:?}");
    assert!(files.undo().contains("n1: pause"));
    let resumed = files.hands.apply(&Effect::Resume(N1)).await;
    assert!(resumed.is_installed(), "{resumed:?}");
    assert_eq!(files.undo(), "");
}

#[tokio::test]
async fn silence_is_several_looks_in_a_row_without_an_answer() {
    // It answers before the kill, is late once, and answers again.
    for (said, is_silent) in [(&[true, false, true][..], false), (&[true, false][..], true)] {
        let (answers, asked) = answering(said);
        let files = Files::new(|orders| {
            let node = &mut orders.nodes[0];
            node.answers = answers;
            node.kill.as_mut().unwrap().probe = Some(Probe::DoesNotAnswer(Duration::ZERO));
        })
        .await;
        let killed = files.hands.apply(&Effect::Kill(N1)).await;
        assert_eq!(killed.is_installed(), is_silent, "{killed:?}");
        assert!(asked.load(Ordering::SeqCst) >= if is_silent { 5 } else { 3 });
    }
}

#[tokio::test]
async fn a_probe_that_could_not_look_before_the_command_proves_nothing() {
    let files = Files::new(|orders| {
        let probe = orders.nodes[0].kill.as_mut().unwrap().probe.as_mut().unwrap();
        let Probe::Order { order: looks, .. } = probe else {
            panic!("{probe:?}");
        };
        let (script, seen) = (&looks.words[2], orders.folder.join("looked"));
        let seen = seen.display();
        *looks = order(&format!(
            "test -e {seen} || {{ touch {seen}; echo no way; exit 255; }}; {script}"
        ));
    })
    .await;
    let killed = files.hands.apply(&Effect::Kill(N1)).await;
    let Proof::Unproved { why, .. } = proof(&killed) else {
        panic!("{killed:?}");
    };
    assert!(why.contains("could not look") && why.contains("no way"), "{why}");
}

#[tokio::test]
async fn what_is_owed_can_be_done_as_it_stands_and_is_shown_without_secrets() {
    let files = Files::new(|orders| {
        let heal = &mut orders.links.get_mut(&LINK).unwrap().heal;
        heal.order.words.push("hush".to_owned());
    })
    .await;
    assert!(files.cut().await.is_installed());
    assert!(files.undo().contains(" hush\n"), "{}", files.undo());
    let mode = std::fs::metadata(files.path("undo"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let shown = files.hands.debts().remove(0).undo;
    assert!(shown.ends_with(" …"), "{shown}");
}

/// Nodes that the run is to start.
fn to_be_started(orders: &mut Orders) {
    orders.starts_nodes = true;
    for name in ["n1", "n2"] {
        std::fs::remove_file(orders.folder.join(name)).unwrap();
    }
}

#[tokio::test]
async fn a_start_that_never_began_leaves_nothing_to_be_stopped() {
    let files = Files::told(|orders| {
        to_be_started(orders);
        orders.nodes[0].start.as_mut().unwrap().order.words = vec!["/no/such/program".to_owned()];
    })
    .await;
    assert!(!files.hands.apply(&Effect::Start(N1)).await.is_installed());
    assert_eq!(files.undo(), "");
}

#[tokio::test]
async fn a_node_that_has_ended_by_itself_is_a_finding_and_no_debt() {
    let files = Files::new(to_be_started).await;
    assert!(files.undo().contains("n1: start"));
    std::fs::remove_file(files.path("n1")).unwrap();
    let exits = files.hands.stop_all(Duration::ZERO).await;
    let clean: Vec<bool> = exits.iter().map(|exit| exit.clean).collect();
    assert_eq!(clean, [false, true], "{exits:?}");
    assert_eq!(files.undo(), "");
}
