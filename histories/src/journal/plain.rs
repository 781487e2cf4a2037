//! The lines that are most of a journal, exactly as a node of ours writes them: read without a JSON parser, which costs ten
//! times as much. What looks otherwise in the slightest is left to `raw`, which also knows what is wrong.

use super::event::{CommitRule, Event, Hash, Role, Text};
use crate::units::{LogIndex, Nanos, Term};

/// A line of a known journal.
pub(super) struct Plain<'a> {
    pub(super) seq: u64,
    pub(super) mono: Nanos,
    pub(super) term: Term,
    pub(super) event: Event<'a>,
}

/// A line that begins with `prefix`, up to its number; none if it is another one, or not plain.
pub(super) fn read<'a>(text: &'a [u8], prefix: &[u8]) -> Option<Plain<'a>> {
    let mut line = Cursor(text.strip_prefix(prefix)?);
    let plain = Plain {
        seq: line.digits()?,
        mono: Nanos(line.number(b",\"mono\":")?),
        term: Term(line.number(b",\"term\":")?),
        event: match line.word(b",\"e\":")? {
            "ack" => line.ack()?,
            "append" => line.append()?,
            "apply" => line.apply()?,
            "commit" => line.commit()?,
            "sync" => line.sync()?,
            _ => return None,
        },
    };
    (line.0 == b"}").then_some(plain)
}

