//! Registers whose values are written once, judged while the history is read: 12 bytes a written value, key by key.
//!
//! The zones of `graph::zones` need of each value only when its write was invoked, its least completion and its
//! greatest invocation; no operation is kept. So a stream can prove a pass, and nothing else: for a
//! violation, and for every history of another kind, read the history as a whole and call
//! [`linearizability`](crate::linearizability).

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use histories::format::history1::{Block, Blocks, EventRef, ValueRef};
use histories::{Header, Kind, Process, Value};
use rustc_hash::FxHashMap;
use serde_json::json;

use crate::models::Model;
use crate::options::{Engine, Options};
use crate::verdict::{Check, Verdict};

const OPEN: u32 = u32::MAX;

/// Blocks that wait to be judged, at most.
const AHEAD: usize = 2;

/// How far values may run ahead of their writes and still be in turn.
const SLACK: usize = 64;

/// One value's zone; positions count from 1.
#[derive(Clone, Copy)]
struct Zone {
    /// The invocation of its write; 0 if there is none, [`OPEN`] if it failed.
    write: u32,
    f: u32,
    s: u32,
}

const NONE: Zone = Zone {
    write: 0,
    f: OPEN,
    s: 0,
};

/// An operation in flight.
#[derive(Clone, Copy)]
struct Flying {
    inv: u32,
    /// The place of its register.
    register: u32,
    /// What it writes; none for a read.
    writes: Option<i64>,
}

/// The zones of one register.
struct Register {
    initial: Option<i64>,
    initial_zone: Zone,
    /// Zones of the values from 0 on, as long as they come about in turn.
    dense: Vec<Zone>,
    /// Zones of other values.
    sparse: FxHashMap<i64, Zone>,
    writes: usize,
}

/// Where the registers of a keyed history are.
#[derive(Default)]
struct Keys {
    numbers: FxHashMap<i64, u32>,
    texts: FxHashMap<Box<str>, u32>,
}

