//! What an answer means for its operation: the table of errors, then what says that it happened. Nothing else decides.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use histories::Value;
use nemesis::NodeId;
use runs::store::{Answer, Reply};
use serde::Serialize;

use crate::description::{Condition, Decode, Is, Place, Recorded, Rule, Transport, ValueAt, Word};

/// What came back, in the words of every protocol.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Came {
    /// No answer.
    Nothing {
        /// What became of the request.
        transport: Transport,
        /// In words.
        why: String,
    },
    /// An answer.
    Answer(Told),
}

impl Came {
    /// No answer, and why.
    pub(crate) fn nothing(transport: Transport, why: impl ToString) -> Self {
        Came::Nothing {
            transport,
            why: why.to_string(),
        }
    }

    /// Nothing was sent: the system's description has no request for it.
    pub(crate) fn not_offered() -> Self {
        Came::nothing(
            Transport::NoConnection,
            "the system does not offer this operation",
        )
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// Its status, in the protocol's words.
    pub(crate) status: serde_json::Value,
    /// Its text.
    pub(crate) text: String,
    /// Its text as JSON; a text of JSON, where it is none.
    pub(crate) json: serde_json::Value,
    /// Whether the protocol itself calls it an error.
    pub(crate) is_error: bool,
}

impl Told {
    /// An answer whose text may be JSON.
    pub(crate) fn new(status: impl Into<serde_json::Value>, text: String) -> Self {
        Told {
            status: status.into(),
            json: serde_json::from_str(&text).unwrap_or_else(|_| text.as_str().into()),
            text,
            is_error: false,
        }
    }
}

impl From<&Recorded> for Came {
    fn from(recorded: &Recorded) -> Self {
        match recorded.transport {
            Some(transport) => Came::Nothing {
                transport,
                why: recorded.body.clone(),
            },
            None => Came::Answer(Told::new(
                recorded.status.clone().unwrap_or_default(),
                recorded.body.clone(),
            )),
        }
    }
}

impl Condition {
    /// Whether it is true of this answer.
    pub(crate) fn holds(&self, told: &Told) -> bool {
        let found = self.path.as_ref().map(|path| path.find(&told.json));
        let status = self.status.as_ref().is_none_or(|wanted| *wanted == told.status);
        let presence = match found {
            None => true,
            Some(found) => found.is_none() == self.missing,
        };
        let found = found.flatten();
        let equals = self.equals.as_ref().is_none_or(|wanted| found == Some(wanted));
        let same_as = self.same_as.as_ref();
        let same = same_as.is_none_or(|other| found.is_some() && other.find(&told.json) == found);
        let searched = match found {
            Some(serde_json::Value::String(text)) => text.as_str(),
            _ => told.text.as_str(),
        };
        let text = self.text.as_ref().is_none_or(|text| text.0.is_match(searched));
        status && presence && equals && same && text
    }
}

impl Rule {
    /// Whether it is for this answer to such an operation.
    fn fits(&self, word: Word, came: &Came) -> bool {
        let on = self.on.is_empty() || self.on.contains(&word);
        on && match (self.transport, came) {
            (Some(wanted), Came::Nothing { transport, why }) => {
                wanted == *transport && self.when.text.as_ref().is_none_or(|text| text.0.is_match(why))
            }
            (None, Came::Answer(told)) => self.when.holds(told),
            (Some(_), Came::Answer(_)) | (None, Came::Nothing { .. }) => false,
        }
    }
}

/// By what an answer was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Basis {
    /// A row of the table of errors.
    Row {
        /// Which one, from 1.
        number: usize,
        /// Its code.
        code: String,
    },
    /// A row that its kind of client brings along: the contract of adapters, or of updates by revision.
    Contract {
        /// Its code.
        code: String,
    },
    /// The operation's `answer`: it happened.
    Answer,
    /// No row is for it: unknown for what changes something, failed for a read and for what was never sent.
    Default,
    /// Nothing was sent, for the node does not run.
    NotSent,
    /// The system has code of its own that says it.
    Code,
}

/// By what an answer was understood as this reply. The first `own` rows are the description's, the others its protocol's.
pub(crate) fn basis(rules: &[Rule], own: usize, word: Word, came: &Came, reply: &Reply) -> Basis {
    let fits = |rule: &Rule| rule.fits(word, came);
    match rules.iter().position(fits) {
        Some(at) if at < own => Basis::Row {
            number: at + 1,
            code: rules[at].code.clone(),
        },
        Some(at) => Basis::Contract {
            code: rules[at].code.clone(),
        },
        None if matches!(reply.answer, Answer::Ok(_)) => Basis::Answer,
        None => Basis::Default,
    }
}

