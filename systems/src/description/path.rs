//! Paths into JSON, by RFC 9535.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json_path::JsonPath;

/// A path such as `$.kvs[0].value`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Path(JsonPath);

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        JsonPath::parse(&text)
            .map(Path)
            .map_err(|error| format!("`{text}` is no path of RFC 9535: {}", error.message()))
    }
}

impl Path {
    /// What it leads to; none where it leads nowhere or to several.
    pub fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.0.query(document).at_most_one().ok()?
    }

    /// Everything that it leads to, in the order of the document.
    pub(crate) fn all<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        self.0.query(document).all()
    }
}
