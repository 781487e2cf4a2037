//! Every malformed file of corpus/malformed gives the error that its index says: where, and in which words.
//!
//! A file's folder is the format that it has to be recognised as. After a change of words, write the index anew with
//! `MALFORMED_RENEW=1 cargo test -p histories --test malformed`, and read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use histories::format::{self, FormatError, Options};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/malformed")
}

/// The paths of all files, as the index writes them.
fn files() -> BTreeSet<String> {
    let formats = fs::read_dir(folder())
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path());
    let files = formats
        .filter(|path| path.is_dir())
        .flat_map(|path| fs::read_dir(path).expect("a folder"));
    let relative = files.map(|entry| {
        let path = entry.expect("an entry").path();
        let relative = path.strip_prefix(folder()).expect("inside").to_owned();
        relative.to_string_lossy().replace('\\', "/")
    });
    relative.collect()
}

fn line_of_index(file: &str) -> String {
    let path = folder().join(file);
    let named = file.split('/').next().expect("a folder");
    let head = fs::read(&path).expect("the file");
    assert_eq!(
        format::recognise(&head).map(|format| format.name),
        Some(named),
        "{file}"
    );
    let error = format::read_path(&path, &Options::default()).expect_err(file);
    match &error {
        FormatError::Malformed { place, problem } => {
            assert_eq!(place.file.as_deref(), Some(path.as_path()));
            assert_eq!(
                error.to_string(),
                format!("{}:{}:{}: {problem}", path.display(), place.line, place.column)
            );
            format!("{file}\t{}:{}\t{problem}", place.line, place.column)
        }
        FormatError::MalformedBytes {
            file: Some(named),
            offset,
            problem,
        } => {
            assert_eq!(named, &path);
            let shown = format!("{}: byte {offset}: {problem}", path.display());
            assert_eq!(error.to_string(), shown);
            format!("{file}\tbyte {offset}\t{problem}")
        }
        other => panic!("{file}: {other}"),
    }
}

#[test]
fn every_malformed_file_says_where_and_what() {
    let files = files();
    assert!(files.len() >= 45, "{} files", files.len());
    let found: Vec<String> = files.iter().map(|file| line_of_index(file)).collect();
    let found = format!("path\tplace\tproblem\n{}\n", found.join("\n"));
    if std::env::var_os("MALFORMED_RENEW").is_some() {
        fs::write(folder().join("index.tsv"), &found).expect("the index");
    }
    let index = fs::read_to_string(folder().join("index.tsv")).expect("the index");
    for (found, expected) in found.lines().zip(index.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(
        found.lines().count(),
        index.lines().count(),
        "one line for every file"
    );
}

#[test]
fn what_is_no_history_is_said_so() {
    let options = Options::default();
    let empty = format::read(b"".as_slice(), &options).expect_err("nothing");
    assert_eq!(empty.to_string(), "the input is empty");
    for other in [
        b"# harness\n\nA black-box tester {:for stores}\n".as_slice(),
        b"Dear diary,\n",
        b"#!/bin/sh\n",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        br#"{"name":"harness","type":"module"}"#,
        b"[1, 2]",
        b"\n\n",
    ] {
        let error = format::read(other, &options).expect_err("no history").to_string();
        assert!(
            error.starts_with("the input is of no known format; history1 begins with `{\"history\":1,"),
            "{error}"
        );
    }
    let unknown = format::read(
        b"".as_slice(),
        &Options {
            format: Some("xml"),
            ..options
        },
    )
    .expect_err("no format");
    assert!(
        unknown
            .to_string()
            .starts_with("no format is called \"xml\"; the formats are history1, "),
        "{unknown}"
    );
    let missing = format::read_path("no/such/file", &options).expect_err("no file");
    assert!(
        missing.to_string().starts_with("cannot read no/such/file: "),
        "{missing}"
    );
}

#[test]
fn what_a_format_is_said_to_begin_with_is_recognised_as_it() {
    for row in format::TABLE.iter().filter(|row| row.is_text) {
        let found = format::recognise(row.begins.as_bytes()).map(|row| row.name);
        assert_eq!(found, Some(row.name));
    }
    for tagged in [
        "#jepsen.history.Op{:index 0}",
        "[#jepsen.history.Op {:index 0}]",
        "; header\n{:index 0}",
    ] {
        let found = format::recognise(tagged.as_bytes()).map(|row| row.name);
        assert_eq!(found, Some("jepsen-edn"), "{tagged}");
    }
}