impl ValueAt {
    /// What the description says of success; where it says nothing, whatever the protocol does not call an error.
    pub(crate) fn is_ok(&self, told: &Told) -> bool {
        match self.ok.is_empty() {
            true => !told.is_error,
            false => self.ok.holds(told),
        }
    }

    /// The revision that this answer tells.
    pub(crate) fn revision_in(&self, told: &Told) -> Option<i64> {
        self.version_in(told)?.parse().ok()
    }

    /// The same, whatever it is: as a text.
    pub(crate) fn version_in(&self, told: &Told) -> Option<String> {
        match self.revision.as_ref()?.find(&told.json)? {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    /// Whether this answer says that the operation happened. What the description says of that counts; where it says nothing, an
    /// answer that the protocol does not call an error. That there is no value may be told by an error's status, such as 404.
    pub(crate) fn says_that_it_happened(&self, word: Word, told: &Told) -> bool {
        let ok = self.is_ok(told);
        let absent = self.absent.as_ref().filter(|absent| absent.status.is_some());
        ok || word == Word::Read && absent.is_some_and(|absent| absent.holds(told))
    }
}

/// The row of the table that this answer to such an operation is for.
pub(crate) fn rule<'a>(rules: &'a [Rule], word: Word, came: &Came) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.fits(word, came))
}

/// What an answer means.
pub(crate) fn reply(rules: &[Rule], nodes: &[Place], word: Word, answer: &ValueAt, came: &Came) -> Reply {
    if let Some(rule) = rule(rules, word, came) {
        return ruled(rule, nodes, came);
    }
    match came {
        Came::Nothing { transport, why } => not_answered(word, *transport, why),
        Came::Answer(told) if !answer.says_that_it_happened(word, told) => unclear(
            word,
            "unknown-answer",
            format!("{} {}", told.status, beginning(&told.text)),
        ),
        Came::Answer(told) => happened(word, answer, told),
    }
}

/// The reply to an operation that happened; for what tells a value, if its answer can be read.
fn happened(word: Word, answer: &ValueAt, told: &Told) -> Reply {
    let value = match word.tells() && answer.each.is_none() {
        true => value(answer, told),
        false => Ok(Value::Null),
    };
    match value {
        Ok(value) => Reply {
            revision: answer.revision_in(told),
            ..Reply::ok(value, None)
        },
        Err(why) => unclear(word, "unreadable-answer", why),
    }
}

fn ruled(rule: &Rule, nodes: &[Place], came: &Came) -> Reply {
    let (message, leader) = match came {
        Came::Nothing { why, .. } => (why.clone(), None),
        Came::Answer(told) => {
            let named = rule.leader.as_ref().and_then(|path| path.find(&told.json));
            let leader = named.and_then(|named| node(nodes, named));
            (format!("{} {}", told.status, beginning(&told.text)), leader)
        }
    };
    Reply {
        answer: match rule.is {
            Is::Decided | Is::Fail | Is::Elsewhere => Answer::Fail,
            Is::Unknown => Answer::Unknown,
        },
        decided: rule.is == Is::Decided,
        elsewhere: (rule.is == Is::Elsewhere).then_some(leader),
        ..Reply::unknown(&rule.code, message)
    }
}

