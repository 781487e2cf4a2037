//! The log file under torn tails and flipped bytes: whatever is cut or damaged, a start finds a prefix of what was
//! written or refuses, and only the tail may be missing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says plainly what cannot fail"
)]

use std::fs;
use std::path::Path;

use cluster_node::raft::types::{Entry, LogIndex, NodeId, Term};
use cluster_node::raft::{HardState, Persist, Recovered};
use cluster_node::storage::{Opened, Storage, StorageError};
use proptest::prelude::*;

/// What was written, and where each step ends in the file.
struct Written {
    /// The file as it was after the start and after each step, with what a start at that point finds.
    steps: Vec<(usize, Recovered)>,
    bytes: Vec<u8>,
}

/// Steps that a core could make: a term and a vote, entries, or a truncation.
fn steps() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    prop::collection::vec((0..4_u8, prop::collection::vec(any::<u8>(), 0..40)), 1..12)
}

fn open(folder: &Path) -> Result<Opened, StorageError> {
    Storage::open(folder, "c", "n1")
}

fn write(folder: &Path, steps: &[(u8, Vec<u8>)]) -> Written {
    let Opened {
        mut storage,
        mut recovered,
        ..
    } = open(folder).unwrap();
    let mut written = vec![(storage.end() as usize, recovered.clone())];
    for (kind, payload) in steps {
        let last = recovered.entries.len() as u64;
        let what = match kind {
            0 => Persist::HardState(HardState {
                term: Term(recovered.hard.term.0 + 1),
                voted_for: payload.first().map(|_| NodeId::from("n2")),
            }),
            1 if last > 0 => Persist::Truncate(LogIndex(1 + u64::from(payload.len() as u8) % last)),
            _ => Persist::Append(vec![Entry {
                term: Term(1),
                index: LogIndex(last + 1),
                payload: payload.clone().into(),
            }]),
        };
        match &what {
            Persist::HardState(hard) => recovered.hard = hard.clone(),
            Persist::Truncate(from) => recovered.entries.truncate(from.0 as usize - 1),
            Persist::Append(entries) => recovered.entries.extend(entries.iter().cloned()),
        }
        storage.persist(&what);
        storage.sync().unwrap();
        written.push((storage.end() as usize, recovered.clone()));
    }
    let end = storage.end() as usize;
    drop(storage);
    let mut bytes = fs::read(folder.join("log")).unwrap();
    assert!(
        bytes.drain(end..).all(|byte| byte == 0),
        "only zeros follow the records"
    );
    Written {
        steps: written,
        bytes,
    }
}

fn same(found: &Recovered, wanted: &Recovered) -> bool {
    found.hard == wanted.hard && found.entries == wanted.entries
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_prefix_is_a_torn_tail(steps in steps(), at in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().unwrap();
        let written = write(folder.path(), &steps);
        let cut = at.index(written.bytes.len() + 1);
        fs::write(folder.path().join("log"), &written.bytes[..cut]).unwrap();
        let whole = written.steps.iter().rev().find(|(end, _)| *end <= cut);
        let (end, wanted) = whole.cloned().unwrap_or_default();
        let opened = open(folder.path()).unwrap();
        prop_assert!(same(&opened.recovered, &wanted), "cut at {}", cut);
        // Zeros at the end are as good as nothing.
        prop_assert!(opened.torn_bytes <= cut - end);
        prop_assert_eq!(opened.incarnation, if end == 0 { 1 } else { 2 });
        drop(opened);
        // The repair is for good: the next start finds no tail.
        let again = open(folder.path()).unwrap();
        prop_assert!(same(&again.recovered, &wanted));
        prop_assert_eq!(again.torn_bytes, 0);
    }

    #[test]
    fn a_flipped_byte_is_refused_unless_it_is_in_the_tail(
        steps in steps(), at in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let written = write(folder.path(), &steps);
        let at = at.index(written.bytes.len());
        let mut damaged = written.bytes.clone();
        damaged[at] ^= flip;
        let log = folder.path().join("log");
        fs::write(&log, &damaged).unwrap();
        // The record with the byte begins where the last whole one before it ends.
        let before = written.steps.iter().rposition(|(end, _)| *end <= at);
        let begins = before.map_or(0, |step| written.steps[step].0);
        let is_in_tail = before == Some(written.steps.len() - 2) || written.steps.len() == 1;
        match open(folder.path()) {
            Ok(opened) => {
                prop_assert!(is_in_tail, "the flip at {} went unnoticed", at);
                let wanted = before.map_or_else(Recovered::default, |step| written.steps[step].1.clone());
                prop_assert!(same(&opened.recovered, &wanted));
            }
            Err(StorageError::Damaged { path, at: found, .. }) => {
                prop_assert!(!is_in_tail);
                prop_assert_eq!(path, log.clone());
                prop_assert_eq!(found, begins);
                // Refusing changes nothing.
                prop_assert_eq!(fs::read(&log).unwrap(), damaged);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir().unwrap();
        let mut whole = write(folder.path(), &[]).bytes;
        whole.extend(&bytes);
        fs::write(folder.path().join("log"), whole).unwrap();
        let opened = open(folder.path()).unwrap();
        prop_assert!(opened.torn_bytes <= bytes.len());
        prop_assert_eq!(opened.incarnation, 2);
    }
}

#[test]
fn two_nodes_never_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(StorageError::InUse(_))));
    drop(first);
    assert_eq!(open(folder.path()).unwrap().incarnation, 2);
}

#[test]
fn the_folder_of_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    for (cluster, id) in [("c", "n2"), ("other", "n1")] {
        let error = Storage::open(folder.path(), cluster, id).unwrap_err();
        assert!(matches!(error, StorageError::NotOurs { .. }), "{error}");
        assert!(error.to_string().contains("node n1 of cluster c"), "{error}");
    }
}

#[test]
fn a_lost_log_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    fs::remove_file(folder.path().join("log")).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, StorageError::Missing(_)), "{error}");
}

#[test]
fn a_record_out_of_sequence_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = write(folder.path(), &[(2, vec![1]), (2, vec![2])]);
    let (boot, first) = (written.steps[0].0, written.steps[1].0);
    let without_first = [&written.bytes[..boot], &written.bytes[first..]].concat();
    fs::write(folder.path().join("log"), without_first).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(
        matches!(error, StorageError::Inconsistent { at, .. } if at == boot),
        "{error}"
    );
}
