//! Registers held to sequential consistency, to causal consistency and to the guarantees to sessions, against a brute force
//! over all orders of writes and all visibility relations.
//!
//! The definitions are written down here once more: Lamport 1979 for sequential consistency; Terry et al. 1994, section 3,
//! for the guarantees, in the terms of Viotti and Vukolic 2016, 3.5: what is visible to an operation, and one arbitration
//! of all writes.

use checker::{Budget, Level, Levels, Options, Subject, linearizability, models};
use histories::{Event, Header, Kind, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::answer::Answer;
use crate::orders::permute;
use crate::random::number;

/// What an operation does to the register under its key; none is null.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Access {
    Read(Option<i64>),
    Write(i64),
    Cas(Option<i64>, i64),
}

#[derive(Clone, Copy, Debug)]
struct Operation {
    process: u64,
    key: i64,
    access: Access,
    outcome: Kind,
    inv: usize,
    ret: usize,
}

impl Operation {
    /// What it read, if it took effect.
    fn read(&self) -> Option<Option<i64>> {
        match self.access {
            Access::Read(seen) | Access::Cas(seen, _) => Some(seen),
            Access::Write(_) => None,
        }
    }

    fn written(&self) -> Option<i64> {
        match self.access {
            Access::Write(value) | Access::Cas(_, value) => Some(value),
            Access::Read(_) => None,
        }
    }

    /// Whether it stands before another in the order of their session.
    fn precedes(&self, other: &Operation) -> bool {
        self.outcome == Kind::Ok && self.process == other.process && self.inv < other.inv
    }
}

/// A small history: a few values, several processes, some outcomes unknown.
fn drawn(random: &mut ChaCha8Rng) -> Vec<Operation> {
    let (many, keys) = (random.random_range(2..=6), random.random_range(1..=2));
    let unique = random.random_bool(0.5);
    let value = |random: &mut ChaCha8Rng, next: i64| if unique { next } else { random.random_range(1..=2) };
    let mut operations: Vec<Operation> = Vec::new();
    for at in 0..many {
        let seen = random.random_range(0..=if unique { many as i64 } else { 2 });
        let seen = (seen > 0).then_some(seen);
        let access = match random.random_range(0..10) {
            0..5 => Access::Read(seen),
            5..8 => Access::Write(value(random, at as i64 + 1)),
            _ => Access::Cas(seen, value(random, at as i64 + 1)),
        };
        let outcome = match random.random_range(0..12) {
            0 => Kind::Fail,
            1..3 => Kind::Info,
            _ => Kind::Ok,
        };
        operations.push(Operation {
            process: random.random_range(0..3),
            key: random.random_range(0..keys),
            access,
            outcome,
            inv: 2 * at,
            ret: 2 * at + 1,
        });
    }
    if random.random_bool(0.9) {
        read_what_was_written(random, &mut operations);
    }
    operations
}

/// Has all reads show the initial value, or one that somebody wrote to the key.
fn read_what_was_written(random: &mut ChaCha8Rng, operations: &mut [Operation]) {
    let written: Vec<(i64, i64)> = operations
        .iter()
        .filter_map(|operation| Some((operation.key, operation.written()?)))
        .collect();
    for operation in operations {
        let of_key = written.iter().filter(|(key, _)| *key == operation.key);
        let mut states: Vec<Option<i64>> = of_key.map(|&(_, value)| Some(value)).collect();
        states.push(None);
        let state = states[random.random_range(0..states.len())];
        if let Access::Read(seen) | Access::Cas(seen, _) = &mut operation.access {
            *seen = state;
        }
    }
}

