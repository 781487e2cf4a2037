//! What is done once, when the nodes of a cluster run and before anybody asks them anything.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answers::Value;
use super::client::{Asked, Client, HttpOperation, NatsOperation, RedisOperation};
use super::postgres::PostgresOperation;
use super::span::Span;

/// A step that makes a cluster of nodes that run, or what the operations need: a bucket, a table, an account. It is asked of
/// node after node until one says that it is done, so it has to bear being asked twice.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Init {
    /// A request of HTTP.
    pub http: Option<HttpOperation>,
    /// A request of NATS.
    pub nats: Option<NatsOperation>,
    /// SQL for PostgreSQL.
    pub postgres: Option<PostgresOperation>,
    /// A command of Redis.
    pub redis: Option<RedisOperation>,
    /// How long it may take until it is done; 30 s, if nothing is said.
    pub within: Option<Span>,
}

/// A request of one protocol.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Of HTTP.
    Http(&'a HttpOperation),
    /// Of NATS.
    Nats(&'a NatsOperation),
    /// Of PostgreSQL.
    Postgres(&'a PostgresOperation),
    /// Of Redis.
    Redis(&'a RedisOperation),
}

impl Request<'_> {
    /// How its answer is read.
    pub(crate) fn answer(&self) -> &Value {
        match self {
            Request::Http(request) => request.answer(),
            Request::Nats(request) => request.answer(),
            Request::Postgres(request) => request.answer(),
            Request::Redis(request) => request.answer(),
        }
    }

    /// Whether this client can ask for it.
    pub(crate) fn is_for(&self, client: &Client) -> bool {
        matches!(
            (self, client),
            (Request::Http(_), Client::Http(_))
                | (Request::Nats(_), Client::Nats(_))
                | (Request::Postgres(_), Client::Postgres(_))
                | (Request::Redis(_), Client::Redis(_))
        )
    }
}

impl Init {
    /// The request; none where there is not exactly one.
    pub(crate) fn request(&self) -> Option<Request<'_>> {
        let http = self.http.iter().map(Request::Http);
        let nats = self.nats.iter().map(Request::Nats);
        let postgres = self.postgres.iter().map(Request::Postgres);
        let redis = self.redis.iter().map(Request::Redis);
        let mut all = http.chain(nats).chain(postgres).chain(redis);
        all.next().filter(|_| all.next().is_none())
    }
}
