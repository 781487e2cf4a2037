//! HTTP, by reqwest: no proxy, no redirect, no second attempt of its own.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use runs::watching::Tell;
use runs::world::Boxed;

use super::{Protocol, Target};
use crate::description::{self, Auth, HttpOperation, Status, TemplateError, Transport, ValueAt};
use crate::error::SystemError;
use crate::http_client::plain;
use crate::meaning::{Came, Told};
use crate::secrets::{SecretError, Secrets, place};
use crate::seen::{NodeSees, RequestSees};
use crate::watches::changes;

/// How long a connection may take to come to be; on this machine only a cut takes longer than milliseconds.
const CONNECT: Duration = Duration::from_secs(1);

/// No answer to an operation is longer; whoever sends on and on is not listened to.
const LONGEST: usize = 1 << 24;

pub(super) struct Http {
    clients: Clients,
    /// Who the client says that it is.
    guard: Option<(HeaderName, HeaderValue)>,
    operations: description::Http,
}

/// Whoever sends requests.
enum Clients {
    Plain(reqwest::Client),
    #[cfg(feature = "tls")]
    Protected(Box<crate::http_client::tls::Protected>),
}

impl Clients {
    /// As the description wants them, for nodes of these names.
    #[cfg_attr(
        not(feature = "tls"),
        expect(unused_variables, reason = "TLS alone needs them")
    )]
    fn new(operations: &description::Http, names: &[String], secrets: &Secrets) -> Result<Self, SystemError> {
        match &operations.tls {
            None => Ok(Clients::Plain(
                plain(CONNECT).build().map_err(SystemError::Client)?,
            )),
            #[cfg(feature = "tls")]
            Some(tls) => {
                let protected = crate::http_client::tls::Protected::new(CONNECT, tls, names, secrets)?;
                Ok(Clients::Protected(Box::new(protected)))
            }
            #[cfg(not(feature = "tls"))]
            Some(_) => {
                let (protocol, feature) = ("HTTP over TLS", "tls");
                Err(SystemError::NotBuilt { protocol, feature })
            }
        }
    }

    /// The client for this node, and what its URLs begin with.
    fn of(&self, target: Target) -> Result<(reqwest::Client, String), reqwest::Error> {
        match self {
            Clients::Plain(client) => Ok((client.clone(), format!("http://{}", target.address))),
            #[cfg(feature = "tls")]
            Clients::Protected(protected) => protected.client(target.node, target.address),
        }
    }
}

/// The header that says who the client is.
fn guard(auth: &Auth, secrets: &Secrets) -> Result<Option<(HeaderName, HeaderValue)>, SystemError> {
    let (name, value, whose) = match (&auth.token, &auth.user) {
        (Some(token), _) => {
            let hidden = secrets.read(token)?;
            match &auth.header {
                Some(header) => (header.as_str(), hidden.reveal().to_owned(), place(token)),
                None => (
                    AUTHORIZATION.as_str(),
                    format!("Bearer {}", hidden.reveal()),
                    place(token),
                ),
            }
        }
        (None, Some(user)) => {
            let password = auth.password.as_ref().map(|password| secrets.read(password));
            let word = secrets.basic(user, password.transpose()?.as_ref());
            let whose = auth.password.as_ref().map_or(String::new(), place);
            (AUTHORIZATION.as_str(), format!("Basic {}", word.reveal()), whose)
        }
        (None, None) => return Ok(None),
    };
    let unfit = || SecretError::Header(whose.clone());
    let mut value = HeaderValue::from_str(&value).map_err(|_| unfit())?;
    value.set_sensitive(true);
    Ok(Some((
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?,
        value,
    )))
}

/// A body of which the description does not say what it is. Many a store takes JSON only if it is told that it is.
fn with_body(request: reqwest::RequestBuilder, body: String) -> reqwest::RequestBuilder {
    match body.trim_start().starts_with(['{', '[']) {
        true => request.header(CONTENT_TYPE, "application/json").body(body),
        false => request.body(body),
    }
}