/// The node that is meant by its name, id or address.
fn node(nodes: &[Place], named: &serde_json::Value) -> Option<NodeId> {
    let text = match named {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_meant = |place: &Place| {
        let host = text.rsplit_once(':').map_or(text.as_str(), |(host, _)| host);
        let host = host.rsplit_once('/').map_or(host, |(_, host)| host);
        place.name == text || place.id.to_string() == text || place.address == host
    };
    nodes.iter().position(is_meant).map(NodeId)
}

/// No row of the table says what it means: only what was never sent certainly did not happen.
fn not_answered(word: Word, transport: Transport, why: &str) -> Reply {
    match transport {
        Transport::NoConnection => Reply {
            answer: Answer::Fail,
            elsewhere: Some(None),
            ..Reply::unknown("no-connection", why.to_owned())
        },
        Transport::Timeout => unclear(word, "client-timeout", why.to_owned()),
        Transport::Closed => unclear(word, "connection-lost", why.to_owned()),
        Transport::Garbage => unclear(word, "unreadable-answer", why.to_owned()),
    }
}

/// A door of the harness would take the request, and only then notice that nobody is behind it: what was not sent certainly
/// did not happen.
pub(crate) fn not_sent(node: NodeId) -> Reply {
    Reply {
        answer: Answer::Fail,
        elsewhere: Some(None),
        ..Reply::unknown("node-down", format!("{node} does not run; nothing was sent"))
    }
}

/// A read changes nothing, so one without an answer did nothing; of anything else nobody knows.
pub(crate) fn unclear(word: Word, code: &str, message: String) -> Reply {
    Reply {
        answer: match word {
            Word::Read => Answer::Fail,
            _ => Answer::Unknown,
        },
        ..Reply::unknown(code, message)
    }
}

/// As much of a text as a message needs.
pub(crate) fn beginning(text: &str) -> String {
    const ENOUGH: usize = 200;
    text.chars().take(ENOUGH).collect()
}

/// The value that a read has found.
pub(crate) fn value(answer: &ValueAt, told: &Told) -> Result<Value, String> {
    if answer.absent.as_ref().is_some_and(|absent| absent.holds(told)) {
        return Ok(Value::Null);
    }
    let found = match &answer.value {
        None => told.json.clone(),
        Some(path) => path
            .find(&told.json)
            .cloned()
            .ok_or_else(|| format!("no value where it should be: {}", beginning(&told.text)))?,
    };
    let decoded = answer.decode.iter().try_fold(found, decoded)?;
    serde_json::from_value(decoded).map_err(|error| error.to_string())
}

/// One of what an answer tells for each of what was asked for; by itself, that nothing is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Found {
    pub(crate) value: Value,
    /// Whatever stands where the revision is, as a text; none where nothing does.
    pub(crate) revision: Option<String>,
}

/// What an answer tells, one for each of so many that were asked for.
pub(crate) fn each(answer: &ValueAt, told: &Told, wanted: usize) -> Result<Vec<Found>, String> {
    let Some(path) = &answer.each else {
        return Err("the answer's `each` does not say where its parts are".to_owned());
    };
    let parts = path.all(&told.json);
    if parts.len() != wanted {
        let found = parts.len();
        return Err(format!(
            "{found} where {wanted} should be: {}",
            beginning(&told.text)
        ));
    }
    parts.into_iter().map(|part| found(answer, told, part)).collect()
}

/// What an answer tells of each of these keys. Where its parts say whose they are, a key without one has no value.
pub(crate) fn of_keys(answer: &ValueAt, told: &Told, keys: &[String]) -> Result<Vec<Found>, String> {
    let (Some(path), Some(key)) = (&answer.each, &answer.key) else {
        return each(answer, told, keys.len());
    };
    let mut all = vec![Found::default(); keys.len()];
    let mut seen = vec![false; keys.len()];
    for part in path.all(&told.json) {
        let other = || {
            format!(
                "a part for no key that was asked for: {}",
                beginning(&part.to_string())
            )
        };
        let named = decoded_text(key.find(part).ok_or_else(other)?, &answer.decode_key)?;
        let at = keys.iter().position(|known| *known == named).ok_or_else(other)?;
        if std::mem::replace(&mut seen[at], true) {
            return Err(format!(
                "two parts for the key {named}: {}",
                beginning(&told.text)
            ));
        }
        all[at] = found(answer, told, part)?;
    }
    Ok(all)
}

/// What stands in this part of an answer.
fn found(answer: &ValueAt, told: &Told, part: &serde_json::Value) -> Result<Found, String> {
    let part = Told {
        status: told.status.clone(),
        text: part.as_str().map_or_else(|| part.to_string(), str::to_owned),
        json: part.clone(),
        is_error: told.is_error,
    };
    Ok(Found {
        value: value(answer, &part)?,
        revision: answer.version_in(&part),
    })
}

/// The text that stands somewhere, after these steps.
pub(crate) fn decoded_text(found: &serde_json::Value, steps: &[Decode]) -> Result<String, String> {
    match steps.iter().try_fold(found.clone(), decoded)? {
        serde_json::Value::String(text) => Ok(text),
        other => Ok(other.to_string()),
    }
}

fn decoded(found: serde_json::Value, step: &Decode) -> Result<serde_json::Value, String> {
    let Some(text) = found.as_str() else {
        return Err(format!("a text was expected where {found} stands"));
    };
    match step {
        Decode::Json => serde_json::from_str(text).map_err(|error| format!("{text:?} is no JSON: {error}")),
        Decode::Base64 => {
            let bytes = BASE64_STANDARD.decode(text);
            let text = bytes.map_err(|error| format!("{text:?} is no base64: {error}"))?;
            String::from_utf8(text)
                .map(serde_json::Value::from)
                .map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests;
