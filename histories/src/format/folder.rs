//! Folders that other tools leave: which files of them are the history, and what the tool itself said of it.
//!
//! A row of [`FOLDERS`] knows one tool. A folder that none of them knows is an error that names what was looked for.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::edn::{Edn, Fault, Parser};
use super::error::FormatError;
use super::{Imported, Options, cobra, etcd_robustness, jepsen_test, read, read_text, unpack};

/// A row of [`FOLDERS`].
#[derive(Clone, Copy, Debug)]
pub struct Folder {
    /// Whose folder it is.
    pub about: &'static str,
    /// What it is known by, for people; what comes first is taken.
    pub holds: &'static [&'static str],
    /// What is to be read; none: it is not such a folder.
    find: fn(folder: &Path) -> io::Result<Option<Found>>,
}

/// What is to be read in a folder.
enum Found {
    /// One file is the history.
    File(PathBuf),
    /// The history is in these files together.
    Files(Vec<PathBuf>, ReadAll),
}

/// Reads files that are one history; an error with the number of its file.
type ReadAll = fn(&[(PathBuf, Vec<u8>)], &Options<'_>) -> Result<Imported, (usize, FormatError)>;

/// All kinds of folders; the first that finds its files reads them.
pub const FOLDERS: &[Folder] = &[
    Folder {
        about: "a test in Jepsen's store",
        holds: JEPSEN_HISTORIES,
        find: |folder| Ok(first(folder, JEPSEN_HISTORIES).map(Found::File)),
    },
    Folder {
        about: "a report of etcd's robustness tests",
        holds: &["client-*/operations.json"],
        find: |folder| {
            let clients = named(folder, |name| name.starts_with("client-"))?;
            let files = clients.into_iter().map(|client| client.join("operations.json"));
            let files: Vec<_> = files.filter(|path| path.is_file()).collect();
            Ok(some(files).map(|files| Found::Files(files, etcd_robustness::import_all)))
        },
    },
    Folder {
        about: "logs of Cobra",
        holds: &["T*.log"],
        find: |folder| {
            let files = named(folder, |name| name.starts_with('T') && name.ends_with(".log"))?;
            Ok(some(files).map(|files| Found::Files(files, cobra::import_all)))
        },
    },
];

fn some(files: Vec<PathBuf>) -> Option<Vec<PathBuf>> {
    (!files.is_empty()).then_some(files)
}

/// The entries of a folder with such names, in their order.
fn named(folder: &Path, wanted: fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(wanted) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// `test.jepsen` has the same operations as the texts, which are for people as well: an error in them has a line.
const JEPSEN_HISTORIES: &[&str] = &["history.edn", "history.txt", "test.jepsen", "jepsen.log"];

/// What Jepsen's checkers said.
const JEPSEN_RESULTS: &str = "results.edn";

/// Whether somebody packed a file, and with what.
const PACKED: &[&str] = &["", ".gz", ".zst"];

/// The first of these files that a folder has, packed or not.
fn first(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    let named = |name: &&str| {
        PACKED
            .iter()
            .map(move |end| format!("{name}{end}"))
            .collect::<Vec<_>>()
    };
    let paths = names.iter().flat_map(named).map(|name| folder.join(name));
    paths.into_iter().find(|path| path.is_file())
}

/// Whether one of the rows knows this folder.
pub fn is_known(folder: &Path) -> bool {
    FOLDERS
        .iter()
        .any(|row| matches!((row.find)(folder), Ok(Some(_))))
}

/// The history in a folder; `through` stands between its files and the reader.
pub(super) fn read_folder<R: Read>(
    folder: &Path,
    options: &Options<'_>,
    through: &dyn Fn(File) -> R,
) -> Result<Imported, FormatError> {
    let cannot = |source| FormatError::Read {
        file: Some(folder.to_owned()),
        source,
    };
    for row in FOLDERS {
        match (row.find)(folder).map_err(cannot)? {
            Some(Found::File(path)) => return read_file(&path, options, through),
            Some(Found::Files(paths, read)) => return read_files(paths, read, options, through),
            None => {}
        }
    }
    Err(FormatError::NoHistory {
        folder: folder.to_owned(),
    })
}

/// The history in a file.
pub(super) fn read_file<R: Read>(
    path: &Path,
    options: &Options<'_>,
    through: &dyn Fn(File) -> R,
) -> Result<Imported, FormatError> {
    let open = File::open(path).map_err(|source| FormatError::Read { file: None, source });
    open.and_then(|file| read(through(file), options))
        .map_err(|error| error.in_file(path))
}

fn read_files<R: Read>(
    paths: Vec<PathBuf>,
    read: ReadAll,
    options: &Options<'_>,
    through: &dyn Fn(File) -> R,
) -> Result<Imported, FormatError> {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let mut bytes = Vec::new();
        let whole = File::open(&path)
            .and_then(|file| unpack(through(file)))
            .and_then(|file| file.until(options.interrupt).read_to_end(&mut bytes));
        match whole {
            Ok(_) => files.push((path, bytes)),
            Err(source) => {
                let file = Some(path);
                return Err(FormatError::Read { file, source });
            }
        }
    }
    read(&files, options).map_err(|(number, error)| match files.get(number) {
        Some((path, _)) => error.in_file(path),
        None => error,
    })
}

/// What a tool said of the history that it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where it says so.
    pub file: PathBuf,
    /// Its `:valid?`, as it stands there: `true`, `false`, `:unknown`.
    pub valid: String,
    /// The checks in it that are `false`.
    pub invalid: Vec<String>,
}

