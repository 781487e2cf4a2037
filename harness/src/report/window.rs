//! A part of a saved history, read without reading the rest into memory.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use histories::format::history1::{EventRef, Events, ValueRef};
use histories::format::{FormatError, Problem};
use histories::{Event, Process, Value};

use crate::errors::ReportError;
use crate::exit::Failure;

/// So many events are shown before and after the ones that are asked for.
const AROUND: usize = 12;

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Only those of this key, as it is written; and the nemesis'.
    pub key: Option<String>,
    /// Only those of this process.
    pub process: Option<u64>,
    /// Only those around these indexes, the first and the last; without them everything.
    pub around: Option<(u64, u64)>,
}

impl Wanted {
    fn leaves_out(&self) -> bool {
        self.key.is_some() || self.process.is_some()
    }
}

/// What becomes of an event: an end of the reading where nobody wants any more of them.
pub(crate) type Sunk = Result<ControlFlow<()>, Failure>;

/// Hands every wanted event to `sink`, in the order of the history. Reads no further than it has to.
///
/// # Errors
/// The history cannot be read, or has no event of the wanted index.
pub(crate) fn read(
    path: &Path,
    unfinished: bool,
    wanted: &Wanted,
    sink: &mut dyn FnMut(Event) -> Sunk,
) -> Result<(), Failure> {
    let wrong = |error: FormatError| error.in_file(path);
    let file = File::open(path).map_err(|source| wrong(FormatError::Read { file: None, source }))?;
    let mut events = Events::open(file).map_err(wrong)?;
    let key = wanted.key.as_deref().map(Key::of);
    let (mut before, mut after, mut count) = (VecDeque::with_capacity(AROUND), 0, 0);
    loop {
        let event = match events.next_event() {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(FormatError::Malformed {
                problem: Problem::CutOff,
                ..
            }) if unfinished => break,
            Err(error) => return Err(wrong(error).into()),
        };
        count += 1;
        if !takes(&event, wanted, key.as_ref()) {
            continue;
        }
        let Some((first, last)) = wanted.around else {
            if sink(Event::from(event))?.is_break() {
                return Ok(());
            }
            continue;
        };
        if event.index < first {
            // Where nothing is left out in between, what is shown before is known by its index.
            if !wanted.leaves_out() && event.index + (AROUND as u64) < first {
                continue;
            }
            if before.len() == AROUND {
                before.pop_front();
            }
            before.push_back(Event::from(event));
            continue;
        }
        after += usize::from(event.index > last);
        if after > AROUND {
            return Ok(());
        }
        for event in before.drain(..).chain([Event::from(event)]) {
            if sink(event)?.is_break() {
                return Ok(());
            }
        }
    }
    match wanted.around {
        Some((first, _)) if first >= count => Err(ReportError::NoEvent { first, count }.into()),
        _ => before.into_iter().try_for_each(|event| sink(event).map(|_| ())),
    }
}

/// A key as a person writes it: `k7` is text, `7` is a number or text.
struct Key<'a> {
    written: &'a str,
    read: Option<Value>,
}

impl<'a> Key<'a> {
    fn of(written: &'a str) -> Self {
        Key {
            written,
            read: serde_json::from_str(written).ok(),
        }
    }

    /// Nearly every key of a history is text, which is compared where it stands.
    fn is(&self, key: ValueRef<'_>) -> bool {
        match (key, &self.read) {
            (ValueRef::Text(text), Some(Value::Text(read))) => text == self.written || text == &**read,
            (ValueRef::Text(text), _) => text == self.written,
            (other, Some(read)) => other.to_value() == *read,
            (_, None) => false,
        }
    }
}

fn takes(event: &EventRef<'_>, wanted: &Wanted, key: Option<&Key<'_>>) -> bool {
    let of_process = match (wanted.process, event.process) {
        (None, _) => true,
        (Some(wanted), Process::Client(process)) => wanted == process,
        (Some(_), Process::Nemesis) => false,
    };
    let of_key = key.is_none_or(|wanted| {
        event.process == Process::Nemesis || event.key.is_some_and(|key| wanted.is(key))
    });
    of_process && of_key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Indexes of the wanted events of a history of 40 reads, whose keys are 0, 1 and "2" in turn.
    fn indexes(wanted: &Wanted) -> Result<Vec<u64>, Failure> {
        first_indexes(wanted, usize::MAX)
    }

    /// So many of them, then nobody reads any more.
    fn first_indexes(wanted: &Wanted, most: usize) -> Result<Vec<u64>, Failure> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("history.jsonl");
        let mut text = r#"{"history":1,"model":"register","keyed":true}"#.to_owned() + "\n";
        for index in 0..80 {
            let (kind, process) = (["invoke", "ok"][index % 2], index / 2 % 4);
            let key = ["0", "1", "\"2\""][index / 2 % 3];
            text += &format!(
                r#"{{"index":{index},"time":{index},"process":{process},"type":"{kind}","f":"read","key":{key},"value":null}}"#
            );
            text.push('\n');
        }
        std::fs::write(&path, text).unwrap();
        let mut found = Vec::new();
        read(&path, false, wanted, &mut |event| {
            found.push(event.index);
            Ok(match found.len() < most {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        })?;
        Ok(found)
    }

    #[test]
    fn what_is_around_is_shown_and_no_more() {
        let around = |first, last| Wanted {
            around: Some((first, last)),
            ..Wanted::default()
        };
        assert_eq!(indexes(&around(40, 42)).unwrap(), (28..=54).collect::<Vec<_>>());
        assert_eq!(indexes(&around(2, 2)).unwrap(), (0..=14).collect::<Vec<_>>());
        assert!(indexes(&around(80, 80)).is_err());
        assert_eq!(indexes(&Wanted::default()).unwrap().len(), 80);
    }

    #[test]
    fn what_nobody_reads_is_not_looked_for() {
        let around = Some((40, 42));
        for wanted in [
            Wanted::default(),
            Wanted {
                around,
                ..Wanted::default()
            },
        ] {
            assert_eq!(first_indexes(&wanted, 3).unwrap().len(), 3, "{wanted:?}");
        }
    }

    #[test]
    fn a_key_and_a_process_are_found_as_they_are_written() {
        let of = |key: &str, process| {
            let key = Some(key.to_owned());
            let found = indexes(&Wanted {
                key,
                process,
                around: None,
            });
            found.unwrap()
        };
        assert_eq!(of("1", None).first(), Some(&2));
        assert_eq!(of("2", None).first(), Some(&4));
        assert_eq!(of("2", Some(3)), [22, 23, 46, 47, 70, 71]);
        assert!(of("9", None).is_empty());
    }
}
