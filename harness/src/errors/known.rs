//! What can be wrong with a known bug, and with what it needs.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    #[error("there is no known bug {name:?}; there are {known}, or name a file that ends in .toml")]
    Unknown { name: String, known: String },
    #[error("{file}: {source}")]
    Row {
        file: String,
        source: Box<toml::de::Error>,
    },
    #[error("{file}: name = {name:?}: the name of a known bug has small letters, digits and hyphens")]
    Name { file: String, name: String },
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("`{said}` cannot be split into words: {source}")]
    Words {
        said: String,
        source: shell_words::ParseError,
    },
    #[error("{what} is not to be had: {why}")]
    NotToBeHad { what: String, why: String },
    #[error("cannot keep packages in {}: {source}; --cache names another folder", path.display())]
    Cache { path: PathBuf, source: io::Error },
    #[error("there is no folder for packages: neither XDG_CACHE_HOME nor HOME is set; name one with --cache")]
    NoCache,
    #[error("where this program is cannot be told: {0}")]
    Own(io::Error),
}

impl KnownError {
    /// Whether it is the harness that is at fault, and not what it was given.
    pub fn is_ours(&self) -> bool {
        matches!(
            self,
            KnownError::Own(_) | KnownError::Cache { .. } | KnownError::NotToBeHad { .. }
        )
    }
}
