//! How much a check may spend. The checker reads no clock: whoever keeps the time sets the cancel flag.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// Steps between two looks at the shared numbers: a few microseconds of work.
const STRIDE: u64 = 256;

/// The same for passes over operations, whose steps are smaller.
const TICKS: u32 = 1024;

/// Nothing is said.
const GO: u8 = 0;
/// Somebody wants an end.
const CANCELLED: u8 = 1;
/// Somebody saw that the process holds too much.
const EXHAUSTED: u8 = 2;

/// Limits that all keys and engines of one check share. A clone shares them too.
///
/// ```
/// let budget = checker::Budget::unlimited().with_bytes(2 << 30);
/// let timer = budget.clone();
/// timer.cancel(); // from any thread; the check ends as inconclusive within microseconds
/// assert!(budget.is_cancelled());
/// ```
#[derive(Clone, Debug)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// [`GO`], [`CANCELLED`] or [`EXHAUSTED`].
    flag: AtomicU8,
    step_limit: u64,
    byte_limit: u64,
    steps: AtomicU64,
    bytes: AtomicU64,
    keys_done: AtomicU64,
    keys_total: AtomicU64,
}

/// Why a check stopped before it knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Somebody set the flag: the time is over, or the user wants to go.
    Cancelled,
    /// The step limit was reached.
    Steps,
    /// The byte limit was reached.
    Bytes,
}

impl Stop {
    /// For a sentence: "stopped by …".
    pub fn as_str(self) -> &'static str {
        match self {
            Stop::Cancelled => "the time limit or an interrupt",
            Stop::Steps => "the step limit",
            Stop::Bytes => "the memory limit",
        }
    }
}

impl Budget {
    /// No limit but the flag.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX, u64::MAX)
    }

    /// At most `step_limit` steps of the search engine and `byte_limit` bytes of decoded operations and
    /// tables of all engines.
    pub fn new(step_limit: u64, byte_limit: u64) -> Self {
        let zero = || AtomicU64::new(0);
        Budget {
            shared: Arc::new(Shared {
                flag: AtomicU8::new(GO),
                step_limit,
                byte_limit,
                steps: zero(),
                bytes: zero(),
                keys_done: zero(),
                keys_total: zero(),
            }),
        }
    }

    /// The same, unspent, with this byte limit and a flag of its own.
    pub fn with_bytes(&self, byte_limit: u64) -> Self {
        Self::new(self.shared.step_limit, byte_limit)
    }

    /// Ends every check that spends from this budget; it says inconclusive.
    pub fn cancel(&self) {
        self.set(CANCELLED);
    }

    /// The same, because the process holds more memory than it may: this budget counts what the engines hold, and whoever
    /// passes it in may see the rest.
    pub fn exhaust(&self) {
        self.set(EXHAUSTED);
    }

    /// The first word counts.
    fn set(&self, flag: u8) {
        let _ = self.shared.flag.compare_exchange(GO, flag, Relaxed, Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) or [`exhaust`](Self::exhaust) was called.
    pub fn is_cancelled(&self) -> bool {
        self.stopped().is_some()
    }

    /// Which of the two, if any.
    pub fn stopped(&self) -> Option<Stop> {
        match self.shared.flag.load(Relaxed) {
            GO => None,
            CANCELLED => Some(Stop::Cancelled),
            _ => Some(Stop::Bytes),
        }
    }

    /// Keys decided and keys in all, of the check that runs now.
    pub fn progress(&self) -> (u64, u64) {
        (
            self.shared.keys_done.load(Relaxed),
            self.shared.keys_total.load(Relaxed),
        )
    }

    /// Steps spent so far, rounded down a little.
    pub fn steps(&self) -> u64 {
        self.shared.steps.load(Relaxed)
    }

    pub(crate) fn begin(&self, keys: usize) {
        self.shared.keys_done.store(0, Relaxed);
        self.shared.keys_total.store(keys as u64, Relaxed);
    }

    pub(crate) fn key_done(&self) {
        self.shared.keys_done.fetch_add(1, Relaxed);
    }

    /// The account of one engine on one key.
    pub(crate) fn meter(&self) -> Meter<'_> {
        Meter {
            budget: self,
            unbooked: 0,
            bytes: 0,
            ticks: 0,
            cap: u64::MAX,
            byte_cap: u64::MAX,
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget::unlimited()
    }
}

/// Books steps and bytes; gives the bytes back when it is dropped.
pub(crate) struct Meter<'a> {
    budget: &'a Budget,
    unbooked: u64,
    bytes: u64,
    ticks: u32,
    /// Steps that this engine may still do by itself, whatever the budget says.
    cap: u64,
    /// Bytes that it may hold by itself.
    byte_cap: u64,
}