fn events(operations: &[Operation]) -> Vec<Event> {
    let value = |value: Option<i64>| value.map_or(Value::Null, Value::from);
    let mut events = Vec::new();
    for operation in operations {
        let (f, argument, result) = match operation.access {
            Access::Read(seen) => ("read", Value::Null, value(seen)),
            Access::Write(new) => ("write", value(Some(new)), value(Some(new))),
            Access::Cas(old, new) => {
                let pair = Value::list([value(old), value(Some(new))]);
                ("cas", pair.clone(), pair)
            }
        };
        for (index, kind, value) in [
            (operation.inv, Kind::Invoke, argument.clone()),
            (
                operation.ret,
                operation.outcome,
                match operation.outcome {
                    Kind::Ok => result,
                    _ => argument,
                },
            ),
        ] {
            let event = crate::spelled::transaction(index, operation.process, kind, value);
            let key = Some(Value::from(operation.key));
            events.push(Event {
                f: f.into(),
                key,
                ..event
            });
        }
    }
    events
}

/// Several operations: a bit for the place of each in the world.
type Set = u32;

/// One way in which it may have been: who took effect, in the order of the history.
struct World<'a> {
    there: Vec<&'a Operation>,
    /// For each operation, those before it in its session.
    before: Vec<Set>,
}

/// Which guarantees are asked for.
#[derive(Clone, Copy)]
struct Asked {
    monotonic_reads: bool,
    monotonic_writes: bool,
    read_your_writes: bool,
    writes_follow_reads: bool,
}

impl Asked {
    fn by(name: &str) -> Self {
        let among = |names: &[&str]| names.contains(&name) || name == "causal";
        Asked {
            monotonic_reads: among(&["monotonic-reads", "pram"]),
            monotonic_writes: among(&["monotonic-writes", "pram"]),
            read_your_writes: among(&["read-your-writes", "pram"]),
            writes_follow_reads: among(&["writes-follow-reads"]),
        }
    }
}

/// A reader, which writers are visible to it, and what it read from: a writer, or the initial value.
type Sight = (usize, Set, Option<usize>);

fn has(set: Set, at: usize) -> bool {
    set >> at & 1 == 1
}

/// One arbitration: the writers in their order, and the place of each there.
struct Arbitration<'a> {
    order: &'a [usize],
    place: [usize; 8],
}

impl<'a> Arbitration<'a> {
    fn new(order: &'a [usize]) -> Self {
        let mut place = [0; 8];
        order
            .iter()
            .enumerate()
            .for_each(|(at, &writer)| place[writer] = at);
        Arbitration { order, place }
    }
}

impl<'a> World<'a> {
    fn new(there: Vec<&'a Operation>) -> Self {
        let preceding = |other: &Operation| {
            let each = there.iter().enumerate();
            each.map(|(at, one)| u32::from(one.precedes(other)) << at).sum()
        };
        let before = there.iter().map(|&other| preceding(other)).collect();
        World { there, before }
    }

    fn writers(&self) -> Vec<usize> {
        (0..self.there.len())
            .filter(|&at| self.there[at].written().is_some())
            .collect()
    }

    /// Whether some order of all, in which each session keeps its own, explains every read.
    fn is_sequential(&self) -> bool {
        let all: Vec<usize> = (0..self.there.len()).collect();
        permute(&all, &mut Vec::new(), &mut |order| {
            let mut placed = 0;
            let mut registers = [None; 2];
            order.iter().all(|&at| {
                let operation = self.there[at];
                let register = &mut registers[operation.key as usize];
                let legal = operation.read().is_none_or(|seen| seen == *register);
                let kept = self.before[at] & !placed == 0;
                placed |= 1 << at;
                *register = operation.written().or(*register);
                legal && kept
            })
        })
    }

    /// Finds for which guarantees everybody sees writes, under some arbitration, so that they hold.
    fn sees_anything(&self, asked: &[Asked], kept: &mut [bool]) {
        permute(&self.writers(), &mut Vec::new(), &mut |order| {
            let arbitration = Arbitration::new(order);
            self.sees(&arbitration, &mut Vec::new(), asked, kept);
            kept.iter().all(|&kept| kept)
        });
    }

