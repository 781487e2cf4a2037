//! The file formats: one file each, and a row in [`TABLE`].
//!
//! A format is recognised from its content, and can be named; so are gzip and zstd around it. A malformed line is an error with its line and
//! column; none is skipped.
//!
//! ```
//! use histories::format::{self, Options};
//! let text = b"{\"history\":1}\n{\"index\":0,\"time\":5,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n";
//! let imported = format::read(text.as_slice(), &Options::default())?;
//! assert_eq!(imported.format, "history1");
//! # Ok::<(), format::FormatError>(())
//! ```

mod bytes;
mod cobra;
mod dbcop_bincode;
mod dbcop_hist;
mod dbcop_json;
mod draft;
mod edn;
mod elle_json;
mod error;
mod etcd_robustness;
mod folder;
pub mod history1;
mod interrupt;
mod jepsen_edn;
mod jepsen_log;
mod jepsen_rows;
mod jepsen_test;
mod names;
mod packed;
mod polysi;
mod porcupine_etcd;
mod porcupine_kv;
mod sessions;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::path::Path;

pub use error::{FormatError, Place, Places, Problem};
pub use folder::{Claim, FOLDERS, Folder, claim, is_known};
pub use interrupt::Interrupt;
pub use packed::{Unpacked, UnpackedUntil, unpack};

use self::Carries::{Initial, Keys, Model, Nemesis, RealTime, Times};
use crate::history::{Header, History};

/// A row of [`TABLE`].
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The name on the command line.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// How a file of it begins, for people; a text as it stands.
    pub begins: &'static str,
    /// Whether it is text: its errors then have lines.
    pub is_text: bool,
    /// What it may say beside the operations.
    pub carries: &'static [Carries],
    /// Whether a file that begins like this is of this format.
    pub recognise: fn(head: &[u8]) -> bool,
    /// Reads it.
    pub read: fn(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError>,
    /// Writes it, where there is an export.
    pub write: Option<Export>,
}

/// What a format may say of a history beside its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// When each operation began and ended, in nanoseconds.
    Times,
    /// The order in which operations of different clients began and ended.
    RealTime,
    /// Keys that are histories of their own.
    Keys,
    /// What a key held before its first operation.
    Initial,
    /// Which model judges it.
    Model,
    /// What the nemesis did.
    Nemesis,
}

impl Carries {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Carries::Times => "times",
            Carries::RealTime => "real-time order",
            Carries::Keys => "keys",
            Carries::Initial => "initial value",
            Carries::Model => "model",
            Carries::Nemesis => "nemesis",
        }
    }
}

/// Writes a history in a format.
pub type Export = fn(history: &History, out: &mut dyn Write) -> io::Result<()>;

