//! A transaction is put to a described system: in one request, or in two. Then its keys are read together, what it writes is
//! worked out here ([`runs::transaction`]), and is committed only if none of the keys has changed since.
//!
//! Nothing happens before the commit, so whatever becomes of the reading, the transaction has failed.

use std::collections::BTreeMap;

use histories::Value;
use runs::store::{Answer, Reply};
use runs::transaction::{Outcome, Transaction, completed};
use tokio::time::Instant;

use crate::description::{Place, Rule, Word};
use crate::meaning::{Came, Found, Told, beginning, each, of_keys, reply, value};
use crate::protocols::{Protocol, Target};
use crate::seen::{RequestSees, text};

/// How a system is asked, and what its answers mean.
pub(crate) struct Asking<'a> {
    pub(crate) protocol: &'a dyn Protocol,
    pub(crate) rules: &'a [Rule],
    pub(crate) nodes: &'a [Place],
    pub(crate) target: Target,
}

/// What came of a request: its meaning, what came back, and what it was asked as.
pub(crate) type Asked = (Reply, Came, Word);

impl Asking<'_> {
    /// Ask for this transaction in one request.
    pub(crate) async fn at_once(&self, sees: &RequestSees, asked: &Value) -> Asked {
        let (mut reply, came, word) = self.ask(self.target, sees, Word::Txn).await;
        if let (Answer::Ok(_), Came::Answer(told)) = (&reply.answer, &came) {
            let (txn, revision) = (self.told(sees, asked, told), reply.revision);
            reply = match txn {
                Ok(txn) => Reply {
                    revision,
                    ..Reply::ok(txn, None)
                },
                Err(why) => Reply::unknown(UNREADABLE, why),
            };
        }
        (reply, came, word)
    }

    /// The transaction as an answer to all of it tells it.
    fn told(&self, sees: &RequestSees, asked: &Value, told: &Told) -> Result<Value, String> {
        let answer = self.protocol.answer(sees);
        let other = || {
            format!(
                "not the transaction that was asked for: {}",
                beginning(&told.text)
            )
        };
        if answer.each.is_none() {
            return completed(asked, value(answer, told)?).ok_or_else(other);
        }
        let txn = Transaction::of(asked).ok_or_else(other)?;
        let found = each(answer, told, txn.micros().len())?;
        let values: Vec<Value> = found.into_iter().map(|found| found.value).collect();
        txn.filled(&values).ok_or_else(other)
    }

    /// Read its keys, and commit what it makes of them.
    pub(crate) async fn in_steps(&self, sees: &RequestSees, txn: &Transaction) -> Asked {
        let end = Instant::now() + self.target.timeout;
        // What is written blindly needs no reading.
        if txn.only_writes() {
            return match txn.on(&BTreeMap::new()) {
                Some(outcome) => self.commit(sees, &[], outcome, end).await,
                None => refused(Came::not_offered()),
            };
        }
        let reading = sees.reading();
        let (reply, came, word) = self.ask(self.target, &reading, Word::Read).await;
        let told = match (&reply.answer, &came) {
            (Answer::Ok(_), Came::Answer(told)) => told,
            _ => return (failed(reply), came, word),
        };
        let keys = txn.keys();
        let names: Vec<String> = keys.iter().map(|key| text(key)).collect();
        let found = match of_keys(self.protocol.answer(&reading), told, &names) {
            Ok(found) => found,
            Err(why) => return (failed(Reply::unknown(UNREADABLE, why)), came, word),
        };
        let found: Vec<(Value, Found)> = keys.into_iter().cloned().zip(found).collect();
        let values = found
            .iter()
            .map(|(key, found)| (key.clone(), found.value.clone()));
        match txn.on(&values.collect()) {
            Some(outcome) if outcome.writes.is_empty() => {
                let reply = Reply {
                    read_revisions: revisions(&found),
                    ..Reply::ok(outcome.told, None)
                };
                (reply, came, word)
            }
            Some(outcome) => self.commit(sees, &found, outcome, end).await,
            None => refused(came),
        }
    }

    async fn commit(
        &self,
        sees: &RequestSees,
        found: &[(Value, Found)],
        outcome: Outcome,
        end: Instant,
    ) -> Asked {
        let target = Target {
            timeout: end.saturating_duration_since(Instant::now()),
            ..self.target
        };
        let committing = sees.committing(found, &outcome.writes);
        let (mut reply, came, word) = self.ask(target, &committing, Word::Txn).await;
        if let Answer::Ok(told) = &mut reply.answer {
            *told = outcome.told;
            reply.read_revisions = revisions(found);
        }
        (reply, came, word)
    }

    pub(crate) async fn ask(&self, target: Target, sees: &RequestSees, word: Word) -> Asked {
        let came = self.protocol.ask(target, sees).await;
        (self.meaning(sees, word, &came), came, word)
    }

    /// What an answer to this request means.
    pub(crate) fn meaning(&self, sees: &RequestSees, word: Word, came: &Came) -> Reply {
        reply(self.rules, self.nodes, word, self.protocol.answer(sees), came)
    }
}

/// The code of an answer that says that it happened, and not what.
pub(crate) const UNREADABLE: &str = "unreadable-answer";

/// Nothing was sent that changes anything.
pub(crate) fn failed(reply: Reply) -> Reply {
    Reply {
        answer: Answer::Fail,
        ..reply
    }
}

fn refused(came: Came) -> Asked {
    let reply = Reply::refused("it cannot be done on what was found");
    (reply, came, Word::Txn)
}

/// The revisions of what was found, where they are numbers.
fn revisions(found: &[(Value, Found)]) -> Vec<(Value, i64)> {
    let number = |(key, found): &(Value, Found)| {
        let revision = found.revision.as_ref()?.parse().ok()?;
        Some((key.clone(), revision))
    };
    found.iter().filter_map(number).collect()
}

#[cfg(test)]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;
