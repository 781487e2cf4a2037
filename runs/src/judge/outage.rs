//! The longest time without a success while operations could begin.

use std::time::Duration;

use histories::{Event, Kind, Nanos, Process};

use crate::record::Stage;

/// What matters to an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An operation succeeded.
    Success,
    /// The nemesis closed the gate: nothing can succeed, so that time does not count.
    Closed,
    /// It opened the gate.
    Opened,
}

/// The gaps between successes in the load.
pub struct Gaps<I> {
    sights: I,
    since: Option<Nanos>,
    end: Option<Nanos>,
}

impl<I: Iterator<Item = (Nanos, Sight)>> Gaps<I> {
    /// Of what was seen in the load, in the order of time.
    pub fn of(load: &Stage, sights: I) -> Self {
        Gaps {
            sights,
            since: Some(load.start),
            end: Some(load.end),
        }
    }
}

impl<I: Iterator<Item = (Nanos, Sight)>> Iterator for Gaps<I> {
    type Item = (Nanos, Nanos);

    fn next(&mut self) -> Option<(Nanos, Nanos)> {
        for (time, sight) in self.sights.by_ref() {
            let since = match sight {
                Sight::Opened => {
                    self.since = self.since.or(Some(time));
                    continue;
                }
                Sight::Closed => self.since.take(),
                Sight::Success if self.since.is_some() => self.since.replace(time),
                Sight::Success => continue,
            };
            if let Some(since) = since {
                return Some((since, time));
            }
        }
        let end = self.end.take()?;
        self.since.take().map(|since| (since, end))
    }
}

/// The longest gap between successes in the load.
pub fn longest(events: &[Event], load: &Stage) -> Duration {
    let sights = events
        .iter()
        .filter(|event| load.start <= event.time && event.time <= load.end)
        .filter_map(|event| {
            let sight = match (event.process, event.kind, &*event.f) {
                (Process::Nemesis, _, "close-gate") => Sight::Closed,
                (Process::Nemesis, _, "open-gate") => Sight::Opened,
                (Process::Client(_), Kind::Ok, _) => Sight::Success,
                _ => return None,
            };
            Some((event.time, sight))
        });
    Gaps::of(load, sights)
        .map(|(from, to)| to.since(from))
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_gate_is_no_outage() {
        let event = |ms: u64, process: &str, kind: &str, f: &str| -> Event {
            let time = Nanos::from_ms(ms).0;
            serde_json::from_str(&format!(
                r#"{{"index":0,"time":{time},"process":{process},"type":"{kind}","f":"{f}"}}"#
            ))
            .unwrap()
        };
        let nemesis = r#""nemesis""#;
        let events = [
            event(10, "1", "ok", "read"),
            event(30, nemesis, "info", "close-gate"),
            event(500, "2", "ok", "read"),
            event(900, nemesis, "info", "open-gate"),
            event(970, "1", "ok", "read"),
        ];
        let load = Stage {
            name: "load".to_owned(),
            start: Nanos(0),
            end: Nanos::from_ms(1000),
        };
        assert_eq!(longest(&events, &load), Duration::from_millis(70));
    }
}
