//! What a store may be asked for as a whole, and not of one key: the requests of Maelstrom's workloads (maelstrom, doc/workloads.md).
//! Few systems have words for them, and no other request makes up for one.

use histories::Value;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Tell this back.
    Echo(Value),
    /// Have every node know this.
    Broadcast(Value),
    /// What the node that is asked knows.
    Messages,
    /// Put this into the set.
    Include(Value),
    /// The set, as the node that is asked knows it.
    Elements,
    /// Add this to the counter.
    Increase(i64),
    /// The counter, as the node that is asked knows it.
    Total,
    /// Put this at the end of a log, and tell its offset.
    Send {
        /// Which log.
        log: Value,
        /// The message.
        message: Value,
    },
    /// The next messages of these logs, from an offset on each.
    Poll(Vec<(Value, i64)>),
    /// All up to this offset of each of these logs was looked at.
    Commit(Vec<(Value, i64)>),
    /// Up to where these logs were looked at.
    Committed(Vec<Value>),
}

impl Call {
    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Call::Echo(_) => "echo",
            Call::Broadcast(_) => "broadcast",
            Call::Messages => "messages",
            Call::Include(_) => "include",
            Call::Elements => "elements",
            Call::Increase(_) => "increase",
            Call::Total => "total",
            Call::Send { .. } => SEND,
            Call::Poll(_) => POLL,
            Call::Commit(_) => "commit",
            Call::Committed(_) => "committed",
        }
    }

    /// Whether it changes nothing.
    pub fn is_look(&self) -> bool {
        matches!(
            self,
            Call::Messages | Call::Elements | Call::Total | Call::Poll(_) | Call::Committed(_)
        )
    }

    /// What is told of it, in a model's words, given what the store says; none where that is no answer to it.
    ///
    /// ```
    /// use runs::call::Call;
    /// let send = Call::Send { log: "k1".into(), message: 7.into() };
    /// assert_eq!(send.told(4.into()).unwrap().to_string(), r#"[["send","k1",[4,7]]]"#);
    /// assert_eq!(send.told("four".into()), None);
    /// ```
    pub fn told(&self, said: Value) -> Option<Value> {
        match self {
            Call::Echo(_) => Some(said),
            Call::Messages | Call::Elements => said.as_list().is_some().then_some(said),
            Call::Total => said.as_int().is_some().then_some(said),
            Call::Send { log, message } => {
                let placed = Value::list([Value::Int(said.as_int()?), message.clone()]);
                Some(Value::list([Value::list([SEND.into(), log.clone(), placed])]))
            }
            Call::Poll(_) => {
                let mut logs = said.as_list()?.iter();
                logs.all(|log| is_log(log).is_some())
                    .then(|| Value::list([Value::list([POLL.into(), said.clone()])]))
            }
            Call::Committed(_) => offsets(&said).is_some().then_some(said),
            Call::Broadcast(_) | Call::Include(_) | Call::Increase(_) | Call::Commit(_) => Some(Value::Null),
        }
    }
}

pub(crate) const SEND: &str = "send";
pub(crate) const POLL: &str = "poll";

/// `[[log, offset], …]`; none if it is something else.
pub(crate) fn offsets(value: &Value) -> Option<Vec<(Value, i64)>> {
    let pair = |pair: &Value| match pair.as_list()? {
        [log, Value::Int(offset)] => Some((log.clone(), *offset)),
        _ => None,
    };
    value.as_list()?.iter().map(pair).collect()
}

/// `[log, [[offset, message], …]]`.
fn is_log(log: &Value) -> Option<()> {
    let [_, messages] = log.as_list()? else {
        return None;
    };
    let is_message = |message: &Value| matches!(message.as_list(), Some([Value::Int(_), _]));
    messages.as_list()?.iter().all(is_message).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_told_is_what_was_asked_for() {
        let all = || vec![("k1".into(), 0)];
        for (call, said, told) in [
            (Call::Echo(1.into()), "2", Some("2")),
            (Call::Messages, "[1,2]", Some("[1,2]")),
            (Call::Elements, "null", None),
            (Call::Total, "5", Some("5")),
            (Call::Total, r#""5""#, None),
            (Call::Include(1.into()), "7", Some("null")),
            (
                Call::Poll(all()),
                r#"{"k1":[[0,5],[1,6]]}"#,
                Some(r#"[["poll",[["k1",[[0,5],[1,6]]]]]]"#),
            ),
            (Call::Poll(all()), "{}", Some(r#"[["poll",[]]]"#)),
            (Call::Poll(all()), r#"{"k1":[[0,5],["1",6]]}"#, None),
            (Call::Poll(all()), r#"{"k1":[5]}"#, None),
            (
                Call::Committed(vec!["k1".into()]),
                r#"{"k1":3}"#,
                Some(r#"[["k1",3]]"#),
            ),
            (Call::Committed(vec!["k1".into()]), r#"{"k1":null}"#, None),
        ] {
            assert_eq!(call.told(value(said)), told.map(value), "{call:?} {said}");
        }
    }
}
