//! The figures of a run by which two runs are compared: how soon it came back, how quick, how long it was away.

use std::collections::HashMap;
use std::time::Duration;

use histories::{Event, Kind, Process};
use runs::judge::outage;
use runs::record::Record;

/// What a run came to. What was not reached is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    /// From the heal to the first acknowledged write.
    pub recovery: Option<Duration>,
    /// The longest time without a success while operations could begin.
    pub outage: Option<Duration>,
    /// From invocation to `ok` in the load: the median …
    pub latency_p50: Option<Duration>,
    /// … and the 99th percentile.
    pub latency_p99: Option<Duration>,
}

impl Figures {
    /// Those of a saved run.
    pub(crate) fn of(record: &Record, events: &[Event]) -> Self {
        let recovery = record.recovery.and_then(|recovery| {
            let recovered = recovery.recovered?;
            Some(recovered.since(recovery.healed))
        });
        let load = record.load_stage();
        let latencies = load.map_or_else(Vec::new, |load| {
            latencies(
                events
                    .iter()
                    .filter(|event| load.start <= event.time && event.time <= load.end),
            )
        });
        Figures {
            recovery,
            outage: load.map(|load| outage::longest(events, load)),
            latency_p50: quantile(&latencies, 50),
            latency_p99: quantile(&latencies, 99),
        }
    }
}

/// From invocation to `ok`, ascending.
fn latencies<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<Duration> {
    let mut invoked = HashMap::new();
    let mut latencies = Vec::new();
    for event in events {
        let Process::Client(process) = event.process else {
            continue;
        };
        match event.kind {
            Kind::Invoke => {
                invoked.insert(process, event.time);
            }
            kind => {
                let since = invoked.remove(&process).filter(|_| kind == Kind::Ok);
                latencies.extend(since.map(|since| event.time.since(since)));
            }
        }
    }
    latencies.sort_unstable();
    latencies
}

/// The smallest value that so many percent do not exceed (nearest rank).
pub(crate) fn quantile(ascending: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (ascending.len() * percent).div_ceil(100);
    ascending.get(rank.max(1) - 1).copied()
}

/// The middle one of several runs' values; none if a run has none.
pub(crate) fn median(values: impl IntoIterator<Item = Option<Duration>>) -> Option<Duration> {
    let mut values: Vec<Duration> = values.into_iter().collect::<Option<_>>()?;
    values.sort_unstable();
    quantile(&values, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let hundred: Vec<Duration> = (1..=100).map(ms).collect();
        assert_eq!(quantile(&hundred, 50), Some(ms(50)));
        assert_eq!(quantile(&hundred, 99), Some(ms(99)));
        assert_eq!(quantile(&[ms(7)], 99), Some(ms(7)));
        assert_eq!(quantile(&[], 50), None);
        assert_eq!(median([Some(ms(9)), Some(ms(1)), Some(ms(5))]), Some(ms(5)));
        assert_eq!(median([Some(ms(9)), None]), None);
    }

    #[test]
    fn only_what_succeeded_has_a_latency() {
        let event = |ms: u64, process: u64, kind: &str| -> Event {
            let time = histories::Nanos::from_ms(ms).0;
            let line =
                format!(r#"{{"index":0,"time":{time},"process":{process},"type":"{kind}","f":"read"}}"#);
            serde_json::from_str(&line).unwrap()
        };
        let events = [
            event(0, 1, "invoke"),
            event(1, 2, "invoke"),
            event(5, 1, "ok"),
            event(6, 1, "invoke"),
            event(9, 2, "fail"),
            event(9, 1, "info"),
        ];
        assert_eq!(latencies(events.iter()), [ms(5)]);
    }
}
