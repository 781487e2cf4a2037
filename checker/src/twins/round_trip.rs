//! A history is exported and imported: of every model, with keys of every kind, the verdict stays.

use histories::format::{self, Independent};
use histories::{Event, Header, History, Process, Value};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::every::{Row, on_every_model};
use crate::{Analysis, Budget, Check, Verdict, linearizability};

/// Keys of every kind that a tuple can have.
fn keys() -> Vec<Value> {
    let pair = |name: &str, value: i64| Value::list([Value::from(name), value.into()]);
    vec![
        Value::from(7),
        Value::from("k 1"),
        Value::Bool(true),
        Value::list([pair("x", 1), pair("y", 2)]),
        Value::list([Value::from(1), Value::from(2)]),
    ]
}

/// A history of one key or several, with the header that judges it.
fn history(row: &Row, rng: &mut ChaCha8Rng) -> History {
    let keyed = rng.random_bool(0.6);
    let mut events = Vec::new();
    if keyed {
        let first = rng.random_range(0..5);
        let mut all: Vec<std::vec::IntoIter<Event>> = Vec::new();
        for (place, key) in (0..).zip(keys()) {
            if place != first && rng.random_bool(0.7) {
                continue;
            }
            let mut of_key = row.draw(rng);
            of_key.iter_mut().for_each(|event| give(event, &key, place));
            all.push(of_key.into_iter());
        }
        while all.iter().any(|left| left.len() > 0) {
            let at = rng.random_range(0..all.len());
            events.extend(all[at].next());
        }
    } else {
        events = row.draw(rng);
    }
    let at = rng.random_range(0..=events.len());
    events.insert(at, nemesis());
    for (index, event) in (0..).zip(&mut events) {
        (event.index, event.time) = (index, histories::Nanos(index));
    }
    History {
        header: header(row, keyed),
        events,
    }
}

/// Every key has its own clients.
fn give(event: &mut Event, key: &Value, place: u64) {
    event.key = Some(key.clone());
    if let Process::Client(number) = event.process {
        event.process = Process::Client(number + 100_000 * place);
    }
}

fn nemesis() -> Event {
    let mut event = crate::testing::history("0 start?").remove(0);
    event.process = Process::Nemesis;
    event.value = Value::from("a cut");
    event
}

fn header(row: &Row, keyed: bool) -> Header {
    let mut header = crate::testing::header(keyed);
    header.model = Some(row.model.name.to_owned());
    if row.options.analysis == Analysis::Jepsen {
        header.other.insert("analysis".into(), "jepsen".into());
    }
    header
}

fn judge(row: &Row, history: &History) -> Check {
    // Where two searches race, what each may still take is not the same twice.
    let budget = Budget::new(300_000, 1 << 28);
    linearizability(&history.header, &history.events, row.model, &row.options, &budget).unwrap()
}

/// Whether two checks say the same, as far as both say something.
fn agree(one: &Check, other: &Check) -> bool {
    let keys = |check: &Check| -> Vec<Option<Value>> {
        check
            .violations
            .iter()
            .map(|violation| violation.key.clone())
            .collect()
    };
    let unknown = [one, other]
        .iter()
        .any(|check| check.verdict == Verdict::Inconclusive);
    unknown || one.verdict == other.verdict && keys(one) == keys(other)
}

fn export(history: &History, format: &str) -> Vec<u8> {
    let mut text = Vec::new();
    let write = format::by_name(format).unwrap().write.unwrap();
    write(history, &mut text).unwrap();
    text
}

fn import(text: &[u8], independent: Independent) -> History {
    let options = format::Options {
        independent,
        ..format::Options::default()
    };
    let imported = format::read(text, &options);
    imported
        .unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(text)))
        .history
}

#[test]
fn a_verdict_survives_every_export() {
    let found = on_every_model(|row, rng, seed| {
        let history = history(row, rng);
        let before = judge(row, &history);
        let what = |format: &str| format!("{} seed {seed} by {format}", row.model.name);
        for format in ["history1", "jepsen-edn"] {
            let again = import(&export(&history, format), Independent::Auto);
            assert_eq!(again.header, history.header, "{}", what(format));
            assert_eq!(again.events, history.events, "{}", what(format));
            assert!(agree(&judge(row, &again), &before), "{}", what(format));
        }
        let twice = import(&export(&history, "jepsen-edn"), Independent::Auto);
        let thrice = import(&export(&twice, "history1"), Independent::Auto);
        assert_eq!(thrice, twice, "{}", what("both"));

        // As Jepsen itself writes it: tuples, and no header.
        let text = export(&history, "jepsen-edn");
        let without = &text[text.iter().position(|byte| *byte == b'\n').unwrap() + 1..];
        let scalar = |event: &Event| event.key.as_ref().is_none_or(|key| key.as_list().is_none());
        let guess = history.events.iter().all(scalar).then_some(Independent::Auto);
        let named = if history.header.keyed {
            Independent::Yes
        } else {
            Independent::No
        };
        for independent in [Some(named), guess].into_iter().flatten() {
            let again = import(without, independent);
            assert!(
                agree(&judge(row, &again), &before),
                "{} {independent:?}",
                what("tuples")
            );
        }
        before.verdict
    });
    for (row, verdicts) in found {
        for verdict in [Verdict::Pass, Verdict::Violation] {
            let few = verdicts.len() < 100;
            assert!(
                few || verdicts.contains(&verdict),
                "{}: no {verdict:?}",
                row.name()
            );
        }
    }
}
