//! Links that commands cut and heal: what goes over them the hands do not see, so a cut is proved by its probe alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::commanded::{Told, outcome};
use super::errand::{Before, Errand, Kit, seen};
use super::ledger::{Debt, For};
use super::life::Doing;
use super::links::Links;
use super::orders::LinkOrders;
use crate::effect::{ClientRule, FrameKind, Link, LinkRule, NodeId, Outcome};
use crate::evidence::{Traffic, skipped};
use crate::fault::{Need, Target};
use crate::faults::{Proof, Ran};

/// So many links are cut, or healed, at a time: each may be a connection of its own.
const AT_ONCE: usize = 8;

/// See the module.
pub(super) struct CommandedLinks {
    clients: Vec<[SocketAddr; 1]>,
    can: Vec<Need>,
    told: Told,
    changed: Arc<Mutex<BTreeSet<Link>>>,
    /// One rule is set at a time: what heals sees what was cut.
    turn: tokio::sync::Mutex<()>,
}

impl CommandedLinks {
    pub(super) fn new(clients: &[SocketAddr], can: &[Need], told: Told) -> Self {
        CommandedLinks {
            clients: clients.iter().map(|client| [*client]).collect(),
            can: can.to_vec(),
            told,
            changed: Arc::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    fn changed_now(&self) -> MutexGuard<'_, BTreeSet<Link>> {
        lock(&self.changed)
    }

    async fn set_rule(&self, rule: LinkRule, links: &[Link]) -> Result<Outcome, String> {
        let begun = Instant::now();
        let cuts = match rule {
            LinkRule::Cut => true,
            LinkRule::Pass => false,
            _ => {
                return Err("commands cut links and heal them, and nothing else".to_owned());
            }
        };
        let _turn = self.turn.lock().await;
        let kit = self.told.get().ok_or("there are no commands yet")?;
        if cuts && kit.is_ending() {
            return Err("the run is being stopped".to_owned());
        }
        let known = links.iter().all(|link| kit.orders.links.contains_key(link));
        if !known {
            return Err("there is no command for such a link".to_owned());
        }
        let (at_once, mut doing) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
        for (at, link) in links.iter().copied().enumerate() {
            let (kit, changed, at_once) = (kit.clone(), Arc::clone(&self.changed), Arc::clone(&at_once));
            doing.spawn(async move {
                let _place = at_once.acquire().await;
                let ran = match cuts {
                    true => cut(&kit, link, &changed).await,
                    false => heal(&kit, link, &changed).await,
                };
                (at, ran)
            });
        }
        let mut ran = doing.join_all().await;
        ran.sort_by_key(|(at, _)| *at);
        Ok(outcome(ran.into_iter().map(|(_, ran)| ran).collect(), begun))
    }
}

fn lock(changed: &Mutex<BTreeSet<Link>>) -> MutexGuard<'_, BTreeSet<Link>> {
    changed.lock().unwrap_or_else(PoisonError::into_inner)
}

fn target(link: Link) -> String {
    Target::Link(link).to_string()
}

/// The errand at a link; of its receiving node something can be asked.
fn errand<'a>(
    kit: &'a Kit,
    link: Link,
    target: &'a str,
    word: &'a str,
) -> Option<(Errand<'a>, &'a LinkOrders)> {
    let answers = &kit.of(link.1)?.answers;
    let errand = Errand {
        target,
        word,
        answers,
    };
    Some((errand, kit.orders.links.get(&link)?))
}

async fn cut(kit: &Kit, link: Link, changed: &Mutex<BTreeSet<Link>>) -> Ran {
    let target = target(link);
    let Some((errand, orders)) = errand(kit, link, &target, "cut") else {
        return failed(&target, "there is no command for it");
    };
    let debt = Debt {
        because: errand.what(),
        undo: kit.shown(&orders.heal.order),
    };
    if let Err(error) = kit.ledger.owe(For::Fault(Target::Link(link)), debt) {
        return failed(
            &target,
            &format!("what would heal it cannot be written down: {error}"),
        );
    }
    lock(changed).insert(link);
    let (ran, ended) = kit.does(errand, &orders.cut, Before::MayNot).await;
    if !ended.began {
        lock(changed).remove(&link);
        kit.ledger.settle(For::Fault(Target::Link(link)));
    }
    ran
}

async fn heal(kit: &Kit, link: Link, changed: &Mutex<BTreeSet<Link>>) -> Ran {
    let target = target(link);
    if !lock(changed).contains(&link) {
        return seen(&target, "that it was not cut".to_owned());
    }
    let Some((errand, orders)) = errand(kit, link, &target, "heal") else {
        return failed(&target, "there is no command for it");
    };
    let ran = kit.undoes(errand, &orders.heal).await;
    if ran.is_proved() || ran.is_attempted() {
        lock(changed).remove(&link);
        kit.ledger.settle(For::Fault(Target::Link(link)));
    }
    ran
}

fn failed(target: &str, why: &str) -> Ran {
    Ran {
        done: false,
        ended: why.to_owned(),
        proof: Proof::None,
        ..seen(target, String::new())
    }
}

impl Links for CommandedLinks {
    fn can(&self) -> &[Need] {
        &self.can
    }

    fn peer_addresses(&self, _: Link) -> &[SocketAddr] {
        &[]
    }

    fn client_addresses(&self, node: NodeId) -> &[SocketAddr] {
        self.clients.get(node.0).map_or(&[], |address| address)
    }

    fn direct_address(&self, _: NodeId) -> Option<SocketAddr> {
        None
    }

    fn set<'a>(&'a self, rule: LinkRule, links: &'a [Link]) -> Doing<'a, Outcome> {
        Box::pin(async move { self.set_rule(rule, links).await.unwrap_or_else(skipped) })
    }

    fn set_clients(&self, _: ClientRule, _: &[NodeId]) -> Outcome {
        skipped("no command stands between nodes and their clients")
    }

    fn record(&self, _: FrameKind, _: u64, _: &[Link]) -> Outcome {
        skipped("what goes over the links is not seen")
    }

    fn inject<'a>(&'a self, _: &'a [Link]) -> Doing<'a, Outcome> {
        Box::pin(async { skipped("nothing was recorded") })
    }

    fn changed(&self) -> (Vec<Link>, Vec<NodeId>) {
        (self.changed_now().iter().copied().collect(), Vec::new())
    }

    fn counters(&self) -> BTreeMap<Link, Traffic> {
        BTreeMap::new()
    }

    fn client_counters(&self) -> BTreeMap<NodeId, Traffic> {
        BTreeMap::new()
    }
}
