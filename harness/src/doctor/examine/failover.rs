//! How long a failover takes, and a restart: what the length of faults follows.

use std::time::Duration;

use histories::Value;
use nemesis::{Effect, NodeId, Outcome, Tells};
use runs::store::{Answer, Request, StoreOp};
use tokio::time::{Instant, sleep};

use super::{Cluster, LOOK};
use crate::doctor::seen::{Failover, Seen};

/// Chance has a part in elections, so there are several.
const ROUNDS: u64 = 3;
/// How long a node may take to answer before another is asked: it may wait for a leader by itself.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long it is waited for at all.
const LONGEST: Duration = Duration::from_secs(30);

impl Cluster<'_> {
    /// Kill who leads, or one node after the other where nobody says so, and see when a write is acknowledged again.
    pub(super) async fn fail_over(&mut self, seen: &mut Seen) {
        let Some(change) = self.change() else {
            // Another finding says so.
            return;
        };
        (self.wanted.tell)("measuring failovers");
        for round in 0..ROUNDS {
            let leader = self.leader().await;
            if leader.is_none() && self.wanted.row.capabilities.tell(Tells::Leader) {
                // Two that say so at once: what follows would be no failover.
                return;
            }
            let killed = leader.unwrap_or(NodeId(round as usize % self.nodes));
            let begun = Instant::now();
            if !matches!(
                self.hands.apply(&Effect::Kill(killed)).await,
                Outcome::Installed { .. }
            ) {
                return;
            }
            let took = self.written_again(killed, &change, round, begun).await;
            let started = Instant::now();
            let restart = match self.hands.apply(&Effect::Start(killed)).await {
                Outcome::Installed { .. } => Some(started.elapsed()),
                _ => None,
            };
            seen.failovers.push(Failover {
                killed,
                led: leader.is_some(),
                took,
                restart,
            });
            if took.is_none() || restart.is_none() {
                return;
            }
            self.serves().await;
        }
    }

    /// How long after `begun` a node other than `killed` acknowledged a change.
    async fn written_again(
        &mut self,
        killed: NodeId,
        change: &StoreOp,
        round: u64,
        begun: Instant,
    ) -> Option<Duration> {
        for (attempt, node) in NodeId::all(self.nodes).cycle().enumerate() {
            if begun.elapsed() > LONGEST {
                return None;
            }
            if node == killed {
                continue;
            }
            self.clients += 1;
            let key = Value::from(format!("failover-{round}-{attempt}").as_str());
            let request = Request {
                op: change.clone(),
                session: Some((self.clients, 1)),
                ..Request::read(key, PATIENCE.min(self.wanted.op_timeout))
            };
            if matches!(self.system.invoke(node, &request).await.answer, Answer::Ok(_)) {
                return Some(begun.elapsed());
            }
            sleep(LOOK).await;
        }
        None
    }

    /// An operation that changes a key that is not there yet, of those that the system does by itself.
    fn change(&self) -> Option<StoreOp> {
        let cas = StoreOp::Cas {
            expected: Value::Null,
            new: 1.into(),
        };
        let all = [
            StoreOp::Write(1.into()),
            cas,
            StoreOp::Append(1.into()),
            StoreOp::Add(1),
        ];
        all.into_iter().find(|op| self.wanted.row.capabilities.does(op))
    }
}
