//! The parser.

use std::borrow::Cow;

use super::{Edn, Fault, Node, excerpt};

/// No history nests deeper; a limit keeps the stack small.
const DEPTH_MAX: usize = 100;

/// Reads one form after the other.
pub(in crate::format) struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    /// Begins at an offset of the text; all offsets count from the text's beginning.
    pub(crate) fn at(text: &'a str, at: usize) -> Self {
        Parser { text, at }
    }

    /// Where the next character stands.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Skips what means nothing: blanks, commas, comments and discarded forms.
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        self.skip_blank(0)
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next form; none at the end of the text.
    pub(crate) fn next(&mut self) -> Result<Option<Node<'a>>, Fault> {
        self.skip_blank(0)?;
        if self.rest().is_empty() {
            return Ok(None);
        }
        self.form(0).map(Some)
    }

    /// Enters a vector or a list if one stands here; gives its closing bracket.
    pub(crate) fn enter_sequence(&mut self) -> Result<Option<char>, Fault> {
        self.skip_blank(0)?;
        let close = match self.peek() {
            Some('[') => ']',
            Some('(') => ')',
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(close))
    }

    /// The next form of the sequence that was entered; none at its end.
    pub(crate) fn next_in(&mut self, close: char) -> Result<Option<Node<'a>>, Fault> {
        self.element(close, 0)
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whitespace, commas, comments and discarded forms.
    fn skip_blank(&mut self, depth: usize) -> Result<(), Fault> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches(is_blank).len();
            self.at += blank;
            let rest = &rest[blank..];
            if rest.starts_with(';') {
                self.at += memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            } else if rest.starts_with("#_") {
                self.at += 2;
                self.skip_blank(self.deeper(depth)?)?;
                self.form(self.deeper(depth)?)?;
            } else {
                return Ok(());
            }
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, Fault> {
        if depth >= DEPTH_MAX {
            return Err(Fault::expected(
                self.at,
                "at most 100 forms inside each other",
                "one more",
            ));
        }
        Ok(depth + 1)
    }

    /// The form that begins at this character.
    fn form(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        let start = self.at;
        let edn = match self.peek() {
            None => return Err(Fault::expected(start, "a form", "the end of the file")),
            Some('"') => self.string()?,
            Some('\\') => self.character()?,
            Some('[') => Edn::Sequence(self.elements(1, ']', depth)?),
            Some('(') => Edn::Sequence(self.elements(1, ')', depth)?),
            Some('{') => self.map(depth)?,
            Some('#') => self.dispatch(depth)?,
            Some(close @ (']' | ')' | '}')) => {
                return Err(Fault::expected(start, "a form", format!("a stray {close}")));
            }
            Some(_) => self.token()?,
        };
        Ok(Node {
            edn,
            start,
            end: self.at,
        })
    }

    /// All elements behind an opening bracket of so many characters.
    fn elements(&mut self, opening: usize, close: char, depth: usize) -> Result<Vec<Node<'a>>, Fault> {
        let depth = self.deeper(depth)?;
        self.at += opening;
        let mut elements = Vec::new();
        while let Some(element) = self.element(close, depth)? {
            elements.push(element);
        }
        Ok(elements)
    }

    fn map(&mut self, depth: usize) -> Result<Edn<'a>, Fault> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        let mut pairs = Vec::new();
        while let Some(key) = self.element('}', depth)? {
            self.skip_blank(depth)?;
            if self.peek() == Some('}') {
                return Err(Fault::expected(self.at, "a value for the key before", "}"));
            }
            pairs.push((key, self.form(depth)?));
        }
        Ok(Edn::Map(pairs))
    }

    /// The next element, or none behind the closing bracket.
    fn element(&mut self, close: char, depth: usize) -> Result<Option<Node<'a>>, Fault> {
        self.skip_blank(depth)?;
        match self.peek() {
            Some(next) if next == close => {
                self.at += 1;
                return Ok(None);
            }
            None => {
                let expected = match close {
                    ']' => "a form or the closing ]",
                    ')' => "a form or the closing )",
                    _ => "a form or the closing }",
                };
                return Err(Fault::expected(self.at, expected, "the end of the file"));
            }
            Some(_) => {}
        }
        self.form(depth).map(Some)
    }

    /// A set, a symbolic number or a tagged form.
    fn dispatch(&mut self, depth: usize) -> Result<Edn<'a>, Fault> {
        let start = self.at;
        let rest = self.rest();
        if rest.starts_with("#{") {
            return Ok(Edn::Set(self.elements(2, '}', depth)?));
        }
        let symbolic = rest.starts_with("##");
        self.at += 1 + usize::from(symbolic);
        let name = self.name();
        match name {
            "Inf" | "-Inf" | "NaN" if symbolic => Ok(Edn::Number(self.text[start..self.at].into())),
            _ if symbolic || !name.starts_with(|first: char| first.is_alphabetic() || first == ':') => Err(
                Fault::expected(start, "a set, a tag or ##Inf, ##-Inf or ##NaN", excerpt(rest)),
            ),
            tag => {
                let depth = self.deeper(depth)?;
                self.skip_blank(depth)?;
                Ok(Edn::Tagged(tag, Box::new(self.form(depth)?)))
            }
        }
    }

    /// The characters up to the next blank or bracket.
    fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(is_delimiter).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn token(&mut self) -> Result<Edn<'a>, Fault> {
        let start = self.at;
        let name = self.name();
        let unsigned = name.trim_start_matches(['+', '-']);
        let edn = match name {
            "nil" => Some(Edn::Nil),
            "true" => Some(Edn::Bool(true)),
            "false" => Some(Edn::Bool(false)),
            _ if unsigned.starts_with(|first: char| first.is_ascii_digit()) => number(name),
            _ => match name.strip_prefix(':') {
                Some(keyword) => is_symbol(keyword).then_some(Edn::Keyword(keyword)),
                None => is_symbol(name).then_some(Edn::Symbol(name)),
            },
        };
        edn.ok_or_else(|| {
            let found = if name.is_empty() {
                excerpt(&self.text[start..])
            } else {
                excerpt(name)
            };
            Fault::expected(start, "a form", found)
        })
    }

    fn character(&mut self) -> Result<Edn<'a>, Fault> {
        let start = self.at;
        // The first character may be a bracket or a blank itself.
        let rest = &self.rest()[1..];
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..]
            .find(is_delimiter)
            .map_or(rest.len(), |end| first + end);
        self.at += 1 + end;
        let name = &rest[..end];
        let mut letters = name.chars();
        let character = match (name, letters.next(), letters.next()) {
            ("newline", ..) => Some('\n'),
            ("return", ..) => Some('\r'),
            ("space", ..) => Some(' '),
            ("tab", ..) => Some('\t'),
            ("backspace", ..) => Some('\u{8}'),
            ("formfeed", ..) => Some('\u{c}'),
            (_, Some(only), None) => Some(only),
            (_, Some('u'), Some(_)) if name.len() == 5 => hex(&name[1..]).and_then(char::from_u32),
            _ => None,
        };
        character
            .map(Edn::Char)
            .ok_or_else(|| Fault::expected(start, "a character", excerpt(&self.text[start..self.at])))
    }

    fn string(&mut self) -> Result<Edn<'a>, Fault> {
        let start = self.at;
        let body = &self.text[start + 1..];
        let Some(end) = memchr::memchr2(b'"', b'\\', body.as_bytes()) else {
            return Err(Fault::expected(
                start,
                "a string with a closing quote",
                "the end of the file",
            ));
        };
        let mut text = Cow::Borrowed(&body[..end]);
        self.at = start + 1 + end;
        while self.rest().starts_with('\\') {
            let escaped = self.escape()?;
            text.to_mut().push(escaped);
            let rest = self.rest();
            let Some(plain) = memchr::memchr2(b'"', b'\\', rest.as_bytes()) else {
                return Err(Fault::expected(
                    start,
                    "a string with a closing quote",
                    "the end of the file",
                ));
            };
            text.to_mut().push_str(&rest[..plain]);
            self.at += plain;
        }
        self.at += 1;
        Ok(Edn::Text(text))
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        let rest = self.rest();
        let (character, length) = match rest[1..].chars().next() {
            Some('n') => (Some('\n'), 2),
            Some('r') => (Some('\r'), 2),
            Some('t') => (Some('\t'), 2),
            Some('b') => (Some('\u{8}'), 2),
            Some('f') => (Some('\u{c}'), 2),
            Some(same @ ('"' | '\\' | '/')) => (Some(same), 2),
            Some('u') => match rest.get(2..6).and_then(hex) {
                // Java's strings are UTF-16: a character beyond the first plane is two escapes.
                Some(high @ 0xd800..0xdc00) => (surrogates(high, rest), 12),
                Some(code) => (char::from_u32(code), 6),
                None => (None, 2),
            },
            _ => (None, 2),
        };
        self.at += length;
        character.ok_or_else(|| {
            let shown: String = rest.chars().take(6).collect();
            Fault::expected(start, "an escape such as \\n, \\\" or \\u00e9", excerpt(&shown))
        })
    }
}

