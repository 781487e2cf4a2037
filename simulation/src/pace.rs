//! How long things take: as on one machine with a fast disk, where now and then something takes longer.

use std::ops::Range;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Microseconds, drawn from the first range; one time in so many from the second one.
#[derive(Clone, Copy, Debug)]
struct Span {
    usual: (u64, u64),
    rare: (u64, u64),
    one_in: u32,
}

impl Span {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Duration {
        let (from, to) = match rng.random_ratio(1, self.one_in) {
            true => self.rare,
            false => self.usual,
        };
        let range: Range<u64> = from * 1000..to * 1000;
        Duration::from_nanos(rng.random_range(range))
    }
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    frame: Span,
    request: Span,
    sync: Span,
    start: Span,
    signal: Span,
    dial: Span,
}

impl Default for Pace {
    fn default() -> Self {
        let span = |usual, rare, one_in| Span { usual, rare, one_in };
        Pace {
            frame: span((60, 250), (1_000, 5_000), 500),
            request: span((80, 300), (1_000, 5_000), 500),
            sync: span((200, 900), (2_000, 10_000), 200),
            start: span((4_000, 15_000), (20_000, 80_000), 50),
            signal: span((100, 1_000), (2_000, 5_000), 50),
            dial: span((1_000, 30_000), (30_000, 60_000), 50),
        }
    }
}

impl Pace {
    /// A frame from a node to the gate at another.
    pub fn frame(&self, rng: &mut ChaCha8Rng) -> Duration {
        self.frame.draw(rng)
    }

    /// A request from outside to a node, or its answer.
    pub fn request(&self, rng: &mut ChaCha8Rng) -> Duration {
        self.request.draw(rng)
    }

    /// A sync.
    pub fn sync(&self, rng: &mut ChaCha8Rng) -> Duration {
        self.sync.draw(rng)
    }

    /// A process from its start until it is ready.
    pub fn start(&self, rng: &mut ChaCha8Rng) -> Duration {
        self.start.draw(rng)
    }

    /// A signal until the process is as it was told to be.
    pub fn signal(&self, rng: &mut ChaCha8Rng) -> Duration {
        self.signal.draw(rng)
    }

    /// A connection, after its other end has come up.
    pub fn dial(&self, rng: &mut ChaCha8Rng) -> Duration {
        self.dial.draw(rng)
    }
}
