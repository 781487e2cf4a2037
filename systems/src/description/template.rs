//! Templates: text with placeholders, by minijinja.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use minijinja::{Environment, UndefinedBehavior};
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
            serde_json::to_string(&value).map_err(|error| {
                minijinja::Error::new(minijinja::ErrorKind::BadSerialization, error.to_string())
            })
        });
        environment
            .add_template_owned(NAME, text)
            .map_err(|error| TemplateError::of(&source, &error))?;
        Ok(Template {
            source,
            environment: Arc::new(environment),
        })
    }
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
}