/// All formats; the first that recognises a text reads it.
pub const TABLE: &[Format] = &[
    Format {
        name: history1::NAME,
        about: "JSON Lines: a header, then an event a line; what this harness records",
        begins: r#"{"history":1,"model":"register"}"#,
        is_text: true,
        carries: &[Times, RealTime, Keys, Initial, Model, Nemesis],
        recognise: history1::recognise,
        read: history1::import,
        write: Some(history1::write),
    },
    Format {
        name: jepsen_test::NAME,
        about: "Jepsen's test.jepsen (0.3 and later): blocks of Fressian",
        begins: "JEPSEN",
        is_text: false,
        carries: &[Times, RealTime, Keys, Nemesis],
        recognise: jepsen_test::recognise,
        read: jepsen_test::import,
        write: None,
    },
    Format {
        name: polysi::NAME,
        about: "PolySI's and IsoVista's text: a read or a write a line, with its session and transaction",
        begins: "w(1,10,0,0)",
        is_text: true,
        carries: &[Initial, Model],
        recognise: polysi::recognise,
        read: polysi::import,
        write: None,
    },
    Format {
        name: dbcop_json::NAME,
        about: "dbcop's JSON: sessions of transactions, by themselves or under \"data\"",
        begins: r#"[[{"events":[{"Write":{"variable":0,"version":1}}],"committed":true}"#,
        is_text: true,
        carries: &[Initial, Model],
        recognise: dbcop_json::recognise,
        read: dbcop_json::import,
        write: None,
    },
    Format {
        name: dbcop_hist::NAME,
        about: "dbcop's .hist text: a transaction in brackets, sessions between dashes",
        begins: "[x:=1 y==?]",
        is_text: true,
        carries: &[Initial, Model],
        recognise: dbcop_hist::recognise,
        read: dbcop_hist::import,
        write: None,
    },
    Format {
        name: dbcop_bincode::NAME,
        about: "history.bincode of dbcop (OOPSLA 2019), PolySI and its benchmarks",
        begins: "five numbers of eight bytes, and a text",
        is_text: false,
        carries: &[Initial, Model],
        recognise: dbcop_bincode::recognise,
        read: dbcop_bincode::import,
        write: None,
    },
    Format {
        name: cobra::NAME,
        about: "a log of Cobra: the transactions of one session; a folder of them is all sessions",
        begins: "S, a number of eight bytes, W or R",
        is_text: false,
        carries: &[Initial, Model],
        recognise: cobra::recognise,
        read: cobra::import,
        write: None,
    },
    Format {
        name: etcd_robustness::NAME,
        about: "operations.json of etcd's robustness tests (Porcupine's operations); a report's folder is all clients",
        begins: r#"{"ClientId":1,"Input":{"Type":"range""#,
        is_text: true,
        carries: &[Times, RealTime, Keys, Initial, Model, Nemesis],
        recognise: etcd_robustness::recognise,
        read: etcd_robustness::import,
        write: None,
    },
    Format {
        name: elle_json::NAME,
        about: "elle-cli's JSON: operations in one array, or one after the other",
        begins: r#"[{"type":"invoke","process":0,"f":"read"}"#,
        is_text: true,
        carries: &[Times, RealTime, Keys, Nemesis],
        recognise: elle_json::recognise,
        read: elle_json::import,
        write: None,
    },
    Format {
        name: porcupine_kv::NAME,
        about: "Porcupine's key-value test logs: EDN maps with :key, of get, put and append",
        begins: r#"{:process 0, :type :invoke, :f :get, :key "0"}"#,
        is_text: true,
        carries: &[RealTime, Keys, Initial, Model],
        recognise: porcupine_kv::recognise,
        read: porcupine_kv::import,
        write: None,
    },
    Format {
        name: jepsen_edn::NAME,
        about: "Jepsen's, Knossos's and elle-cli's EDN: maps one after the other, a vector or a list",
        begins: "{:process 0, :type :invoke, :f :read}",
        is_text: true,
        carries: &[Times, RealTime, Keys, Nemesis],
        recognise: jepsen_edn::recognise,
        read: jepsen_edn::import,
        write: Some(jepsen_edn::write),
    },
    Format {
        name: porcupine_etcd::NAME,
        about: "Porcupine's etcd test logs: rows of jepsen.util, a failed cas is an observation",
        begins: "INFO  jepsen.util - 0 :invoke :read nil",
        is_text: true,
        carries: &[RealTime, Model],
        recognise: porcupine_etcd::recognise,
        read: porcupine_etcd::import,
        write: None,
    },
    Format {
        name: jepsen_rows::NAME,
        about: "Jepsen's history.txt: process, type, operation and value in a row",
        begins: "0 :invoke :read nil",
        is_text: true,
        carries: &[RealTime, Keys, Nemesis],
        recognise: jepsen_rows::recognise,
        read: jepsen_rows::import,
        write: None,
    },
    Format {
        name: jepsen_log::NAME,
        about: "Jepsen's jepsen.log: the rows of jepsen.util among other lines",
        begins: "2026-11-23 17:02:10,117 INFO  jepsen.core - ",
        is_text: true,
        carries: &[RealTime, Keys, Nemesis],
        recognise: jepsen_log::recognise,
        read: jepsen_log::import,
        write: None,
    },
];