fn surrogates(high: u32, rest: &str) -> Option<char> {
    match rest.get(6..8)? == "\\u" {
        true => {
            let low = hex(rest.get(8..12)?)?;
            (0xdc00..0xe000).contains(&low).then_some(())?;
            char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
        }
        false => None,
    }
}

fn hex(digits: &str) -> Option<u32> {
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

fn number(name: &str) -> Option<Edn<'_>> {
    let unsigned = name.strip_prefix(['+', '-']).unwrap_or(name);
    let integer = name.strip_suffix('N').unwrap_or(name);
    let digits = unsigned.strip_suffix('N').unwrap_or(unsigned);
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(digits) {
        // 010 would be an octal number to Clojure; EDN has none.
        let plain = digits == "0" || !digits.starts_with('0');
        return plain.then(|| integer.parse().map_or(Edn::Number(name.into()), Edn::Int));
    }
    if let Some(digits) = unsigned.strip_prefix("0x") {
        let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return all.then(|| Edn::Number(name.into()));
    }
    let ratio = unsigned
        .split_once('/')
        .is_some_and(|(above, below)| is_digits(above) && is_digits(below));
    let float = || {
        unsigned
            .strip_suffix('M')
            .unwrap_or(unsigned)
            .parse::<f64>()
            .is_ok()
    };
    let numeric = unsigned
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-' | b'M'));
    (ratio || numeric && float()).then(|| Edn::Number(name.into()))
}

