//! One line of a journal as JSON. Written by hand: a line costs the node's thread well under a microsecond.

use crate::raft::types::Position;

/// A line that is being written: an object that is still open.
pub(super) struct Line<'a>(pub(super) &'a mut Vec<u8>);

impl Line<'_> {
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
        self.0
    }

    pub(super) fn number(&mut self, key: &str, number: u64) -> &mut Self {
        number_to(self.key(key), number);
        self
    }

    pub(super) fn bool(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key)
            .extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    pub(super) fn null(&mut self, key: &str) -> &mut Self {
        self.key(key).extend_from_slice(b"null");
        self
    }

    /// A word of ours, which needs no escapes.
    pub(super) fn word(&mut self, key: &str, word: &str) -> &mut Self {
        let out = self.key(key);
        out.push(b'"');
        out.extend_from_slice(word.as_bytes());
        out.push(b'"');
        self
    }

    /// Any text.
    pub(super) fn text(&mut self, key: &str, text: &str) -> &mut Self {
        text_to(self.key(key), text);
        self
    }

    pub(super) fn texts<'t>(&mut self, key: &str, texts: impl IntoIterator<Item = &'t str>) -> &mut Self {
        let out = self.key(key);
        out.push(b'[');
        for (at, text) in texts.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            text_to(out, text);
        }
        out.push(b']');
        self
    }

    pub(super) fn numbers<'t>(
        &mut self,
        key: &str,
        numbers: impl IntoIterator<Item = (&'t str, u64)>,
    ) -> &mut Self {
        let out = self.key(key);
        out.push(b'{');
        for (at, (name, number)) in numbers.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            text_to(out, name);
            out.push(b':');
            number_to(out, number);
        }
        out.push(b'}');
        self
    }

    pub(super) fn hash(&mut self, key: &str, hash: u64) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let out = self.key(key);
        out.push(b'"');
        out.extend((0..16).rev().map(|at| DIGITS[(hash >> (4 * at) & 15) as usize]));
        out.push(b'"');
        self
    }

    pub(super) fn position(&mut self, key: &str, at: Position) -> &mut Self {
        let out = self.key(key);
        out.extend_from_slice(b"{\"i\":");
        number_to(out, at.index.0);
        out.extend_from_slice(b",\"t\":");
        number_to(out, at.term.0);
        out.push(b'}');
        self
    }

    pub(super) fn end(&mut self) {
        self.0.extend_from_slice(b"}\n");
    }
}

pub(super) fn number_to(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

pub(super) fn text_to(out: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Text always has a JSON form, and writing to memory cannot fail.
        let _ = serde_json::to_writer(out, text);
    }
}
