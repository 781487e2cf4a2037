//! How clients speak to a system: a protocol, and a request for every operation that the system can do by itself. What it
//! cannot is done by reading and compare-and-set, where there is that.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::answers::{Value, Word};
use super::postgres::PostgresOperation;
use super::secret::{Auth, Tls};
use super::template::Template;
use super::txn::{Part, Txn};

/// A protocol with its requests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    /// HTTP; answers are JSON or text.
    Http(Box<Http>),
    /// NATS: requests and their answers, such as those of JetStream.
    Nats(Box<Nats>),
    /// PostgreSQL's protocol, and SQL.
    Postgres(Box<Postgres>),
    /// Redis' protocol (RESP).
    Redis(Box<Redis>),
    /// A program that speaks to the system on the harness's behalf (docs/adapter.md).
    Adapter(Adapter),
}

impl Client {
    /// Which operations it can ask for.
    pub(crate) fn words(&self) -> Vec<Word> {
        match self {
            Client::Http(operations) => operations.words(),
            Client::Nats(operations) => operations.words(),
            Client::Postgres(operations) => operations.words(),
            Client::Redis(operations) => operations.words(),
            Client::Adapter(adapter) => adapter.words(),
        }
    }

    /// Who it says that it is, and how that is protected.
    pub(crate) fn guard(&self) -> (Option<&Auth>, Option<&Tls>) {
        match self {
            Client::Http(operations) => (operations.auth.as_ref(), operations.tls.as_ref()),
            Client::Nats(operations) => (operations.auth.as_ref(), operations.tls.as_ref()),
            Client::Postgres(operations) => (operations.auth.as_ref(), operations.tls.as_ref()),
            Client::Redis(operations) => (operations.auth.as_ref(), operations.tls.as_ref()),
            Client::Adapter(_) => (None, None),
        }
    }

    /// Count the paths of its secrets from this folder.
    pub(crate) fn beside(&mut self, folder: &std::path::Path) {
        let (auth, tls) = match self {
            Client::Http(operations) => (&mut operations.auth, &mut operations.tls),
            Client::Nats(operations) => (&mut operations.auth, &mut operations.tls),
            Client::Postgres(operations) => (&mut operations.auth, &mut operations.tls),
            Client::Redis(operations) => (&mut operations.auth, &mut operations.tls),
            Client::Adapter(_) => return,
        };
        auth.iter_mut().for_each(|auth| auth.beside(folder));
        tls.iter_mut().for_each(|tls| tls.beside(folder));
    }

    /// Whether a compare-and-set reads before it updates.
    pub(crate) fn reads_before_update(&self) -> bool {
        match self {
            Client::Http(operations) => operations.update.is_some(),
            Client::Nats(operations) => operations.get(Word::Cas, Part::Whole).is_some(),
            Client::Postgres(operations) => operations.update.is_some(),
            Client::Redis(operations) => operations.update.is_some(),
            Client::Adapter(_) => false,
        }
    }

    /// Whether a transaction is one request, where it can ask for transactions.
    pub(crate) fn transacts_at_once(&self) -> bool {
        let has_whole = |way: Option<bool>| way == Some(true);
        match self {
            Client::Http(operations) => has_whole(operations.transacts_at_once()),
            Client::Nats(operations) => has_whole(operations.transacts_at_once()),
            Client::Postgres(operations) => has_whole(operations.transacts_at_once()),
            Client::Redis(operations) => has_whole(operations.transacts_at_once()),
            Client::Adapter(_) => true,
        }
    }

    /// The database that it asks for, where it says one.
    pub(crate) fn database(&self) -> Option<&str> {
        match self {
            Client::Http(operations) => operations.database.as_deref(),
            Client::Nats(operations) => operations.database.as_deref(),
            Client::Postgres(operations) => operations.database.as_deref(),
            Client::Redis(operations) => operations.database.as_deref(),
            Client::Adapter(_) => None,
        }
    }

    /// How the answers to what it can ask for are read, where the description says it.
    pub(crate) fn answers(&self) -> Vec<&Value> {
        match self {
            Client::Http(operations) => operations.answers(),
            Client::Nats(operations) => operations.answers(),
            Client::Postgres(operations) => operations.answers(),
            Client::Redis(operations) => operations.answers(),
            Client::Adapter(_) => Vec::new(),
        }
    }
}

