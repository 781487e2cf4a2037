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
    changed: Mutex<BTreeSet<Link>>,
    /// One rule is set at a time: what heals sees what was cut.
    turn: tokio::sync::Mutex<()>,
}

impl CommandedLinks {
    pub(super) fn new(clients: &[SocketAddr], can: &[Need], told: Told) -> Self {
        CommandedLinks {
            clients: clients.iter().map(|client| [*client]).collect(),
            can: can.to_vec(),
            told,
            changed: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    fn changed_now(&self) -> MutexGuard<'_, BTreeSet<Link>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
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
        // What was cut before is still cut where the command does not begin.
        let was_changed = self.changed_now().clone();
        if cuts {
            self.owe(kit, links)?;
        }
        let (at_once, mut doing) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
        for (at, link) in links.iter().copied().enumerate() {
            let (kit, at_once, was_changed) =
                (kit.clone(), Arc::clone(&at_once), was_changed.contains(&link));
            doing.spawn(async move {
                let _place = at_once.acquire().await;
                let (ran, is_whole) = match cuts {
                    true => cut(&kit, link, was_changed).await,
                    false if was_changed => heal(&kit, link).await,
                    false => (seen(&target(link), "that it was not cut".to_owned()), true),
                };
                (at, ran, is_whole)
            });
        }
        let mut done = doing.join_all().await;
        done.sort_by_key(|(at, ..)| *at);
        let whole = done.iter().filter(|(.., is_whole)| *is_whole);
        let whole: Vec<Link> = whole.map(|(at, ..)| links[*at]).collect();
        self.changed_now().retain(|link| !whole.contains(link));
        kit.ledger.settle_all(whole.into_iter().map(of));
        Ok(outcome(done.into_iter().map(|(_, ran, _)| ran).collect(), begun))
    }

    /// What heals them is written down before any of them is cut.
    fn owe(&self, kit: &Kit, links: &[Link]) -> Result<(), String> {
        let debts = links.iter().filter_map(|link| {
            let debt = Debt {
                because: format!("{}: cut", target(*link)),
                undo: kit.orders.links.get(link)?.heal.order.to_string(),
            };
            Some((of(*link), debt))
        });
        let owed = kit.ledger.owe(debts);
        owed.map_err(|error| format!("what would heal them cannot be written down: {error}"))?;
        self.changed_now().extend(links);
        Ok(())
    }
}

fn of(link: Link) -> For {
    For::Fault(Target::Link(link))
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
        is_of_node: false,
        answers,
    };
    Some((errand, kit.orders.links.get(&link)?))
}

/// Tells whether the link is as it was, too: no command has begun.
async fn cut(kit: &Kit, link: Link, was_changed: bool) -> (Ran, bool) {
    let target = target(link);
    let Some((errand, orders)) = errand(kit, link, &target, "cut") else {
        return (failed(&target, "there is no command for it"), !was_changed);
    };
    let (ran, ended) = kit.does(errand, &orders.cut, Before::MayNot).await;
    (ran, !ended.began && !was_changed)
}

/// Tells whether the link is whole again, too, as far as anybody can say.
async fn heal(kit: &Kit, link: Link) -> (Ran, bool) {
    let target = target(link);
    let Some((errand, orders)) = errand(kit, link, &target, "heal") else {
        return (failed(&target, "there is no command for it"), false);
    };
    let ran = kit.undoes(errand, &orders.heal).await.ran;
    let is_whole = ran.is_proved() || ran.is_attempted();
    (ran, is_whole)
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
