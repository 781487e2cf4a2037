//! NATS, by the crate async-nats: one connection a node, to that node alone, which is made anew after it was lost; a request is
//! sent once. The crate itself would connect again by itself, and keep its requests until then: whoever waits for an answer
//! over a connection that was lost is told so at once instead, and the client is given up.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_nats::{
    Client, ConnectError, ConnectOptions, Event, HeaderMap, Message, RequestError, RequestErrorKind,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use runs::world::Boxed;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{Protocol, Target};
use crate::description::{self, NatsOperation, Status, TemplateError, Transport, ValueAt};
use crate::error::SystemError;
use crate::meaning::{Came, Told};
use crate::secrets::{Hidden, Secrets};
use crate::seen::{NodeSees, RequestSees};

/// The status of a message that has none. Those of JetStream are like HTTP's.
const OK: u16 = 200;
/// Nobody has subscribed to the subject.
const NO_RESPONDERS: u16 = 503;

pub(super) struct Nats {
    operations: description::Nats,
    /// Who the client says that it is.
    token: Option<Hidden>,
    user: Option<(String, Hidden)>,
    connections: Mutex<HashMap<SocketAddr, Connection>>,
}

#[derive(Clone)]
struct Connection {
    client: Client,
    /// True from the moment at which the server closed the connection.
    lost: watch::Receiver<bool>,
}

/// A request that can be sent.
struct Ask {
    subject: String,
    headers: HeaderMap,
    body: String,
}

impl Ask {
    fn of(operation: &NatsOperation, sees: &impl Serialize) -> Result<Self, TemplateError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &operation.headers {
            headers.insert(name.as_str(), value.render(sees)?);
        }
        let body = operation.body.as_ref().map(|body| body.render(sees));
        Ok(Ask {
            subject: operation.subject.render(sees)?,
            headers,
            body: body.transpose()?.unwrap_or_default(),
        })
    }
}

impl Nats {
    pub(super) fn new(operations: description::Nats, secrets: &Secrets) -> Result<Self, SystemError> {
        let auth = operations.auth.clone().unwrap_or_default();
        let token = auth.token.as_ref().map(|token| secrets.read(token));
        let user = match (auth.user, &auth.password) {
            (Some(user), Some(password)) => Some((user, secrets.read(password)?)),
            _ => None,
        };
        Ok(Nats {
            operations,
            token: token.transpose()?,
            user,
            connections: Mutex::default(),
        })
    }

    /// What a connection begins with.
    fn introduction(&self) -> ConnectOptions {
        match (&self.token, &self.user) {
            (Some(token), _) => ConnectOptions::with_token(token.reveal().to_owned()),
            (None, Some((user, password))) => {
                ConnectOptions::with_user_and_password(user.clone(), password.reveal().to_owned())
            }
            (None, None) => ConnectOptions::new(),
        }
    }

    /// Ask once, and wait no longer than until `end`.
    async fn send(&self, target: Target, end: Instant, ask: Result<Ask, TemplateError>) -> Came {
        let ask = match ask {
            Ok(ask) => ask,
            // What could not be written was not sent.
            Err(error) => return Came::nothing(Transport::NoConnection, error),
        };
        let Connection { client, mut lost } = match timeout_at(end, self.connection(target)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Came::nothing(Transport::NoConnection, error),
            Err(_) => return Came::nothing(Transport::NoConnection, "no connection in time"),
        };
        let answered = client.request_with_headers(ask.subject, ask.headers, ask.body.into());
        tokio::select! {
            answered = timeout_at(end, answered) => match answered {
                Ok(Ok(message)) => Came::Answer(told(&message)),
                Ok(Err(error)) => refused(&error),
                Err(_) => Came::nothing(Transport::Timeout, "no answer in time"),
            },
            _ = lost.wait_for(|lost| *lost) => Came::nothing(Transport::Closed, "the connection was lost"),
        }
    }

