//! From what an import found to events: index, time, and `[k v]` tuples.

use std::collections::HashMap;

use super::edn::Fault;
use super::error::{FormatError, Places};
use super::{Independent, Interrupt};
use crate::event::{Event, Kind, Process};
use crate::history::{Header, History};
use crate::units::Nanos;
use crate::value::Value;

/// An event as another format has it.
#[derive(Debug)]
pub(super) struct Draft {
    /// Where it begins in the text.
    pub offset: usize,
    /// The event; its index and time are not yet known.
    pub event: Event,
    /// The time in the file, in nanoseconds.
    pub time: Option<i64>,
    /// The index in the file.
    pub index: Option<i64>,
}

/// Where each event stands in the text.
pub(super) fn places(text: &str, drafts: &[Draft]) -> Places {
    let (mut line, mut line_start, mut seen) = (1, 0, 0);
    let mut places = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let offset = draft.offset.clamp(seen, text.len());
        for newline in memchr::memchr_iter(b'\n', &text.as_bytes()[seen..offset]) {
            line += 1;
            line_start = seen + newline + 1;
        }
        seen = offset;
        places.push((line, (offset - line_start + 1) as u32));
    }
    Places::At(places)
}

/// Gives the drafts their index and time, and takes the keys out of the tuples.
///
/// The order of the file is the order of the events. Jepsen's clock may step back by a little between its threads:
/// such an event gets the time of the one before. Without times, the index stands for the time.
pub(super) fn assemble(
    text: &str,
    drafts: Vec<Draft>,
    independent: Independent,
    interrupt: Interrupt<'_>,
) -> Result<History, FormatError> {
    history_of(drafts, independent, interrupt).map_err(|fault| fault.place(text))
}

/// The same for what is no text: the fault is still at an offset.
pub(super) fn history_of(
    drafts: Vec<Draft>,
    independent: Independent,
    interrupt: Interrupt<'_>,
) -> Result<History, Fault> {
    let timed = drafts.iter().any(|draft| draft.time.is_some());
    let split = match independent {
        Independent::Yes => true,
        Independent::No => false,
        Independent::Auto => looks_independent(&drafts),
    };
    let keyed = split || drafts.iter().any(|draft| draft.event.key.is_some());
    let mut events = Vec::with_capacity(drafts.len());
    let (mut time, mut index_before) = (0, -1);
    let mut open_keys = HashMap::new();
    for (index, mut draft) in drafts.into_iter().enumerate() {
        interrupt.look(draft.offset)?;
        draft.check_index(&mut index_before, index)?;
        time = match draft.time {
            Some(found) => u64::try_from(found).unwrap_or(0).max(time),
            None if timed => time,
            None => index as u64,
        };
        if split {
            draft.take_key(independent, &mut open_keys)?;
        }
        draft.event.index = index as u64;
        draft.event.time = Nanos(time);
        events.push(draft.event);
    }
    let mut header = header(keyed);
    header.completions_alone = completions_alone(&events);
    Ok(History { header, events })
}

/// Whether clients completed operations, and never invoked one.
fn completions_alone(events: &[Event]) -> bool {
    let mut clients = events
        .iter()
        .filter(|event| event.process != Process::Nemesis)
        .peekable();
    clients.peek().is_some() && clients.all(|event| event.kind.is_completion())
}

/// A header that says nothing else.
pub(super) fn header(keyed: bool) -> Header {
    Header {
        history: 1,
        workload: None,
        model: None,
        keyed,
        initial: Value::Null,
        completions_alone: false,
        seed: None,
        system: None,
        other: Default::default(),
    }
}

impl Draft {
    /// An index in the file must grow; a part of a longer history keeps its own beside ours.
    fn check_index(&mut self, before: &mut i64, index: usize) -> Result<(), Fault> {
        let Some(found) = self.index.filter(|&found| found >= 0) else {
            return Ok(());
        };
        if found <= *before {
            let what = format!("{found} after {before}");
            return Err(Fault::expected(
                self.offset,
                "an index above the one before",
                what,
            ));
        }
        *before = found;
        if found != index as i64 {
            self.event.other.insert("original_index".into(), found.into());
        }
        Ok(())
    }

    /// Takes the key out of `[k v]`. A completion whose value is something else, such as an error, has the key of
    /// its invocation.
    fn take_key(
        &mut self,
        independent: Independent,
        open_keys: &mut HashMap<u64, Value>,
    ) -> Result<(), Fault> {
        let Process::Client(process) = self.event.process else {
            return Ok(());
        };
        let taken = match independent {
            Independent::Yes => pair(&self.event.value),
            Independent::Auto | Independent::No => tuple(&self.event.value),
        };
        let (key, value) = match (taken, self.event.kind) {
            (Some((key, value)), _) => (key.clone(), value.clone()),
            (None, Kind::Fail | Kind::Info) => {
                let key = open_keys.get(&process).cloned().unwrap_or_default();
                (key, self.event.value.clone())
            }
            (None, Kind::Invoke | Kind::Ok) => {
                let found = self.event.value.to_string();
                return Err(Fault::expected(
                    self.offset,
                    "a tuple [k v] as value (independent)",
                    found,
                ));
            }
        };
        if self.event.kind == Kind::Invoke {
            open_keys.insert(process, key.clone());
        }
        self.event.key = Some(key).filter(|key| *key != Value::Null);
        self.event.value = value;
        Ok(())
    }
}

fn pair(value: &Value) -> Option<(&Value, &Value)> {
    match value.as_list()? {
        [key, value] => Some((key, value)),
        _ => None,
    }
}

/// A pair that nobody has called a tuple is one only if its key is a scalar.
fn tuple(value: &Value) -> Option<(&Value, &Value)> {
    pair(value).filter(|(key, _)| key.as_list().is_none())
}

/// Whether the values of all clients are tuples. `[u v]` of a compare-and-set is one by chance, so some other
/// operation has to show it. An insert of nothing is none: `[7 nil]` is one pair of ids, as the test of Adya's G2 has them.
fn looks_independent(drafts: &[Draft]) -> bool {
    let mut shown = false;
    for Draft { event, .. } in drafts {
        let says = event.process != Process::Nemesis && matches!(event.kind, Kind::Invoke | Kind::Ok);
        match tuple(&event.value) {
            _ if !says => {}
            _ if event.key.is_some() => return false,
            Some((Value::Null, _)) | None => return false,
            Some((_, Value::Null)) if event.f.as_ref() == "insert" => return false,
            Some((_, value)) => shown |= event.f.as_ref() != "cas" || value.as_list().is_some(),
        }
    }
    shown
}
