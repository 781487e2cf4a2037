//! Hands for nodes that are elsewhere: commands reach them, and in the end nothing is left behind there either.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::clock::Clock;
use super::commanded::{CommandedNode, Told};
use super::commanded_links::CommandedLinks;
use super::ledger::Debt;
use super::life::Life;
use super::orders::Reached;
use super::{Hands, HandsError, Led, Owned};
use crate::effect::{Effect, LinkRule, NodeId};
use crate::view::ProcessState;

impl Hands {
    /// Hands for nodes that are reached here; they do nothing before they are [told](Hands::instruct) how.
    pub(super) async fn commanding(reached: &Reached, clock: Clock) -> Result<Hands, HandsError> {
        let told = Told::new(OnceLock::new());
        let (mut nodes, mut clients): (Vec<Arc<dyn Life>>, _) = (Vec::new(), Vec::new());
        for (node, client) in NodeId::all(reached.clients.len()).zip(&reached.clients) {
            let address = found(node, client).await?;
            nodes.push(Arc::new(CommandedNode::new(node, address, Arc::clone(&told))));
            clients.push(address);
        }
        // Nobody watches these nodes: what ends by itself is seen by its clients, and at the end.
        let (tell, unexpected) = mpsc::unbounded_channel();
        Ok(Hands {
            owned: Arc::new(Owned {
                clock,
                nodes,
                links: Box::new(CommandedLinks::new(&clients, &reached.can, Arc::clone(&told))),
                led: Led::Commands(told),
                messages: None,
                has_namespaces: false,
                unexpected: Mutex::new(unexpected),
                _tell: tell,
            }),
        })
    }

    /// Whatever happened, leave nothing behind: every process is killed; what was done by commands is undone, and what they have
    /// started is stopped. Tells what is owed even so: each is a command that a person has to have done.
    pub async fn leave(&self) -> Vec<Debt> {
        self.kill_all_now();
        if let Led::Commands(told) = &self.owned.led
            && let Some(kit) = told.get()
        {
            // Whoever is at the links has done with them when this is: nothing is cut any more.
            self.apply(&Effect::links(LinkRule::Pass, [])).await;
            let (links, _) = self.owned.links.changed();
            if !links.is_empty() {
                self.apply(&Effect::links(LinkRule::Pass, links)).await;
            }
            let mut left = JoinSet::new();
            for node in &self.owned.nodes {
                let (hands, node, stops) = (self.clone(), Arc::clone(node), kit.orders.starts_nodes);
                left.spawn(async move {
                    if node.starts() > 0 && !(stops && node.state() == ProcessState::Down) {
                        hands.revive(&*node).await;
                    }
                    node.stop(Duration::ZERO).await
                });
            }
            left.join_all().await;
        }
        self.debts()
    }

    /// What is owed to a cluster that is led by commands: what undoes every fault that is in force.
    pub fn debts(&self) -> Vec<Debt> {
        match &self.owned.led {
            Led::Processes(_) => Vec::new(),
            Led::Commands(told) => told.get().map_or_else(Vec::new, |kit| kit.debts()),
        }
    }
}

/// Where clients reach a node.
async fn found(node: NodeId, client: &str) -> Result<SocketAddr, HandsError> {
    let nowhere = |why: String| HandsError::Nowhere {
        node,
        client: client.to_owned(),
        why,
    };
    let mut found = tokio::net::lookup_host(client)
        .await
        .map_err(|error| nowhere(error.to_string()))?;
    found
        .next()
        .ok_or_else(|| nowhere("it has no address".to_owned()))
}
