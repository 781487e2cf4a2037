//! Registers that count their updates: the rank check, in O(n log n).
//!
//! The update that made version v has rank 2v, a read of it 2v+1, and every legal order is sorted by rank. So there
//! is one iff no operation completed before one of a smaller rank was invoked, every version up to the last one was
//! made once, and all that speak of a version agree on its value. A version that no acknowledged update made is
//! given to the unknown update that alone can have made it: the only one that wrote the value that was read there.
//! Where that is not certain the search decides.
//!
//! A proof passes over the versions between its operations, which only makes it weaker.
//!
//! Versions with gaps are numbered anew without them. Between two of them may then lie an update that nobody saw, so a
//! cas that does not fit the version before it proves something only if every update has its version.

use rustc_hash::FxHashMap;

use crate::budget::{Meter, Stop};
use crate::decode::Decision;
use crate::operations::OPEN;
use crate::spec::Entry;
use crate::spec::versions::{Access, Action};

/// What is known of a version; operations by their places.
#[derive(Clone, Copy, Default)]
struct Version {
    /// Who made it.
    maker: Option<u32>,
    /// Its value, and who says so; nobody says so of the initial one.
    value: Option<(u32, Option<u32>)>,
}

/// An operation at its rank.
#[derive(Clone, Copy)]
struct Ranked {
    rank: u64,
    at: u32,
}

/// Operations that exclude each other, or the search's case.
enum No {
    Conflict(Vec<u32>),
    Unsure,
}

/// The same history, with its versions counted from 1 in their order.
pub(crate) fn without_gaps(
    entries: &[Entry<Action>],
    meter: &mut Meter<'_>,
) -> Result<Vec<Entry<Action>>, Stop> {
    meter.grow(size_of_val(entries) + entries.len() * 4)?;
    let versions = entries.iter().filter_map(|entry| entry.op.version);
    let mut versions: Vec<u32> = versions.filter(|version| *version > 0).collect();
    versions.sort_unstable();
    versions.dedup();
    let dense = |version: u32| versions.partition_point(|other| *other <= version) as u32;
    let renumber = |entry: &Entry<Action>| {
        let version = entry.op.version.map(dense);
        let op = Action { version, ..entry.op };
        Entry { op, ..*entry }
    };
    Ok(entries.iter().map(renumber).collect())
}

/// Decides the history, which begins with version 0 and this value; `dense`: no update lies between two versions that
/// follow each other. With `want_order` a legal one comes with its order.
pub(crate) fn decide(
    entries: &[Entry<Action>],
    initial: u32,
    dense: bool,
    want_order: bool,
    meter: &mut Meter<'_>,
) -> Result<Decision<Action>, Stop> {
    meter.grow(entries.len() * 80)?;
    let ranked = match ranks(entries, initial, dense, meter)? {
        Ok(ranked) => ranked,
        Err(No::Unsure) => return Ok(Decision::NotApplicable),
        Err(No::Conflict(places)) => return Ok(proof(entries, places)),
    };
    Ok(match out_of_turn(entries, &ranked, meter)? {
        Some((early, late)) => proof(entries, vec![early, late]),
        None if want_order => Decision::Legal(ranked.iter().map(|one| entries[one.at as usize].id).collect()),
        None => Decision::Legal(Vec::new()),
    })
}

/// The operations, with gaps between their versions.
fn proof(entries: &[Entry<Action>], mut places: Vec<u32>) -> Decision<Action> {
    if places.iter().any(|&at| entries[at as usize].op.version.is_none()) {
        return Decision::NotApplicable;
    }
    places.sort_unstable();
    let weak = |&at: &u32| {
        let entry = &entries[at as usize];
        let op = Action {
            gaps: true,
            ..entry.op
        };
        Entry { op, ..*entry }
    };
    Decision::Illegal(places.iter().map(weak).collect())
}

