//! Registers whose values are written once, judged while the history is read: 12 bytes a written value, key by key.
//!
//! The zones of `graph::zones` need of each value only when its write was invoked, its least completion and its
//! greatest invocation; no operation is kept. So a stream can prove a pass, and nothing else: for a
//! violation, and for every history of another kind, read the history as a whole and call
//! [`linearizability`](crate::linearizability).

mod ahead;
mod register;

use std::io::Read;
use std::sync::atomic::AtomicUsize;

use histories::format::history1::{Blocks, EventRef, ValueRef};
use histories::{Header, Kind, Process, Value};
use rustc_hash::FxHashMap;
use serde_json::json;

pub use self::ahead::Glance;
use self::ahead::{Piece, Seen, Word};
use self::register::Register;
use crate::in_flight::InFlight;
use crate::levels::Level;
use crate::models::Model;
use crate::options::{Engine, NullRead, Options};
use crate::proved::Proved;
use crate::verdict::{Check, CheckName, Verdict};

const OPEN: u32 = u32::MAX;

/// An operation in flight.
#[derive(Clone, Copy)]
struct Flying {
    inv: u32,
    /// The place of its register.
    register: u32,
    /// What it writes; none for a read.
    writes: Option<i64>,
}

/// Where the registers of a keyed history are.
#[derive(Default)]
struct Keys {
    numbers: FxHashMap<i64, u32>,
    texts: FxHashMap<Box<str>, u32>,
}

impl Keys {
    /// The key's place, and whether it is new; none for a key of another kind. `text` is what a key in letters says.
    #[inline]
    fn place(&mut self, key: Seen, text: Option<&str>) -> Option<(u32, bool)> {
        let fresh = (self.numbers.len() + self.texts.len()) as u32;
        let place = match (key, text) {
            (Seen::Int(number), _) => *self.numbers.entry(number).or_insert(fresh),
            (Seen::Text, Some(text)) => match self.texts.get(text) {
                Some(place) => *place,
                None => *self.texts.entry(text.into()).or_insert(fresh),
            },
            _ => return None,
        };
        Some((place, place == fresh))
    }
}

/// A history of registers, as it is read.
///
/// ```
/// use checker::{Options, Stream, Verdict, models};
/// use histories::format::history1::Blocks;
/// let text = br#"{"history":1,"model":"register"}
/// {"index":0,"time":5,"process":0,"type":"invoke","f":"write","value":1}
/// {"index":1,"time":9,"process":0,"type":"ok","f":"write","value":1}
/// {"index":2,"time":11,"process":1,"type":"invoke","f":"read"}
/// {"index":3,"time":12,"process":1,"type":"ok","f":"read","value":1}
/// "#;
/// let blocks = Blocks::open(text.as_slice())?;
/// let register = models::find("register").ok_or("no such model")?;
/// let stream = Stream::of(blocks.header(), register, &Options::default()).ok_or("read it as a whole")?;
/// let check = stream.run(blocks, |_| true);
/// assert_eq!(check.map(|check| check.verdict), Some(Verdict::Pass));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Stream {
    model: &'static str,
    initial: Option<i64>,
    /// Where the registers are; none if there is only one.
    keys: Option<Keys>,
    registers: Vec<Register>,
    operations: u64,
    flying: InFlight<Flying>,
    /// Whether the stream can still prove something.
    hopeful: bool,
}

impl Stream {
    /// A stream for this history; none if it must be read as a whole in any case.
    pub fn of(header: &Header, model: &Model, options: &Options) -> Option<Self> {
        let initial = match header.initial {
            Value::Null => None,
            Value::Int(number) => Some(number),
            _ => return None,
        };
        if header.completions_alone {
            return None;
        }
        let graph = matches!(options.engine, Engine::Auto | Engine::Graph);
        let null_is_seen = options.null_read == NullRead::Observation;
        let linearizable = options.consistency.contains(Level::STRICT_SERIALIZABLE);
        (model.is_register && graph && null_is_seen && linearizable && !options.certify).then(|| Stream {
            model: model.name,
            initial,
            keys: header.keyed.then(Keys::default),
            registers: (!header.keyed)
                .then(|| Register::new(initial))
                .into_iter()
                .collect(),
            operations: 0,
            flying: InFlight::new(),
            hopeful: true,
        })
    }

    /// Takes the next event.
    #[inline]
    pub fn push(&mut self, event: &EventRef<'_>) {
        self.look_at(&event.into(), event.key.and_then(ValueRef::as_text));
    }

