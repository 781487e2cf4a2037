//! Jepsen's EDN: what is exported is imported again, but for the header, which EDN has no place for.

mod strategies;

use histories::format::{self, Independent, Options};
use histories::{Event, History, Process, Value};
use proptest::prelude::*;

fn exported(history: &History) -> Vec<u8> {
    let mut text = Vec::new();
    let write = format::by_name("jepsen-edn")
        .expect("the format")
        .write
        .expect("its export");
    write(history, &mut text).expect("writing into memory");
    text
}

/// What EDN cannot say is left out: a tuple has a key; the code of an error is one word; a text in the place of a
/// missing key or a nested field is JSON's business.
fn sayable(mut history: History) -> History {
    let keyed = history.header.keyed;
    for event in &mut history.events {
        if keyed {
            event.key.get_or_insert(Value::Int(7));
        }
        let word = event
            .error
            .as_deref()
            .is_some_and(|code| code.starts_with(|c: char| c.is_ascii_lowercase()));
        if !word
            || event
                .error
                .as_deref()
                .is_some_and(|code| !code.chars().all(|c| c.is_ascii_lowercase()))
        {
            event.error = None;
        }
    }
    history
}

fn without_nemesis_keys(events: &[Event]) -> Vec<Event> {
    let mut events = events.to_vec();
    events
        .iter_mut()
        .filter(|event| event.process == Process::Nemesis)
        .for_each(|event| event.key = None);
    events
}

proptest! {
    #[test]
    fn what_is_exported_is_imported_again(history in strategies::history()) {
        let history = sayable(history);
        let text = exported(&history);
        let independent = if history.header.keyed { Independent::Yes } else { Independent::No };
        let options = Options { format: Some("jepsen-edn"), independent, ..Options::default() };
        let again = format::read(text.as_slice(), &options).unwrap();
        prop_assert_eq!(without_nemesis_keys(&again.history.events), without_nemesis_keys(&history.events));
    }
}

#[test]
fn the_export_has_keywords_where_other_tools_want_them() {
    let history = |header: &str, event: &str| {
        let text = format!("{{\"history\":1{header}}}\n{{\"index\":0,\"time\":5,\"process\":1,{event}}}\n");
        format::read(text.as_bytes(), &Options::default())
            .unwrap()
            .history
    };
    for (header, event, expected) in [
        (
            ",\"keyed\":true",
            r#""type":"ok","f":"write","key":"k7","value":12"#,
            r#"{:index 0, :time 5, :type :ok, :process 1, :f :write, :value ["k7" 12]}"#,
        ),
        (
            "",
            r#""type":"invoke","f":"txn","value":[["append",253,1],["r",255,null]]"#,
            "{:index 0, :time 5, :type :invoke, :process 1, :f :txn, :value [[:append 253 1] [:r 255 nil]]}",
        ),
        (
            "",
            r#""type":"info","f":"transfer","value":{"from":1,"to":2},"error":"timed-out""#,
            "{:index 0, :time 5, :type :info, :process 1, :f :transfer, :value {:from 1, :to 2}, :error :timed-out}",
        ),
        (
            ",\"model\":\"bank\"",
            r#""type":"ok","f":"read","value":[[0,100],[1,5]]"#,
            "{:index 0, :time 5, :type :ok, :process 1, :f :read, :value {0 100, 1 5}}",
        ),
    ] {
        let text = String::from_utf8(exported(&history(header, event))).unwrap();
        let (comment, line) = text.split_once('\n').unwrap();
        assert!(comment.starts_with("; history/1 {\"history\":1,"), "{comment}");
        assert_eq!(line.trim_end(), expected);
    }
}

#[test]
fn the_header_stands_in_a_comment_and_comes_back() {
    let text = r#"{"history":1,"model":"counter","keyed":true,"initial":5,"seed":7}
{"index":0,"time":5,"process":1,"type":"invoke","f":"read","key":"k"}
"#;
    let before = format::read(text.as_bytes(), &Options::default()).unwrap();
    let after = format::read(exported(&before.history).as_slice(), &Options::default()).unwrap();
    assert_eq!((after.format, &after.history), ("jepsen-edn", &before.history));
    assert_eq!(
        (after.model_hint, after.analysis),
        (before.model_hint, before.analysis)
    );

    let broken = "; history/1 {\"history\":1,\n{:type :invoke, :f :read, :process 1}";
    let error = format::read(broken.as_bytes(), &Options::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("1:13") || error.contains("line 1"), "{error}");
}