/// The operations that a system can do by itself. A key is `{{ key }}`, a value `{{ value }}` (as JSON); a compare-and-set
/// has `{{ expected }}` (none, where nothing may be there), an update that and `{{ revision }}`, an addition `{{ amount }}`. What a transaction has, [`Txn`] says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Operations<T> {
    /// Who the client says that it is.
    pub auth: Option<Auth>,
    /// How what is said is protected; of HTTP alone.
    pub tls: Option<Tls>,
    /// Which database is used; of PostgreSQL alone.
    pub database: Option<String>,
    /// Tell the value.
    pub read: T,
    /// Set it.
    pub write: Option<T>,
    /// Set it if it is what is expected.
    pub cas: Option<T>,
    /// Set it if it has not changed since `{{ revision }}`, which `revision` of the read's answer has told, and is 0 where nothing is
    /// there. Instead of `cas`, for stores that compare no values: a compare-and-set is a read, a comparison and this.
    pub update: Option<T>,
    /// Put a value at the end of the list that it is.
    pub append: Option<T>,
    /// Add to the number that it is.
    pub add: Option<T>,
    /// Put a value into the queue that it is. With it stands `dequeue`.
    pub enqueue: Option<T>,
    /// Take a value out of the queue that it is, and tell it.
    pub dequeue: Option<T>,
    /// Tell an identifier that nobody else was given under this key.
    pub generate: Option<T>,
    /// Tell of every change of the keys from `{{ prefix }}` to before `{{ until }}`, from the revision `{{ since }}` on: an answer that
    /// does not end, with a message a line. HTTP alone has it.
    pub watch: Option<T>,
    /// Do several reads, writes and appends as one.
    pub txn: Option<Txn<T>>,
}

impl<T> Operations<T> {
    /// The request for this operation, or for this part of a transaction.
    pub(crate) fn get(&self, word: Word, part: Part) -> Option<&T> {
        match word {
            Word::Read => Some(&self.read),
            Word::Write => self.write.as_ref(),
            Word::Cas => self.cas.as_ref().or(self.update.as_ref()),
            Word::Append => self.append.as_ref(),
            Word::Add => self.add.as_ref(),
            Word::Enqueue => self.enqueue.as_ref(),
            Word::Dequeue => self.dequeue.as_ref(),
            Word::Generate => self.generate.as_ref(),
            Word::Watch => self.watch.as_ref(),
            Word::Txn => self.txn.as_ref()?.get(part),
        }
    }

    /// Which operations have a request.
    pub(crate) fn words(&self) -> Vec<Word> {
        let offered = |word: &Word| match word {
            Word::Txn => self.txn.is_some(),
            word => self.get(*word, Part::Whole).is_some(),
        };
        Word::ALL.into_iter().filter(offered).collect()
    }

    fn transacts_at_once(&self) -> Option<bool> {
        self.txn.as_ref().map(|txn| txn.whole.is_some())
    }
}

/// A request, which has an answer.
pub trait Asked {
    /// How its answer is read.
    fn answer(&self) -> &Value;
}

impl Asked for HttpOperation {
    fn answer(&self) -> &Value {
        &self.answer
    }
}

impl Asked for NatsOperation {
    fn answer(&self) -> &Value {
        &self.answer
    }
}

impl Asked for PostgresOperation {
    fn answer(&self) -> &Value {
        &self.answer
    }
}

impl Asked for RedisOperation {
    fn answer(&self) -> &Value {
        &self.answer
    }
}

impl<T: Asked> Operations<T> {
    /// How the answer to this operation is read. One that is not offered has no answer, and is read like a read.
    pub(crate) fn answer(&self, word: Word, part: Part) -> &Value {
        self.get(word, part).unwrap_or(&self.read).answer()
    }

    fn answers(&self) -> Vec<&Value> {
        let words = self.words().into_iter().filter(|word| *word != Word::Txn);
        let of_words = words.map(|word| self.answer(word, Part::Whole));
        let of_txn = self.txn.iter().flat_map(Txn::all).map(T::answer);
        of_words.chain(of_txn).collect()
    }
}

/// Requests of HTTP.
pub type Http = Operations<HttpOperation>;

/// Statements of PostgreSQL.
pub type Postgres = Operations<PostgresOperation>;

/// Commands of Redis.
pub type Redis = Operations<RedisOperation>;

/// One request of HTTP.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpOperation {
    /// GET, if nothing is said.
    pub method: Option<String>,
    /// The path and query.
    pub path: Template,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// The body.
    pub body: Option<Template>,
    /// What the answer says.
    #[serde(default)]
    pub answer: Value,
}

/// One command of Redis.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RedisOperation {
    /// Its words.
    pub command: Vec<Template>,
    /// What the answer says.
    #[serde(default)]
    pub answer: Value,
}

/// Requests of NATS. Its `cas` is an `update`, by either name.
pub type Nats = Operations<NatsOperation>;

/// One request of NATS.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NatsOperation {
    /// Its subject.
    pub subject: Template,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// The body.
    pub body: Option<Template>,
    /// What the answer says.
    #[serde(default)]
    pub answer: Value,
}

/// A program that speaks to the system.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Adapter {
    /// Its command line, one word a template.
    pub command: Vec<Template>,
    /// The operations that it can do; a read is always among them.
    pub does: Vec<Word>,
}

impl Adapter {
    /// Which operations it can do.
    pub(crate) fn words(&self) -> Vec<Word> {
        let does = |word: &Word| *word == Word::Read || self.does.contains(word);
        Word::ALL.into_iter().filter(does).collect()
    }
}
