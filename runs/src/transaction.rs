//! A transaction: micro-operations `[f, key, value]` that happen as one, in the words of Elle and Maelstrom. Here is what it
//! needs to be told of a store, and what it makes of that; nothing is asked or sent.
//!
//! | micro-operation | what it does |
//! | --- | --- |
//! | `["r", key, null]` | tells the value; null where there is none |
//! | `["w", key, value]` | sets it |
//! | `["append", key, value]` | puts this at the end of the list that it is |

use std::collections::BTreeMap;

use histories::Value;

/// The word of a read.
const READ: &str = "r";

/// What a micro-operation does to the value under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Nothing: it is told.
    Read,
    /// It is replaced.
    Write,
    /// It gets one more element.
    Append,
}

/// One of the operations of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Micro {
    /// What it does.
    pub deed: Deed,
    /// The key.
    pub key: Value,
    /// The argument; of a read null.
    pub value: Value,
}

/// The operations of a transaction, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction(Vec<Micro>);

/// What comes of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The transaction with what its reads have seen.
    pub told: Value,
    /// The keys that it changes, each once and in the order of their first change, with what stands there afterwards.
    pub writes: Vec<(Value, Value)>,
}

impl Deed {
    /// As a history has it.
    pub fn word(self) -> &'static str {
        match self {
            Deed::Read => READ,
            Deed::Write => "w",
            Deed::Append => "append",
        }
    }
}

impl Micro {
    fn of(value: &Value) -> Option<Self> {
        let [Value::Text(f), key, value] = value.as_list()? else {
            return None;
        };
        let deeds = [Deed::Read, Deed::Write, Deed::Append];
        let deed = deeds.into_iter().find(|deed| deed.word() == &**f)?;
        Some(Micro {
            deed,
            key: key.clone(),
            value: value.clone(),
        })
    }

    fn told(&self, value: Value) -> Value {
        Value::list([Value::from(self.deed.word()), self.key.clone(), value])
    }
}

impl Transaction {
    /// What a history's value says; none if it is no transaction.
    pub fn of(value: &Value) -> Option<Self> {
        let micros = value.as_list()?.iter().map(Micro::of);
        micros.collect::<Option<Vec<_>>>().map(Transaction)
    }

    /// Its operations.
    pub fn micros(&self) -> &[Micro] {
        &self.0
    }

    /// The keys that it touches, each once, in the order of their first touch.
    pub fn keys(&self) -> Vec<&Value> {
        let mut keys: Vec<&Value> = Vec::new();
        for micro in &self.0 {
            if !keys.contains(&&micro.key) {
                keys.push(&micro.key);
            }
        }
        keys
    }

    /// Whether it changes nothing.
    pub fn only_reads(&self) -> bool {
        self.0.iter().all(|micro| micro.deed == Deed::Read)
    }

    /// Whether what it writes rests on nothing that it would have to read: it may be sent blindly.
    pub fn only_writes(&self) -> bool {
        self.0.iter().all(|micro| micro.deed == Deed::Write)
    }

    /// What it makes of what stands under its keys; a key that is not there holds null. None where it cannot be done on that: an
    /// append to what is no list.
    pub fn on(&self, found: &BTreeMap<Value, Value>) -> Option<Outcome> {
        let mut writes: Vec<(Value, Value)> = Vec::new();
        let mut told = Vec::new();
        for micro in &self.0 {
            let written = writes.iter().position(|(key, _)| *key == micro.key);
            let stands = match written {
                Some(at) => writes[at].1.clone(),
                None => found.get(&micro.key).cloned().unwrap_or_default(),
            };
            let new = match micro.deed {
                Deed::Read => {
                    told.push(micro.told(stands));
                    continue;
                }
                Deed::Write => micro.value.clone(),
                Deed::Append => appended(&stands, &micro.value)?,
            };
            told.push(micro.told(micro.value.clone()));
            match written {
                Some(at) => writes[at].1 = new,
                None => writes.push((micro.key.clone(), new)),
            }
        }
        Some(Outcome {
            told: Value::list(told),
            writes,
        })
    }

    /// The transaction with what each of its operations was told; none if that is not one for each.
    pub fn filled(&self, values: &[Value]) -> Option<Value> {
        let told = |(micro, value): (&Micro, &Value)| match micro.deed {
            Deed::Read => micro.told(value.clone()),
            Deed::Write | Deed::Append => micro.told(micro.value.clone()),
        };
        let all = values.len() == self.0.len();
        all.then(|| Value::list(self.0.iter().zip(values).map(told)))
    }
}

