//! Redis' protocol, by the crate redis: one connection a node, which is made anew after it was lost; a command is sent once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::AsyncConnectionConfig as Config;
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, ErrorKind, IntoConnectionInfo, RedisConnectionInfo, RedisError};
use runs::world::Boxed;
use serde_json::json;

use super::{Protocol, Target};
use crate::description::{self, Status, Template, TemplateError, Transport, ValueAt};
use crate::error::SystemError;
use crate::meaning::{Came, Told};
use crate::secrets::{Hidden, Secrets};
use crate::seen::{NodeSees, RequestSees};

pub(super) struct Redis {
    operations: description::Redis,
    /// Who the client says that it is.
    user: Option<String>,
    password: Option<Hidden>,
    connections: Mutex<HashMap<std::net::SocketAddr, MultiplexedConnection>>,
}

impl Redis {
    pub(super) fn new(operations: description::Redis, secrets: &Secrets) -> Result<Self, SystemError> {
        let auth = operations.auth.clone().unwrap_or_default();
        let password = auth.password.as_ref().map(|password| secrets.read(password));
        Ok(Redis {
            operations,
            user: auth.user,
            password: password.transpose()?,
            connections: Mutex::default(),
        })
    }

    /// What a connection begins with.
    fn introduction(&self) -> RedisConnectionInfo {
        let mut info = RedisConnectionInfo::default();
        if let Some(user) = &self.user {
            info = info.set_username(user);
        }
        match &self.password {
            Some(password) => info.set_password(password.reveal()),
            None => info,
        }
    }

    async fn send(&self, target: Target, command: Result<Cmd, TemplateError>) -> Came {
        let command = match command {
            Ok(command) => command,
            Err(error) => return Came::nothing(Transport::NoConnection, error),
        };
        let mut connection = match self.connection(target).await {
            Ok(connection) => connection,
            Err(error) => return Came::nothing(Transport::NoConnection, error),
        };
        let answered = tokio::time::timeout(target.timeout, connection.send_packed_command(&command));
        match answered.await {
            Err(_) => Came::nothing(Transport::Timeout, "no answer in time"),
            Ok(Ok(value)) => told(&value),
            Ok(Err(error)) => {
                if error.is_unrecoverable_error() {
                    self.forget(target);
                }
                lost(&error)
            }
        }
    }

    async fn connection(&self, target: Target) -> Result<MultiplexedConnection, RedisError> {
        if let Some(known) = self.lock().get(&target.address) {
            return Ok(known.clone());
        }
        let info = format!("redis://{}/", target.address).into_connection_info()?;
        let client = Client::open(info.set_redis_settings(self.introduction()))?;
        let config = Config::new()
            .set_connection_timeout(Some(target.timeout))
            // Each command has a limit of its own.
            .set_response_timeout(Some(Duration::from_secs(3600)));
        let made = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        self.lock().insert(target.address, made.clone());
        Ok(made)
    }

    fn forget(&self, target: Target) {
        self.lock().remove(&target.address);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<std::net::SocketAddr, MultiplexedConnection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn command(words: &[Template], sees: &impl serde::Serialize) -> Result<Cmd, TemplateError> {
    let mut command = Cmd::new();
    for word in words {
        command.arg(word.render(sees)?);
    }
    Ok(command)
}

fn told(value: &redis::Value) -> Came {
    if let redis::Value::ServerError(error) = value {
        return refused(error.code(), error.details().unwrap_or_default());
    }
    let json = as_json(value);
    Came::Answer(Told {
        status: "OK".into(),
        text: json.as_str().map_or_else(|| json.to_string(), str::to_owned),
        json,
        is_error: false,
    })
}

fn as_json(value: &redis::Value) -> serde_json::Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match value {
        redis::Value::Int(number) => json!(number),
        redis::Value::BulkString(bytes) => json!(text(bytes)),
        redis::Value::SimpleString(text) => json!(text),
        redis::Value::Okay => json!("OK"),
        redis::Value::Boolean(truth) => json!(truth),
        redis::Value::Double(number) => json!(number),
        redis::Value::Array(values) | redis::Value::Set(values) => values.iter().map(as_json).collect(),
        _ => serde_json::Value::Null,
    }
}

/// An error of the server's: its first word is its status.
fn refused(code: &str, details: &str) -> Came {
    Came::Answer(Told {
        status: code.into(),
        text: details.to_owned(),
        json: serde_json::Value::Null,
        is_error: true,
    })
}

fn lost(error: &RedisError) -> Came {
    if let Some(code) = error.code() {
        return refused(code, error.detail().unwrap_or_default());
    }
    match error.kind() {
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Came::nothing(Transport::Garbage, error),
        _ if error.is_timeout() => Came::nothing(Transport::Timeout, error),
        _ => Came::nothing(Transport::Closed, error),
    }
}

impl Protocol for Redis {
    fn answer(&self, request: &RequestSees) -> &ValueAt {
        self.operations.answer(request.word(), request.part())
    }

    fn ask<'a>(&'a self, target: Target, request: &'a RequestSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            match self.operations.get(request.word(), request.part()) {
                Some(operation) => self.send(target, command(&operation.command, request)).await,
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
                description::Request::Redis(operation) => {
                    self.send(target, command(&operation.command, node)).await
                }
                _ => Came::not_offered(),
            }
        })
    }

    fn status<'a>(&'a self, target: Target, status: &'a Status, node: &'a NodeSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            let words = status.command.as_deref().unwrap_or_default();
            self.send(target, command(words, node)).await
        })
    }
}