impl Http {
    pub(super) fn new(
        operations: description::Http,
        names: &[String],
        secrets: &Secrets,
    ) -> Result<Self, SystemError> {
        let guard = match &operations.auth {
            Some(auth) => guard(auth, secrets)?,
            None => None,
        };
        Ok(Http {
            clients: Clients::new(&operations, names, secrets)?,
            guard,
            operations,
        })
    }

    /// A request to a node, which says who the client is.
    fn begin(
        &self,
        target: Target,
        method: Method,
        path: &str,
    ) -> Result<reqwest::RequestBuilder, reqwest::Error> {
        let (client, beginning) = self.clients.of(target)?;
        let request = client.request(method, format!("{beginning}{path}"));
        Ok(match &self.guard {
            Some((name, value)) => request.header(name, value),
            None => request,
        })
    }

    async fn send(&self, request: Result<reqwest::RequestBuilder, Unsent>, limit: Duration) -> Came {
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
        let (status, mut waiting, mut looked_at) = (stream.status(), Vec::new(), 0);
        loop {
            let chunk = tokio::time::timeout(idle, stream.chunk()).await.map_err(silent)?;
            let Some(chunk) = chunk.map_err(|error| in_full(&error))? else {
                return Err("it ended".to_owned());
            };
            waiting.extend_from_slice(&chunk);
            if waiting.len() > LONGEST {
                return Err(format!("a message of more than {LONGEST} bytes"));
            }
            while let Some(end) = waiting[looked_at..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = waiting.drain(..=looked_at + end).collect();
                looked_at = 0;
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if !line.is_empty() {
                    tell(changes(answer, &Told::new(status.as_u16(), line))?);
                }
            }
            looked_at = waiting.len();
        }
    }

    fn request(
        &self,
        target: Target,
        operation: &HttpOperation,
        sees: &impl serde::Serialize,
    ) -> Result<reqwest::RequestBuilder, Unsent> {
        let path = operation.path.render(sees)?;
        let mut request = self.begin(target, method(operation.method.as_deref()), &path)?;
        for (name, value) in &operation.headers {
            request = request.header(name, value.render(sees)?);
        }
        let names = |name: &&String| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str());
        let is_told = operation.headers.keys().any(|name| names(&name));
        match &operation.body {
            Some(body) if is_told => Ok(request.body(body.render(sees)?)),
            Some(body) => Ok(with_body(request, body.render(sees)?)),
            None => Ok(request),
        }
    }
}

/// Why a request was not sent.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    /// It could not be written.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// There is nobody to send it.
    #[error("there is no client: {0}")]
    Client(#[from] reqwest::Error),
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
            self.send(self.request(target, operation, request), target.timeout)
                .await
        })
    }

    fn watch<'a>(&'a self, target: Target, request: &'a RequestSees, tell: Tell<'a>) -> Boxed<'a, String> {
        Box::pin(async move {
            let Some(operation) = self.operations.get(request.word(), request.part()) else {
                return "nothing can be watched here".to_owned();
            };
            let asked = match self.request(target, operation, request) {
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
            self.send(self.request(target, operation, node), target.timeout)
                .await
        })
    }

    fn status<'a>(&'a self, target: Target, status: &'a Status, node: &'a NodeSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            let request = || {
                let path = status.path.as_ref().map(|path| path.render(node)).transpose()?;
                let method = method(status.method.as_deref());
                let request = self.begin(target, method, &path.unwrap_or_default())?;
                match &status.body {
                    Some(body) => Ok(with_body(request, body.render(node)?)),
                    None => Ok(request),
                }
            };
            self.send(request(), target.timeout).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_json_is_said_to_be_so() {
        let client = plain(CONNECT).build().unwrap();
        let said = |body: &str| {
            let request = with_body(client.post("http://127.0.0.1/"), body.to_owned());
            let request = request.build().unwrap();
            let kind = request.headers().get(CONTENT_TYPE);
            kind.map(|kind| kind.to_str().unwrap().to_owned())
        };
        assert_eq!(said(" {\"key\":1}").as_deref(), Some("application/json"));
        assert_eq!(said("[1]").as_deref(), Some("application/json"));
        assert_eq!(said("key=1"), None);
    }
}