impl<'a> Meter<'a> {
    /// An empty account beside this one, with what is left of its steps.
    pub(crate) fn beside(&self) -> Meter<'a> {
        self.budget.meter().capped(self.cap)
    }

    /// Whether the budget itself has ended, and not only a limit of this account.
    pub(crate) fn is_over(&self) -> bool {
        self.budget.stopped().is_some()
    }

    /// Whether it has a limit of its own for steps.
    pub(crate) fn is_capped(&self) -> bool {
        self.cap != u64::MAX
    }

    /// Lets this account hold so many bytes by itself.
    pub(crate) fn limit_bytes(&mut self, byte_cap: u64) {
        self.byte_cap = byte_cap;
    }

    /// Bytes that the budget has left.
    pub(crate) fn bytes_left(&self) -> u64 {
        let shared = &self.budget.shared;
        shared.byte_limit.saturating_sub(shared.bytes.load(Relaxed))
    }

    /// Bytes that this account holds.
    pub(crate) fn held(&self) -> u64 {
        self.bytes
    }

    /// The same account with a limit of its own, for a question that is not worth more.
    pub(crate) fn capped(mut self, steps: u64) -> Self {
        self.cap = steps;
        self
    }

    /// One step of work.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<(), Stop> {
        self.unbooked += 1;
        if self.unbooked < STRIDE && self.unbooked < self.cap {
            return Ok(());
        }
        self.book()
    }

    #[cold]
    fn book(&mut self) -> Result<(), Stop> {
        let shared = &self.budget.shared;
        let steps = shared.steps.fetch_add(self.unbooked, Relaxed) + self.unbooked;
        self.cap = self.cap.saturating_sub(self.unbooked);
        self.unbooked = 0;
        if let Some(stop) = self.budget.stopped() {
            Err(stop)
        } else if steps > shared.step_limit || self.cap == 0 {
            Err(Stop::Steps)
        } else {
            Ok(())
        }
    }

    /// Whether the flag is set.
    pub(crate) fn look(&self) -> Result<(), Stop> {
        self.budget.stopped().map_or(Ok(()), Err)
    }

    /// One operation of a pass over all: it counts nothing, but sees the flag.
    #[inline]
    pub(crate) fn tick(&mut self) -> Result<(), Stop> {
        self.ticks = self.ticks.saturating_add(1);
        if self.ticks < TICKS {
            return Ok(());
        }
        self.ticks = 0;
        self.look()
    }

    /// A pass over so many elements.
    pub(crate) fn pass(&mut self, elements: usize) -> Result<(), Stop> {
        self.ticks = self
            .ticks
            .saturating_add(u32::try_from(elements).unwrap_or(u32::MAX));
        self.tick()
    }

    /// `bytes` more are about to be held.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Stop> {
        let shared = &self.budget.shared;
        let held = shared.bytes.fetch_add(bytes as u64, Relaxed) + bytes as u64;
        self.bytes += bytes as u64;
        if held > shared.byte_limit || self.bytes > self.byte_cap {
            Err(Stop::Bytes)
        } else {
            Ok(())
        }
    }

    /// `bytes` are held no more.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        self.budget.shared.bytes.fetch_sub(bytes, Relaxed);
        self.bytes -= bytes;
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        self.budget.shared.bytes.fetch_sub(self.bytes, Relaxed);
        self.budget.shared.steps.fetch_add(self.unbooked, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_stop_and_bytes_come_back() {
        let budget = Budget::new(1000, 100);
        let mut meter = budget.meter();
        assert_eq!(meter.grow(60), Ok(()));
        assert_eq!(budget.meter().grow(60), Err(Stop::Bytes));
        drop(meter);
        assert_eq!(budget.meter().grow(60), Ok(()));
        let mut meter = budget.meter();
        let steps = (0..5000).take_while(|_| meter.step().is_ok()).count() as u64;
        assert!((1000 - STRIDE..=1000 + STRIDE).contains(&steps), "{steps}");
        let fresh = Budget::unlimited();
        let mut meter = fresh.meter().capped(10);
        assert_eq!((0..100).take_while(|_| meter.step().is_ok()).count(), 9);
    }

    #[test]
    fn the_flag_is_shared() {
        let budget = Budget::unlimited();
        budget.clone().cancel();
        let mut meter = budget.meter();
        assert!((0..=STRIDE).any(|_| meter.step() == Err(Stop::Cancelled)));
        budget.exhaust();
        assert_eq!(budget.stopped(), Some(Stop::Cancelled), "the first word counts");
        let full = Budget::unlimited();
        full.exhaust();
        assert_eq!(full.meter().look(), Err(Stop::Bytes));
    }
}
