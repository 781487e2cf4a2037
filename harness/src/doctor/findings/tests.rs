use super::*;
use crate::doctor::seen::{Failover, Rows, Standing, Tried};
use nemesis::{NodeId, Role};
use runs::capabilities::Capabilities;
use runs::store::Reply;

fn answered(what: &'static str, reply: Reply, fit: Fit) -> Answered {
    let basis = match reply.answer {
        runs::store::Answer::Ok(_) => Basis::Answer,
        _ => Basis::Default,
    };
    Answered::new(what, what.starts_with("read"), reply, basis, fit)
}

fn ok(value: i64) -> Reply {
    Reply::ok(value.into(), None)
}

/// A system of which nothing is missing.
fn whole() -> Seen {
    let answers = vec![
        answered("write", ok(0), Fit::Right),
        answered("read back", ok(1), Fit::Right),
    ];
    let standing = |node, role| Standing {
        role: Some(role),
        answered: true,
        term: Some(histories::Term(1)),
        commit: Some(histories::LogIndex(1)),
        log_tail: true,
        ..Standing::new(NodeId(node), None)
    };
    Seen {
        system: "a-store".to_owned(),
        about: String::new(),
        profile: "default".to_owned(),
        program: "program".into(),
        nodes: 2,
        capabilities: Capabilities::all(),
        described: true,
        failover: Some(Duration::from_secs(1)),
        rows: Rows {
            total: 1,
            unrecorded: Vec::new(),
        },
        visits: vec![Visit {
            spot: Spot::Alone,
            node: NodeId(0),
            led: true,
            answers,
        }],
        standings: vec![standing(0, Role::Leader), standing(1, Role::Follower)],
        faults: vec![],
        failovers: vec![failover(Some(1900))],
        unclean: Vec::new(),
    }
}

fn failover(took_ms: Option<u64>) -> Failover {
    Failover {
        killed: NodeId(1),
        led: true,
        took: took_ms.map(Duration::from_millis),
        restart: Some(Duration::ZERO),
    }
}

fn spoilt(spoil: impl FnOnce(&mut Seen)) -> Vec<Finding> {
    let mut seen = whole();
    spoil(&mut seen);
    findings(&seen)
}

type Spoil = fn(&mut Seen);

#[test]
fn each_fault_of_a_system_is_named() {
    assert_eq!(findings(&whole()), []);
    let cases: [(Spoil, bool, &str); 16] = [
        (
            |seen| {
                seen.visits[0].answers[1] = answered(
                    "read back",
                    Reply::unknown("no-such", "404".to_owned()),
                    Fit::Right,
                )
            },
            true,
            "no read succeeded: read back was answered no-such (404)",
        ),
        (
            |seen| drop(seen.visits[0].answers.remove(0)),
            true,
            "no operation that changes something is offered",
        ),
        (
            |seen| seen.visits[0].answers[1].fit = Fit::Wrong { written: 2.into() },
            true,
            "2 was there, and the read found 1",
        ),
        (
            |seen| seen.visits[0].answers[0].fit = Fit::Taken,
            true,
            "something else was there",
        ),
        (
            |seen| seen.visits[0].answers[0].fit = Fit::Refused,
            true,
            "what it expects was there",
        ),
        (
            |seen| seen.unclean.push("n1 ended by 3".to_owned()),
            true,
            "life.clean-exits",
        ),
        (
            |seen| {
                seen.faults.push(Tried {
                    fault: "cut",
                    node: NodeId(0),
                    proved: false,
                    evidence: "nothing was sent".to_owned(),
                })
            },
            false,
            "cut of n1 was not proved",
        ),
        (
            |seen| seen.failover = None,
            false,
            "no life.failover: it took 1s 900ms at the longest",
        ),
        (
            |seen| seen.failovers.push(failover(Some(2001))),
            false,
            "a failover took 2s 100ms, and life.failover says 1s",
        ),
        (
            |seen| seen.failovers.push(failover(None)),
            false,
            "after the kill of n2 no write was acknowledged",
        ),
        (
            |seen| seen.capabilities.does.retain(|does| *does == Does::Append),
            false,
            "no cas: add, set, lock and bank cannot",
        ),
        (
            |seen| seen.capabilities.tells.clear(),
            false,
            "no status.leads: faults cannot be aimed",
        ),
        (
            |seen| seen.standings[1].role = Some(Role::Leader),
            false,
            "2 of 2 nodes say that they lead",
        ),
        (
            |seen| seen.standings[1].term = None,
            false,
            "status.term leads to no number",
        ),
        (
            |seen| seen.rows.unrecorded.push("gone".to_owned()),
            false,
            "1 of 1 error rows without a recorded answer: gone",
        ),
        (
            |seen| {
                seen.visits[0].answers.push(answered(
                    "cas",
                    Reply::unknown("unknown-answer", "500 x".to_owned()),
                    Fit::Right,
                ))
            },
            false,
            "cas at a node that is alone: unknown-answer (500 x) is unknown by default",
        ),
    ];
    for (spoil, is_essential, wanted) in cases {
        let found = spoilt(spoil);
        let named = found.iter().find(|finding| finding.text.contains(wanted));
        assert_eq!(
            named.map(|finding| finding.essential),
            Some(is_essential),
            "{wanted}: {found:?}"
        );
    }
}

#[test]
fn what_is_essential_comes_first_and_a_stale_follower_is_not() {
    let found = spoilt(|seen| {
        seen.visits[0].answers[1].fit = Fit::Wrong { written: 2.into() };
        let mut behind = seen.visits[0].clone();
        (behind.spot, behind.node) = (Spot::Follower, NodeId(1));
        seen.visits.insert(0, behind);
    });
    assert_eq!(
        found.iter().map(|finding| finding.essential).collect::<Vec<_>>(),
        [true, false]
    );
    assert!(found[1].text.contains("stale"), "{found:?}");
}

#[test]
fn the_level_is_what_was_seen_and_not_what_was_promised() {
    let level = |spoil: Spoil| {
        let mut seen = whole();
        spoil(&mut seen);
        Level::of(&seen).0
    };
    assert_eq!(level(|_| ()), 3);
    assert_eq!(
        level(|seen| seen.capabilities.tells.retain(|tells| *tells != Tells::Journal)),
        2
    );
    assert_eq!(
        level(|seen| seen.standings.iter_mut().for_each(|one| one.log_tail = false)),
        1
    );
    assert_eq!(level(|seen| seen.standings[0].term = None), 0);
}
