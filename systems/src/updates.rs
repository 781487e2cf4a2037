//! A compare-and-set of a store that compares no values, in two requests: a read tells the value and its revision, the value is
//! compared here, and an update is sent that the store takes only if the revision is still the same.
//!
//! Nothing happens before the update, so whatever becomes of the read, the compare-and-set has failed. It takes its effect with the
//! update: until then the value was the one that was read, for every change has a revision of its own.

use std::sync::LazyLock;

use histories::Value;
use runs::store::{Answer, Reply};
use serde::Deserialize;
use tokio::time::Instant;

use crate::description::{self, Rule, Word};
use crate::meaning::{Came, Told};
use crate::protocols::{Target, adapter};
use crate::seen::RequestSees;
use crate::transactions::{Asked, Asking, UNREADABLE, failed};

/// The status of an answer that the harness gives itself: the read has found another value.
const MISMATCH: &str = "mismatch";

/// What an update means that was not sent.
#[derive(Deserialize)]
struct Meaning {
    error: Vec<Rule>,
}

static MEANING: LazyLock<Meaning> = LazyLock::new(|| {
    // A test reads it.
    toml::from_str(include_str!("updates/mismatch.toml")).expect("the file beside this one is well-formed")
});

/// Every row.
pub(crate) fn rules() -> &'static [Rule] {
    &MEANING.error
}

/// The rows of the table of errors that come with a client, behind its description's own.
pub(crate) fn rules_of(client: &description::Client) -> &'static [Rule] {
    match client.reads_before_update() {
        true => rules(),
        false => adapter::rules_of(client),
    }
}

impl Asking<'_> {
    /// Read, compare, and update what was read.
    pub(crate) async fn by_revision(&self, sees: &RequestSees) -> Asked {
        let end = Instant::now() + self.target.timeout;
        let reading = sees.read_first();
        let (reply, came, word) = self.ask(self.target, &reading, Word::Read).await;
        let (found, told) = match (&reply.answer, &came) {
            (Answer::Ok(found), Came::Answer(told)) => (found, told),
            _ => return (failed(reply), came, word),
        };
        if !sees.expects(found) {
            return self.differs(sees, found);
        }
        let revision = self.protocol.answer(&reading).version_in(told);
        if *found != Value::Null && revision.is_none() {
            let why = "the value that was read has no revision; nothing was sent".to_owned();
            return (failed(Reply::unknown(UNREADABLE, why)), came, word);
        }
        let target = Target {
            timeout: end.saturating_duration_since(Instant::now()),
            ..self.target
        };
        self.ask(target, &sees.with_revision(revision), Word::Cas).await
    }

    fn differs(&self, sees: &RequestSees, found: &Value) -> Asked {
        let said = format!("{found} was found; nothing was sent");
        let came = Came::Answer(Told {
            is_error: true,
            ..Told::new(MISMATCH, said)
        });
        (self.meaning(sees, Word::Cas, &came), came, Word::Cas)
    }
}

#[cfg(test)]
mod tests;