    /// Tries everything that the next reader can see; `seen` has the sets of those before it, and what they read from. What
    /// has broken a guarantee goes on breaking it, whatever the readers that follow see.
    fn sees(&self, arbitration: &Arbitration<'_>, seen: &mut Vec<Sight>, asked: &[Asked], kept: &mut [bool]) {
        let holds = |asked: &Asked, seen: &[Sight]| self.is_guaranteed(*asked, arbitration, seen);
        let open = |kept: &[bool], seen: &[Sight]| {
            let mut each = asked.iter().zip(kept);
            each.any(|(asked, kept)| !kept && holds(asked, seen))
        };
        if !open(kept, seen) {
            return;
        }
        let from = seen.last().map_or(0, |&(reader, ..)| reader + 1);
        let Some(reader) = (from..self.there.len()).find(|&at| self.there[at].read().is_some()) else {
            for (asked, kept) in asked.iter().zip(kept) {
                *kept = *kept || holds(asked, seen);
            }
            return;
        };
        let writers: Set = arbitration.order.iter().map(|&writer| 1 << writer).sum();
        for visible in (0..=writers).filter(|set| set & !writers == 0) {
            let of_key =
                |&&writer: &&usize| has(visible, writer) && self.there[writer].key == self.there[reader].key;
            let source = arbitration.order.iter().rfind(of_key).copied();
            let value = source.and_then(|source| self.there[source].written());
            if self.there[reader].read() == Some(value) {
                seen.push((reader, visible, source));
                self.sees(arbitration, seen, asked, kept);
                seen.pop();
            }
        }
    }

    fn is_guaranteed(&self, asked: Asked, arbitration: &Arbitration<'_>, seen: &[Sight]) -> bool {
        let place = |at: usize| arbitration.place[at];
        seen.iter().all(|&(reader, visible, source)| {
            // A cas comes after what it read.
            let after = self.there[reader].written().is_none()
                || source.is_none_or(|source| place(source) < place(reader));
            let mut earlier = seen.iter().filter(|(other, ..)| has(self.before[reader], *other));
            let mut own = arbitration
                .order
                .iter()
                .filter(|&&writer| has(self.before[reader], writer));
            after
                && (!asked.monotonic_reads
                    || earlier.all(|&(.., source)| source.is_none_or(|source| has(visible, source))))
                && (!asked.read_your_writes || own.all(|&writer| has(visible, writer)))
        }) && arbitration.order.iter().all(|&writer| {
            let shown = |before: usize| {
                let brings = |visible: Set| !has(visible, writer) || has(visible, before);
                place(before) < place(writer) && seen.iter().all(|&(_, visible, _)| brings(visible))
            };
            let mut written = arbitration
                .order
                .iter()
                .filter(|&&before| has(self.before[writer], before));
            let mut read = seen
                .iter()
                .filter(|&&(reader, ..)| reader == writer || has(self.before[writer], reader));
            (!asked.monotonic_writes || written.all(|&before| shown(before)))
                && (!asked.writes_follow_reads || read.all(|&(.., source)| source.is_none_or(shown)))
        })
    }
}

/// For each level whether some world explains the history there; of the last one, sequential, by orders of everything.
fn brute_force(operations: &[Operation], names: &[&str]) -> Vec<bool> {
    let mut kept = vec![false; names.len()];
    let possible = operations.iter().filter(|operation| match operation.outcome {
        Kind::Ok => true,
        Kind::Info => operation.written().is_some(),
        _ => false,
    });
    let possible: Vec<&Operation> = possible.collect();
    let unknown = possible
        .iter()
        .filter(|operation| operation.outcome == Kind::Info)
        .count();
    for chosen in 0..1_u32 << unknown {
        let mut bit = 0;
        let happened = |operation: &&&Operation| {
            operation.outcome == Kind::Ok || {
                bit += 1;
                chosen >> (bit - 1) & 1 == 1
            }
        };
        let world = World::new(possible.iter().filter(happened).copied().collect());
        for (_, kept) in names
            .iter()
            .zip(&mut kept)
            .filter(|(name, _)| **name == "sequential")
        {
            *kept = *kept || world.is_sequential();
        }
        let guarantees = names.iter().filter(|name| **name != "sequential");
        let guarantees: Vec<Asked> = guarantees.map(|name| Asked::by(name)).collect();
        let many = guarantees.len();
        world.sees_anything(&guarantees, &mut kept[..many]);
    }
    kept
}

