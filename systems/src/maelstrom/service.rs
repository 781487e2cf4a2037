//! What a service of Maelstrom's is.

use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

/// What a message says.
pub(super) type Body = Map<String, Value>;

/// Answers one request after another.
pub(super) trait Service: Send {
    /// What the answer to this node's request says.
    fn answer(&mut self, node: &str, body: &Body, rng: &mut ChaCha8Rng) -> Value;
}

/// An error of this number.
pub(super) fn error(code: u64, text: &str) -> Value {
    json!({"type": "error", "code": code, "text": text})
}

/// The request is of a type that the service does not know.
pub(super) fn not_supported(body: &Body) -> Value {
    let kind = body.get("type").cloned().unwrap_or_default();
    error(10, &format!("this service does not know {kind}"))
}
