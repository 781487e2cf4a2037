//! Histories spelled in a few letters.

use checker::{Assume, Budget, Check, HistoryError, Level, Levels, Options, linearizability, models};
use histories::{Event, Header, Kind, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    Lists,
    Registers,
}

impl Model {
    pub fn name(self) -> &'static str {
        match self {
            Model::Lists => "list-append",
            Model::Registers => "rw-register",
        }
    }
}

/// Events of transactions: `ax1` appends 1 to x, `wx1` writes it, `rx12` reads [1, 2] or, of a register, 12; `_` is
/// the initial state. `!` before it failed, `?` is unknown, `3/` before the micro-operations is the process, else each
/// has its own. The schedule has a capital letter for the invocation of each transaction, a small one for its
/// completion; empty: one after the other.
pub fn events(model: Model, texts: &[&str], schedule: &str) -> Vec<Event> {
    let one_by_one: String = (0..texts.len() as u32)
        .flat_map(|at| [char::from_u32(0x4e00 + at), char::from_u32(0x8e00 + at)])
        .flatten()
        .collect();
    let steps = if schedule.is_empty() {
        one_by_one
    } else {
        schedule.to_owned()
    };
    let place = |step: char| match step {
        'A'..='Z' => (step as u32 - 'A' as u32, true),
        'a'..='z' => (step as u32 - 'a' as u32, false),
        _ if (step as u32) < 0x8e00 => (step as u32 - 0x4e00, true),
        _ => (step as u32 - 0x8e00, false),
    };
    let steps = steps.chars().map(place).enumerate();
    steps
        .map(|(index, (at, invokes))| event(model, index, at as usize, texts[at as usize], invokes))
        .collect()
}

fn event(model: Model, index: usize, at: usize, text: &str, invokes: bool) -> Event {
    let (kind, text) = match text.strip_prefix('!') {
        Some(rest) => (Kind::Fail, rest),
        None => text
            .strip_prefix('?')
            .map_or((Kind::Ok, text), |rest| (Kind::Info, rest)),
    };
    let (process, text) = text.split_once('/').map_or((at + 100, text), |(process, rest)| {
        (process.parse().unwrap(), rest)
    });
    let kind = if invokes { Kind::Invoke } else { kind };
    let blank = invokes || kind != Kind::Ok;
    let micros = text.split_whitespace().map(|word| micro(model, word, blank));
    transaction(index, process as u64, kind, Value::list(micros))
}

/// One event.
pub fn transaction(index: usize, process: u64, kind: Kind, value: Value) -> Event {
    let text = format!(
        r#"{{"index":{index},"time":{index},"process":{process},"type":{},"f":"txn"}}"#,
        serde_json::to_string(&kind).unwrap()
    );
    Event {
        value,
        ..serde_json::from_str(&text).unwrap()
    }
}

fn micro(model: Model, word: &str, blank: bool) -> Value {
    let mut letters = word.chars();
    let f = letters.next().unwrap();
    let key = Value::from(letters.next().unwrap().to_string().as_str());
    let rest = letters.as_str();
    let value = match (f, model) {
        ('r', _) if blank => Value::Null,
        ('r', Model::Lists) if rest == "_" => Value::list([]),
        ('r', Model::Lists) => Value::list(
            rest.chars()
                .map(|digit| i64::from(digit.to_digit(10).unwrap()).into()),
        ),
        _ if rest == "_" => Value::Null,
        _ => rest.parse::<i64>().unwrap().into(),
    };
    let f = if f == 'a' {
        "append".to_owned()
    } else {
        f.to_string()
    };
    Value::list([Value::from(f.as_str()), key, value])
}

/// The check of a spelled history.
pub fn judge(model: Model, texts: &[&str], schedule: &str, consistency: Level) -> Check {
    judge_with(
        model,
        &events(model, texts, schedule),
        consistency,
        &Budget::unlimited(),
    )
    .unwrap()
}

pub fn judge_with(
    model: Model,
    events: &[Event],
    consistency: impl Into<Levels>,
    budget: &Budget,
) -> Result<Check, HistoryError> {
    judge_assuming(model, events, consistency, Assume::NOTHING, budget)
}

/// The same, where something is taken for granted of the keys.
pub fn judge_assuming(
    model: Model,
    events: &[Event],
    consistency: impl Into<Levels>,
    assume: Assume,
    budget: &Budget,
) -> Result<Check, HistoryError> {
    judge_under(r#"{"history":1}"#, model, events, consistency, assume, budget)
}

/// The same of a history of which only the order within each session is known.
pub fn judge_untimed(
    model: Model,
    events: &[Event],
    consistency: impl Into<Levels>,
    budget: &Budget,
) -> Check {
    let header = r#"{"history":1,"real_time":false}"#;
    judge_under(header, model, events, consistency, Assume::NOTHING, budget).unwrap()
}

fn judge_under(
    header: &str,
    model: Model,
    events: &[Event],
    consistency: impl Into<Levels>,
    assume: Assume,
    budget: &Budget,
) -> Result<Check, HistoryError> {
    let header: Header = serde_json::from_str(header).unwrap();
    let options = Options {
        consistency: consistency.into(),
        assume,
        ..Options::default()
    };
    linearizability(
        &header,
        events,
        models::find(model.name()).unwrap(),
        &options,
        budget,
    )
}

/// The names of the anomalies, in alphabetical order.
pub fn names(check: &Check) -> Vec<String> {
    let anomalies = check.details["anomalies"].as_object().unwrap();
    anomalies.keys().cloned().collect()
}
