//! Porcupine's etcd test logs (`test_data/jepsen/etcd_*.log`): rows of `jepsen.util`, every line one.
//!
//! Porcupine's model takes a failed compare-and-set as an observation: the value was another one. It is a
//! compare-and-set register; there are no times, and an operation that timed out says so where its value was.

use std::io::BufRead;

use super::draft::{assemble, places};
use super::error::FormatError;
use super::jepsen_edn::looks_like_a_row;
use super::jepsen_log::message_of;
use super::jepsen_rows::{Problematic, drafts};
use super::{Analysis, FAILED_CAS, FailedCas, Imported, OBSERVATION, Options, head_text, read_text};

pub(super) const NAME: &str = "porcupine-etcd";

/// The model's name (CHECKING.md).
const MODEL: &str = "cas-register";

/// How every line begins.
const LINE_START: &str = "INFO  jepsen.util - ";

/// Whether the first line is a row of `jepsen.util`, with nothing before it.
pub(super) fn recognise(head: &[u8]) -> bool {
    let first = head_text(head).lines().next().unwrap_or_default();
    first.strip_prefix(LINE_START).is_some_and(looks_like_a_row)
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let drafts = drafts(&text, options.interrupt, |line| match message_of(line) {
        Some(at) if line.starts_with(LINE_START) => Ok(Some(at)),
        _ => Err(Problematic),
    });
    let drafts = drafts.map_err(|fault| fault.place(&text))?;
    let places = places(&text, &drafts);
    let mut history = assemble(&text, drafts, options.independent, options.interrupt)?;
    history.header.model = Some(MODEL.into());
    history.header.other.insert(FAILED_CAS.into(), OBSERVATION.into());
    let failed_cas = FailedCas::Observation;
    Ok(Imported {
        history,
        format: NAME,
        model_hint: Some(MODEL.into()),
        has_header: false,
        failed_cas,
        analysis: Analysis::Linearizable,
        places,
    })
}
