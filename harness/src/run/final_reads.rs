//! After the heal: the first write that is acknowledged, and a last read of every key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::{Nanos, Value};
use nemesis::NodeId;
use tokio::time::Instant;

use super::client::Clients;
use crate::exit::Failure;
use crate::systems::{Answer, Request};

/// So many keys are read at a time.
const READERS: usize = 16;
/// Between two attempts at the same.
const PAUSE: Duration = Duration::from_millis(20);

/// Write to a key of its own until it is acknowledged; the time of that, or none if it took longer than `limit`.
pub async fn first_write(clients: &Clients, limit: Duration) -> Option<Nanos> {
    let deadline = Instant::now() + limit;
    let mut walk = Walk::new(clients);
    for attempt in 1.. {
        let process = clients.new_process();
        let request = Request {
            f: "write",
            key: "recovery".into(),
            value: Value::Int(attempt),
            forward: false,
            session: Some((process, 1)),
            timeout: clients.timeout,
        };
        if walk.ask(process, &request, false).await {
            return Some(clients.clock.now());
        }
        if Instant::now() >= deadline {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
    None
}

/// Read every key that somebody wrote to, each until it is answered or `limit` is over. The reads are marked final.
pub async fn read_all(clients: &Clients, limit: Duration) -> Result<(), Failure> {
    let keys = clients.recorder.written_keys().await;
    let keys = Arc::new(Mutex::new(keys));
    let deadline = Instant::now() + limit;
    let readers = (0..READERS).map(|_| {
        let (clients, keys) = (clients.clone(), Arc::clone(&keys));
        tokio::spawn(async move {
            let mut walk = Walk::new(&clients);
            loop {
                let key = keys.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some(key) = key else { return };
                walk.read(key, deadline).await;
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader
            .await
            .map_err(|error| Failure::Broken(format!("a final reader broke, a bug of ours: {error}")))?;
    }
    Ok(())
}

/// Finds the leader, and stays with it.
struct Walk<'a> {
    clients: &'a Clients,
    target: NodeId,
}

impl<'a> Walk<'a> {
    fn new(clients: &'a Clients) -> Self {
        Walk {
            clients,
            target: NodeId(0),
        }
    }

    /// Ask the node that is thought to lead; where it does not, the next one is thought to.
    async fn ask(&mut self, process: u64, request: &Request, is_final: bool) -> bool {
        let reply = self.clients.ask(process, self.target, request, is_final).await;
        if let Answer::Ok(_) = reply.answer {
            return true;
        }
        self.target = match reply.elsewhere.flatten() {
            Some(leader) if leader.0 < self.clients.nodes => leader,
            _ => NodeId((self.target.0 + 1) % self.clients.nodes),
        };
        false
    }

    async fn read(&mut self, key: Value, deadline: Instant) {
        let request = Request {
            f: "read",
            key,
            value: Value::Null,
            forward: false,
            session: None,
            timeout: self.clients.timeout,
        };
        loop {
            // A read without an answer is unknown, and its process is used no more.
            let process = self.clients.new_process();
            if self.ask(process, &request, true).await || Instant::now() >= deadline {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
