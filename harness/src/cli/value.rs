//! A value of a history on the command line.

use histories::Value;

/// A value of a history as a person types it: JSON, `nil`, or a word with or without a colon.
pub(super) fn value(text: &str) -> Result<Value, String> {
    let begins = |starts: &[char]| text.starts_with(starts);
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) if text == "nil" => Ok(Value::Null),
        Err(error) if begins(&['[', '{', '"']) => Err(format!("{text} is not JSON: {error}")),
        Err(_) if text.is_empty() => Err("an empty word; a text without letters is '\"\"'".to_owned()),
        Err(error) if begins(&['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) => {
            Err(format!("{text} is no value of a history: {error}"))
        }
        Err(_) => Ok(Value::from(text.strip_prefix(':').unwrap_or(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json_or_words() {
        for (text, expected) in [
            ("0", Value::from(0)),
            ("-3", Value::from(-3)),
            ("1.0", Value::from(1)),
            ("null", Value::Null),
            ("nil", Value::Null),
            (":free", Value::from("free")),
            ("free", Value::from("free")),
            ("\"7\"", Value::from("7")),
            ("[1, 2]", Value::list([1.into(), 2.into()])),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
        for wrong in ["", "[1", "{", "1.5", "0x", "\"a"] {
            assert!(value(wrong).is_err(), "{wrong}");
        }
    }
}
