//! The last looks at what each node has to show: first every node is looked at until it shows everything or the time for that is
//! over, and when all do so, or none is waited for any more, each once more. Only these count.

use std::time::Duration;

use histories::Nanos;
use nemesis::NodeId;

use super::client::Clients;
use super::error::CourseError;
use crate::store::{Answer, Request};
use crate::workloads::{Operation, Plan, Shown};
use crate::world::{begin, pass};

/// Between two looks, at first.
const PAUSE: Duration = Duration::from_millis(20);
/// It grows up to this: every look may show a lot.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Look at every node; it may take so long to show everything, and once more until its last look is answered.
pub(super) async fn read(clients: &Clients, settling: Duration) -> Result<(), CourseError> {
    let begun = clients.world.now();
    let all: Vec<Looking> = NodeId::all(clients.nodes)
        .map(|node| Looking {
            clients: clients.clone(),
            node,
            process: clients.new_process(),
        })
        .collect();
    let all = each(all, |looking| looking.settle(begun + settling)).await?;
    let deadline = clients.world.now() + settling;
    each(all, |looking| looking.last(deadline)).await?;
    Ok(())
}

/// Do this at every node, side by side.
async fn each<F: Future<Output = Looking> + Send + 'static>(
    all: Vec<Looking>,
    look: impl Fn(Looking) -> F,
) -> Result<Vec<Looking>, CourseError> {
    let world = |looking: &Looking| looking.clients.world.clone();
    let looks: Vec<_> = all
        .into_iter()
        .map(|looking| begin(&*world(&looking), look(looking)))
        .collect();
    let mut done = Vec::new();
    for look in looks {
        done.push(look.await.map_err(|_| CourseError::Panicked("a final reader"))?);
    }
    Ok(done)
}

/// Who looks at a node.
struct Looking {
    clients: Clients,
    node: NodeId,
    process: u64,
}

impl Looking {
    /// Until everything is shown.
    async fn settle(mut self, deadline: Nanos) -> Self {
        let mut pause = PAUSE;
        while self.clients.world.now() < deadline {
            match self.look(false).await {
                Some(Shown::All) => break,
                Some(Shown::More) => continue,
                Some(Shown::NotYet) | None => {}
            }
            pass(&*self.clients.world, pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self
    }

    /// The look that counts, until it is answered.
    async fn last(mut self, deadline: Nanos) -> Self {
        while self.look(true).await.is_none() && self.clients.world.now() < deadline {
            pass(&*self.clients.world, PAUSE).await;
        }
        self
    }

    /// What was shown, if there was an answer.
    async fn look(&mut self, is_final: bool) -> Option<Shown> {
        let operation = self.clients.last_look(self.process)?;
        let op = match (self.clients.workload.plan)(&operation, self.process) {
            _ if operation.is_read() => (self.clients.workload.last)(&operation.key).1,
            Plan::Ask(op) => op,
            // What is asked of a node alone is one request.
            Plan::Update(_) => return None,
        };
        let request = Request {
            op,
            ..Request::read(operation.key.clone(), self.clients.timeout)
        };
        let asked = self.ask(&operation, &request, is_final);
        asked.await
    }

    async fn ask(&mut self, operation: &Operation, request: &Request, is_final: bool) -> Option<Shown> {
        let clients = &self.clients;
        let asked = clients.ask(self.process, self.node, operation, request, is_final);
        let answer = asked.await.answer;
        clients.tell(self.process, operation, &answer);
        match &answer {
            Answer::Ok(seen) => Some(clients.shown(self.process, seen)),
            Answer::Fail => None,
            // Its process is used no more.
            Answer::Unknown => {
                self.process = clients.new_process();
                None
            }
        }
    }
}
