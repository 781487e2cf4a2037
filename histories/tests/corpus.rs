//! Every real history of the corpus is read, and survives both exports.
//!
//! The corpus lies beside the repository, or where `HARNESS_CORPUS` says; `HARNESS_CORPUS_REQUIRED=1` makes its
//! absence a failure.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use histories::format::{self, FailedCas, Imported, Independent, Options, history1};
use histories::{Event, Kind, Process};

fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = env::var_os("HARNESS_CORPUS").map_or_else(beside, PathBuf::from);
    let found = folder.join("index.tsv").is_file();
    let required = env::var_os("HARNESS_CORPUS_REQUIRED").is_some_and(|value| value == "1");
    assert!(found || !required, "no corpus in {}", folder.display());
    if !found {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: no corpus in {}", folder.display());
    }
    found.then_some(folder)
}

/// A row of index.tsv.
struct Row {
    path: String,
    operations: Option<usize>,
    unknown: Option<usize>,
}

fn rows(folder: &Path) -> Vec<Row> {
    let index = fs::read_to_string(folder.join("index.tsv")).expect("the index");
    let rows = index.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        Row {
            path: fields[0].to_owned(),
            operations: fields[3].parse().ok(),
            unknown: fields[4].parse().ok(),
        }
    });
    rows.collect()
}

/// The format that a file of the corpus has to be recognised as.
fn expected_format(path: &str) -> &'static str {
    match path.split('/').next() {
        Some("porcupine") if path.ends_with(".log") => "porcupine-etcd",
        Some("porcupine") => "porcupine-kv",
        _ if path.ends_with(".json") => "elle-json",
        _ => "jepsen-edn",
    }
}

fn clients(imported: &Imported, kind: Kind) -> usize {
    let wanted = |event: &&Event| event.process != Process::Nemesis && event.kind == kind;
    imported.history.events.iter().filter(wanted).count()
}

#[test]
fn every_file_of_the_corpus_is_read() {
    let Some(folder) = corpus() else { return };
    let rows = rows(&folder);
    assert!(rows.len() > 90, "the index has {} files", rows.len());
    for row in &rows {
        let imported = format::read_path(folder.join(&row.path), &Options::default())
            .unwrap_or_else(|error| panic!("{error}"));
        let path = &row.path;
        assert_eq!(imported.format, expected_format(path), "{path}");
        let events = &imported.history.events;
        assert!(
            events
                .iter()
                .enumerate()
                .all(|(at, event)| event.index == at as u64),
            "{path}"
        );
        assert!(events.is_sorted_by_key(|event| event.time), "{path}");

        let invoked = clients(&imported, Kind::Invoke);
        let failed = clients(&imported, Kind::Fail);
        let open = invoked - failed - clients(&imported, Kind::Ok);
        match (row.operations, row.unknown) {
            // The counts of Knossos's files leave out what failed and the reads that never returned.
            (Some(operations), Some(unknown)) if path.starts_with("knossos") => {
                assert_eq!(invoked - failed - operations, open - unknown, "{path}");
            }
            (Some(operations), Some(unknown)) => assert_eq!((operations, unknown), (invoked, open), "{path}"),
            _ => {}
        }
        let observation = imported.format == "porcupine-etcd";
        assert_eq!(
            imported.failed_cas == FailedCas::Observation,
            observation,
            "{path}"
        );
    }
}

#[test]
fn every_file_of_the_corpus_survives_the_exports() {
    let Some(folder) = corpus() else { return };
    for row in rows(&folder) {
        let path = &row.path;
        let imported = format::read_path(folder.join(path), &Options::default()).unwrap();
        let mut text = Vec::new();
        history1::write(&imported.history, &mut text).unwrap();
        let again = format::read(text.as_slice(), &Options::default()).unwrap();
        assert_eq!(again.history, imported.history, "{path}");
        assert_eq!(again.failed_cas, imported.failed_cas, "{path}");

        let mut text = Vec::new();
        format::by_name("jepsen-edn").unwrap().write.unwrap()(&imported.history, &mut text).unwrap();
        let independent = if imported.history.header.keyed {
            Independent::Yes
        } else {
            Independent::No
        };
        let options = Options {
            format: Some("jepsen-edn"),
            independent,
            ..Options::default()
        };
        let again = format::read(text.as_slice(), &options).unwrap();
        assert_eq!(again.history.events, imported.history.events, "{path}");
    }
}

/// The histories that lie in the repository, for the checker's tests.
#[test]
fn every_file_of_our_own_corpus_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let index = fs::read_to_string(folder.join("index.tsv")).expect("the index");
    let mut indexed: Vec<&str> = Vec::new();
    for line in index.lines().skip(1) {
        let [path, model, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let imported = format::read_path(folder.join(path), &Options::default())
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (imported.format, imported.model_hint.as_deref()),
            (history1::NAME, Some(model)),
            "{path}"
        );
        assert_eq!(
            expected,
            if path.starts_with("good/") {
                "pass"
            } else {
                "violation"
            },
            "{path}"
        );
        let observation = path.contains("observation");
        assert_eq!(
            imported.failed_cas == FailedCas::Observation,
            observation,
            "{path}"
        );
        indexed.push(path);
    }
    for group in ["good", "bad"] {
        for entry in fs::read_dir(folder.join(group)).expect("the folder") {
            let name = entry.expect("an entry").file_name();
            let path = format!("{group}/{}", name.to_string_lossy());
            assert!(indexed.contains(&path.as_str()), "{path} stands in index.tsv");
        }
    }
}
