//! Micro-operations `[f, key, value]`, of which transactions are made.

use histories::Value;

/// The word, the key and the value of one; none if it is something else.
pub(crate) fn micro(value: &Value) -> Option<(&str, &Value, &Value)> {
    match value.as_list()? {
        [Value::Text(f), key, value] => Some((f, key, value)),
        _ => None,
    }
}
