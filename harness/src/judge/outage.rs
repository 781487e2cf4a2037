//! The longest time without a success while operations could begin.

use std::time::Duration;

use histories::{Event, Kind, Nanos, Process};

use crate::run::record::Stage;

/// The longest gap between successes in the load. While the nemesis held the gate closed nothing could succeed, so
/// that time does not count.
pub fn longest(events: &[Event], load: &Stage) -> Duration {
    let mut longest = Duration::ZERO;
    let mut since = Some(load.start);
    let mut end_gap = |since: Option<Nanos>, now: Nanos| {
        if let Some(since) = since {
            longest = longest.max(now.since(since));
        }
    };
    for event in events
        .iter()
        .filter(|event| load.start <= event.time && event.time <= load.end)
    {
        match (event.process, event.kind, &*event.f) {
            (Process::Nemesis, _, "close-gate") => {
                end_gap(since.take(), event.time);
            }
            (Process::Nemesis, _, "open-gate") => since = since.or(Some(event.time)),
            (Process::Client(_), Kind::Ok, _) if since.is_some() => {
                end_gap(since.replace(event.time), event.time);
            }
            _ => {}
        }
    }
    end_gap(since, load.end);
    longest
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
