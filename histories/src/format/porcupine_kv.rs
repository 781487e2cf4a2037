//! Porcupine's key-value test logs (`test_data/kv/*.txt`): a map a line, with `:key`, of get, put and append.
//!
//! There are no times: the order of the lines is the order of the events. A key is the empty string before its first
//! operation.

use std::io::BufRead;

use super::draft::{assemble, places};
use super::edn::{Edn, Parser};
use super::error::FormatError;
use super::{Analysis, FailedCas, Imported, Independent, Options, head_text, jepsen_edn, read_text};
use crate::value::Value;

pub(super) const NAME: &str = "porcupine-kv";

/// The model's name (CHECKING.md).
const MODEL: &str = "kv";

/// Whether the first form is a map with a `:key` and the `:f` of this model.
pub(super) fn recognise(head: &[u8]) -> bool {
    let first = Parser::at(head_text(head), 0).next();
    let Ok(Some(node)) = first else { return false };
    let Edn::Map(pairs) = &node.edn else { return false };
    let field = |name| {
        pairs
            .iter()
            .find(|(key, _)| matches!(key.edn, Edn::Keyword(word) if word == name))
            .map(|pair| &pair.1.edn)
    };
    field("key").is_some() && matches!(field("f"), Some(Edn::Keyword("get" | "put" | "append")))
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let drafts = jepsen_edn::drafts(&text, options.interrupt).map_err(|fault| fault.place(&text))?;
    let places = places(&text, &drafts);
    let mut history = assemble(&text, drafts, Independent::No, options.interrupt)?;
    history.header.model = Some(MODEL.into());
    history.header.keyed = true;
    history.header.initial = Value::from("");
    let failed_cas = FailedCas::DidNotHappen;
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
