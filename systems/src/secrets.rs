//! Secrets of a run: read once from where the description says they are, given to the protocol, and left out of whatever is
//! shown or written down.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::description::Secret;

/// What stands where a secret was.
const INSTEAD: &str = "[secret]";

/// Why there is no secret where the description says so. It never shows what was found.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret in the file {file}: {source}")]
    File {
        /// Which.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The variable is not set.
    #[error("the secret in the variable {0}: it is not set, or no text; set it where the harness is started")]
    Variable(String),
    /// It is there, and holds nothing.
    #[error("the secret in {0} is empty")]
    Empty(String),
    /// It cannot be sent as it is.
    #[error("the secret in {0} has characters that no header can have")]
    Header(String),
}

/// A secret's value. It shows itself to nobody.
#[derive(Clone)]
pub(crate) struct Hidden(Arc<str>);

impl Hidden {
    /// For whoever sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(INSTEAD)
    }
}

/// The secrets of a run so far. A clone is another handle of the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    known: Arc<Mutex<Vec<Hidden>>>,
}

impl Secrets {
    /// What stands where this says.
    pub(crate) fn read(&self, secret: &Secret) -> Result<Hidden, SecretError> {
        let value = match (&secret.file, &secret.env) {
            (Some(file), _) => read_file(Path::new(file))?,
            (None, Some(name)) => std::env::var(name).map_err(|_| SecretError::Variable(name.clone()))?,
            (None, None) => String::new(),
        };
        let value = value.trim_end_matches(['\r', '\n']);
        if value.is_empty() {
            return Err(SecretError::Empty(place(secret)));
        }
        let hidden = Hidden(value.into());
        self.learn(value);
        Ok(hidden)
    }

    /// Both as one word, as HTTP's basic authentication has them.
    pub(crate) fn basic(&self, user: &str, password: Option<&Hidden>) -> Hidden {
        let password = password.map_or("", Hidden::reveal);
        let word = BASE64_STANDARD.encode(format!("{user}:{password}"));
        self.learn(&word);
        Hidden(word.into())
    }

    /// It is left out from now on: as it is, line by line, in quotes, and in base64.
    fn learn(&self, value: &str) {
        let quoted = serde_json::Value::from(value).to_string();
        let quoted = quoted.trim_matches('"').to_owned();
        let lines = value
            .lines()
            .map(str::trim)
            .filter(|line| line.len() > 3)
            .map(str::to_owned);
        let forms = [value.to_owned(), quoted, BASE64_STANDARD.encode(value)];
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(forms.into_iter().chain(lines).map(|form| Hidden(form.into())));
        // The longest first: a part of it would leave the rest.
        known.sort_by_key(|hidden| std::cmp::Reverse(hidden.0.len()));
        known.dedup_by(|one, other| one.0 == other.0);
    }

    /// A text without any of them; nor does it end in the beginning of one, as a text does that was cut to be shown.
    pub(crate) fn redact(&self, text: &str) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for hidden in known.iter() {
            if text.contains(hidden.reveal()) {
                text = text.replace(hidden.reveal(), INSTEAD);
            }
        }
        let cut = known
            .iter()
            .filter_map(|hidden| begun_at_end(&text, hidden.reveal()));
        if let Some(length) = cut.max() {
            text.replace_range(text.len() - length.., INSTEAD);
        }
        text
    }
}

/// How many bytes of a secret's beginning a text ends in; of fewer than four nobody learns anything.
fn begun_at_end(text: &str, secret: &str) -> Option<usize> {
    const LEAST: usize = 4;
    let beginnings = secret.char_indices().map(|(at, _)| at).rev();
    let mut beginnings = beginnings.take_while(|length| *length >= LEAST);
    beginnings.find(|length| text.ends_with(&secret[..*length]))
}

/// Where a secret is, in words.
pub(crate) fn place(secret: &Secret) -> String {
    match (&secret.file, &secret.env) {
        (Some(file), _) => format!("the file {file}"),
        (None, Some(name)) => format!("the variable {name}"),
        (None, None) => "nowhere".to_owned(),
    }
}

fn read_file(file: &Path) -> Result<String, SecretError> {
    std::fs::read_to_string(file).map_err(|source| SecretError::File {
        file: file.display().to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_its_file_and_left_out_of_every_text_in_every_form() {
        let folder = std::env::temp_dir().join(format!("secrets-{}", std::process::id()));
        std::fs::write(&folder, "s3cr\"et-token\n").unwrap();
        let secrets = Secrets::default();
        let in_file = Secret {
            file: Some(folder.display().to_string()),
            env: None,
        };
        let token = secrets.read(&in_file).unwrap();
        std::fs::remove_file(&folder).unwrap();
        assert_eq!(token.reveal(), "s3cr\"et-token");
        assert_eq!(format!("{token:?} {secrets:?}").matches("s3cr").count(), 0);
        let word = secrets.basic("me", Some(&token));
        for echoed in [
            "401: s3cr\"et-token is no token".to_owned(),
            serde_json::json!({ "token": "s3cr\"et-token" }).to_string(),
            format!("Basic {}", word.reveal()),
            BASE64_STANDARD.encode("s3cr\"et-token"),
        ] {
            let shown = secrets.redact(&echoed);
            assert!(shown.contains(INSTEAD) && !shown.contains("s3cr"), "{shown}");
        }
        assert_eq!(secrets.redact("nothing of it"), "nothing of it");
        // A text that was cut in the middle of one.
        assert_eq!(
            secrets.redact("no such token: s3cr\"et-t"),
            format!("no such token: {INSTEAD}")
        );
        assert_eq!(secrets.redact("miles"), "miles");
        // What is missing is named by its place.
        let error = secrets.read(&in_file).unwrap_err().to_string();
        assert!(error.contains(&folder.display().to_string()), "{error}");
        let unset = Secret {
            file: None,
            env: Some("HARNESS_NO_SUCH_VARIABLE".to_owned()),
        };
        let error = secrets.read(&unset).unwrap_err().to_string();
        assert!(
            error.contains("the variable HARNESS_NO_SUCH_VARIABLE: it is not set"),
            "{error}"
        );
    }
}