/// The list with one more element; none if it is no list.
pub(crate) fn appended(found: &Value, element: &Value) -> Option<Value> {
    match found {
        Value::Null => Some(Value::list([element.clone()])),
        Value::List(list) => Some(Value::list(list.iter().cloned().chain([element.clone()]))),
        _ => None,
    }
}

/// A transaction as somebody has answered it, if it is the one that was asked for, with what was read filled in.
pub fn completed(asked: &Value, answered: Value) -> Option<Value> {
    let (wanted, found) = (asked.as_list()?, answered.as_list()?);
    let is_meant = |(wanted, found): (&Value, &Value)| match (wanted.as_list(), found.as_list()) {
        (Some([f, key, value]), Some([same_f, same_key, read])) => {
            (f, key) == (same_f, same_key) && (*f == READ.into() || value == read)
        }
        _ => false,
    };
    let all = wanted.len() == found.len() && wanted.iter().zip(found).all(is_meant);
    all.then_some(answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn txn(text: &str) -> Transaction {
        Transaction::of(&value(text)).unwrap()
    }

    /// What a transaction makes of what is found: what it tells, and what it writes, as text.
    fn made(text: &str, found: &[(i64, &str)]) -> Option<(String, String)> {
        let found = found.iter().map(|(key, found)| (Value::Int(*key), value(found)));
        let outcome = txn(text).on(&found.collect())?;
        let writes = outcome.writes.into_iter();
        let writes = Value::list(writes.map(|(key, value)| Value::list([key, value])));
        Some((outcome.told.to_string(), writes.to_string()))
    }

    #[test]
    fn writes_follow_from_what_was_read_and_from_what_was_written_before() {
        for (text, found, told, writes) in [
            (r#"[["r",1,null]]"#, vec![], r#"[["r",1,null]]"#, "[]"),
            (r#"[["r",1,null]]"#, vec![(1, "[4]")], r#"[["r",1,[4]]]"#, "[]"),
            (
                r#"[["append",1,5],["r",1,null]]"#,
                vec![(1, "[4]")],
                r#"[["append",1,5],["r",1,[4,5]]]"#,
                "[[1,[4,5]]]",
            ),
            (
                r#"[["append",1,5],["append",2,6],["append",1,7]]"#,
                vec![(2, "[4]")],
                r#"[["append",1,5],["append",2,6],["append",1,7]]"#,
                "[[1,[5,7]],[2,[4,6]]]",
            ),
            (
                r#"[["r",1,null],["w",1,2],["r",1,null],["w",1,3]]"#,
                vec![(1, "1")],
                r#"[["r",1,1],["w",1,2],["r",1,2],["w",1,3]]"#,
                "[[1,3]]",
            ),
        ] {
            assert_eq!(
                made(text, &found),
                Some((told.to_owned(), writes.to_owned())),
                "{text}"
            );
        }
        assert_eq!(made(r#"[["append",1,5]]"#, &[(1, "3")]), None, "no list");
    }

    #[test]
    fn what_has_to_be_read_is_known_before() {
        let mixed = txn(r#"[["r",2,null],["w",1,1],["r",2,null]]"#);
        assert_eq!(mixed.keys(), [&Value::Int(2), &Value::Int(1)]);
        assert!(!mixed.only_reads() && !mixed.only_writes());
        assert!(txn(r#"[["r",2,null]]"#).only_reads());
        assert!(txn(r#"[["w",2,1],["w",2,2]]"#).only_writes());
        assert!(!txn(r#"[["append",2,1]]"#).only_writes());
        for no_txn in ["3", r#"[["r",1]]"#, r#"[["cas",1,2]]"#, r#"["r"]"#] {
            assert_eq!(Transaction::of(&value(no_txn)), None, "{no_txn}");
        }
    }

    #[test]
    fn an_answer_is_that_of_the_transaction_that_was_asked_for() {
        let asked = r#"[["r",1,null],["append",1,6]]"#;
        for (answered, is_meant) in [
            (r#"[["r",1,[5]],["append",1,6]]"#, true),
            (r#"[["r",1,[5]],["append",1,7]]"#, false),
            (r#"[["r",2,[5]],["append",1,6]]"#, false),
            (r#"[["r",1,[5]]]"#, false),
            ("null", false),
        ] {
            let completed = completed(&value(asked), value(answered));
            assert_eq!(completed.is_some(), is_meant, "{answered}");
        }
        let filled = txn(asked).filled(&[value("[5]"), Value::Null]).unwrap();
        assert_eq!(filled, value(r#"[["r",1,[5]],["append",1,6]]"#));
        assert_eq!(txn(asked).filled(&[Value::Null]), None);
    }
}
