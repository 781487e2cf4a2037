//! Registers of few values with many clients and many writes of unknown outcome, as real runs leave them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use checker::{Budget, Options, Verdict, linearizability, models};
use histories::{Event, History, Kind, Process, Value};

use crate::generate::{self, Mix, Shape};

/// Name, shape, and mix of operations.
pub type Family = (&'static str, Shape, Mix);

/// The families.
pub const FAMILIES: &[Family] = &[
    (
        "20 values, 50 clients, 5k, 5 % unknown",
        shape(5_000, 50, 20),
        mix(20, 5),
    ),
    (
        "50 values, 20 clients, 20k, 2 % unknown",
        shape(20_000, 20, 50),
        mix(10, 2),
    ),
];

const fn shape(operations: usize, clients: usize, values: i64) -> Shape {
    Shape {
        operations,
        clients,
        values: Some(values),
        cas: true,
        unknown: 0,
    }
}

const fn mix(cas: u32, unknown: u32) -> Mix {
    Mix {
        reads: 40,
        cas,
        unknown,
    }
}

/// What makes a history of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It is left as it is.
    None,
    /// One read shows a value that was overwritten before it began, and that no write of unknown outcome can have brought
    /// back. Of the reads where that can be done, this one of a hundred parts.
    Stale(usize),
}

/// A history of the family.
pub fn history((_, shape, mix): Family, seed: u64, lie: Lie) -> History {
    let mut history = generate::mixed(shape, mix, seed);
    if let Lie::Stale(part) = lie {
        make_stale(&mut history.events, part);
    }
    history
}

/// Invocation and end of every operation; an end that is not known is after everything.
fn ends(events: &[Event]) -> Vec<(usize, usize)> {
    let mut flying = HashMap::<Process, usize>::new();
    let mut ends = Vec::new();
    for (at, event) in events.iter().enumerate() {
        match event.kind {
            Kind::Invoke => {
                flying.insert(event.process, ends.len());
                ends.push((at, usize::MAX));
            }
            kind => {
                if let Some(place) = flying.remove(&event.process) {
                    ends[place].1 = if kind == Kind::Info { usize::MAX } else { at };
                }
            }
        }
    }
    ends
}

fn make_stale(events: &mut [Event], part: usize) {
    let ends = ends(events);
    // What an operation left, if it may have happened.
    let wrote: Vec<(usize, usize, Value)> = ends
        .iter()
        .filter(|(_, end)| events.get(*end).is_none_or(|end| end.kind != Kind::Fail))
        .filter_map(
            |&(inv, ret)| match (&*events[inv].f, events[inv].value.as_list()) {
                ("write", _) => Some((inv, ret, events[inv].value.clone())),
                ("cas", Some([_, new])) => Some((inv, ret, new.clone())),
                _ => None,
            },
        )
        .collect();
    // By value: when its writes began, and the last end of all up to there.
    let mut values: HashMap<&Value, Vec<(usize, usize)>> = HashMap::new();
    for (begin, end, value) in &wrote {
        let its = values.entry(value).or_default();
        let last = its.last().map_or(0, |&(_, last)| last);
        its.push((*begin, last.max(*end)));
    }
    // The first end of a write that begins there or later, and the first of one of another value.
    let mut first = vec![[(usize::MAX, None); 2]; wrote.len() + 1];
    for (at, (_, end, value)) in wrote.iter().enumerate().rev() {
        let (mine, [one, two]) = ((*end, Some(value)), first[at + 1]);
        first[at] = match () {
            () if mine.1 == one.1 => [(mine.0.min(one.0), one.1), two],
            () if mine.0 < one.0 => [mine, one],
            () if mine.0 < two.0 => [one, mine],
            () => [one, two],
        };
    }
    let reads = ends
        .iter()
        .filter(|(inv, ret)| &*events[*inv].f == "read" && *ret < events.len());
    let mut found: Vec<(usize, Value)> = Vec::new();
    for &(inv, ret) in reads {
        for (value, its) in &values {
            let begun = its.partition_point(|(begin, _)| *begin < ret);
            let last = begun.checked_sub(1).map_or(usize::MAX, |at| its[at].1);
            let after = wrote.partition_point(|(begin, ..)| *begin <= last);
            let [one, two] = first[after];
            let end = if one.1 == Some(*value) { two.0 } else { one.0 };
            if end < inv {
                found.push((ret, (*value).clone()));
            }
        }
    }
    found.sort_unstable();
    let at = found.len().saturating_sub(1) * part / 100;
    let Some((at, value)) = found.into_iter().nth(at) else {
        return;
    };
    events[at].value = value;
}

/// Prints a row per family and lie: the verdicts and the times over so many seeds.
pub fn run(seeds: u64) -> Result<()> {
    println!("| input | seeds | verdicts | median | longest | by |\n| --- | --- | --- | --- | --- | --- |");
    for &family in FAMILIES {
        for lie in [Lie::None, Lie::Stale(0), Lie::Stale(50), Lie::Stale(100)] {
            row(family, lie, seeds)?;
        }
    }
    Ok(())
}

fn row(family: Family, lie: Lie, seeds: u64) -> Result<()> {
    let model = models::find("cas-register").ok_or_else(|| anyhow::anyhow!("no cas-register"))?;
    let (mut verdicts, mut times, mut by) = ([0; 3], Vec::<Duration>::new(), Vec::new());
    for seed in 1..=seeds {
        let history = history(family, seed, lie);
        let budget = Budget::new(u64::MAX, 2 << 30);
        let timer = budget.clone();
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            if is_done.recv_timeout(PATIENCE).is_err() {
                timer.cancel();
            }
        });
        let start = Instant::now();
        let options = Options {
            certify: true,
            ..Options::default()
        };
        let check = linearizability(&history.header, &history.events, model, &options, &budget)?;
        times.push(start.elapsed());
        let _ = done.send(());
        let _ = watch.join();
        verdicts[match check.verdict {
            Verdict::Pass => 0,
            Verdict::Violation => 1,
            Verdict::Inconclusive => 2,
        }] += 1;
        by.extend(
            check.details["decided_by"]
                .as_object()
                .into_iter()
                .flat_map(|by| by.keys().cloned()),
        );
    }
    times.sort_unstable();
    by.sort_unstable();
    by.dedup();
    println!(
        "| {}, {lie:?} | {seeds} | {} pass, {} violation, {} inconclusive | {:.2?} | {:.2?} | {} |",
        family.0,
        verdicts[0],
        verdicts[1],
        verdicts[2],
        times[times.len() / 2],
        times[times.len() - 1],
        by.join(", ")
    );
    Ok(())
}

/// After this a history is undecided.
const PATIENCE: Duration = Duration::from_secs(30);