fn judge(operations: &[Operation], levels: Levels) -> checker::Check {
    let header: Header = serde_json::from_str(r#"{"history":1,"keyed":true}"#).unwrap();
    let options = Options {
        consistency: levels,
        certify: true,
        ..Options::default()
    };
    let model = models::find("cas-register").unwrap();
    linearizability(
        &header,
        &events(operations),
        model,
        &options,
        &Budget::unlimited(),
    )
    .unwrap()
}

/// Of how many histories one is also held to each level by itself, and its proof looked at.
const ALONE: u64 = 20;

#[test]
fn registers_agree_with_the_brute_force_at_every_level() {
    let count = number("TRANSACTIONS_TWINS").unwrap_or(10_000);
    let first = number("TRANSACTIONS_SEED").unwrap_or(1);
    println!("seeds {first}..{}", first + count);
    let levels = Subject::Registers.levels().into_iter();
    let levels = levels.filter(|&level| level != Level::STRICT_SERIALIZABLE);
    let levels: Vec<Level> = levels.collect();
    let all: Levels = levels.iter().copied().collect();
    let names: Vec<&str> = levels
        .iter()
        .map(|&level| Subject::Registers.name(level))
        .collect();
    let tallies: Vec<Vec<bool>> = (first..first + count)
        .into_par_iter()
        .map(|seed| {
            let operations = drawn(&mut ChaCha8Rng::seed_from_u64(seed));
            let legal = brute_force(&operations, &names);
            let together = judge(&operations, all);
            for ((&level, name), &legal) in levels.iter().zip(&names).zip(&legal) {
                let alone = (seed % ALONE == 0).then(|| judge(&operations, level.into()));
                for check in alone.iter().chain([&together]) {
                    let agrees = match Answer::of(check, Subject::Registers, level) {
                        Answer::Says(said) => said == legal,
                        // To have nothing to prove is the only excuse.
                        Answer::NothingToProve => legal,
                        Answer::TooManyWays | Answer::Silent => false,
                    };
                    assert!(
                        agrees,
                        "seed {seed}: {name} is {legal}, and the checker says: {}\n{:?}\n{operations:#?}",
                        check.reason, check.violations,
                    );
                }
                // What is told is wrong by itself.
                for violation in alone.iter().flat_map(|check| &check.violations) {
                    let told =
                        |operation: &&Operation| violation.operations.contains(&(operation.inv as u64));
                    let few: Vec<Operation> = operations.iter().filter(told).copied().collect();
                    assert!(
                        !brute_force(&few, &[name])[0],
                        "seed {seed}: {name}: no proof: {}",
                        violation.why
                    );
                }
            }
            let kept = || levels.iter().zip(&legal).filter(|(_, legal)| **legal);
            for (stronger, _) in kept() {
                for weaker in levels.iter().filter(|weaker| stronger.implies(**weaker)) {
                    assert!(
                        kept().any(|(level, _)| level == weaker),
                        "seed {seed}: {stronger} without {weaker}\n{operations:#?}"
                    );
                }
            }
            legal
        })
        .collect();
    for (at, name) in names.iter().enumerate() {
        let legal = tallies.iter().filter(|legal| legal[at]).count() as u64;
        println!("{name}: {} illegal, {legal} legal", count - legal);
        assert!(
            count - legal > count / 20 && legal > count / 20,
            "{name}: no test"
        );
    }
}
