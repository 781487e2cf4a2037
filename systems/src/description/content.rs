//! What a file of a node's folder holds.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::template::{Template, TemplateError};

/// What a file of a node's folder holds: a template, or `{ from = "node.py" }`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Content {
    /// What this becomes.
    Template(Template),
    /// What another file holds.
    Brought(Brought),
}

/// A file that the description brings along; it is copied as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Brought {
    /// Its path, counted from the folder of this file.
    pub from: String,
    /// What stands in it.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) bytes: Arc<[u8]>,
}

impl Content {
    /// What stands in the file of this node.
    ///
    /// # Errors
    /// The template cannot be filled in.
    pub(crate) fn bytes(&self, sees: impl Serialize) -> Result<Cow<'_, [u8]>, TemplateError> {
        Ok(match self {
            Content::Template(template) => template.render(sees)?.into_bytes().into(),
            Content::Brought(brought) => Cow::Borrowed(&*brought.bytes),
        })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

/// An untagged enum would tell of any slip only that no variant fits.
struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a template, or { from = \"a file beside this one\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
        let template = Template::try_from(text.to_owned());
        template.map(Content::Template).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content, A::Error> {
        Brought::deserialize(MapAccessDeserializer::new(map)).map(Content::Brought)
    }
}
