//! What is wrong with a file, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file did not become a history.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The text is not what its format says.
    #[error("{place}: {problem}")]
    Malformed {
        /// Where.
        place: Place,
        /// What.
        problem: Problem,
    },
    /// A file that is no text is not what its format says.
    #[error("{}: byte {offset}: {problem}", file_or_input(.file))]
    MalformedBytes {
        /// Which file; none for standard input and what is in memory.
        file: Option<PathBuf>,
        /// Where in it, from 0.
        offset: u64,
        /// What.
        problem: Problem,
    },
    /// The file could not be opened or read.
    #[error("cannot read {}: {source}", file_or_input(.file))]
    Read {
        /// Which file; none for standard input and text in memory.
        file: Option<PathBuf>,
        /// Why.
        source: io::Error,
    },
    /// A folder without any file that could be a history.
    #[error("{} holds no history; what was looked for: run.json (a run of this harness){}", folder.display(), looked_for())]
    NoHistory {
        /// Which folder.
        folder: PathBuf,
    },
    /// There is nothing in it.
    #[error("{} is empty", file_or_input(.file))]
    Empty {
        /// Which file.
        file: Option<PathBuf>,
    },
    /// No format knows the content.
    #[error("{} is of no known format; {}", file_or_input(.file), listed(|row| format!("{} begins with `{}`", row.name, row.begins)))]
    Unrecognised {
        /// Which file.
        file: Option<PathBuf>,
    },
    /// No format has this name.
    #[error("no format is called {name:?}; the formats are {}", listed(|row| row.name.to_owned()))]
    UnknownName {
        /// The name that was asked for.
        name: String,
    },
}

fn file_or_input(file: &Option<PathBuf>) -> String {
    file.as_deref()
        .map_or("the input".into(), |file| file.display().to_string())
}

/// What there is to say of every row of [`TABLE`](super::TABLE).
fn listed(say: fn(&super::Format) -> String) -> String {
    super::TABLE.iter().map(say).collect::<Vec<_>>().join(", ")
}

/// What the rows of [`FOLDERS`](super::FOLDERS) are known by.
fn looked_for() -> String {
    let rows = super::FOLDERS.iter();
    rows.map(|row| format!("; {} ({})", row.holds.join(", "), row.about))
        .collect()
}

impl FormatError {
    /// An error at a line and a column, both counted from 1.
    pub(crate) fn at(line: u64, column: u64, problem: Problem) -> Self {
        FormatError::Malformed {
            place: Place {
                file: None,
                line,
                column,
            },
            problem,
        }
    }

    /// The same error, with the file that it is about.
    pub fn in_file(mut self, path: &Path) -> Self {
        match &mut self {
            FormatError::Malformed {
                place: Place { file, .. },
                ..
            }
            | FormatError::MalformedBytes { file, .. }
            | FormatError::Read { file, .. }
            | FormatError::Empty { file }
            | FormatError::Unrecognised { file } => *file = Some(path.to_owned()),
            FormatError::UnknownName { .. } | FormatError::NoHistory { .. } => {}
        }
        self
    }

    /// Line and column, if the error has a place in the text.
    pub fn line_column(&self) -> Option<(u64, u64)> {
        match self {
            FormatError::Malformed { place, .. } => Some((place.line, place.column)),
            _ => None,
        }
    }
}

/// Where the events of a history stand in its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Places {
    /// Nobody knows.
    #[default]
    Unknown,
    /// One in each line behind the first, which is the header.
    Lines,
    /// By index: line and column, from 1.
    At(Vec<(u32, u32)>),
}

impl Places {
    /// Where the event of this index stands.
    pub fn of(&self, index: u64, file: Option<&Path>) -> Option<Place> {
        let (line, column) = match self {
            Places::Unknown => return None,
            Places::Lines => (index + 2, 1),
            Places::At(places) => {
                let (line, column) = *places.get(usize::try_from(index).ok()?)?;
                (line.into(), column.into())
            }
        };
        Some(Place {
            file: file.map(Path::to_owned),
            line,
            column,
        })
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file; none for standard input and text in memory.
    pub file: Option<PathBuf>,
    /// The line, from 1.
    pub line: u64,
    /// The byte in the line, from 1.
    pub column: u64,
}

/// `file:line:column`, which editors and terminals make a link of.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}:{}:{}", file.display(), self.line, self.column),
            None => write!(f, "line {}, column {}", self.line, self.column),
        }
    }
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Something else stands where this was expected.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What the format has here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// The JSON parser's or the event's own words.
    #[error("not a history/1 event: {0}")]
    Event(String),
    /// The JSON parser's or the header's own words.
    #[error("not a history/1 header such as {{\"history\":1,\"model\":\"register\"}}: {0}")]
    Header(String),
    /// Another version of history/1.
    #[error("the header says version {found} of the history format; this program reads version 1")]
    Version {
        /// The version in the header.
        found: u64,
    },
    /// A hole in `index`, or a step back.
    #[error("index {found} where {expected} was expected: indexes count from 0 without gaps")]
    Index {
        /// The next index.
        expected: u64,
        /// What stands there.
        found: u64,
    },
    /// Time runs backwards.
    #[error("time {found} after {before}: time never goes back")]
    Time {
        /// The time of the event before.
        before: u64,
        /// What stands there.
        found: u64,
    },
    /// The file ends inside a line.
    #[error("the file ends inside this line")]
    CutOff,
    /// A line that is longer than any event.
    #[error("the line is longer than {limit} bytes")]
    LineTooLong {
        /// The limit.
        limit: usize,
    },
    /// Whoever read it wanted no more ([`Interrupt`](super::Interrupt)).
    #[error("the reading was stopped here; read it again without the limit that stopped it")]
    Stopped,
    /// The JSON parser's own words, in a format other than history/1.
    #[error("not JSON: {0}")]
    Json(String),
}

impl Problem {
    /// This was expected, and that found.
    pub(super) fn expected(expected: &'static str, found: impl Into<String>) -> Self {
        Problem::Expected {
            expected,
            found: found.into(),
        }
    }
}

/// serde_json's words without its place.
pub(super) fn words(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    words.strip_suffix(&place).unwrap_or(&words).to_owned()
}