    /// Takes the next event; `text` is what a key in letters says.
    #[inline]
    fn look_at(&mut self, event: &Glance, text: Option<&str>) {
        let Process::Client(process) = event.process else {
            return;
        };
        if self.hopeful {
            self.hopeful = self.take(process, event, text).is_some();
        }
    }

    /// None where the stream cannot tell.
    #[inline]
    fn take(&mut self, process: u64, event: &Glance, text: Option<&str>) -> Option<()> {
        let position = u32::try_from(event.index + 1)
            .ok()
            .filter(|position| *position != OPEN)?;
        let is_write = match event.word {
            Word::Read => false,
            Word::Write => true,
            Word::Other => return None,
        };
        if event.kind == Kind::Invoke {
            return self.invoke(process, position, is_write, event, text);
        }
        let flying = self.flying.end(process)?;
        if flying.writes.is_some() != is_write {
            return None;
        }
        if let Some(keys) = &mut self.keys
            && event.key != Seen::Null
            && keys.place(event.key, text)? != (flying.register, false)
        {
            return None;
        }
        self.registers[flying.register as usize].complete(flying, position, event)
    }

    #[inline]
    fn invoke(
        &mut self,
        process: u64,
        position: u32,
        is_write: bool,
        event: &Glance,
        text: Option<&str>,
    ) -> Option<()> {
        self.operations += 1;
        let writes = match (is_write, event.value) {
            (true, Seen::Int(value)) => Some(value),
            (true, _) => return None,
            (false, _) => None,
        };
        let (register, new) = match &mut self.keys {
            Some(keys) => keys.place(event.key, text)?,
            None => (0, false),
        };
        if new {
            self.registers.push(Register::new(self.initial));
        }
        if let Some(value) = writes {
            self.registers[register as usize].begin_write(value, position)?;
        }
        let flying = Flying {
            inv: position,
            register,
            writes,
        };
        self.flying.begin(process, flying).is_none().then_some(())
    }

    /// The check, if the history passes; none if it must be read as a whole to know.
    pub fn finish(self) -> Option<Check> {
        if !self.hopeful || !self.registers.iter().all(Register::is_legal) {
            return None;
        }
        let keys = self.registers.len();
        let unobserved = self
            .registers
            .iter()
            .filter(|register| !register.is_observed())
            .count();
        // Nothing was proved, which the full check says with its reason.
        if unobserved == keys {
            return None;
        }
        let plural = if keys == 1 { "key" } else { "keys" };
        Some(Check {
            name: CheckName::Linearizability,
            verdict: Verdict::Pass,
            reason: format!(
                "{} operations on {keys} {plural} have a legal order",
                self.operations
            ),
            details: json!({
                "model": self.model,
                "proof": Proved::LegalOrder { replayed: false, real_time: true },
                "keys": keys,
                "operations": self.operations,
                "analysis": "linearizable",
                "initial": self.initial.map_or("null".to_owned(), |initial| initial.to_string()),
                "keys_unobserved": unobserved,
                "decided_by": {"graph": keys},
                "undecided": [],
            }),
            violations: Vec::new(),
        })
    }

    /// Reads and judges a whole history on two threads: one reads and cuts, this one judges, and whoever has time scans.
    ///
    /// `each` sees every event, and says whether to go on. The check, if the history passes; none if it must be
    /// read as a whole to know, for whatever reason.
    pub fn run<R: Read + Send>(
        mut self,
        blocks: Blocks<R>,
        mut each: impl FnMut(&Glance) -> bool,
    ) -> Option<Check> {
        let waiting = AtomicUsize::new(0);
        let (ahead, pieces) = ahead::way(&waiting);
        let went_on = std::thread::scope(|scope| {
            scope.spawn(move || ahead.read(blocks));
            // Dropped at the end, so that the reader stops.
            let pieces = pieces;
            while let Some(piece) = pieces.next() {
                let piece = piece?;
                self.take_piece(&piece, &mut each)?;
                pieces.give_back(piece);
            }
            Some(())
        });
        went_on.and_then(|()| self.finish())
    }

    fn take_piece(&mut self, piece: &Piece, each: &mut impl FnMut(&Glance) -> bool) -> Option<()> {
        if let Some(glances) = piece.scanned() {
            let mut glances = glances.iter();
            return glances.try_for_each(|glance| self.take_one(glance, None, each));
        }
        let mut events = piece.block.events();
        while let Some(event) = events.next_event().ok()? {
            let text = event.key.and_then(ValueRef::as_text);
            self.take_one(&(&event).into(), text, each)?;
        }
        Some(())
    }

