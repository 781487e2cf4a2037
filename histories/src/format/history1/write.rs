//! Writing history/1.
//!
//! The recorder writes every event while the system is under load, so a line is put together by hand: no
//! allocation beside the buffer's own growth. The bytes are those of `serde_json::to_writer`, which a test holds
//! this to.

use std::io::{self, Write};

use crate::event::{Event, Kind, Process};
use crate::history::{Header, History};
use crate::value::Value;

/// Appends the header's line, with its newline.
pub fn write_header(out: &mut Vec<u8>, header: &Header) {
    json(out, header);
    out.push(b'\n');
}

/// Appends an event's line, with its newline.
pub fn write_event(out: &mut Vec<u8>, event: &Event) {
    out.extend_from_slice(b"{\"index\":");
    integer(out, event.index);
    out.extend_from_slice(b",\"time\":");
    integer(out, event.time.0);
    out.extend_from_slice(b",\"process\":");
    match event.process {
        Process::Client(number) => integer(out, number),
        Process::Nemesis => out.extend_from_slice(b"\"nemesis\""),
    }
    out.extend_from_slice(match event.kind {
        Kind::Invoke => b",\"type\":\"invoke\",\"f\":".as_slice(),
        Kind::Ok => b",\"type\":\"ok\",\"f\":",
        Kind::Fail => b",\"type\":\"fail\",\"f\":",
        Kind::Info => b",\"type\":\"info\",\"f\":",
    });
    text(out, &event.f);
    if let Some(key) = &event.key {
        out.extend_from_slice(b",\"key\":");
        value(out, key);
    }
    out.extend_from_slice(b",\"value\":");
    value(out, &event.value);
    if let Some(node) = &event.node {
        out.extend_from_slice(b",\"node\":");
        text(out, node.as_str());
    }
    if let Some(error) = &event.error {
        out.extend_from_slice(b",\"error\":");
        text(out, error);
    }
    if let Some(message) = &event.message {
        out.extend_from_slice(b",\"message\":");
        text(out, message);
    }
    if let Some(seq) = event.seq {
        out.extend_from_slice(b",\"seq\":");
        integer(out, seq);
    }
    if let Some((index, term)) = event.at {
        out.extend_from_slice(b",\"at\":[");
        integer(out, index.0);
        out.push(b',');
        integer(out, term.0);
        out.push(b']');
    }
    for (name, field) in &event.other {
        out.push(b',');
        text(out, name);
        out.push(b':');
        json(out, field);
    }
    out.extend_from_slice(b"}\n");
}

/// Writes a whole history.
pub fn write(history: &History, out: &mut dyn Write) -> io::Result<()> {
    /// Enough for the operating system to be asked seldom.
    const BLOCK_BYTES: usize = 64 * 1024;
    let mut block = Vec::with_capacity(BLOCK_BYTES + 1024);
    write_header(&mut block, &history.header);
    for event in &history.events {
        write_event(&mut block, event);
        if block.len() >= BLOCK_BYTES {
            out.write_all(&block)?;
            block.clear();
        }
    }
    out.write_all(&block)
}

fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(number) => integer(out, *number),
        Value::Text(letters) => text(out, letters),
        Value::List(elements) => {
            out.push(b'[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                self::value(out, element);
            }
            out.push(b']');
        }
    }
}

fn text(out: &mut Vec<u8>, letters: &str) {
    if letters
        .bytes()
        .all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
    {
        out.push(b'"');
        out.extend_from_slice(letters.as_bytes());
        out.push(b'"');
    } else {
        json(out, letters);
    }
}

/// What the lines above do not write themselves.
fn json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        // Writing into memory cannot fail, and neither a Header nor a JSON value has a map key that is no text.
        debug_assert!(false, "a value that is no JSON");
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}