impl Keys {
    /// The key's place, and whether it is new; none for a key of another kind.
    #[inline]
    fn place(&mut self, key: ValueRef<'_>) -> Option<(u32, bool)> {
        let fresh = (self.numbers.len() + self.texts.len()) as u32;
        let place = match key {
            ValueRef::Int(number) => *self.numbers.entry(number).or_insert(fresh),
            ValueRef::Text(text) => match self.texts.get(text) {
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
    flying: Vec<Option<Flying>>,
    flying_far: FxHashMap<u64, Flying>,
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
        let fits = matches!(model.name, "register" | "cas-register");
        let graph = matches!(options.engine, Engine::Auto | Engine::Graph);
        (fits && graph && !options.certify).then(|| Stream {
            model: model.name,
            initial,
            keys: header.keyed.then(Keys::default),
            registers: (!header.keyed)
                .then(|| Register::new(initial))
                .into_iter()
                .collect(),
            operations: 0,
            flying: Vec::new(),
            flying_far: FxHashMap::default(),
            hopeful: true,
        })
    }

    /// Whether it is worth to go on: if not, read the history as a whole.
    pub fn is_hopeful(&self) -> bool {
        self.hopeful
    }

    /// Takes the next event.
    #[inline]
    pub fn push(&mut self, event: &EventRef<'_>) {
        let Process::Client(process) = event.process else {
            return;
        };
        if self.hopeful {
            self.hopeful = self.take(process, event).is_some();
        }
    }

    /// None where the stream cannot tell.
    #[inline]
    fn take(&mut self, process: u64, event: &EventRef<'_>) -> Option<()> {
        let position = u32::try_from(event.index + 1)
            .ok()
            .filter(|position| *position != OPEN)?;
        let is_write = match event.f {
            "read" => false,
            "write" => true,
            _ => return None,
        };
        if event.kind == Kind::Invoke {
            return self.invoke(process, position, is_write, event);
        }
        let flying = self.land(process)?;
        if flying.writes.is_some() != is_write {
            return None;
        }
        if let (Some(keys), Some(key)) = (&mut self.keys, event.key)
            && keys.place(key)? != (flying.register, false)
        {
            return None;
        }
        self.registers[flying.register as usize].complete(flying, position, event)
    }

    #[inline]
    fn invoke(&mut self, process: u64, position: u32, is_write: bool, event: &EventRef<'_>) -> Option<()> {
        self.operations += 1;
        let writes = if is_write {
            Some(event.value.as_int()?)
        } else {
            None
        };
        let (register, new) = match &mut self.keys {
            Some(keys) => keys.place(event.key?)?,
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
        self.take_off(process, flying)
    }

    #[inline]
    fn take_off(&mut self, process: u64, flying: Flying) -> Option<()> {
        let Some(place) = usize::try_from(process).ok().filter(|place| *place < 1 << 16) else {
            return self.flying_far.insert(process, flying).is_none().then_some(());
        };
        if place >= self.flying.len() {
            self.flying.resize(place + 1, None);
        }
        self.flying[place].replace(flying).is_none().then_some(())
    }

    #[inline]
    fn land(&mut self, process: u64) -> Option<Flying> {
        match usize::try_from(process).ok().filter(|place| *place < 1 << 16) {
            Some(place) => self.flying.get_mut(place)?.take(),
            None => self.flying_far.remove(&process),
        }
    }

    /// The check, if the history passes; none if it must be read as a whole to know.
    pub fn finish(self) -> Option<Check> {
        if !self.hopeful || !self.registers.iter().all(Register::is_legal) {
            return None;
        }
        let keys = self.registers.len();
        let plural = if keys == 1 { "key" } else { "keys" };
        Some(Check {
            name: "linearizability".to_owned(),
            verdict: Verdict::Pass,
            reason: format!(
                "{} operations on {keys} {plural} have a legal order",
                self.operations
            ),
            details: json!({
                "model": self.model, "keys": keys, "operations": self.operations, "decided_by": {"graph": keys},
                "undecided": [],
            }),
            violations: Vec::new(),
        })
    }

    /// Reads and judges a whole history on two threads: one reads and cuts, this one scans and judges.
    ///
    /// `each` sees every event, and says whether to go on. The check, if the history passes; none if it must be
    /// read as a whole to know, for whatever reason.
    pub fn run<R: Read + Send>(
        mut self,
        blocks: Blocks<R>,
        mut each: impl FnMut(&EventRef<'_>) -> bool,
    ) -> Option<Check> {
        let (full, filled) = sync_channel(AHEAD);
        let (empty, emptied) = channel();
        let went_on = std::thread::scope(|scope| {
            scope.spawn(move || read_ahead(blocks, &full, &emptied));
            for block in filled {
                let block = block?;
                self.take_block(&block, &mut each)?;
                // The reader may be done, and need no more memory.
                let _ = empty.send(block);
            }
            Some(())
        });
        went_on.and_then(|()| self.finish())
    }

    fn take_block(&mut self, block: &Block, each: &mut impl FnMut(&EventRef<'_>) -> bool) -> Option<()> {
        let mut events = block.events();
        while let Some(event) = events.next_event().ok()? {
            if !each(&event) {
                return None;
            }
            self.push(&event);
            if !self.hopeful {
                return None;
            }
        }
        Some(())
    }
}

/// Reads blocks until the end, or until nobody wants them; none stands for an error.
fn read_ahead<R: Read>(mut blocks: Blocks<R>, full: &SyncSender<Option<Block>>, emptied: &Receiver<Block>) {
    loop {
        let block = match blocks.next_block(emptied.try_recv().ok()) {
            Ok(None) => return,
            Ok(block) => block,
            Err(_) => None,
        };
        let failed = block.is_none();
        if full.send(block).is_err() || failed {
            return;
        }
    }
}

impl Register {
    fn new(initial: Option<i64>) -> Self {
        Register {
            initial,
            initial_zone: Zone { f: 0, ..NONE },
            dense: Vec::new(),
            sparse: FxHashMap::default(),
            writes: 0,
        }
    }

    #[inline]
    fn complete(&mut self, flying: Flying, position: u32, event: &EventRef<'_>) -> Option<()> {
        match (flying.writes, event.kind) {
            (Some(value), Kind::Ok) => {
                let zone = self.zone(value)?;
                zone.f = zone.f.min(position);
            }
            (Some(value), Kind::Fail) => {
                let zone = self.zone(value)?;
                let unseen = zone.f == OPEN && zone.s == zone.write;
                *zone = Zone { write: OPEN, ..NONE };
                return unseen.then_some(());
            }
            (None, Kind::Ok) => {
                let zone = match event.value {
                    ValueRef::Null if self.initial.is_none() => &mut self.initial_zone,
                    ValueRef::Int(value) if self.initial == Some(value) => &mut self.initial_zone,
                    ValueRef::Int(value) => self.zone(value)?,
                    _ => return None,
                };
                zone.f = zone.f.min(position);
                zone.s = zone.s.max(flying.inv);
            }
            _ => {}
        }
        Some(())
    }

    /// None if the value was there before.
    fn begin_write(&mut self, value: i64, position: u32) -> Option<()> {
        self.writes += 1;
        if self.initial == Some(value) {
            return None;
        }
        let zone = Zone {
            write: position,
            f: OPEN,
            s: position,
        };
        match usize::try_from(value)
            .ok()
            .filter(|place| *place < 4 * self.writes + SLACK)
        {
            Some(place) if !self.sparse.contains_key(&value) => {
                if place >= self.dense.len() {
                    self.dense.resize(place + 1, NONE);
                }
                let old = std::mem::replace(&mut self.dense[place], zone);
                (old.write == 0).then_some(())
            }
            _ => self.sparse.insert(value, zone).is_none().then_some(()),
        }
    }

    /// The zone of a value that was written, or is being written.
    #[inline]
    fn zone(&mut self, value: i64) -> Option<&mut Zone> {
        let dense = usize::try_from(value)
            .ok()
            .and_then(|place| self.dense.get_mut(place));
        match dense.filter(|zone| zone.write != 0) {
            Some(zone) => Some(zone),
            None => self.sparse.get_mut(&value),
        }
        .filter(|zone| zone.write != OPEN)
    }

    /// Whether its operations have a legal order.
    fn is_legal(&self) -> bool {
        let zones = || {
            let others = self.dense.iter().chain(self.sparse.values());
            others.chain([&self.initial_zone]).filter(|zone| zone.s != 0)
        };
        let mut forward: Vec<(u32, u32)> = zones()
            .filter(|zone| zone.f < zone.s)
            .map(|zone| (zone.f, zone.s))
            .collect();
        forward.sort_unstable();
        if forward.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            return false;
        }
        let mut after = 0;
        for zone in zones().filter(|zone| zone.f > zone.s) {
            after = gallop(&forward, after, zone.s);
            if after > 0 && zone.f < forward[after - 1].1 {
                return false;
            }
        }
        true
    }
}

/// How many zones begin before `position`, looked for from a place that is probably near.
fn gallop(forward: &[(u32, u32)], from: usize, position: u32) -> usize {
    let starts_before = |at: usize| forward.get(at).is_some_and(|(f, _)| *f < position);
    let (mut low, mut high) = (from, from);
    let mut step = 1;
    while starts_before(high) {
        low = high;
        high += step;
        step *= 2;
    }
    step = 1;
    while low > 0 && !starts_before(low) {
        high = low;
        low = low.saturating_sub(step);
        step *= 2;
    }
    let high = high.min(forward.len());
    low + forward[low.min(high)..high].partition_point(|(f, _)| *f < position)
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
        let good =
            "{\"history\":1}\n{\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n";
        assert!(run(good, 9).is_some() && run(good, 0).is_none());
        assert!(run(&format!("{good}what\n"), 9).is_none());
    }

    #[test]
    fn galloping_finds_what_counting_finds() {
        let zones: Vec<(u32, u32)> = (0..50).map(|at| (3 * at + 1, 3 * at + 2)).collect();
        for from in 0..=50 {
            for position in 0..160 {
                let counted = zones.iter().filter(|(f, _)| *f < position).count();
                assert_eq!(gallop(&zones, from, position), counted, "{from} {position}");
            }
        }
    }
}