    /// None if it is no use to go on.
    #[inline]
    fn take_one(
        &mut self,
        event: &Glance,
        text: Option<&str>,
        each: &mut impl FnMut(&Glance) -> bool,
    ) -> Option<()> {
        if !each(event) {
            return None;
        }
        self.look_at(event, text);
        self.hopeful.then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, history};

    fn passes(text: &str) -> bool {
        let events = history(text);
        let register = crate::models::find("register").unwrap();
        let mut stream = Stream::of(&header(false), register, &Options::default()).unwrap();
        events.iter().for_each(|event| stream.push(&event.into()));
        stream.finish().is_some()
    }

    #[test]
    fn a_stream_proves_passes_alone() {
        assert!(passes("0 w 1, 0 w: 1, 1 r, 1 r: 1, 0 w 2, 1 r, 1 r: 2, 0 w? 2"));
        assert!(!passes("0 w 1, 0 w: 1, 0 w 2, 0 w: 2, 1 r, 1 r: 1"), "stale");
        assert!(!passes("0 w 1, 0 w: 1, 1 r, 1 r: null"), "the initial value");
        assert!(!passes("1 r, 1 r: 1, 0 w 1, 0 w: 1"), "from the future");
        assert!(!passes("0 w 1, 1 r, 1 r: 1, 0 w! 1"), "a failed write was read");
        assert!(
            !passes("0 w 1, 0 w! 1, 1 r, 1 r: 1"),
            "a failed write was read later"
        );
        assert!(passes("0 w 1, 0 w! 1, 1 r, 1 r: null"));
        assert!(
            !passes("0 w 1, 0 w: 1, 0 w 1, 0 w: 1"),
            "written twice: not for a stream"
        );
        assert!(!passes("0 c 1>2, 0 c! 1>2"), "a cas: not for a stream");
        assert!(!passes("0 w 1, 0 w 2"), "two in flight: not for a stream");
    }

    fn reads(text: &str, keyed: bool) -> Option<Check> {
        let mut whole = format!("{{\"history\":1,\"keyed\":{keyed}}}\n");
        for event in history(text) {
            whole += &(serde_json::to_string(&event).unwrap() + "\n");
        }
        let blocks = Blocks::with_block_bytes(whole.as_bytes(), 64).unwrap();
        let register = crate::models::find("register").unwrap();
        let stream = Stream::of(blocks.header(), register, &Options::default()).unwrap();
        stream.run(blocks, |_| true)
    }

    #[test]
    fn keys_are_judged_apart_on_two_threads() {
        let check = reads(
            "0 w 1 @a, 0 w: 1 @a, 0 w 1 @b, 0 w: 1 @b, 1 r @a, 1 r: 1 @a, 1 r @7, 1 r: null @7",
            true,
        );
        assert_eq!(
            check.map(|check| (check.details["keys"].clone(), check.verdict)),
            Some((3.into(), Verdict::Pass))
        );
        assert!(reads("0 w 1, 0 w: 1, 1 r, 1 r: 1", false).is_some());
        assert!(
            reads("0 w 1 @a, 0 w: 1 @a, 1 r @b, 1 r: 1 @b", true).is_none(),
            "of the other key"
        );
        assert!(
            reads("0 w 1 @a, 0 w: 1 @b", true).is_none(),
            "completed on another key"
        );
        assert!(reads("0 w 1, 0 w: 1", true).is_none(), "no key");
        assert!(reads("0 w 1, 0 w: 1, 0 w: 1", false).is_none(), "not invoked");
    }

    #[test]
    fn a_malformed_line_and_a_listener_end_it() {
        let run = |text: &str, most: u64| {
            let blocks = Blocks::with_block_bytes(text.as_bytes(), 16).unwrap();
            let register = crate::models::find("register").unwrap();
            let stream = Stream::of(blocks.header(), register, &Options::default()).unwrap();
            stream.run(blocks, |event| event.index < most)
        };
        let good = "{\"history\":1}\n{\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n\
                    {\"index\":1,\"time\":0,\"process\":0,\"type\":\"ok\",\"f\":\"read\"}\n";
        assert!(run(good, 9).is_some() && run(good, 0).is_none());
        assert!(run(&format!("{good}what\n"), 9).is_none());
    }
}