/// What Jepsen said of a test in its store: `results.edn`, or the results in `test.jepsen`; none before the analysis.
pub fn claim(folder: &Path) -> Result<Option<Claim>, FormatError> {
    let results = first(folder, &[JEPSEN_RESULTS, "test.jepsen"]);
    let Some(path) = results else {
        return Ok(None);
    };
    let said = File::open(&path)
        .and_then(unpack)
        .map_err(|source| FormatError::Read { file: None, source })
        .and_then(|file| {
            let mut input = BufReader::new(file);
            match is_edn(&path) {
                true => {
                    let text = read_text(&mut input)?;
                    in_text(&text).map_err(|fault| fault.place(&text))
                }
                false => {
                    let mut bytes = Vec::new();
                    let read = input.read_to_end(&mut bytes);
                    read.map_err(|source| FormatError::Read { file: None, source })?;
                    in_bytes(&bytes).map_err(Fault::in_bytes)
                }
            }
        });
    let said = said.map_err(|error| error.in_file(&path))?;
    Ok(said.map(|(valid, invalid)| Claim {
        file: path,
        valid,
        invalid,
    }))
}

fn is_edn(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(JEPSEN_RESULTS))
}

/// `:valid?`, and which checks are not.
type Said = Option<(String, Vec<String>)>;

fn in_text(text: &str) -> Result<Said, Fault> {
    let results = Parser::at(text, 0).next()?;
    Ok(results.and_then(|node| validity(&node.edn)))
}

fn in_bytes(bytes: &[u8]) -> Result<Said, Fault> {
    let results = jepsen_test::results(bytes)?;
    Ok(results.and_then(|node| validity(&node.edn)))
}

fn validity(results: &Edn<'_>) -> Said {
    let Edn::Map(pairs) = results else {
        return None;
    };
    let valid = |edn: &Edn<'_>| match edn {
        Edn::Map(pairs) => pairs
            .iter()
            .find(|(key, _)| key.edn.word() == Some("valid?"))
            .map(|(_, valid)| valid.edn.to_string()),
        _ => None,
    };
    let is_false = |edn: &Edn<'_>| valid(edn).as_deref() == Some("false");
    let invalid = pairs.iter().filter(|(_, each)| is_false(&each.edn));
    let invalid = invalid.map(|(key, _)| key.edn.word().map_or_else(|| key.edn.to_string(), str::to_owned));
    Some((valid(results)?, invalid.collect()))
}
