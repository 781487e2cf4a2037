//! How a system is asked in SQL, by PostgreSQL's protocol.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::answers::Value;
use super::template::Template;

/// What is asked of PostgreSQL for one operation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PostgresOperation {
    /// In SQL. What a parameter holds becomes a literal by the filter `sql`: `{{ key | sql }}`.
    pub sql: Sql,
    /// The level of isolation of a list's transaction, such as `serializable`; the server's default, if nothing is said.
    pub isolation: Option<Template>,
    /// What the answer says.
    #[serde(default)]
    pub answer: Value,
}

/// One text, or the statements of a transaction.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Sql {
    /// Sent as it is, in one message; without a BEGIN in it PostgreSQL makes one transaction of it. The answer is `{"rows":
    /// [{"column": "text"}], "affected": 1}`, of all of its statements together.
    Text(Template),
    /// Statements that are sent one by one, between BEGIN and COMMIT: every line of what a template becomes is one, and a line
    /// that is empty is none. The answer is the list of their answers.
    Statements(Vec<Template>),
}

impl PostgresOperation {
    /// Every template that it has.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let of_sql = match &self.sql {
            Sql::Text(text) => std::slice::from_ref(text),
            Sql::Statements(statements) => statements,
        };
        of_sql.iter().chain(&self.isolation)
    }
}

impl<'de> Deserialize<'de> for Sql {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SqlVisitor)
    }
}

// An untagged enum would tell of any slip only that no variant fits.
struct SqlVisitor;

impl<'de> Visitor<'de> for SqlVisitor {
    type Value = Sql;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SQL: a text, or a list of statements")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Sql, E> {
        let template = Template::try_from(text.to_owned());
        template.map(Sql::Text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, statements: A) -> Result<Sql, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(statements)).map(Sql::Statements)
    }
}
