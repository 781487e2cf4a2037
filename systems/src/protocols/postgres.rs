//! PostgreSQL's protocol, by the crate tokio-postgres, in its simple form: SQL goes there, and texts come back. A transaction is a
//! state of its connection, so a request has a connection to itself: one that nobody uses, or a new one. One that was lost, or
//! from which no answer came in time, is given up, and nothing is sent twice.

use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use runs::world::Boxed;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

use super::{Protocol, Target};
use crate::commands;
use crate::description::{self, PostgresOperation, Sql, Status, Template, TemplateError, Transport, ValueAt};
use crate::error::SystemError;
use crate::meaning::{Came, Told};
use crate::secrets::Secrets;
use crate::seen::{NodeSees, RequestSees};

/// Who the client is, and the database that it uses, where the description does not say: there since `initdb`.
const DEFAULT: &str = "postgres";

pub(super) struct Postgres {
    operations: description::Postgres,
    /// Who the client says that it is.
    config: Config,
    idle: Mutex<HashMap<SocketAddr, Vec<Connection>>>,
}

/// A connection with whoever reads and writes it. Both end at once, whatever the server has still to say.
struct Connection {
    client: Client,
    carrying: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// What can be sent.
enum Ask {
    Text(String),
    Transaction { begin: String, statements: Vec<String> },
}

impl Ask {
    fn of(operation: &PostgresOperation, sees: &impl Serialize) -> Result<Self, TemplateError> {
        let statements = match &operation.sql {
            Sql::Text(text) => return text.render(sees).map(Ask::Text),
            Sql::Statements(statements) => commands::words(statements, sees)?,
        };
        let level = operation.isolation.as_ref().map(|level| level.render(sees));
        let begin = match level.transpose()? {
            Some(level) => format!("BEGIN ISOLATION LEVEL {level}"),
            None => "BEGIN".to_owned(),
        };
        Ok(Ask::Transaction { begin, statements })
    }

    /// What the server answers to it.
    async fn put(&self, client: &Client) -> Result<Value, Error> {
        let (begin, statements) = match self {
            Ask::Text(text) => return Ok(as_json(&client.simple_query(text).await?)),
            Ask::Transaction { begin, statements } => (begin, statements),
        };
        client.batch_execute(begin).await?;
        let mut answers = Vec::with_capacity(statements.len());
        for statement in statements {
            answers.push(as_json(&client.simple_query(statement).await?));
        }
        client.batch_execute("COMMIT").await?;
        Ok(answers.into())
    }
}

impl Postgres {
    pub(super) fn new(operations: description::Postgres, secrets: &Secrets) -> Result<Self, SystemError> {
        let auth = operations.auth.clone().unwrap_or_default();
        let mut config = Config::new();
        config
            .user(auth.user.as_deref().unwrap_or(DEFAULT))
            .dbname(operations.database.as_deref().unwrap_or(DEFAULT))
            .application_name("harness");
        if let Some(password) = &auth.password {
            config.password(secrets.read(password)?.reveal());
        }
        Ok(Postgres {
            operations,
            config,
            idle: Mutex::default(),
        })
    }

    async fn send(&self, target: Target, ask: Result<Ask, TemplateError>) -> Came {
        let end = Instant::now() + target.timeout;
        let ask = match ask {
            Ok(ask) => ask,
            // What could not be written was not sent.
            Err(error) => return Came::nothing(Transport::NoConnection, error),
        };
        let connection = match timeout_at(end, self.connection(target.address)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(why)) => return Came::nothing(Transport::NoConnection, why),
            Err(_) => return Came::nothing(Transport::NoConnection, "no connection in time"),
        };
        let came = match timeout_at(end, ask.put(&connection.client)).await {
            Ok(Ok(answer)) => told(answer),
            Ok(Err(error)) => {
                let undone = timeout_at(end, connection.client.batch_execute("ROLLBACK"));
                return match undone.await {
                    Ok(Ok(())) => self.done(target.address, connection, refused(&error)),
                    // Its end is a rollback, too.
                    _ => refused(&error),
                };
            }
            Err(_) => return Came::nothing(Transport::Timeout, "no answer in time"),
        };
        self.done(target.address, connection, came)
    }

