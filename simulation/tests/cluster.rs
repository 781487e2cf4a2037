//! The cluster's promises: what is synced survives a kill, what is not may not; a cut link delivers nothing.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use histories::{Seed, Value};
use nemesis::evidence;
use nemesis::faults::{RulesSet, Stopped};
use nemesis::{Effect, Link, LinkRule, NodeId, ProcessState};
use runs::store::{Answer, Request, StoreOp};
use runs::world::{World as _, begin};
use simulation::template::Template;
use simulation::world::World;

fn world(nodes: usize, seed: u64) -> World {
    World::new(Template::new(nodes, "fig8", &[], true, Seed(seed)).unwrap())
}

async fn start_all(world: &World, nodes: usize) {
    for node in NodeId::all(nodes) {
        assert!(world.apply(&Effect::Start(node)).await.is_installed());
    }
}

async fn pass(world: &World, micros: u64) {
    let moment = world.now() + Duration::from_micros(micros);
    world.sleep_until(moment).await;
}

fn request(op: StoreOp, timeout_ms: u64) -> Request {
    Request {
        session: (!op.is_read()).then_some((7, 1)),
        op,
        key: "k".into(),
        forward: false,
        retry: false,
        timeout: Duration::from_millis(timeout_ms),
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_and_what_was_not_synced_may_not() {
    let (mut acknowledged, mut lost, mut kept) = (0, 0, 0);
    for seed in 0..200 {
        let world = world(1, seed);
        let (answer, found) = world
            .play(async {
                start_all(&world, 1).await;
                // The only node leads as soon as its patience ends.
                pass(&world, 400_000).await;
                let killed = world.clone();
                let moment = world.now() + Duration::from_micros(200 + 7 * seed);
                world.spawn(Box::pin(async move {
                    killed.sleep_until(moment).await;
                    killed.apply(&Effect::Kill(NodeId(0))).await;
                }));
                let write = world
                    .ask(NodeId(0), &request(StoreOp::Write(5.into()), 1000))
                    .await;
                pass(&world, 20_000).await;
                assert_eq!(world.view(NodeId(0)), ProcessState::Down);
                start_all(&world, 1).await;
                pass(&world, 400_000).await;
                // Only an entry of its own term tells it what is committed.
                let mut other = request(StoreOp::Write(1.into()), 1000);
                other.key = "other".into();
                other.session = Some((8, 1));
                assert!(matches!(world.ask(NodeId(0), &other).await.answer, Answer::Ok(_)));
                let read = world.ask(NodeId(0), &request(StoreOp::Read, 1000)).await;
                (write.answer, read.answer)
            })
            .unwrap();
        let is_there = found == Answer::Ok(Value::Int(5));
        match answer {
            Answer::Ok(_) => {
                assert!(is_there, "seed {seed}: acknowledged, and found {found:?}");
                acknowledged += 1;
            }
            _ if is_there => kept += 1,
            _ => lost += 1,
        }
    }
    assert!(
        acknowledged > 0 && lost > 0 && kept > 0,
        "{acknowledged} {lost} {kept}"
    );
}

#[test]
fn a_cut_link_delivers_nothing_and_a_delayed_one_all_of_it() {
    let world = world(3, 1);
    let ended = world.play(async {
        start_all(&world, 3).await;
        pass(&world, 1_000_000).await;
        let links = || Link::all(3).filter(|Link(from, to)| from.0 == 0 || to.0 == 0);
        let mut ended = Vec::new();
        for rule in [LinkRule::Cut, LinkRule::DelayMs(20), LinkRule::Pass] {
            let outcome = world.apply(&Effect::links(rule, links())).await;
            ended.push(evidence::of::<RulesSet>(&outcome).unwrap().ended);
            pass(&world, 1_000_000).await;
        }
        ended
    });
    let ended = ended.unwrap();
    // A link on which nobody spoke meanwhile delivers nothing either, and proves nothing.
    assert!(
        ended[1].iter().all(|link| link.traffic.delivered.is_zero()),
        "{:?}",
        ended[1]
    );
    assert!(ended[1].iter().any(|link| link.proves_cut()), "{:?}", ended[1]);
    assert!(ended[2].iter().any(|link| link.proves_delay()), "{:?}", ended[2]);
}

#[test]
fn a_paused_node_says_nothing_and_takes_what_came_when_it_goes_on() {
    let world = world(3, 3);
    world
        .play(async {
            start_all(&world, 3).await;
            pass(&world, 1_000_000).await;
            let paused = world.apply(&Effect::Pause(NodeId(2))).await;
            assert!(evidence::of::<Stopped>(&paused).unwrap().all_stopped());
            assert_eq!(world.status(NodeId(2)).await, None);
            // It comes while the node is paused, and is answered when it goes on.
            let asked = world.clone();
            let answered = begin(&world, async move {
                let reply = asked.ask(NodeId(2), &request(StoreOp::Read, 5_000)).await;
                (reply, asked.now())
            });
            pass(&world, 1_000_000).await;
            let resumed = world.now();
            assert!(world.apply(&Effect::Resume(NodeId(2))).await.is_installed());
            let (reply, at) = answered.await.unwrap();
            assert!(at >= resumed, "answered at {at:?}, while it was paused");
            assert_ne!(reply.answer, Answer::Unknown, "{reply:?}");
            pass(&world, 1_000_000).await;
            let follower = world.status(NodeId(2)).await.unwrap();
            assert!(follower.leader.is_some(), "{follower:?}");
        })
        .unwrap();
}