    async fn connection(&self, target: Target) -> Result<Connection, ConnectError> {
        let known = self.lock().get(&target.address).cloned();
        if let Some(known) = known.filter(|known| !*known.lost.borrow()) {
            return Ok(known);
        }
        let (tell, lost) = watch::channel(false);
        let client = self
            .introduction()
            // This node, and no other that it knows of.
            .ignore_discovered_servers()
            .max_reconnects(1)
            .connection_timeout(target.timeout)
            // Each request has a limit of its own.
            .request_timeout(None)
            .event_callback(move |event| {
                if matches!(event, Event::Disconnected | Event::Closed) {
                    tell.send_replace(true);
                }
                std::future::ready(())
            })
            .connect(target.address.to_string())
            .await?;
        let made = Connection { client, lost };
        self.lock().insert(target.address, made.clone());
        Ok(made)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer. Its status is that of the message's header or of JetStream's error, its text the description there or the body.
fn told(message: &Message) -> Told {
    if let Some(status) = message.status.map(|status| status.as_u16()) {
        return Told {
            is_error: status >= 300,
            ..Told::new(status, message.description.clone().unwrap_or_default())
        };
    }
    let header = |name| message.headers.as_ref()?.get(name);
    if let Some(sequence) = header("Nats-Sequence") {
        // A direct get is answered with the message itself: told as JetStream's API tells a message.
        let sequence: u64 = sequence.as_str().parse().unwrap_or(0);
        let message = json!({"message": {"data": BASE64_STANDARD.encode(&message.payload), "seq": sequence}});
        return Told::new(OK, message.to_string());
    }
    let told = Told::new(OK, String::from_utf8_lossy(&message.payload).into_owned());
    match told.json.pointer("/error/code").cloned() {
        Some(status) => Told {
            status,
            is_error: true,
            ..told
        },
        None => told,
    }
}

fn refused(error: &RequestError) -> Came {
    match error.kind() {
        RequestErrorKind::NoResponders => Came::Answer(Told {
            is_error: true,
            ..Told::new(NO_RESPONDERS, error.to_string())
        }),
        RequestErrorKind::TimedOut => Came::nothing(Transport::Timeout, error),
        RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
            Came::nothing(Transport::NoConnection, error)
        }
        RequestErrorKind::Other => Came::nothing(Transport::Closed, error),
    }
}

impl Protocol for Nats {
    fn answer(&self, request: &RequestSees) -> &ValueAt {
        self.operations.answer(request.word(), request.part())
    }

