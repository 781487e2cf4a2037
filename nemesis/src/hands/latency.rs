//! How long a message is on its way by itself, where the harness carries it: a property of the network, and no fault.
//!
//! Each message of a link has a span of its own, as in Maelstrom's network: so one may overtake another, unless all take equally
//! long. Which message takes how long is fixed by the seed, its link and its number there; which message has which number, the
//! nodes decide.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::effect::Link;

/// How the spans lie around their mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// All are alike.
    #[default]
    Constant,
    /// From nothing to twice the mean.
    Uniform,
    /// Mostly less than the mean, and sometimes much more.
    Exponential,
}

impl Spread {
    /// Every one.
    pub const ALL: [Spread; 3] = [Spread::Constant, Spread::Uniform, Spread::Exponential];

    /// As on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Spread::Constant => "constant",
            Spread::Uniform => "uniform",
            Spread::Exponential => "exponential",
        }
    }
}

/// What a network takes for a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// On average.
    pub mean: Duration,
    /// How it lies around that.
    pub spread: Spread,
    /// Fixes what is drawn.
    pub seed: u64,
}

impl Latency {
    /// What the message of this number takes on a link.
    pub(super) fn of(&self, link: Link, number: u64) -> Duration {
        let (Link(from, to), most) = (link, 1 << 10);
        let place = (from.0 * most + to.0) as u64;
        self.drawn(place, number)
    }

    /// What the way to a service and back takes, of the node's message of this number.
    pub(super) fn there_and_back(&self, node: usize, number: u64) -> Duration {
        let place = (1 << 32) + 2 * node as u64;
        self.drawn(place, number) + self.drawn(place + 1, number)
    }

    fn drawn(&self, place: u64, number: u64) -> Duration {
        if self.mean.is_zero() {
            return Duration::ZERO;
        }
        let mut key = [0; 32];
        for (part, word) in key.chunks_exact_mut(8).zip([self.seed, place, number, 0]) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        let lot: f64 = ChaCha8Rng::from_seed(key).random();
        match self.spread {
            Spread::Constant => self.mean,
            Spread::Uniform => self.mean.mul_f64(2.0 * lot),
            // A lot is less than 1.
            Spread::Exponential => self.mean.mul_f64(-(1.0 - lot).ln()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::NodeId;

    const LINK: Link = Link(NodeId(0), NodeId(1));

    fn spans(latency: Latency) -> Vec<Duration> {
        (0..4_000).map(|number| latency.of(LINK, number)).collect()
    }

    #[test]
    fn spans_have_their_mean_and_lie_around_it_as_they_should() {
        let mean = Duration::from_millis(20);
        for spread in Spread::ALL {
            let spans = spans(Latency {
                mean,
                spread,
                seed: 7,
            });
            let average = spans.iter().sum::<Duration>() / spans.len() as u32;
            assert!(average.abs_diff(mean) < mean / 10, "{spread:?}: {average:?}");
            let beyond = spans.iter().filter(|span| **span > mean * 2).count();
            let expected = match spread {
                Spread::Constant | Spread::Uniform => 0..1,
                // One in e squared.
                Spread::Exponential => spans.len() / 9..spans.len() / 6,
            };
            assert!(expected.contains(&beyond), "{spread:?}: {beyond}");
            assert_eq!(spans.iter().all(|span| *span == mean), spread == Spread::Constant);
        }
        assert!(spans(Latency::default()).iter().all(Duration::is_zero));
    }

    #[test]
    fn the_seed_fixes_what_each_message_takes_on_each_link() {
        let of = |seed, link, number| {
            let mean = Duration::from_millis(20);
            let spread = Spread::Uniform;
            Latency { mean, spread, seed }.of(link, number)
        };
        assert_eq!(of(1, LINK, 3), of(1, LINK, 3));
        let others = [
            of(2, LINK, 3),
            of(1, LINK, 4),
            of(1, Link(NodeId(1), NodeId(0)), 3),
        ];
        assert!(others.iter().all(|other| *other != of(1, LINK, 3)), "{others:?}");
    }
}