/// Everything that surely happened, by its rank and then its invocation.
fn ranks(
    entries: &[Entry<Action>],
    initial: u32,
    dense: bool,
    meter: &mut Meter<'_>,
) -> Result<Result<Vec<Ranked>, No>, Stop> {
    let mut versions: FxHashMap<u32, Version> = FxHashMap::default();
    versions.insert(
        0,
        Version {
            maker: None,
            value: Some((initial, None)),
        },
    );
    let mut ranked = Vec::with_capacity(entries.len());
    for (at, entry) in (0..).zip(entries) {
        meter.tick()?;
        match (entry.op.rank(), entry.op.version) {
            (Some(rank), Some(version)) => {
                ranked.push(Ranked { rank, at });
                if let Err(no) = versions.entry(version).or_default().learn(version, at, &entry.op) {
                    return Ok(Err(no));
                }
            }
            // It saw neither the version nor the value.
            _ if entry.op.access == Access::Read(None) => {}
            _ if entry.ret != OPEN => return Ok(Err(No::Unsure)),
            _ => {}
        }
    }
    if let Err(no) = fill(entries, &mut versions, &mut ranked, meter)? {
        return Ok(Err(no));
    }
    let updates = |at: u32| !entries[at as usize].op.is_read();
    let placed = ranked.iter().filter(|one| updates(one.at)).count();
    let is_placed = dense || placed == (0..entries.len() as u32).filter(|at| updates(*at)).count();
    for one in &ranked {
        meter.tick()?;
        if let Some(conflict) = wrong_cas(entries, &versions, one) {
            return Ok(Err(if is_placed { conflict } else { No::Unsure }));
        }
    }
    ranked.sort_unstable_by_key(|one| (one.rank, entries[one.at as usize].inv));
    Ok(Ok(ranked))
}

