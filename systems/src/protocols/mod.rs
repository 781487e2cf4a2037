//! The protocols that clients of described systems speak, one file each: a request goes in, what came back comes out. What
//! it means is decided by [`crate::meaning`].

pub(crate) mod adapter;
mod http;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "postgres")]
mod postgres;
mod redis;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nemesis::NodeId;
use runs::watching::Tell;
use runs::world::Boxed;

use crate::description::{self, Client, Status, ValueAt};
use crate::error::SystemError;
use crate::meaning::Came;
use crate::secrets::Secrets;
use crate::seen::{NodeSees, RequestSees};

/// Where a node is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) node: NodeId,
    /// What a client dials.
    pub(crate) address: SocketAddr,
    /// How long it waits for an answer.
    pub(crate) timeout: Duration,
}

/// A protocol, with a system's requests.
pub(crate) trait Protocol: Send + Sync {
    /// How an answer to this request is read.
    fn answer(&self, request: &RequestSees) -> &ValueAt;

    /// Ask for an operation.
    fn ask<'a>(&'a self, target: Target, request: &'a RequestSees) -> Boxed<'a, Came>;

    /// Ask for a watch, and tell what it is told, until it is lost: why it was. The target's timeout is how long it may be
    /// silent.
    fn watch<'a>(&'a self, _target: Target, _request: &'a RequestSees, _tell: Tell<'a>) -> Boxed<'a, String> {
        Box::pin(std::future::ready("nothing can be watched here".to_owned()))
    }

    /// Ask for what is done once.
    fn init<'a>(
        &'a self,
        target: Target,
        request: description::Request<'a>,
        node: &'a NodeSees,
    ) -> Boxed<'a, Came>;

    /// Ask a node how it stands.
    fn status<'a>(&'a self, target: Target, status: &'a Status, node: &'a NodeSees) -> Boxed<'a, Came>;

    /// Why nothing that it says counts, if so: what stands between the harness and the system is broken, not the system.
    fn broken(&self) -> Option<String> {
        None
    }
}

/// The client of a system, whose nodes' certificates are for these names.
pub(crate) fn of(
    client: &Client,
    me: &NodeSees,
    names: &[String],
    secrets: &Secrets,
) -> Result<Arc<dyn Protocol>, SystemError> {
    Ok(match client {
        Client::Http(operations) => Arc::new(http::Http::new((**operations).clone(), names, secrets)?),
        #[cfg(feature = "nats")]
        Client::Nats(operations) => Arc::new(nats::Nats::new((**operations).clone(), secrets)?),
        #[cfg(not(feature = "nats"))]
        Client::Nats(_) => {
            return Err(SystemError::NotBuilt {
                protocol: "NATS",
                feature: "nats",
            });
        }
        #[cfg(feature = "postgres")]
        Client::Postgres(operations) => Arc::new(postgres::Postgres::new((**operations).clone(), secrets)?),
        #[cfg(not(feature = "postgres"))]
        Client::Postgres(_) => {
            return Err(SystemError::NotBuilt {
                protocol: "PostgreSQL",
                feature: "postgres",
            });
        }
        Client::Redis(operations) => Arc::new(redis::Redis::new((**operations).clone(), secrets)?),
        Client::Adapter(adapter) => Arc::new(adapter::Adapter::new(adapter, me)?),
    })
}
