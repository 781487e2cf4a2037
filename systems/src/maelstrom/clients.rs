//! The clients c1, c2, … of Maelstrom's protocol. Each asks for one thing at a time; one that got no answer asks nothing
//! any more, as Jepsen's do.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use histories::Seed;
use nemesis::NodeId;
use nemesis::hands::{Message, Messages};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::service::Body;
use super::services::{self, Services};
use super::status;
use crate::description::Transport;
use crate::meaning::{Came, Told};

/// Who sends `init`, and asks how nodes stand.
const BEGINNER: &str = "c0";

/// The clients of a run.
pub(super) struct Clients {
    nodes: usize,
    services: Services,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    asked: HashMap<u64, Asked>,
    /// Requests whose client has gone; an answer to one of them is late, not wrong.
    given_up: HashSet<u64>,
    /// The number of the last request.
    requests: u64,
    /// The number of the last client.
    clients: u64,
    /// Clients that wait for nothing.
    free: Vec<u64>,
}

/// A request that waits for its answer.
struct Asked {
    client: String,
    answer: oneshot::Sender<Body>,
}

/// A request on its way.
struct Request {
    id: u64,
    line: String,
    answered: oneshot::Receiver<Body>,
}

impl Waiting {
    /// A request of this client.
    fn ask(&mut self, client: String, node: NodeId, mut body: Body) -> Request {
        self.requests += 1;
        let id = self.requests;
        body.insert("msg_id".to_owned(), id.into());
        let line = json!({"src": client, "dest": node.to_string(), "body": body}).to_string();
        let (answer, answered) = oneshot::channel();
        self.asked.insert(id, Asked { client, answer });
        Request { id, line, answered }
    }

    fn client(&mut self) -> u64 {
        self.free.pop().unwrap_or_else(|| {
            self.clients += 1;
            self.clients
        })
    }

    fn give_up(&mut self, id: u64) {
        if self.asked.remove(&id).is_some() {
            self.given_up.insert(id);
        }
    }

    /// A message for a client: whom it is an answer to, if anybody waits for it. `repeats`: messages between nodes were
    /// handed on twice.
    fn answered(
        &mut self,
        message: &Message,
        repeats: bool,
    ) -> Result<Option<oneshot::Sender<Body>>, String> {
        let told = || Value::from(message.body.clone());
        let Some(answers) = message.body.get("in_reply_to") else {
            return Err(format!(
                "told client {} what answers nothing (there is no in_reply_to): {}",
                message.dest,
                told()
            ));
        };
        let id = answers.as_u64().filter(|id| (1..=self.requests).contains(id));
        let Some(id) = id else {
            return Err(format!(
                "answered a request that was never made (in_reply_to {answers}): {}",
                told()
            ));
        };
        if self.given_up.remove(&id) {
            return Ok(None);
        }
        // Who is asked twice, because the network repeats, may answer twice.
        if repeats && !self.asked.contains_key(&id) {
            return Ok(None);
        }
        match self.asked.remove(&id) {
            Some(asked) if asked.client == message.dest => Ok(Some(asked.answer)),
            Some(asked) => Err(format!(
                "answered request {id} of {} to {}: {}",
                asked.client,
                message.dest,
                told()
            )),
            None => Err(format!("answered request {id} a second time: {}", told())),
        }
    }
}

