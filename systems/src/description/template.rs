//! Templates: text with placeholders, by minijinja.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A template that was found to be one when its file was read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Template {
    source: Arc<str>,
    environment: Arc<Environment<'static>>,
}

/// Why a template is none, or cannot be filled in.
#[derive(Debug, thiserror::Error)]
#[error("the template `{source_text}`: {why}")]
pub struct TemplateError {
    source_text: Arc<str>,
    why: String,
}

/// A node as templates see it.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// `n1`, `n2`, …
    pub name: String,
    /// From 1.
    pub id: usize,
    /// The address that its peers and it know it by.
    pub address: String,
    /// The machine that it is on.
    pub host: String,
}

impl Place {
    /// The node of this number, counted from 1, where each node has a network of its own: its address is the same in all.
    pub fn numbered(id: usize) -> Self {
        Place {
            name: format!("n{id}"),
            id,
            address: format!("127.0.0.{id}"),
            host: format!("127.0.0.{id}"),
        }
    }
}

/// The one template of an environment.
const NAME: &str = "template";

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        let source: Arc<str> = text.as_str().into();
        let mut environment = Environment::new();
        // A placeholder that does not exist is a slip of the file's author, not an empty text.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_keep_trailing_newline(true);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.add_filter("base64", |text: &str| BASE64_STANDARD.encode(text));
        // Of a text its JSON, of a list that of its elements.
        environment.add_filter("json", |value: minijinja::Value| {
            serde_json::to_string(&value)
                .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))
        });
        environment.add_filter("sql", |value: minijinja::Value| literal(&value));
        environment
            .add_template_owned(NAME, text)
            .map_err(|error| TemplateError::of(&source, &error))?;
        Ok(Template {
            source,
            environment: Arc::new(environment),
        })
    }
}

/// A value as a literal of SQL, whatever the server takes a backslash for: of a text that text, of none NULL, of anything else
/// what it looks like, as a text. It stands in one line.
fn literal(value: &minijinja::Value) -> Result<String, minijinja::Error> {
    let refused = |kind, why: &str| Err(minijinja::Error::new(kind, why.to_owned()));
    if value.is_undefined() {
        return refused(ErrorKind::UndefinedError, "there is nothing for `sql` to quote");
    }
    if value.is_none() {
        return Ok("NULL".to_owned());
    }
    let text = value.to_string();
    if text.contains('\0') {
        return refused(ErrorKind::InvalidOperation, "no text of SQL holds a zero byte");
    }
    let quoted = text.replace('\'', "''");
    if !text.contains(['\\', '\n', '\r']) {
        return Ok(format!("'{quoted}'"));
    }
    let escaped = quoted
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r");
    // The space keeps the E from being the end of a word before it.
    Ok(format!(" E'{escaped}'"))
}

impl Template {
    /// The template with its placeholders filled in.
    ///
    /// # Errors
    /// A placeholder is not there, or a filter cannot take it.
    pub fn render(&self, context: impl Serialize) -> Result<String, TemplateError> {
        let template = self.environment.get_template(NAME);
        template
            .and_then(|template| template.render(context))
            .map_err(|error| TemplateError::of(&self.source, &error))
    }

    /// As it stands in the file.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl TemplateError {
    fn of(source: &Arc<str>, error: &minijinja::Error) -> Self {
        let detail = error.detail().unwrap_or_default();
        TemplateError {
            source_text: Arc::clone(source),
            why: match detail.is_empty() {
                true => error.kind().to_string(),
                false => format!("{}: {detail}", error.kind()),
            },
        }
    }

    /// The template as it stands in the file.
    pub fn template(&self) -> &str {
        &self.source_text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_and_slips_are_errors() {
        let template = |text: &str| Template::try_from(text.to_owned());
        let context = serde_json::json!({"key": "k\"1", "expected": null});
        for (text, wanted) in [
            ("{{ key | base64 }}", "ayIx"),
            ("{{ key | json }}", "\"k\\\"1\""),
            ("{{ [key, 1] | json }}", "[\"k\\\"1\",1]"),
            (
                "{% if expected is none %}absent{% else %}{{ expected }}{% endif %}",
                "absent",
            ),
        ] {
            assert_eq!(template(text).unwrap().render(&context).unwrap(), wanted);
        }
        let slip = template("{{ kee }}").unwrap().render(&context).unwrap_err();
        assert_eq!(slip.to_string(), "the template `{{ kee }}`: undefined value");
        assert!(template("{{ key").is_err());
    }

    /// What a stranger's text would have to break out of.
    #[test]
    fn a_literal_of_sql_holds_whatever_a_text_is() {
        let context = serde_json::json!({
            "plain": "k\"1", "drop": "'); DROP TABLE kv; --", "slash": "\\' OR 1=1\n\r", "none": null, "nul": "a\0",
        });
        let literal = |name: &str| {
            let template = Template::try_from(format!("{{{{ {name} | sql }}}}")).unwrap();
            template.render(&context)
        };
        for (name, wanted) in [
            ("plain", "'k\"1'"),
            ("drop", "'''); DROP TABLE kv; --'"),
            ("slash", r" E'\\'' OR 1=1\n\r'"),
            ("none", "NULL"),
            ("-3", "'-3'"),
        ] {
            assert_eq!(literal(name).unwrap(), wanted);
        }
        for refused in ["nul", "nothing"] {
            assert!(literal(refused).is_err(), "{refused}");
        }
    }
}
