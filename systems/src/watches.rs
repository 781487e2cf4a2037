//! What a watch of a described system is told: message after message, each with any number of changes.

use histories::Value;
use runs::watching::Change;

use crate::description::ValueAt;
use crate::meaning::{Told, beginning, decoded_text, value};

/// The changes of which a message tells.
///
/// # Errors
/// It is no such message: the watch is lost, and this is why.
pub(crate) fn changes(answer: &ValueAt, told: &Told) -> Result<Vec<Change>, String> {
    if !answer.is_ok(told) {
        return Err(format!("{} {}", told.status, beginning(&told.text)));
    }
    let Some(each) = &answer.each else {
        return Err("the watch's answer has no `each`: where its changes are".to_owned());
    };
    let change = |part: &serde_json::Value| {
        let part = Told {
            status: told.status.clone(),
            text: part.to_string(),
            json: part.clone(),
            is_error: false,
        };
        let unclear = |what: &str| format!("a change without a {what}: {}", beginning(&part.text));
        let key = answer.key.as_ref().and_then(|path| path.find(&part.json));
        let key = decoded_text(key.ok_or_else(|| unclear("key"))?, &answer.decode_key)?;
        Ok(Change {
            key: Value::from(key.as_str()),
            value: value(answer, &part)?,
            revision: answer.revision_in(&part).ok_or_else(|| unclear("revision"))?,
        })
    };
    each.all(&told.json).into_iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::description::{Client, Part, Word};
    use crate::protocols::adapter;

    #[test]
    fn messages_tell_of_changes_or_end_the_watch() {
        let etcd = builtin::named("etcd").described();
        let Client::Http(operations) = &etcd.client else {
            panic!("etcd speaks HTTP");
        };
        let etcd = &operations.get(Word::Watch, Part::Whole).unwrap().answer;
        let adapter = adapter::watched();
        let header = r#""header":{"revision":"7"}"#;
        let change = |value: i64| Change {
            key: "k1".into(),
            value: value.into(),
            revision: 7,
        };
        for (answer, status, text, wanted) in [
            (
                etcd,
                200.into(),
                format!(r#"{{"result":{{{header},"created":true}}}}"#),
                Ok(vec![]),
            ),
            (
                etcd,
                200.into(),
                format!(
                    r#"{{"result":{{{header},"events":[{{"kv":{{"key":"azE=","mod_revision":"7","value":"MTI="}}}}]}}}}"#
                ),
                Ok(vec![change(12)]),
            ),
            (
                etcd,
                200.into(),
                r#"{"error":{"grpc_code":14,"message":"etcdserver: no leader"}}"#.to_owned(),
                Err("no leader"),
            ),
            (
                etcd,
                200.into(),
                format!(r#"{{"result":{{{header},"events":[{{"kv":{{"key":"azE=","value":"MTI="}}}}]}}}}"#),
                Err("without a revision"),
            ),
            (
                adapter,
                serde_json::Value::from("event"),
                r#"{"id":1,"type":"event","changes":[{"key":"k1","value":3,"revision":7}]}"#.to_owned(),
                Ok(vec![change(3)]),
            ),
            (
                adapter,
                "fail".into(),
                r#"{"id":1,"type":"fail"}"#.to_owned(),
                Err("fail"),
            ),
        ] {
            let told = Told::new(status, text.clone());
            match (changes(answer, &told), wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{text}"),
                (Err(why), Err(wanted)) => assert!(why.contains(wanted), "{text}: {why}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
