//! HTTP, by reqwest: no proxy, no redirect, no second attempt of its own.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Method;
use reqwest::redirect::Policy;
use runs::watching::Tell;
use runs::world::Boxed;

use super::{Protocol, Target};
use crate::description::{self, HttpOperation, Status, TemplateError, Transport, ValueAt};
use crate::error::SystemError;
use crate::meaning::{Came, Told};
use crate::seen::{NodeSees, RequestSees};
use crate::watches::changes;

/// How long a connection may take to come to be; on this machine only a cut takes longer than milliseconds.
const CONNECT: Duration = Duration::from_secs(1);

/// No answer to an operation is longer; whoever sends on and on is not listened to.
const LONGEST: usize = 1 << 24;

pub(super) struct Http {
    client: reqwest::Client,
    operations: description::Http,
}

impl Http {
    pub(super) fn new(operations: description::Http) -> Result<Self, SystemError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .connect_timeout(CONNECT)
            .build()
            .map_err(SystemError::Client)?;
        Ok(Http { client, operations })
    }

    async fn send(&self, request: Result<reqwest::RequestBuilder, TemplateError>, limit: Duration) -> Came {
        let request = match request {
            Ok(request) => request.timeout(limit),
            // What could not be written was not sent.
            Err(error) => return Came::nothing(Transport::NoConnection, error),
        };
        let answered = async {
            let mut answer = request.send().await?;
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                body.extend_from_slice(&chunk);
                if body.len() > LONGEST {
                    return Ok(None);
                }
            }
            Ok(Some((answer.status(), body)))
        };
        match answered.await {
            Ok(Some((status, body))) => Came::Answer(Told {
                is_error: !status.is_success(),
                ..Told::new(status.as_u16(), String::from_utf8_lossy(&body).into_owned())
            }),
            Ok(None) => Came::nothing(
                Transport::Garbage,
                format!("an answer of more than {LONGEST} bytes"),
            ),
            Err(error) => lost(&error),
        }
    }

    /// A message a line, until the answer ends, is none, or is silent for too long.
    async fn listen(
        &self,
        request: reqwest::RequestBuilder,
        answer: &ValueAt,
        idle: Duration,
        tell: Tell<'_>,
    ) -> Result<(), String> {
        let silent = |_| "it was silent for too long".to_owned();
        let begun = tokio::time::timeout(idle, request.send()).await.map_err(silent)?;
        let mut stream = begun.map_err(|error| in_full(&error))?;
        let (status, mut waiting) = (stream.status(), Vec::new());
        loop {
            let chunk = tokio::time::timeout(idle, stream.chunk()).await.map_err(silent)?;
            let Some(chunk) = chunk.map_err(|error| in_full(&error))? else {
                return Err("it ended".to_owned());
            };
            waiting.extend_from_slice(&chunk);
            if waiting.len() > LONGEST {
                return Err(format!("a message of more than {LONGEST} bytes"));
            }
            while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = waiting.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if !line.is_empty() {
                    tell(changes(answer, &Told::new(status.as_u16(), line))?);
                }
            }
        }
    }

    fn request(
        &self,
        address: SocketAddr,
        operation: &HttpOperation,
        sees: &impl serde::Serialize,
    ) -> Result<reqwest::RequestBuilder, TemplateError> {
        let path = operation.path.render(sees)?;
        let mut request = self.client.request(
            method(operation.method.as_deref()),
            format!("http://{address}{path}"),
        );
        for (name, value) in &operation.headers {
            request = request.header(name, value.render(sees)?);
        }
        match &operation.body {
            Some(body) => Ok(request.body(body.render(sees)?)),
            None => Ok(request),
        }
    }
}

fn method(name: Option<&str>) -> Method {
    name.and_then(|name| Method::from_bytes(name.as_bytes()).ok())
        .unwrap_or(Method::GET)
}

fn lost(error: &reqwest::Error) -> Came {
    let transport = match error {
        error if error.is_connect() => Transport::NoConnection,
        error if error.is_timeout() => Transport::Timeout,
        error if error.is_builder() => Transport::NoConnection,
        error if is_broken(error) => Transport::Closed,
        _ => Transport::Garbage,
    };
    Came::nothing(transport, in_full(error))
}

/// Whether the connection ended, rather than that what came on it was not HTTP.
fn is_broken(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some() || error.to_string().contains("connection closed") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error with its causes.
fn in_full(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Protocol for Http {
    fn answer(&self, request: &RequestSees) -> &ValueAt {
        self.operations.answer(request.word(), request.part())
    }

    fn ask<'a>(&'a self, target: Target, request: &'a RequestSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            let Some(operation) = self.operations.get(request.word(), request.part()) else {
                return Came::not_offered();
            };
            self.send(self.request(target.address, operation, request), target.timeout)
                .await
        })
    }

    fn watch<'a>(&'a self, target: Target, request: &'a RequestSees, tell: Tell<'a>) -> Boxed<'a, String> {
        Box::pin(async move {
            let Some(operation) = self.operations.get(request.word(), request.part()) else {
                return "nothing can be watched here".to_owned();
            };
            let asked = match self.request(target.address, operation, request) {
                Ok(asked) => asked,
                Err(error) => return error.to_string(),
            };
            let heard = self.listen(asked, &operation.answer, target.timeout, tell).await;
            heard.err().unwrap_or_default()
        })
    }

    fn init<'a>(
        &'a self,
        target: Target,
        request: description::Request<'a>,
        node: &'a NodeSees,
    ) -> Boxed<'a, Came> {
        Box::pin(async move {
            let description::Request::Http(operation) = request else {
                return Came::not_offered();
            };
            self.send(self.request(target.address, operation, node), target.timeout)
                .await
        })
    }

    fn status<'a>(&'a self, target: Target, status: &'a Status, node: &'a NodeSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            let request = || {
                let path = status.path.as_ref().map(|path| path.render(node)).transpose()?;
                let url = format!("http://{}{}", target.address, path.unwrap_or_default());
                let request = self.client.request(method(status.method.as_deref()), url);
                match &status.body {
                    Some(body) => Ok(request.body(body.render(node)?)),
                    None => Ok(request),
                }
            };
            self.send(request(), target.timeout).await
        })
    }
}
