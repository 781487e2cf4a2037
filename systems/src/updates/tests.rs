use std::time::Duration;

use runs::store::{Request, StoreOp};

use super::*;
use crate::description::{Client, Condition, Transport};
use crate::transactions::scripted::Scripted;

fn timeout() -> Came {
    Came::nothing(Transport::Timeout, "no answer in time")
}

fn answer(status: u16, text: &str) -> Came {
    Came::Answer(Told {
        is_error: status != 200,
        ..Told::new(status, text.to_owned())
    })
}

/// A read that finds 12, as Consul 1.8.7 tells it.
fn twelve() -> Came {
    answer(
        200,
        r#"[{"LockIndex":0,"Key":"\"k1\"","Flags":0,"Value":"MTI=","CreateIndex":14,"ModifyIndex":25}]"#,
    )
}

fn done() -> Came {
    let told = r#"{"Results":[{"KV":{"Key":"\"k1\"","Value":null,"CreateIndex":14,"ModifyIndex":30}}],"Errors":null}"#;
    answer(200, told)
}

/// What becomes of a compare-and-set of `expected` to 13 that is answered so, and what was sent for it.
async fn asked(expected: Value, answers: &[Came]) -> (Reply, Vec<String>) {
    asked_of(Scripted::new("consul", answers.iter().cloned()), expected).await
}

async fn asked_of(mut scripted: Scripted, expected: Value) -> (Reply, Vec<String>) {
    let own = std::mem::take(&mut scripted.described.errors);
    scripted.described.errors = [own.as_slice(), rules_of(&scripted.described.client)].concat();
    let request = Request {
        op: StoreOp::Cas {
            expected,
            new: 13.into(),
        },
        ..Request::read("k1".into(), Duration::ZERO)
    };
    let sees = RequestSees::of(&request, &"consistent".into());
    let (reply, ..) = scripted.asking().by_revision(&sees).await;
    (reply, scripted.sent())
}

#[tokio::test]
async fn what_was_read_is_updated_by_its_revision() {
    let (reply, sent) = asked(12.into(), &[twelve(), done()]).await;
    assert_eq!(
        (reply.answer, reply.revision),
        (Answer::Ok(Value::Null), Some(30))
    );
    let update =
        |index: u64| format!(r#"[{{"KV":{{"Verb":"cas","Key":"\"k1\"","Value":"MTM=","Index":{index}}}}}]"#);
    assert_eq!(sent, ["/v1/kv/%22k1%22?consistent".to_owned(), update(25)]);
    let (reply, sent) = asked(Value::Null, &[answer(404, ""), done()]).await;
    assert_eq!(reply.answer, Answer::Ok(Value::Null));
    assert_eq!(sent[1], update(0), "nothing may be there");
}

#[tokio::test]
async fn whatever_becomes_of_the_read_nothing_has_happened() {
    for (expected, read, decided) in [
        (11.into(), twelve(), true),
        (Value::Null, twelve(), true),
        (12.into(), answer(404, ""), true),
        (12.into(), answer(404, "Invalid URL path"), false),
        (
            12.into(),
            answer(500, "leadership lost while committing log"),
            false,
        ),
        (12.into(), timeout(), false),
    ] {
        let (reply, sent) = asked(expected.clone(), std::slice::from_ref(&read)).await;
        assert_eq!(
            (reply.answer, reply.decided),
            (Answer::Fail, decided),
            "{expected} {read:?}"
        );
        assert_eq!(sent.len(), 1);
    }
}

#[tokio::test]
async fn what_has_no_revision_is_not_updated() {
    let without = answer(200, r#"[{"Key":"\"k1\"","Value":"MTI="}]"#);
    let mut scripted = Scripted::new("consul", std::iter::once(without));
    let Client::Http(operations) = &mut scripted.described.client else {
        panic!("Consul speaks HTTP");
    };
    operations.read.answer.ok = Condition::default();
    let (reply, sent) = asked_of(scripted, 12.into()).await;
    assert_eq!(
        (reply.answer, reply.error.as_deref()),
        (Answer::Fail, Some(UNREADABLE))
    );
    assert_eq!(sent.len(), 1);
}

#[tokio::test]
async fn of_the_update_alone_it_may_be_unknown_what_became_of_it() {
    let stale =
        r#"{"Results":null,"Errors":[{"OpIndex":0,"What":"failed to set key \"k1\", index is stale"}]}"#;
    for (update, wanted, decided) in [
        (answer(409, stale), Answer::Fail, true),
        (answer(500, "No cluster leader"), Answer::Fail, false),
        (
            answer(500, "leadership lost while committing log"),
            Answer::Unknown,
            false,
        ),
        (
            answer(500, "rpc error making call: stream closed"),
            Answer::Unknown,
            false,
        ),
        (timeout(), Answer::Unknown, false),
    ] {
        let (reply, _) = asked(12.into(), &[twelve(), update.clone()]).await;
        assert_eq!((reply.answer, reply.decided), (wanted, decided), "{update:?}");
    }
}