    fn ask<'a>(&'a self, target: Target, request: &'a RequestSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            let end = Instant::now() + target.timeout;
            match self.operations.get(request.word(), request.part()) {
                None => Came::not_offered(),
                Some(operation) => self.send(target, end, Ask::of(operation, request)).await,
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
            let description::Request::Nats(operation) = request else {
                return Came::not_offered();
            };
            let end = Instant::now() + target.timeout;
            self.send(target, end, Ask::of(operation, node)).await
        })
    }

    fn status<'a>(&'a self, target: Target, status: &'a Status, node: &'a NodeSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            let Some(subject) = &status.subject else {
                return Came::not_offered();
            };
            let ask = subject.render(node).map(|subject| Ask {
                subject,
                headers: HeaderMap::new(),
                body: String::new(),
            });
            let end = Instant::now() + target.timeout;
            let Came::Answer(mut told) = self.send(target, end, ask).await else {
                return Came::nothing(Transport::Timeout, "no status");
            };
            let asked = self.lock().get(&target.address).cloned();
            let asked = asked.map(|connection| connection.client.server_info().server_name);
            if let (Some(fields), Some(asked)) = (told.json.as_object_mut(), asked) {
                fields.insert("asked".to_owned(), asked.into());
            }
            Came::Answer(told)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use nemesis::NodeId;
    use runs::store::{Request, StoreOp};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;
    use crate::builtin;
    use crate::description::{Part, Word};
    use crate::meaning;

    fn nats() -> Nats {
        match builtin::named("nats").described().client {
            description::Client::Nats(operations) => Nats::new(*operations, &Secrets::default()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn message(headers: &[(&str, &str)], status: Option<u16>, payload: &str) -> Message {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        Message {
            subject: "inbox".into(),
            reply: None,
            payload: payload.to_owned().into(),
            headers: (!headers.is_empty()).then_some(map),
            status: status.map(|status| async_nats::StatusCode::from_u16(status).unwrap()),
            description: status.map(|_| "Message Not Found".to_owned()),
            length: 0,
        }
    }

    /// As nats-server 2.9.10 answers, by its API and by a direct get.
    #[test]
    fn both_ways_to_read_tell_the_same() {
        let (nats, error) = (nats(), r#"{"error":{"code":404,"err_code":"#);
        let direct = message(&[("Nats-Sequence", "2"), ("Nats-Subject", "k")], None, "12");
        let api = r#"{"type":"get","message":{"subject":"k","seq":2,"data":"MTI=","time":"t"}}"#;
        let none = format!(r#"{error}10037,"description":"no message found"}}}}"#);
        let no_stream = format!(r#"{error}10059,"description":"stream not found"}}}}"#);
        for (message, wanted) in [
            (direct, Some(12.into())),
            (message(&[], None, api), Some(12.into())),
            (message(&[], Some(404), ""), Some(histories::Value::Null)),
            (message(&[], None, &none), Some(histories::Value::Null)),
            (message(&[], None, &no_stream), None),
        ] {
            let (told, answer) = (told(&message), nats.operations.answer(Word::Read, Part::Whole));
            let found = answer
                .says_that_it_happened(Word::Read, &told)
                .then(|| meaning::value(answer, &told).unwrap());
            assert_eq!(found, wanted, "{told:?}");
        }
    }

    /// A server that ends every connection at its first request; it counts the requests. Each connection is served by itself, for
    /// the crate may dial again, and say nothing, before its client is given up.
    async fn hangs_up(listener: TcpListener, requests: Arc<AtomicUsize>) {
        while let Ok((stream, _)) = listener.accept().await {
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let hello = b"INFO {\"server_id\":\"s\",\"max_payload\":1048576,\"headers\":true}\r\n";
                stream.write_all(hello).await?;
                let mut line = String::new();
                while !line.contains("PUB ") {
                    line.clear();
                    if stream.read_line(&mut line).await? == 0 {
                        break;
                    }
                    if line.starts_with("PING") {
                        stream.write_all(b"PONG\r\n").await?;
                    }
                }
                if line.contains("PUB ") {
                    requests.fetch_add(1, Ordering::SeqCst);
                }
                std::io::Result::Ok(())
            });
        }
    }

    /// Whoever asks again by itself makes of an unknown write a second one.
    #[tokio::test]
    async fn what_was_asked_over_a_connection_that_was_lost_is_not_asked_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target {
            node: NodeId(0),
            address: listener.local_addr().unwrap(),
            timeout: Duration::from_secs(60),
        };
        let requests = Arc::new(AtomicUsize::new(0));
        let server = tokio::spawn(hangs_up(listener, Arc::clone(&requests)));
        let nats = nats();
        let request = Request {
            op: StoreOp::Write(3.into()),
            ..Request::read("k1".into(), target.timeout)
        };
        let sees = RequestSees::of(&request, &"default".into());
        for asked in 1..=3 {
            let came = nats.ask(target, &sees).await;
            let is_lost = matches!(
                came,
                Came::Nothing {
                    transport: Transport::Closed,
                    ..
                }
            );
            assert!(is_lost, "{came:?}");
            assert_eq!(requests.load(Ordering::SeqCst), asked);
        }
        server.abort();
        let came = nats.ask(target, &sees).await;
        let is_unsent = matches!(
            came,
            Came::Nothing {
                transport: Transport::NoConnection,
                ..
            }
        );
        assert!(is_unsent, "{came:?}");
    }

    /// What a connection of this client says first.
    async fn introduced(auth: description::Auth) -> serde_json::Value {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target {
            node: NodeId(0),
            address: listener.local_addr().unwrap(),
            timeout: Duration::from_secs(60),
        };
        let operations = description::Nats {
            auth: Some(auth),
            ..nats().operations
        };
        let nats = Nats::new(operations, &Secrets::default()).unwrap();
        let dialled = tokio::spawn(async move { nats.connection(target).await.map(drop) });
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let hello = b"INFO {\"server_id\":\"s\",\"max_payload\":1048576,\"auth_required\":true}\r\n";
        stream.write_all(hello).await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        dialled.abort();
        serde_json::from_str(line.trim().strip_prefix("CONNECT ").unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_connection_begins_with_who_the_client_is() {
        let file = std::env::temp_dir().join(format!("nats-secret-{}", std::process::id()));
        std::fs::write(&file, "sesame\n").unwrap();
        let secret = Some(description::Secret {
            file: Some(file.display().to_string()),
            env: None,
        });
        let token = description::Auth {
            token: secret.clone(),
            ..description::Auth::default()
        };
        assert_eq!(introduced(token).await["auth_token"], "sesame");
        let user = description::Auth {
            user: Some("me".to_owned()),
            password: secret,
            ..description::Auth::default()
        };
        let said = introduced(user).await;
        assert_eq!((&said["user"], &said["pass"]), (&json!("me"), &json!("sesame")));
        std::fs::remove_file(file).unwrap();
    }
}