/// What is left of a line.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn skip(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn digits(&mut self) -> Option<u64> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        // No JSON number begins with a zero, unless it is one.
        if length == 0 || (length > 1 && digits[0] == b'0') {
            return None;
        }
        self.0 = rest;
        digits.iter().try_fold(0_u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
    }

    fn number(&mut self, key: &[u8]) -> Option<u64> {
        self.skip(key)?;
        self.digits()
    }

    /// Text without escapes.
    fn text(&mut self) -> Option<&'a str> {
        self.skip(b"\"")?;
        let is_plain = |byte: &&u8| (b' '..=b'~').contains(*byte) && **byte != b'"' && **byte != b'\\';
        let (text, rest) = self.0.split_at(self.0.iter().take_while(is_plain).count());
        self.0 = rest;
        self.skip(b"\"")?;
        std::str::from_utf8(text).ok()
    }

    fn word(&mut self, key: &[u8]) -> Option<&'a str> {
        self.skip(key)?;
        self.text()
    }

    fn name(&mut self, key: &[u8]) -> Option<Text<'a>> {
        self.word(key).map(|name| Text(name.into()))
    }

    fn hash(&mut self, key: &[u8]) -> Option<Hash> {
        self.skip(key)?;
        let (digits, rest) = self.0.strip_prefix(b"\"")?.split_first_chunk::<16>()?;
        self.0 = rest;
        self.skip(b"\"")?;
        let hash = digits.iter().try_fold(0, |hash, byte| match byte {
            b'0'..=b'9' => Some(hash << 4 | u64::from(byte - b'0')),
            b'a'..=b'f' => Some(hash << 4 | u64::from(byte - b'a' + 10)),
            _ => None,
        });
        hash.map(Hash)
    }

    fn ack(&mut self) -> Option<Event<'a>> {
        Some(Event::Ack {
            to: self.name(b",\"to\":")?,
            matched: LogIndex(self.number(b",\"match\":")?),
            durable: LogIndex(self.number(b",\"durable\":")?),
        })
    }

    fn append(&mut self) -> Option<Event<'a>> {
        Some(Event::Append {
            index: LogIndex(self.number(b",\"i\":")?),
            term: Term(self.number(b",\"t\":")?),
            h: self.hash(b",\"h\":")?,
            ch: self.hash(b",\"ch\":")?,
            kind: self.name(b",\"kind\":")?,
            from: self.name(b",\"from\":")?,
        })
    }

    fn apply(&mut self) -> Option<Event<'a>> {
        Some(Event::Apply {
            index: LogIndex(self.number(b",\"i\":")?),
            term: Term(self.number(b",\"t\":")?),
            h: self.hash(b",\"h\":")?,
            sm: self.hash(b",\"sm\":")?,
            session: match self.0.starts_with(b",\"client\":") {
                true => Some(super::Session {
                    client: self.number(b",\"client\":")?,
                    seq: self.number(b",\"seq\":")?,
                }),
                false => None,
            },
            dup: self.skip(b",\"dup\":true").is_some(),
        })
    }

    fn commit(&mut self) -> Option<Event<'a>> {
        Some(Event::Commit {
            from: LogIndex(self.number(b",\"from\":")?),
            to: LogIndex(self.number(b",\"to\":")?),
            t_at: Term(self.number(b",\"t_at\":")?),
            ch: self.hash(b",\"ch\":")?,
            role: match self.word(b",\"role\":")? {
                "follower" => Role::Follower,
                "leader" => Role::Leader,
                _ => return None,
            },
            matched: match self.skip(b",\"match\":{") {
                Some(()) => self.matched()?,
                None => Vec::new(),
            },
            rule: match self.word(b",\"rule\":")? {
                "quorum" => CommitRule::Quorum,
                "leader" => CommitRule::Leader,
                _ => return None,
            },
        })
    }

    /// What an object holds that is open, and not empty.
    fn matched(&mut self) -> Option<Vec<(Text<'a>, LogIndex)>> {
        let mut nodes = Vec::with_capacity(8);
        loop {
            let name = Text(self.text()?.into());
            nodes.push((name, LogIndex(self.number(b":")?)));
            if self.skip(b",").is_none() {
                self.skip(b"}")?;
                return Some(nodes);
            }
        }
    }

    fn sync(&mut self) -> Option<Event<'a>> {
        match self.word(b",\"what\":")? {
            "hard" => Some(Event::SyncHard),
            "log" => Some(Event::SyncLog {
                upto: LogIndex(self.number(b",\"upto\":")?),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::raw::Raw;
    use super::*;

    const PREFIX: &str = r#"{"v":1,"n":"n1","inc":2,"s":"#;
    const LINES: [&str; 8] = [
        r#"7,"mono":5,"term":1,"e":"ack","to":"n4","match":3,"durable":0}"#,
        r#"8,"mono":5,"term":1,"e":"append","i":1,"t":1,"h":"e86c647e71fbc8a9","ch":"7535a680da2a555e","kind":"op","from":"n4"}"#,
        r#"9,"mono":5,"term":1,"e":"apply","i":1,"t":1,"h":"e86c647e71fbc8a9","sm":"0000000000000001","client":3,"seq":4}"#,
        r#"10,"mono":5,"term":1,"e":"apply","i":1,"t":1,"h":"e86c647e71fbc8a9","sm":"0000000000000001","dup":true}"#,
        r#"11,"mono":5,"term":1,"e":"commit","from":1,"to":12,"t_at":1,"ch":"e86c647e71fbc8a9","role":"leader","match":{"n2":12,"n3":0},"rule":"quorum"}"#,
        r#"12,"mono":5,"term":1,"e":"commit","from":1,"to":2,"t_at":1,"ch":"e86c647e71fbc8a9","role":"follower","rule":"leader"}"#,
        r#"13,"mono":5,"term":1,"e":"sync","what":"log","upto":18446744073709551615}"#,
        r#"14,"mono":5,"term":1,"e":"sync","what":"hard"}"#,
    ];

    /// Whatever is read here is read alike by the parser that knows all lines.
    fn agrees(text: &[u8]) -> bool {
        let Some(plain) = read(text, PREFIX.as_bytes()) else {
            return false;
        };
        let shown = String::from_utf8_lossy(text);
        let raw: Raw<'_> = serde_json::from_slice(text).expect(&shown);
        assert_eq!(
            (raw.s, raw.mono, raw.term),
            (plain.seq, plain.mono, plain.term),
            "{shown}"
        );
        assert_eq!(raw.event().expect(&shown), plain.event, "{shown}");
        true
    }

    #[test]
    fn plain_lines_and_all_that_resemble_them_are_read_as_json() {
        for line in LINES {
            let text = format!("{PREFIX}{line}").into_bytes();
            assert!(agrees(&text), "{line}");
            for at in 0..text.len() {
                let mut without = text.clone();
                without.remove(at);
                agrees(&without);
                for byte in *b"0aA\"\\,{}:x\x80 " {
                    let mut other = text.clone();
                    other[at] = byte;
                    agrees(&other);
                    other[at] = text[at];
                    other.insert(at, byte);
                    agrees(&other);
                }
            }
        }
    }
}
