//! By which model a history is judged, and who says so: the command line, the header, the format, or a guess.

use std::path::Path;

use checker::models::{Guess, Start};
use checker::{Check, Proved};
use histories::format::{Imported, Places};
use histories::{Event, Header, Kind, Value};

use super::Limits;
use super::error::{JudgeError, known};
use super::history::model;
use super::others;
use crate::record::{JudgedAs, NamedBy};

/// The header's field that keeps, when a history is converted, that its model is a guess, and what it rests on.
pub const GUESSED: &str = "model_guessed";

/// A model's name, and who says so.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Named {
    /// The name.
    pub model: String,
    /// Who says so.
    pub from: NamedBy,
    /// What a guess rests on.
    pub by: Option<String>,
}

impl Named {
    /// By the command line, or by the header.
    pub(super) fn in_header(header: &Header, limits: &Limits) -> Option<Self> {
        if let Some(name) = &limits.model {
            return Some(Named {
                model: name.clone(),
                from: NamedBy::Flag,
                by: None,
            });
        }
        let guessed = header.other.get(GUESSED).and_then(|by| by.as_str());
        header.model.clone().map(|model| Named {
            model,
            from: guessed.map_or(NamedBy::Header, |_| NamedBy::Guess),
            by: guessed.map(str::to_owned),
        })
    }

    /// What the summary says; in the check a guess is named, too.
    pub(super) fn judged(&self, check: &mut Check) -> JudgedAs {
        let said = |field: &str| {
            check
                .details
                .get(field)
                .and_then(|said| said.as_str().map(str::to_owned))
        };
        let judged = JudgedAs {
            model: self.model.clone(),
            from: self.from,
            by: self.by.clone(),
            initial: said("initial"),
            analysis: said("analysis"),
            consistency: said("consistency").or_else(|| match check.proof() {
                Some(Proved::Bounds { .. }) | None => None,
                _ => Some("linearizable".to_owned())
                    .filter(|_| said("analysis").as_deref() == Some("linearizable")),
            }),
        };
        if self.from == NamedBy::Guess {
            let by = self.by.as_deref().unwrap_or("its operations suggest it");
            check.reason += &format!(
                "; the model {} is a guess ({by}), and --model names one",
                self.model
            );
        }
        judged
    }
}

/// The model of a history by itself.
pub(super) fn named(path: &Path, imported: &Imported, limits: &Limits) -> Result<Named, JudgeError> {
    let header = &imported.history.header;
    if let Some(named) = Named::in_header(header, limits) {
        let of_format = named.from == NamedBy::Header && !imported.has_header;
        return Ok(match of_format {
            true => Named {
                from: NamedBy::Format,
                ..named
            },
            false => named,
        });
    }
    if imported.has_header {
        return Err(no_model(path, &[]));
    }
    let events = &imported.history.events;
    let guess = Guess::of(events);
    match (guess.model(), guess.contradicted, guess.candidates.first()) {
        (Some(model), ..) => Ok(Named {
            model: model.to_owned(),
            from: NamedBy::Guess,
            by: Some(guess.by),
        }),
        (None, Some(index), Some(model)) => Err(JudgeError::Contradicted {
            place: place(path, &imported.places, index),
            model,
            by: guess.by,
            operation: told(events, index),
            known: known().join(", "),
        }),
        _ => match others::named_after(path, guess.candidates)[..] {
            [model] => Ok(Named {
                model: model.to_owned(),
                from: NamedBy::Guess,
                by: Some(
                    "its operations fit several models, and its test is named after this one".to_owned(),
                ),
            }),
            ref candidates => Err(no_model(path, candidates)),
        },
    }
}

fn no_model(path: &Path, candidates: &[&str]) -> JudgeError {
    JudgeError::NoModel {
        path: path.to_owned(),
        candidates: match candidates {
            [] => known().join(", "),
            some => some.join(", "),
        },
    }
}

/// What there is before the first operation, if the command line says so.
pub(super) fn start(header: &mut Header, named: &Named, limits: &Limits) -> Result<(), JudgeError> {
    let Some(initial) = &limits.initial else {
        return Ok(());
    };
    match model(&named.model)?.start {
        Start::Always(start) => Err(JudgeError::NoInitial {
            model: named.model.clone(),
            start,
        }),
        Start::Initial | Start::Else(_) => {
            header.initial = initial.clone();
            Ok(())
        }
    }
}

/// The error with the place of its event in the file, and with the operation.
pub(super) fn placed(error: JudgeError, path: &Path, places: &Places, events: &[Event]) -> JudgeError {
    let JudgeError::History(source) = error else {
        return error;
    };
    let Some(index) = source.index() else {
        return JudgeError::OfFile {
            path: path.to_owned(),
            source: Box::new(source),
        };
    };
    JudgeError::Event {
        place: place(path, places, index),
        operation: told(events, index),
        source: Box::new(source),
    }
}

fn place(path: &Path, places: &Places, index: u64) -> String {
    let file = (path.as_os_str() != "-").then_some(path);
    let unknown = || path.display().to_string();
    places
        .of(index, file)
        .map_or_else(unknown, |place| place.to_string())
}

/// An event in a few words.
fn told(events: &[Event], index: u64) -> String {
    let Some(event) = usize::try_from(index).ok().and_then(|at| events.get(at)) else {
        return format!("event {index}");
    };
    let kind = match event.kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    };
    let value = match &event.value {
        Value::Null => String::new(),
        value => format!(" {value}"),
    };
    format!("{kind} {}{value} by process {}", event.f, event.process)
}