/// How to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The name of the format; none: recognise it from the content.
    pub format: Option<&'a str>,
    /// Whether a value `[k v]` is a key and its value.
    pub independent: Independent,
    /// Whether to stop before the end.
    pub interrupt: Interrupt<'a>,
}

/// Whether a value `[k v]` of an imported history is a key and its value (Jepsen's `independent`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Independent {
    /// Where all values of the clients look like it.
    #[default]
    Auto,
    /// Yes; any other value of a client is an error.
    Yes,
    /// No.
    No,
}

/// What a `fail` of a compare-and-set says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedCas {
    /// That it did not happen, and nothing else (Jepsen).
    #[default]
    DidNotHappen,
    /// That it happened and found another value (Porcupine's etcd logs).
    Observation,
}

/// How closely a set and a counter are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Analysis {
    /// There must be a legal order.
    #[default]
    Linearizable,
    /// As the checkers of Jepsen that have these names: less than a legal order.
    Jepsen,
}

/// A history, and what its format implies.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The history.
    pub history: History,
    /// The name of the format that it was in.
    pub format: &'static str,
    /// The model that its header or its format implies.
    pub model_hint: Option<String>,
    /// Whether it has a header; then a model that is not implied is not to be guessed from the operations.
    pub has_header: bool,
    /// What a failed compare-and-set means in it.
    pub failed_cas: FailedCas,
    /// How closely a set or a counter is looked at.
    pub analysis: Analysis,
    /// Where its events stand in the text.
    pub places: Places,
}

impl Imported {
    /// What a header says by itself.
    fn with_header(format: &'static str, history: History) -> Self {
        let says = |field, word| history.header.other.get(field).and_then(|said| said.as_str()) == Some(word);
        let failed_cas = if says(FAILED_CAS, OBSERVATION) {
            FailedCas::Observation
        } else {
            FailedCas::DidNotHappen
        };
        let analysis = if says(ANALYSIS, JEPSEN) {
            Analysis::Jepsen
        } else {
            Analysis::Linearizable
        };
        Imported {
            model_hint: history.header.model.clone(),
            has_header: true,
            history,
            format,
            failed_cas,
            analysis,
            places: Places::Unknown,
        }
    }

    /// Transactions of sessions that read and write registers: the order of the file is the order of each session, and nothing
    /// else.
    fn of_sessions(format: &'static str, mut history: History) -> Self {
        let model = "rw-register";
        history.header.model = Some(model.into());
        history.header.other.insert(REAL_TIME.into(), false.into());
        Imported {
            history,
            format,
            model_hint: Some(model.into()),
            has_header: false,
            failed_cas: FailedCas::DidNotHappen,
            analysis: Analysis::Linearizable,
            places: Places::Unknown,
        }
    }

    /// A history from Jepsen or elle-cli, in a format without a header.
    fn without_header(format: &'static str, mut history: History) -> Self {
        history.header.other.insert(ANALYSIS.into(), JEPSEN.into());
        Imported {
            history,
            format,
            model_hint: None,
            has_header: false,
            failed_cas: FailedCas::DidNotHappen,
            analysis: Analysis::Jepsen,
            places: Places::Unknown,
        }
    }

    /// The same, with the places of its events.
    fn at(self, places: Places) -> Self {
        Imported { places, ..self }
    }
}

/// The header's field, and its value, that keep [`FailedCas::Observation`] when a history is converted.
const FAILED_CAS: &str = "failed_cas";
const OBSERVATION: &str = "observation";

/// The header's field, and its value, that keep [`Analysis::Jepsen`] when a history is converted.
const ANALYSIS: &str = "analysis";
const JEPSEN: &str = "jepsen";

/// The header's field that says, if it is false, that the events' order is no order in time.
const REAL_TIME: &str = "real_time";

