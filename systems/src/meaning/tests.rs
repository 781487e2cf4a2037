use super::*;
use crate::builtin;
use crate::description::Part;
use crate::maelstrom;
use crate::protocols::adapter;
use crate::updates;

/// Every row of every table is for the answer that was recorded for it, and no row before it takes that away.
#[test]
fn each_row_of_the_tables_is_for_its_recorded_answer() {
    let described = builtin::TABLE.iter().map(|builtin| {
        let described = builtin.described();
        assert_eq!(described.name, builtin.name);
        (builtin.name, described.errors)
    });
    let own = [
        ("adapter", adapter::rules().to_vec()),
        ("maelstrom", maelstrom::rules().to_vec()),
        ("update", updates::rules().to_vec()),
    ];
    for (name, rules) in described.chain(own) {
        for (at, row) in rules.iter().enumerate() {
            let recorded = row.recorded.as_ref();
            let came =
                Came::from(recorded.unwrap_or_else(|| panic!("{name}: {} has no recorded answer", row.code)));
            for word in Word::ALL {
                if row.on.is_empty() || row.on.contains(&word) {
                    let found = rule(&rules, word, &came).map(std::ptr::from_ref);
                    assert_eq!(
                        found,
                        Some(std::ptr::from_ref(&rules[at])),
                        "{name}: {} on {word:?}",
                        row.code
                    );
                }
            }
        }
    }
}

fn etcd(word: Word, came: &Came) -> Reply {
    let etcd = builtin::named("etcd").described();
    let nodes: Vec<Place> = (1..=3).map(Place::numbered).collect();
    let crate::description::Client::Http(operations) = &etcd.client else {
        panic!("etcd speaks HTTP");
    };
    reply(
        &etcd.errors,
        &nodes,
        word,
        &operations.get(word, Part::Read).unwrap().answer,
        came,
    )
}

#[test]
fn what_is_not_known_to_be_certain_is_unknown_for_a_write_and_failed_for_a_read() {
    let answer = |status: u16, text: &str| Came::Answer(Told::new(status, text.to_owned()));
    let lost = |transport| Came::nothing(transport, "lost");
    for (came, of_write) in [
        (answer(500, ""), Answer::Unknown),
        (answer(200, ""), Answer::Unknown),
        (answer(200, "{}"), Answer::Unknown),
        (answer(200, "not JSON"), Answer::Unknown),
        (lost(Transport::Timeout), Answer::Unknown),
        (lost(Transport::Closed), Answer::Unknown),
        (lost(Transport::Garbage), Answer::Unknown),
        (lost(Transport::NoConnection), Answer::Fail),
    ] {
        assert_eq!(etcd(Word::Write, &came).answer, of_write, "{came:?}");
        assert_eq!(etcd(Word::Read, &came).answer, Answer::Fail, "{came:?}");
    }
}

#[test]
fn values_are_found_where_the_description_says() {
    let answer = |text: &str| Came::Answer(Told::new(200, text.to_owned()));
    let read = |text: &str| etcd(Word::Read, &answer(text)).answer;
    let header = r#""header":{"revision":"7"}"#;
    assert_eq!(read(&format!("{{{header}}}")), Answer::Ok(Value::Null));
    // 12, as base64.
    assert_eq!(
        read(&format!(r#"{{{header},"kvs":[{{"value":"MTI="}}]}}"#)),
        Answer::Ok(12.into())
    );
    let revision = |word, text: &str| etcd(word, &answer(text)).revision;
    let found = format!(r#"{{{header},"kvs":[{{"value":"MTI=","mod_revision":"5"}}]}}"#);
    assert_eq!(revision(Word::Read, &found), Some(5), "that of what is shown");
    assert_eq!(revision(Word::Read, &format!("{{{header}}}")), None);
    assert_eq!(revision(Word::Write, &format!("{{{header}}}")), Some(7));
    // Keys without a value where it belongs are no answer to a read.
    assert_eq!(read(&format!(r#"{{{header},"kvs":[{{}}]}}"#)), Answer::Fail);
    assert_eq!(
        read(&format!(r#"{{{header},"kvs":[{{"value":"%"}}]}}"#)),
        Answer::Fail
    );
    let succeeded = format!(r#"{{{header},"succeeded":true}}"#);
    assert_eq!(
        etcd(Word::Cas, &answer(&succeeded)).answer,
        Answer::Ok(Value::Null)
    );
    let mismatch = etcd(Word::Cas, &answer(&format!("{{{header}}}")));
    assert!(mismatch.answer == Answer::Fail && mismatch.is_decided());
}

/// A description that says nothing of its answers: an error of the protocol's acknowledges nothing.
#[test]
fn without_a_word_of_the_description_an_error_is_no_acknowledgement() {
    let come = |status: u16, text: &str| {
        Came::Answer(Told {
            is_error: status != 200,
            ..Told::new(status, text.to_owned())
        })
    };
    let nothing_said = ValueAt::default();
    let read_404: ValueAt = toml::from_str("absent = { status = 404 }").unwrap();
    for (answer, word, came, wanted) in [
        (&nothing_said, Word::Write, come(200, ""), Answer::Ok(Value::Null)),
        (&nothing_said, Word::Write, come(500, "oops"), Answer::Unknown),
        (&nothing_said, Word::Write, come(404, "12"), Answer::Unknown),
        (&nothing_said, Word::Read, come(500, "12"), Answer::Fail),
        (&nothing_said, Word::Read, come(200, "12"), Answer::Ok(12.into())),
        // What is no JSON is a text, and not nothing.
        (
            &nothing_said,
            Word::Read,
            come(200, "twelve"),
            Answer::Ok("twelve".into()),
        ),
        (
            &read_404,
            Word::Read,
            come(404, "no such key"),
            Answer::Ok(Value::Null),
        ),
        (&read_404, Word::Read, come(500, "oops"), Answer::Fail),
        (&read_404, Word::Write, come(404, "no such key"), Answer::Unknown),
    ] {
        assert_eq!(
            reply(&[], &[], word, answer, &came).answer,
            wanted,
            "{word:?} {came:?}"
        );
    }
}