impl Clients {
    /// Those of a cluster of so many nodes, and the services beside them.
    pub(super) fn of(nodes: usize, seed: Seed) -> Self {
        Clients {
            nodes,
            services: Services::new(seed),
            waiting: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message that is for none of the nodes.
    ///
    /// # Errors
    /// What its node did wrong by it.
    pub(super) fn hear(&self, messages: &Messages, node: NodeId, message: Message) -> Result<(), String> {
        if let Some(answer) = self
            .services
            .answer(&message.dest, &node.to_string(), &message.body)
        {
            let line = json!({"src": message.dest, "dest": message.src, "body": answer});
            messages.serve(node, line.to_string());
            return Ok(());
        }
        let mut waiting = self.lock();
        let number = message
            .dest
            .strip_prefix('c')
            .and_then(|number| number.parse::<u64>().ok());
        if number.is_none_or(|number| number > waiting.clients) {
            return Err(format!(
                "sent a message to {:?}, which is nobody: there are n1 to n{}, the clients that have asked, and the services {}",
                message.dest,
                self.nodes,
                services::names()
            ));
        }
        let answer = waiting.answered(&message, messages.has_repeated())?;
        drop(waiting);
        let bytes = Value::from(message.body.clone()).to_string().len();
        let passes = message.dest == BEGINNER || messages.answers(node, bytes);
        if let Some(answer) = answer.filter(|_| passes) {
            // A client that has gone meanwhile does not want to know.
            let _ = answer.send(message.body);
        }
        Ok(())
    }

    /// Tell a node who it is, and whose neighbour where it is told that, and wait until it says that it knows.
    ///
    /// # Errors
    /// It does not say so within `limit`, or says something else.
    pub(super) async fn init(
        &self,
        messages: &Messages,
        node: NodeId,
        topology: Option<Body>,
        limit: Duration,
    ) -> Result<(), String> {
        let names: Vec<Value> = NodeId::all(self.nodes)
            .map(|node| node.to_string().into())
            .collect();
        let who = [("node_id", node.to_string().into()), ("node_ids", names.into())];
        self.begin(messages, node, ("init", who.into()), limit).await?;
        if let Some(topology) = topology {
            let neighbours = [("topology", topology.into())];
            self.begin(messages, node, ("topology", neighbours.into()), limit)
                .await?;
        }
        messages.open(node);
        Ok(())
    }

    /// Tell a node this before anybody else speaks to it, and wait until it says that it knows.
    async fn begin(
        &self,
        messages: &Messages,
        node: NodeId,
        (kind, fields): (&str, Vec<(&str, Value)>),
        limit: Duration,
    ) -> Result<(), String> {
        let fields = fields.into_iter().chain([("type", kind.into())]);
        let body = fields.map(|(name, value)| (name.to_owned(), value)).collect();
        let request = self.lock().ask(BEGINNER.to_owned(), node, body);
        messages.begin(node, request.line);
        let answered = tokio::select! {
            answered = request.answered => answered.ok(),
            () = tokio::time::sleep(limit) => None,
            breach = broken(messages, node) => return Err(breach),
        };
        match answered {
            Some(body) if body.get("type").and_then(Value::as_str) == Some(&format!("{kind}_ok")) => Ok(()),
            Some(body) => Err(format!("{node} answered `{kind}` with {}", Value::from(body))),
            None => {
                self.lock().give_up(request.id);
                Err(format!(
                    "{node} did not answer `{kind}` within {limit:?}; it has to print, and flush, a line such as {{\"src\":\"{node}\",\"dest\":\"{BEGINNER}\",\"body\":{{\"type\":\"{kind}_ok\",\"in_reply_to\":{}}}}}",
                    request.id
                ))
            }
        }
    }

    /// Ask a node how it stands, past everything that is between it and its clients.
    pub(super) async fn status(&self, messages: &Messages, node: NodeId, patience: Duration) -> Option<Body> {
        let request = self.lock().ask(BEGINNER.to_owned(), node, status::question());
        messages.send(node, request.line);
        match tokio::time::timeout(patience, request.answered).await {
            Ok(answered) => answered.ok(),
            Err(_) => {
                self.lock().give_up(request.id);
                None
            }
        }
    }

    /// Ask a node, and wait for its answer.
    pub(super) async fn ask(
        &self,
        messages: &Messages,
        node: NodeId,
        body: Body,
        patience: Duration,
    ) -> Came {
        let (client, request) = {
            let mut waiting = self.lock();
            let client = waiting.client();
            (client, waiting.ask(format!("c{client}"), node, body))
        };
        messages.request(node, request.line);
        match tokio::time::timeout(patience, request.answered).await {
            Ok(Ok(body)) => {
                self.lock().free.push(client);
                let kind = body.get("type").cloned().unwrap_or_default();
                let json = Value::from(body);
                Came::Answer(Told {
                    is_error: kind == "error",
                    status: kind,
                    text: json.to_string(),
                    json,
                })
            }
            // An answer that was lost on its way closes the channel.
            Ok(Err(_)) | Err(_) => {
                self.lock().give_up(request.id);
                Came::nothing(Transport::Timeout, "no answer in time")
            }
        }
    }
}

/// What the node did that it may not, as soon as it did.
async fn broken(messages: &Messages, node: NodeId) -> String {
    const LOOK: Duration = Duration::from_millis(10);
    loop {
        if let Some(what) = messages.breach_of(node) {
            return format!("{node} {what}");
        }
        tokio::time::sleep(LOOK).await;
    }
}