impl Version {
    fn learn(&mut self, version: u32, at: u32, op: &Action) -> Result<(), No> {
        if !op.is_read() {
            if version == 0 {
                return Err(No::Conflict(vec![at]));
            }
            if let Some(other) = self.maker.replace(at) {
                return Err(No::Conflict(vec![other, at]));
            }
        }
        match (self.value, op.value()) {
            (Some((held, by)), Some(value)) if held != value => {
                Err(No::Conflict(by.into_iter().chain([at]).collect()))
            }
            (None, Some(value)) => {
                self.value = Some((value, Some(at)));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Gives the versions that nobody is known to have made to the unknown updates that made them.
fn fill(
    entries: &[Entry<Action>],
    versions: &mut FxHashMap<u32, Version>,
    ranked: &mut Vec<Ranked>,
    meter: &mut Meter<'_>,
) -> Result<Result<(), No>, Stop> {
    let last = versions.keys().copied().max().unwrap_or(0);
    if last as usize >= versions.len() {
        return Ok(Err(No::Unsure));
    }
    // By value: the only unknown update that writes it; none if there are several.
    let mut writers: FxHashMap<u32, Option<u32>> = FxHashMap::default();
    for (at, entry) in (0..).zip(entries) {
        meter.tick()?;
        if let (None, false, Some(value)) = (entry.op.version, entry.op.is_read(), entry.op.value()) {
            writers
                .entry(value)
                .and_modify(|writer| *writer = None)
                .or_insert(Some(at));
        }
    }
    for (&version, known) in versions
        .iter_mut()
        .filter(|(version, known)| **version > 0 && known.maker.is_none())
    {
        meter.tick()?;
        let value = known.value.map(|(value, _)| value);
        // Taken out, so that no other version is given to it.
        let writer = value.and_then(|value| writers.insert(value, None).flatten());
        let Some(at) = writer else {
            return Ok(Err(No::Unsure));
        };
        known.maker = Some(at);
        let rank = 2 * u64::from(version);
        ranked.push(Ranked { rank, at });
    }
    Ok(Ok(()))
}

/// A cas whose version follows one with another value than it expected.
fn wrong_cas(entries: &[Entry<Action>], versions: &FxHashMap<u32, Version>, one: &Ranked) -> Option<No> {
    let Access::Cas(old, _) = entries[one.at as usize].op.access else {
        return None;
    };
    let before = versions.get(&(u32::try_from(one.rank / 2).ok()? - 1))?;
    let (held, by) = before.value?;
    let conflict = by.into_iter().chain([one.at]).collect();
    (held != old).then_some(No::Conflict(conflict))
}

/// An operation that completed before one of a smaller rank was invoked.
fn out_of_turn(
    entries: &[Entry<Action>],
    ranked: &[Ranked],
    meter: &mut Meter<'_>,
) -> Result<Option<(u32, u32)>, Stop> {
    let mut last: Option<u32> = None;
    for same in ranked.chunk_by(|x, y| x.rank == y.rank) {
        meter.tick()?;
        let late = |one: &&Ranked| {
            last.is_some_and(|last| entries[one.at as usize].ret < entries[last as usize].inv)
        };
        if let (Some(early), Some(last)) = (same.iter().find(late), last) {
            return Ok(Some((early.at, last)));
        }
        // Of one rank the last is the one that was invoked last.
        if let Some(one) = same.last()
            && last.is_none_or(|last| entries[last as usize].inv < entries[one.at as usize].inv)
        {
            last = Some(one.at);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use histories::{Event, Kind, Value};

    use crate::testing::{check_with, history};
    use crate::{Engine, Options, Verdict};

    /// Values are written `version/value`, or `version/old>new`; `?` stands for null.
    fn events(text: &str) -> Vec<Event> {
        let mut events = history(text);
        for event in &mut events {
            let Value::Text(text) = &event.value else { continue };
            let Some((version, value)) = text.split_once('/') else {
                continue;
            };
            let part = |text: &str| text.parse::<i64>().map_or(Value::Null, Value::from);
            let value = match value.split_once('-') {
                Some((old, new)) => Value::list([part(old), part(new)]),
                None => part(value),
            };
            event.value = Value::list([part(version), value]);
        }
        events
    }

    fn graph(text: &str) -> (Verdict, Vec<u64>) {
        let options = Options {
            engine: Engine::Graph,
            certify: true,
            ..Options::default()
        };
        let events = events(text);
        assert!(
            events
                .iter()
                .all(|event| event.kind != Kind::Ok || event.value != Value::Null)
        );
        let check = check_with("versioned-register", &events, &options);
        let proof = check
            .violations
            .first()
            .map(|violation| violation.operations.clone());
        (check.verdict, proof.unwrap_or_default())
    }

    #[test]
    fn an_older_version_after_a_newer_one_is_a_violation() {
        let writes = "0 w ?/7, 0 w: 1/7, 0 w ?/7, 0 w: 2/7";
        assert_eq!(graph(&format!("{writes}, 1 r, 1 r: 2/7")).0, Verdict::Pass);
        assert_eq!(
            graph(&format!("{writes}, 1 r, 1 r: 1/7")),
            (Verdict::Violation, vec![2, 4])
        );
        assert_eq!(
            graph(&format!("1 r, 1 r: 2/7, {writes}")),
            (Verdict::Violation, vec![0, 4])
        );
    }

    #[test]
    fn all_agree_on_what_a_version_holds() {
        assert_eq!(
            graph("0 w ?/7, 0 w: 1/7, 1 r, 1 r: 1/8"),
            (Verdict::Violation, vec![0, 2])
        );
        assert_eq!(
            graph("0 w ?/7, 1 w ?/8, 0 w: 1/7, 1 w: 1/8"),
            (Verdict::Violation, vec![0, 1])
        );
        assert_eq!(
            graph("0 w ?/7, 0 w: 1/7, 1 c ?/8-9, 1 c: 2/8-9"),
            (Verdict::Violation, vec![0, 2])
        );
        assert_eq!(
            graph("0 w ?/7, 0 w: 1/7, 1 c ?/7-9, 1 c: 2/7-9, 0 r, 0 r: 2/?").0,
            Verdict::Pass
        );
        assert_eq!(graph("1 r, 1 r: 0/8"), (Verdict::Violation, vec![0]));
    }

    #[test]
    fn an_unknown_update_made_the_version_that_shows_its_value() {
        let unknown = "0 w ?/7, 0 w? ?/7";
        assert_eq!(graph(&format!("{unknown}, 1 r, 1 r: 1/7")).0, Verdict::Pass);
        assert_eq!(graph(&format!("{unknown}, 1 r, 1 r: 0/?")).0, Verdict::Pass);
        assert_eq!(
            graph(&format!("{unknown}, 1 r, 1 r: 2/7")).0,
            Verdict::Inconclusive
        );
    }
}