    /// A connection that is nobody's, and in no transaction; or why there is none.
    async fn connection(&self, address: SocketAddr) -> Result<Connection, String> {
        while let Some(idle) = self.take(address) {
            if !idle.client.is_closed() {
                return Ok(idle);
            }
        }
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let made = self.config.connect_raw(stream, NoTls).await;
        let (client, carried) = made.map_err(|error| in_words(&error))?;
        // How it ends is told to whoever waits for an answer.
        let carrying = tokio::spawn(async { drop(carried.await) });
        Ok(Connection { client, carrying })
    }

    fn take(&self, address: SocketAddr) -> Option<Connection> {
        self.lock().get_mut(&address)?.pop()
    }

    /// Nobody uses the connection any more.
    fn done(&self, address: SocketAddr, connection: Connection, came: Came) -> Came {
        self.lock().entry(address).or_default().push(connection);
        came
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to one message: what its statements have found, and how many rows they told or changed.
fn as_json(messages: &[SimpleQueryMessage]) -> Value {
    let (mut rows, mut affected) = (Vec::new(), 0);
    for message in messages {
        match message {
            SimpleQueryMessage::Row(found) => {
                let names = found.columns().iter().map(|column| column.name());
                rows.push(row(names.enumerate().map(|(at, name)| (name, found.get(at)))));
            }
            SimpleQueryMessage::CommandComplete(count) => affected += count,
            _ => {}
        }
    }
    json!({ "rows": rows, "affected": affected })
}

/// A row as an object. In the protocol's simple form every value is a text, or none where SQL has NULL.
fn row<'a>(cells: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Value {
    let cells = cells.map(|(name, cell)| (name.to_owned(), cell.into()));
    Value::Object(cells.collect::<Map<_, _>>())
}

fn told(json: Value) -> Came {
    Came::Answer(Told {
        status: "OK".into(),
        text: json.to_string(),
        json,
        is_error: false,
    })
}

/// An error of the server's: its SQLSTATE is its status. Everything else is the loss of the connection.
fn refused(error: &Error) -> Came {
    if let Some(error) = error.as_db_error() {
        return Came::Answer(Told {
            status: error.code().code().into(),
            text: error.message().to_owned(),
            json: Value::Null,
            is_error: true,
        });
    }
    let of_stream = error.source().is_some_and(|source| source.is::<io::Error>());
    match error.is_closed() || of_stream {
        true => Came::nothing(Transport::Closed, in_words(error)),
        false => Came::nothing(Transport::Garbage, in_words(error)),
    }
}

/// The crate's errors tell of their kind alone; what it was stands behind them.
fn in_words(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(error), _) => format!("{} {}", error.code().code(), error.message()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

impl Protocol for Postgres {
    fn answer(&self, request: &RequestSees) -> &ValueAt {
        self.operations.answer(request.word(), request.part())
    }

    fn ask<'a>(&'a self, target: Target, request: &'a RequestSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            match self.operations.get(request.word(), request.part()) {
                Some(operation) => self.send(target, Ask::of(operation, request)).await,
                None => Came::not_offered(),
            }
        })
    }

    fn init<'a>(
        &'a self,
        target: Target,
        request: description::Request<'a>,
        node: &'a NodeSees,
    ) -> Boxed<'a, Came> {
        Box::pin(async move {
            match request {
                description::Request::Postgres(operation) => {
                    self.send(target, Ask::of(operation, node)).await
                }
                _ => Came::not_offered(),
            }
        })
    }

    fn status<'a>(&'a self, target: Target, status: &'a Status, node: &'a NodeSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            let text = status.sql.as_ref().map(|sql: &Template| sql.render(node));
            match text {
                Some(text) => self.send(target, text.map(Ask::Text)).await,
                None => Came::not_offered(),
            }
        })
    }
}

#[cfg(test)]
mod tests;
