//! After the heal: the first write that is acknowledged, and a last read of every key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::{Nanos, Value};
use nemesis::NodeId;

use super::client::Clients;
use super::error::CourseError;
use super::everywhere;
use crate::store::{Answer, Reply, Request, StoreOp};
use crate::workloads::Operation;
use crate::world::{begin, pass};

/// So many keys are read at a time.
const READERS: usize = 16;
/// Between two attempts at the same.
const PAUSE: Duration = Duration::from_millis(20);

/// Write to a key of its own until it is acknowledged; the time of that, or none if it took longer than `limit`.
pub async fn first_write(clients: &Clients, limit: Duration) -> Option<Nanos> {
    let deadline = clients.world.now() + limit;
    let mut walk = Walk::new(clients);
    // What an unknown outcome left behind may stand in the way of the next attempt.
    let mut unknown = 0;
    for attempt in 1.. {
        let process = clients.new_process();
        let key = match unknown {
            0 => "recovery".to_owned(),
            more => format!("recovery-{more}"),
        };
        let (operation, op) = (clients.workload.fresh)(&key.as_str().into(), &Value::Int(attempt), process);
        let request = walk.request(&operation.key, op, Some((process, 1)));
        let answer = walk.ask(process, &operation, &request, false).await.answer;
        if clients.workload.everywhere {
            clients.tell(process, &operation, &answer);
        }
        match answer {
            Answer::Ok(_) => return Some(clients.world.now()),
            Answer::Unknown => unknown += 1,
            Answer::Fail => {}
        }
        if clients.world.now() >= deadline {
            return None;
        }
        pass(&*clients.world, PAUSE).await;
    }
    None
}

/// Read every key that somebody wrote to, each until it is answered or `limit` is over. The reads are marked final. Of what each
/// node has to show, each is looked at, and has `settling` to show it.
pub async fn read_all(clients: &Clients, limit: Duration, settling: Duration) -> Result<(), CourseError> {
    match clients.workload.everywhere {
        true => everywhere::read(clients, settling).await,
        false => read_keys(clients, limit).await,
    }
}

async fn read_keys(clients: &Clients, limit: Duration) -> Result<(), CourseError> {
    let keys = clients.sink.written_keys().await;
    let keys = Arc::new(Mutex::new(keys));
    let deadline = clients.world.now() + limit;
    let readers = (0..READERS).map(|_| {
        let (clients, keys) = (clients.clone(), Arc::clone(&keys));
        begin(&*clients.world.clone(), async move {
            let mut walk = Walk::new(&clients);
            loop {
                let key = keys.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some(key) = key else { return };
                walk.read(key, &keys, deadline).await;
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader
            .await
            .map_err(|_| CourseError::Panicked("a final reader"))?;
    }
    Ok(())
}

/// Whether nobody answered in time: a read of most systems has failed then, for it changes nothing.
fn is_unanswered(reply: &Reply) -> bool {
    reply.answer == Answer::Unknown || reply.error.as_deref() == Some("client-timeout")
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

    fn request(&self, key: &Value, op: StoreOp, session: Option<(u64, u64)>) -> Request {
        Request {
            op,
            key: key.clone(),
            forward: false,
            session,
            retry: false,
            timeout: self.clients.timeout,
        }
    }

    /// Ask the node that is thought to lead; where it does not, the next one is thought to.
    async fn ask(&mut self, process: u64, operation: &Operation, request: &Request, is_final: bool) -> Reply {
        let asked = self
            .clients
            .ask(process, self.target, operation, request, is_final);
        let reply = asked.await;
        if !matches!(reply.answer, Answer::Ok(_)) {
            self.target = match reply.elsewhere.flatten() {
                Some(leader) if leader.0 < self.clients.nodes => leader,
                _ => NodeId((self.target.0 + 1) % self.clients.nodes),
            };
        }
        reply
    }

    /// A leader that was elected since the last write answers no read before it has committed an entry of its own term
    /// (Raft section 8); where it writes none by itself, only a client can bring it to that.
    /// Its key is one more to be read.
    async fn stir(&mut self, keys: &Mutex<Vec<Value>>) {
        let process = self.clients.new_process();
        let key = Value::from(format!("stirred-{process}").as_str());
        let (operation, op) = (self.clients.workload.fresh)(&key, &Value::Int(1), process);
        let more = operation.key.clone();
        keys.lock().unwrap_or_else(PoisonError::into_inner).push(more);
        // Whom to ask, the first ones tell.
        for seq in 0..=self.clients.nodes as u64 {
            let request = self.request(&operation.key, op.clone(), Some((process, seq + 1)));
            let reply = self.ask(process, &operation, &request, false).await;
            if reply.answer != Answer::Fail {
                return;
            }
        }
    }

    async fn read(&mut self, key: Value, keys: &Mutex<Vec<Value>>, deadline: Nanos) {
        let (operation, op) = (self.clients.workload.last)(&key);
        let request = self.request(&operation.key, op, None);
        loop {
            // A read without an answer is unknown, and its process is used no more.
            let process = self.clients.new_process();
            let reply = self.ask(process, &operation, &request, true).await;
            let seen = match &reply.answer {
                Answer::Ok(seen) => Some((self.clients.workload.has_seen_all)(seen)),
                _ => None,
            };
            if seen == Some(true) || self.clients.world.now() >= deadline {
                return;
            }
            if seen == Some(false) {
                continue;
            }
            if is_unanswered(&reply) {
                self.stir(keys).await;
            }
            pass(&*self.clients.world, PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_timed_out_was_not_answered_whatever_that_says_of_it() {
        let failed = |code: &str| Reply {
            answer: Answer::Fail,
            ..Reply::unknown(code, String::new())
        };
        assert!(is_unanswered(&failed("client-timeout")));
        assert!(is_unanswered(&Reply::unknown("connection-lost", String::new())));
        assert!(!is_unanswered(&failed("not-leader")));
        assert!(!is_unanswered(&Reply::ok(Value::Null, None)));
    }
}
