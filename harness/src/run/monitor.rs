//! The monitor of `--until-violation`: judges the history while it grows, key by key.
//!
//! A prefix of a linearizable history is linearizable, so a violation in what is known so far is one for good. What
//! the monitor finds ends the load; the verdict itself is given at the end, from the file, like that of any run.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use checker::{Budget, Levels, Options, Verdict};
use histories::{Event, Header, Kind, Process, Value};
use runs::stop::Stop;

/// How often the keys that had completions are judged.
const EVERY: Duration = Duration::from_millis(50);
/// A key that nobody touched for so long is given up: its operations are let go, and it is never judged again here,
/// because half a history proves nothing.
const KEPT: Duration = Duration::from_secs(10);
/// How much work one key may make; the check at the end has no such limit.
const STEPS: u64 = 200_000;

struct Key {
    events: Vec<Event>,
    touched: Instant,
    changed: bool,
    given_up: bool,
}

/// Start the monitor; it ends with the recorder. `violated` is set at the first violation.
pub(crate) fn start(
    header: Header,
    model: &'static str,
    levels: Levels,
    violated: Stop,
) -> std::io::Result<SyncSender<Event>> {
    let (sender, events) = sync_channel(1 << 16);
    let monitor = Monitor {
        header,
        model,
        levels,
        keys: HashMap::new(),
        violated,
    };
    std::thread::Builder::new()
        .name("monitor".to_owned())
        .spawn(move || monitor.watch(&events))?;
    Ok(sender)
}

struct Monitor {
    header: Header,
    model: &'static str,
    levels: Levels,
    keys: HashMap<Value, Key>,
    violated: Stop,
}

impl Monitor {
    fn watch(mut self, events: &Receiver<Event>) {
        let mut judged = Instant::now();
        loop {
            match events.recv_timeout(EVERY) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if judged.elapsed() >= EVERY && !self.violated.is_set() {
                self.judge();
                judged = Instant::now();
            }
        }
    }

    fn take(&mut self, event: Event) {
        let (Process::Client(_), Some(key)) = (event.process, &event.key) else {
            return;
        };
        let now = Instant::now();
        let key = self.keys.entry(key.clone()).or_insert_with(|| Key {
            events: Vec::new(),
            touched: now,
            changed: false,
            given_up: false,
        });
        if key.given_up {
            return;
        }
        key.touched = now;
        // A failure, too: what it was said not to have done may have been seen before.
        key.changed |= matches!(event.kind, Kind::Ok | Kind::Fail);
        key.events.push(event);
    }

    fn judge(&mut self) {
        let Some(model) = checker::models::find(self.model) else {
            return;
        };
        for key in self.keys.values_mut().filter(|key| key.changed) {
            key.changed = false;
            let budget = Budget::new(STEPS, u64::MAX);
            let options = Options {
                consistency: self.levels,
                ..Options::default()
            };
            let check = checker::linearizability(&self.header, &key.events, model, &options, &budget);
            if check.is_ok_and(|check| check.verdict == Verdict::Violation) {
                self.violated.set();
            }
        }
        for key in self
            .keys
            .values_mut()
            .filter(|key| !key.given_up && key.touched.elapsed() >= KEPT)
        {
            key.given_up = true;
            key.events = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_read_is_seen_while_the_history_still_grows() {
        let header: Header =
            serde_json::from_str(r#"{"history":1,"model":"register","keyed":true}"#).unwrap();
        let violated = Stop::unset();
        let sender = start(header, "register", Levels::default(), violated.clone()).unwrap();
        let event = |index: u64, kind: &str, f: &str, value: &str| {
            let text = format!(
                r#"{{"index":{index},"time":{index},"process":1,"type":"{kind}","f":"{f}","key":"k","value":{value}}}"#
            );
            serde_json::from_str::<Event>(&text).unwrap()
        };
        for (index, (kind, f, value)) in [
            ("invoke", "write", "1"),
            ("ok", "write", "1"),
            ("invoke", "read", "null"),
            ("ok", "read", "null"),
        ]
        .into_iter()
        .enumerate()
        {
            sender.send(event(index as u64, kind, f, value)).unwrap();
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while !violated.is_set() {
            assert!(Instant::now() < deadline, "the violation was not seen");
            std::thread::yield_now();
        }
    }
}
