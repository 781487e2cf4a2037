//! A known bug, as its file has it.

use std::collections::BTreeMap;
use std::path::Path;

use checker::CheckName;
use serde::Deserialize;

use crate::errors::KnownError;

/// A bug of shipped software, the run that shows it, and the version in which it is mended.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Row {
    /// Its name on the command line.
    pub name: String,
    /// What goes wrong, in a line.
    pub bug: String,
    /// Where that can be read: an issue, a line of the source, the documentation.
    pub source: String,
    /// What those who make it say of it: `design`, `known`, `mended in …`.
    pub vendor: String,
    /// The words of `harness run` that lead a cluster to it; both sides have them.
    pub run: String,
    /// The checks by one of which it has to be caught.
    pub caught_by: Vec<CheckName>,
    /// The words of a run by chance, of the same length, to be set beside it.
    pub unguided: Option<String>,
    /// The version that has it.
    pub before: Side,
    /// The version that has not; none where it is by design.
    pub after: Option<Side>,
}

/// One version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Side {
    /// Which, as its makers number it; `installed` where it is the machine's own.
    pub version: String,
    /// What comes behind the words of the run: above all its duration.
    #[serde(default)]
    pub words: String,
    /// What has to be brought for it.
    #[serde(default)]
    pub packages: Vec<Package>,
    /// The environment of its nodes. `{{ packages }}` is the folder that the packages were unpacked into, here and in `words`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// A package that is pinned by what it holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Package {
    /// Whose registry it comes from, by the machine's own client.
    pub by: Manager,
    /// Its name and version, in that client's words.
    pub what: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

/// Who brings a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Manager {
    /// Python's pip.
    Pip,
    /// Node's npm.
    Npm,
    /// Debian's apt-get, of the suites that this machine has.
    Apt,
}

/// The rows that come along; a new one is a file and a line.
const TABLE: &[(&str, &str)] = &[
    (
        "pysyncobj-figure8",
        include_str!("../../known/pysyncobj-figure8.toml"),
    ),
    (
        "pysyncobj-volatile",
        include_str!("../../known/pysyncobj-volatile.toml"),
    ),
    ("redis-sentinel", include_str!("../../known/redis-sentinel.toml")),
    (
        "etcd-serializable",
        include_str!("../../known/etcd-serializable.toml"),
    ),
];

/// Every row that comes along.
///
/// # Errors
/// One of them cannot be read, a bug of ours.
pub(crate) fn all() -> Result<Vec<Row>, KnownError> {
    TABLE.iter().map(|(name, text)| read(text, name)).collect()
}

/// The row of this name, or in this file.
///
/// # Errors
/// There is none, or it cannot be read.
pub(crate) fn find(name: &str) -> Result<Row, KnownError> {
    if name.ends_with(".toml") {
        let text = std::fs::read_to_string(Path::new(name)).map_err(|source| KnownError::File {
            path: name.into(),
            source,
        })?;
        return read(&text, name);
    }
    let row = TABLE.iter().find(|(known, _)| *known == name);
    let (_, text) = row.ok_or_else(|| KnownError::Unknown {
        name: name.to_owned(),
        known: TABLE
            .iter()
            .map(|(known, _)| *known)
            .collect::<Vec<_>>()
            .join(", "),
    })?;
    read(text, name)
}

fn read(text: &str, file: &str) -> Result<Row, KnownError> {
    let row: Row = toml::from_str(text).map_err(|source| KnownError::Row {
        file: file.to_owned(),
        source: Box::new(source),
    })?;
    // A folder goes by it, and what is in there is removed.
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    match !row.name.is_empty() && row.name.chars().all(fits) {
        true => Ok(row),
        false => Err(KnownError::Name {
            file: file.to_owned(),
            name: row.name,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_goes_by_the_name_of_its_file() {
        for (row, (name, _)) in all().unwrap().iter().zip(TABLE) {
            assert_eq!(row.name, *name);
            assert!(!row.caught_by.is_empty(), "{name}");
            for side in [Some(&row.before), row.after.as_ref()].into_iter().flatten() {
                let hashes = side.packages.iter().map(|package| &package.sha256);
                assert!(hashes.clone().all(|hash| hash.len() == 64), "{name}: {hashes:?}");
            }
        }
    }

    #[test]
    fn no_name_leads_out_of_the_cache() {
        let (_, text) = TABLE[0];
        for name in ["", "..", "/tmp", "../mine", "a/b", "Mine"] {
            let told = read(&text.replacen("pysyncobj-figure8", name, 1), "mine.toml").unwrap_err();
            assert!(told.to_string().contains(&format!("name = {name:?}")), "{told}");
        }
    }

    #[test]
    fn a_name_that_is_none_is_told_with_those_that_are() {
        let told = find("pysyncobj").unwrap_err().to_string();
        assert!(told.contains("pysyncobj-figure8"), "{told}");
    }
}
