//! How fast history/1 is written and read: `cargo bench -p histories -- [MILLIONS_OF_OPERATIONS]`.
//!
//! The best of five rounds each, on one core; beside them the floor that serde_json sets by parsing the same lines.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::time::{Duration, Instant};

use histories::format::history1::{self, Blocks, Events};
use histories::{Event, Kind, Nanos, NodeName, Process, Value};

fn main() -> io::Result<()> {
    let millions = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1.0);
    let events = (millions * 2e6) as u64;
    let mut file = tempfile::tempfile()?;
    let bytes = write_history(&mut file, events)?;
    report("written", bytes, events, written(events))?;
    report("scanned, from the file", bytes, events, best(|| scan(&mut file)))?;
    report(
        "scanned block by block",
        bytes,
        events,
        best(|| scan_blocks(&mut file)),
    )?;
    if bytes < 1 << 30 {
        report("read into a History", bytes, events, best(|| read(&mut file)))?;
        report("serde_json alone", bytes, events, best(|| serde_lines(&mut file)))?;
    }
    Ok(())
}

fn event(index: u64) -> Event {
    Event {
        index,
        time: Nanos(1_204_411 + index * 3_003),
        process: Process::Client(index / 2 % 10),
        kind: if index.is_multiple_of(2) {
            Kind::Invoke
        } else {
            Kind::Ok
        },
        f: "write".into(),
        key: Some(Value::from(format!("k{}", index / 600).as_str())),
        value: Value::Int((index / 2) as i64),
        node: Some(NodeName::numbered(1 + (index / 2 % 5) as usize)),
        error: None,
        message: None,
        seq: None,
        at: None,
        other: Default::default(),
    }
}

fn write_history(file: &mut File, events: u64) -> io::Result<u64> {
    let mut block = b"{\"history\":1,\"model\":\"register\",\"keyed\":true}\n".to_vec();
    let mut bytes = 0;
    for index in 0..events {
        history1::write_event(&mut block, &event(index));
        if block.len() > 1 << 20 || index + 1 == events {
            file.write_all(&block)?;
            bytes += block.len() as u64;
            block.clear();
        }
    }
    Ok(bytes)
}

fn written(events: u64) -> Duration {
    let made: Vec<Event> = (0..1000).map(event).collect();
    let mut line = Vec::with_capacity(1000);
    best(|| {
        for index in 0..events as usize {
            line.clear();
            history1::write_event(&mut line, &made[index % made.len()]);
        }
        Ok(line.len() as u64)
    })
}

fn scan(file: &mut File) -> io::Result<u64> {
    file.rewind()?;
    let mut events = Events::open(file).map_err(io::Error::other)?;
    let mut sum = 0;
    while let Some(event) = events.next_event().map_err(io::Error::other)? {
        sum += event.index ^ event.value.as_int().unwrap_or(0) as u64;
    }
    Ok(sum)
}

fn scan_blocks(file: &mut File) -> io::Result<u64> {
    file.rewind()?;
    let mut blocks = Blocks::open(file).map_err(io::Error::other)?;
    let (mut sum, mut used) = (0, None);
    while let Some(block) = blocks.next_block(used.take()).map_err(io::Error::other)? {
        let mut events = block.events();
        while let Some(event) = events.next_event().map_err(io::Error::other)? {
            sum += event.index ^ event.value.as_int().unwrap_or(0) as u64;
        }
        used = Some(block);
    }
    Ok(sum)
}

fn read(file: &mut File) -> io::Result<u64> {
    file.rewind()?;
    history1::read(file)
        .map(|history| history.events.len() as u64)
        .map_err(io::Error::other)
}

fn serde_lines(file: &mut File) -> io::Result<u64> {
    file.rewind()?;
    let mut sum = 0;
    for line in io::BufRead::lines(io::BufReader::new(file)).skip(1) {
        let event: Event = serde_json::from_str(&line?)?;
        sum += event.index;
    }
    Ok(sum)
}

fn best(mut round: impl FnMut() -> io::Result<u64>) -> Duration {
    let timed = |_| {
        let begin = Instant::now();
        std::hint::black_box(round().expect("the file that was just written"));
        begin.elapsed()
    };
    (0..5).map(timed).min().unwrap_or_default()
}

fn report(what: &str, bytes: u64, events: u64, took: Duration) -> io::Result<()> {
    let seconds = took.as_secs_f64();
    writeln!(
        io::stdout(),
        "{what:>24}: {:6.2} GB/s  {:7.1} ns an event  {:8.1} ms",
        bytes as f64 / 1e9 / seconds,
        seconds * 1e9 / events as f64,
        seconds * 1e3,
    )
}