/// Whether what stands before something else in a history also happened before it.
pub fn has_real_time(header: &Header) -> bool {
    !header.completions_alone && header.other.get(REAL_TIME).and_then(|said| said.as_bool()) != Some(false)
}

/// The header's field with sentences about what a format could not keep of a history.
const NOTES: &str = "notes";

/// What is to be known of a history beside its events, a sentence each.
pub fn notes(header: &Header) -> impl Iterator<Item = &str> {
    let notes = header.other.get(NOTES).and_then(|notes| notes.as_array());
    notes.into_iter().flatten().filter_map(|note| note.as_str())
}

/// The row of this name.
pub fn by_name(name: &str) -> Result<&'static Format, FormatError> {
    TABLE
        .iter()
        .find(|format| format.name == name)
        .ok_or_else(|| FormatError::UnknownName {
            name: name.to_owned(),
        })
}

/// The first row that recognises how a text begins.
pub fn recognise(head: &[u8]) -> Option<&'static Format> {
    TABLE.iter().find(|format| (format.recognise)(head))
}

/// Reads a file, or a folder that another tool left ([`FOLDERS`]).
pub fn read_path(path: impl AsRef<Path>, options: &Options<'_>) -> Result<Imported, FormatError> {
    read_path_through(path.as_ref(), options, &|file| file)
}

/// The same; `through` stands between every file and its reader, to end the reading at a limit.
pub fn read_path_through<R: Read>(
    path: &Path,
    options: &Options<'_>,
    through: &dyn Fn(File) -> R,
) -> Result<Imported, FormatError> {
    match path.is_dir() {
        true => folder::read_folder(path, options, through),
        false => folder::read_file(path, options, through),
    }
}

/// Reads standard input, or what is in memory; gzip and zstd are taken off.
pub fn read(input: impl Read, options: &Options<'_>) -> Result<Imported, FormatError> {
    /// Enough of a text to recognise its format, whatever comments it begins with.
    const HEAD_BYTES: u64 = 64 * 1024;
    /// What some editors put before UTF-8; it says nothing.
    const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
    let mut head = Vec::new();
    let unpacked = unpack(input).map_err(|source| FormatError::Read { file: None, source })?;
    let mut input = unpacked.until(options.interrupt);
    input
        .by_ref()
        .take(HEAD_BYTES)
        .read_to_end(&mut head)
        .map_err(|source| FormatError::Read { file: None, source })?;
    if head.starts_with(BYTE_ORDER_MARK) {
        head.drain(..BYTE_ORDER_MARK.len());
    }
    let format = match options.format {
        Some(name) => by_name(name)?,
        None if head.is_empty() => return Err(FormatError::Empty { file: None }),
        None => recognise(&head).ok_or(FormatError::Unrecognised { file: None })?,
    };
    (format.read)(&mut BufReader::new(Cursor::new(head).chain(input)), options)
}

/// The whole input, for the formats that are no text.
fn read_bytes(input: &mut dyn BufRead) -> Result<Vec<u8>, FormatError> {
    let mut bytes = Vec::new();
    let read = input.read_to_end(&mut bytes);
    read.map_err(|source| FormatError::Read { file: None, source })?;
    Ok(bytes)
}

/// The whole input as text, for the formats that are not read line by line.
fn read_text(input: &mut dyn BufRead) -> Result<String, FormatError> {
    String::from_utf8(read_bytes(input)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let (valid, rest) = error.as_bytes().split_at(valid);
        let found = format!("byte 0x{:02x}", rest.first().copied().unwrap_or_default());
        let valid = String::from_utf8_lossy(valid);
        edn::Fault::expected(valid.len(), "text in UTF-8", found).place(&valid)
    })
}

/// How a text begins, without the half of a character at its end.
fn head_text(head: &[u8]) -> &str {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => return text,
        Err(error) => error.valid_up_to(),
    };
    std::str::from_utf8(&head[..valid]).unwrap_or_default()
}
