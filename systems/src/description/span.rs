//! Spans of time, as people write them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// A span of time, such as `500ms` or `2s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = humantime::parse_duration(&text);
        parsed
            .map(Span)
            .map_err(|error| format!("`{text}`: {error}; write it like 500ms or 2s"))
    }
}
