//! What an event costs whoever records it, and what it costs in all.
//!
//!     cargo bench -p harness --bench recorder

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use harness::run::recorder;
use histories::{Event, Header, Kind, LogIndex, Nanos, Process, Term, Value};

const EVENTS: u64 = 500_000;

fn main() {
    let header: Header = serde_json::from_str(r#"{"history":1,"model":"register","keyed":true}"#).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for round in 1..=5 {
        let writing = recorder::start(&folder.path().join(format!("{round}.jsonl")), &header, None).unwrap();
        let recorder = writing.recorder();
        let events: Vec<Event> = (0..EVENTS).map(event).collect();
        let begin = Instant::now();
        runtime.block_on(async {
            for event in events {
                recorder.room().await;
                recorder.record(event);
            }
        });
        let queued = begin.elapsed();
        writing.finish().unwrap();
        let written = begin.elapsed();
        let each = |time: std::time::Duration| time.as_nanos() as f64 / EVENTS as f64;
        println!(
            "{:>6.0} ns an event to hand over, {:>6.0} ns until it is written",
            each(queued),
            each(written)
        );
    }
}

fn event(number: u64) -> Event {
    Event {
        index: 0,
        time: Nanos(number * 1000),
        process: Process::Client(number % 50),
        kind: if number.is_multiple_of(2) {
            Kind::Invoke
        } else {
            Kind::Ok
        },
        f: "write".into(),
        key: Some(Value::Text(format!("k{}", number / 600).into())),
        value: Value::Int(number as i64),
        node: Some("n3".into()),
        error: None,
        message: None,
        seq: Some(number),
        at: Some((LogIndex(number), Term(3))),
        other: serde_json::Map::new(),
    }
}
