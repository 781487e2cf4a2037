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

mod draft;
mod edn;
mod elle_json;
mod error;
pub mod history1;
mod interrupt;
mod jepsen_edn;
mod jepsen_log;
mod jepsen_rows;
mod names;
mod packed;
mod porcupine_etcd;
mod porcupine_kv;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::path::Path;

pub use error::{FormatError, Place, Problem};
pub use interrupt::Interrupt;
pub use packed::{Unpacked, UnpackedUntil, unpack};

use crate::history::History;

/// A row of [`TABLE`].
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The name on the command line.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// How a text of it begins, for people.
    pub begins: &'static str,
    /// Whether a text that begins like this is of this format.
    pub recognise: fn(head: &[u8]) -> bool,
    /// Reads it.
    pub read: fn(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError>,
    /// Writes it, where there is an export.
    pub write: Option<Export>,
}

/// Writes a history in a format.
pub type Export = fn(history: &History, out: &mut dyn Write) -> io::Result<()>;

/// All formats; the first that recognises a text reads it.
pub const TABLE: &[Format] = &[
    Format {
        name: history1::NAME,
        about: "JSON Lines: a header, then an event a line; what this harness records",
        begins: r#"{"history":1,"model":"register"}"#,
        recognise: history1::recognise,
        read: history1::import,
        write: Some(history1::write),
    },
    Format {
        name: elle_json::NAME,
        about: "elle-cli's JSON: operations in one array, or one after the other",
        begins: r#"[{"type":"invoke","process":0,"f":"read"}"#,
        recognise: elle_json::recognise,
        read: elle_json::import,
        write: None,
    },
    Format {
        name: porcupine_kv::NAME,
        about: "Porcupine's key-value test logs: EDN maps with :key, of get, put and append",
        begins: r#"{:process 0, :type :invoke, :f :get, :key "0"}"#,
        recognise: porcupine_kv::recognise,
        read: porcupine_kv::import,
        write: None,
    },
    Format {
        name: jepsen_edn::NAME,
        about: "Jepsen's, Knossos's and elle-cli's EDN: maps one after the other, a vector or a list",
        begins: "{:process 0, :type :invoke, :f :read}",
        recognise: jepsen_edn::recognise,
        read: jepsen_edn::import,
        write: Some(jepsen_edn::write),
    },
    Format {
        name: porcupine_etcd::NAME,
        about: "Porcupine's etcd test logs: rows of jepsen.util, a failed cas is an observation",
        begins: "INFO  jepsen.util - 0 :invoke :read nil",
        recognise: porcupine_etcd::recognise,
        read: porcupine_etcd::import,
        write: None,
    },
    Format {
        name: jepsen_rows::NAME,
        about: "Jepsen's history.txt: process, type, operation and value in a row",
        begins: "0 :invoke :read nil",
        recognise: jepsen_rows::recognise,
        read: jepsen_rows::import,
        write: None,
    },
    Format {
        name: jepsen_log::NAME,
        about: "Jepsen's jepsen.log: the rows of jepsen.util among other lines",
        begins: "2026-11-23 17:02:10,117 INFO  jepsen.core - ",
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
        }
    }
}

/// The header's field, and its value, that keep [`FailedCas::Observation`] when a history is converted.
const FAILED_CAS: &str = "failed_cas";
const OBSERVATION: &str = "observation";

/// The header's field, and its value, that keep [`Analysis::Jepsen`] when a history is converted.
const ANALYSIS: &str = "analysis";
const JEPSEN: &str = "jepsen";

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

/// Reads a file.
pub fn read_path(path: impl AsRef<Path>, options: &Options<'_>) -> Result<Imported, FormatError> {
    let path = path.as_ref();
    File::open(path)
        .map_err(|source| FormatError::Read { file: None, source })
        .and_then(|file| read(file, options))
        .map_err(|error| error.in_file(path))
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

/// The whole input as text, for the formats that are not read line by line.
fn read_text(input: &mut dyn BufRead) -> Result<String, FormatError> {
    let mut bytes = Vec::new();
    input
        .read_to_end(&mut bytes)
        .map_err(|source| FormatError::Read { file: None, source })?;
    String::from_utf8(bytes).map_err(|error| {
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