pub(super) fn is_symbol(name: &str) -> bool {
    let allowed = |letter: char| letter.is_alphanumeric() || ".*+!-_?$%&=<>/#':|".contains(letter);
    !name.is_empty() && !name.starts_with(':') && name.chars().all(allowed)
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter == ','
}

fn is_delimiter(letter: char) -> bool {
    is_blank(letter) || matches!(letter, '(' | ')' | '[' | ']' | '{' | '}' | '"' | ';' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forms of a text, written as EDN again; or the error's offset and words.
    fn parsed(text: &str) -> Result<String, (usize, String)> {
        let mut parser = Parser::at(text, 0);
        let mut forms = Vec::new();
        loop {
            match parser.next() {
                Ok(Some(node)) => forms.push(node.edn.to_string()),
                Ok(None) => return Ok(forms.join(" ")),
                Err(fault) => return Err((fault.offset, fault.problem.to_string())),
            }
        }
    }

    #[test]
    fn forms() {
        for (text, expected) in [
            ("nil true false", "nil true false"),
            ("0 -7 +5 12N 9223372036854775807", "0 -7 5 12 9223372036854775807"),
            (
                "9223372036854775808 1.5 1e9 2/3 1M ##NaN ##-Inf",
                "9223372036854775808 1.5 1e9 2/3 1M ##NaN ##-Inf",
            ),
            (":a :b/c :n1-n2 sym +", ":a :b/c :n1-n2 sym +"),
            (r#" "a\n\"\u00e9\ud83d\ude00" "#, "\"a\\n\\\"é😀\""),
            (r"\a \newline \( \u00e9", "\\a \\\n \\( \\é"),
            ("[1 (2, 3) #{:n4 :n5}]", "[1 [2 3] #{:n4 :n5}]"),
            ("{:a 1, :b {\"c\" nil}}", "{:a 1, :b {\"c\" nil}}"),
            ("; a comment\n1 #_ {:gone 2} #_#_ 3 4 5 ; the end", "1 5"),
            (
                "#inst \"2020\" #jepsen.history.Op{:f :read}",
                "#inst \"2020\" #jepsen.history.Op {:f :read}",
            ),
            (
                "#object[java.lang.Object 0x1f \"it\"]",
                "#object [java.lang.Object 0x1f \"it\"]",
            ),
        ] {
            assert_eq!(parsed(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn malformed_forms_say_where() {
        for (text, offset, found) in [
            ("[1 2", 4, "the end of the file"),
            ("{:a 1 :b}", 8, "}"),
            ("[1}", 2, "a stray }"),
            ("\"abc", 0, "the end of the file"),
            (r#""a\q""#, 2, r#"\q""#),
            (r#""\ud83dx""#, 1, r"\ud83d"),
            ("010", 0, "010"),
            ("1.2.3", 0, "1.2.3"),
            ("12abc", 0, "12abc"),
            (":", 0, ":"),
            ("::a", 0, "::a"),
            ("@x", 0, "@x"),
            ("#_", 2, "the end of the file"),
            ("##Nope", 0, "##Nope"),
            ("#\"regex\"", 0, "#\"regex\""),
            (r"\nope", 0, r"\nope"),
        ] {
            let (at, words) = parsed(text).expect_err(text);
            assert_eq!(at, offset, "{text}: {words}");
            assert!(words.ends_with(&format!("found {found}")), "{text}: {words}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        for opening in ["[", "{:a ", "#_", "#t ", "(#{"] {
            let (_, words) = parsed(&opening.repeat(100_000)).expect_err("too deep");
            assert!(words.contains("inside each other"), "{words}");
        }
    }
}
