//! From a history without an order to the few transactions that have none, and why.
//!
//! A transaction can be forgotten: what it did is left out, and reads of what it wrote say nothing. What has no order
//! without it had none with it, so the search for the fewest is a matter of leaving out. Of those that are left the
//! edges are followed one after the other, each with the reason that forces it, until they close a cycle; where both
//! places of a write are open, each is followed for itself.

use super::anomaly::Anomaly;
use super::assumed;
use super::decide::{Decided, decide};
use super::dependencies::{Dependencies, Link};
use super::facts::{Effect, Facts};
use super::history::History;
use super::micro::NONE;
use super::nodes::written_and_read;
use super::shown::Short;
use super::tell::{self, Told};
use crate::budget::Meter;
use crate::error::Halt;
use crate::levels::{Isolation, Level, Order};
use crate::operations::OPEN;

/// Steps that one question whether some have an order may cost.
const STEPS: u64 = 400_000;

/// Of so many the fewest are looked for.
const SHRUNK: usize = 3_000;

/// The few that are followed edge by edge.
const FEW: usize = 24;

/// How often a proof may say either or.
const SPLITS: u32 = 3;

/// The proof that these have no order at a level.
pub(super) fn tell(
    case: &History<'_>,
    level: Level,
    among: &[u32],
    meter: &mut Meter<'_>,
) -> Result<Told, Halt> {
    let core = fewest(case.facts, level, among, meter)?;
    let facts = case.facts.only(&core);
    let proof = match core.len() <= FEW {
        true => Proof::of(&facts, level),
        false => None,
    };
    let story = Story {
        case,
        core: &core,
        facts: &facts,
        level,
    };
    Ok(story.tell(proof))
}

/// Some of them that have no order either, and as few as leaving out finds.
fn fewest(facts: &Facts, level: Level, among: &[u32], meter: &mut Meter<'_>) -> Result<Vec<u32>, Halt> {
    let all = || {
        (0..facts.len())
            .filter(|&at| facts.effects[at as usize] != Effect::None)
            .collect()
    };
    let mut core: Vec<u32> = among.to_vec();
    if core.len() > SHRUNK || !breaks(facts, level, &core, meter)? {
        core = all();
        if core.len() > SHRUNK || !breaks(facts, level, &core, meter)? {
            return Ok(among.to_vec());
        }
    }
    let mut chunk = core.len().div_ceil(2);
    while chunk > 0 {
        let mut at = 0;
        while at < core.len() {
            let mut without = core.clone();
            without.drain(at..(at + chunk).min(core.len()));
            match breaks(facts, level, &without, meter)? {
                true => core = without,
                false => at += chunk,
            }
        }
        chunk /= 2;
    }
    Ok(core)
}

/// Whether these by themselves have no order; not if that would take too long to find out.
fn breaks(facts: &Facts, level: Level, kept: &[u32], meter: &Meter<'_>) -> Result<bool, Halt> {
    let facts = facts.only(kept);
    let dependencies = dependencies(&facts, level.order);
    let mut capped = meter.beside().capped(STEPS);
    match decide(&facts, level, &dependencies, &[], &mut capped) {
        Ok(decided) => Ok(matches!(decided, Decided::Breaks(_))),
        Err(Halt::Stop(stop)) if meter.is_over() => Err(Halt::Stop(stop)),
        Err(Halt::Stop(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is known of so few: the order of a list's elements, and the order of events.
fn dependencies(facts: &Facts, order: Order) -> Dependencies {
    let mut known = Dependencies::new(facts.len() as usize);
    if facts.assume.orders_versions() {
        assumed::link(facts, &mut known);
    }
    for key in 0..facts.lengths.len() as u32 {
        let mut chain: Vec<u32> = (0..facts.lengths[key as usize])
            .map(|place| facts.appender(key, place))
            .collect();
        chain.retain(|&at| at != NONE);
        chain.dedup();
        chain
            .windows(2)
            .for_each(|pair| known.link(pair[0], pair[1], Link::Ww));
        let Some(&last) = chain.last() else { continue };
        for at in 0..facts.len() {
            let unseen = |key_of: u32, after: u32| key_of == key && after >= facts.lengths[key as usize];
            if facts
                .writes
                .of(at)
                .iter()
                .any(|write| unseen(write.key, write.after))
            {
                known.link(last, at, Link::Ww);
            }
        }
    }
    for one in 0..facts.len() {
        for other in 0..facts.len() {
            if let Some(link) = bound(facts, order, one, other) {
                known.link(one, other, link);
            }
        }
    }
    known
}

/// Whether one has to stand before another by the order of events.
fn bound(facts: &Facts, order: Order, one: u32, other: u32) -> Option<Link> {
    let [ret, inv] = [facts.ret[one as usize], facts.inv[other as usize]];
    let process = facts.process[one as usize] == facts.process[other as usize];
    match order {
        _ if ret == OPEN || one == other => None,
        Order::RealTime if ret < inv => Some(Link::RealTime),
        Order::Session if process && facts.inv[one as usize] < inv => Some(Link::Process),
        _ => None,
    }
}

/// An edge between two of the few, and why it must be: the key and what was read there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    from: u32,
    to: u32,
    link: Link,
    /// What was read or written.
    key: u32,
    /// Of an edge that the order of a key's writes forces: who wrote what was read, and who read it.
    by: (u32, u32),
}

/// Why there is no order.
enum Proof {
    /// These edges close a cycle.
    Cycle(Vec<Step>),
    /// A write has its place before or after another one's reader, and neither can be.
    Split(Box<[(Step, Proof); 2]>),
}

/// The edges that are known so far.
struct Known<'f> {
    facts: &'f Facts,
    level: Level,
    steps: Vec<Step>,
}

impl Proof {
    fn of(facts: &Facts, level: Level) -> Option<Proof> {
        if !matches!(
            level.isolation,
            Isolation::Serializable | Isolation::RepeatableRead
        ) {
            return None;
        }
        let mut steps: Vec<Step> = written_and_read(facts)
            .map(|(writer, reader)| {
                let read = facts
                    .reads
                    .of(reader)
                    .iter()
                    .find(|read| facts.sources(**read) == [writer]);
                Step {
                    from: writer,
                    to: reader,
                    link: Link::Wr,
                    key: read.map_or(NONE, |read| read.key),
                    by: (writer, reader),
                }
            })
            .collect();
        for &(from, to, link) in dependencies(facts, level.order).links() {
            let (key, by) = (NONE, (NONE, NONE));
            steps.push(Step {
                from,
                to,
                link,
                key,
                by,
            });
        }
        Known { facts, level, steps }.prove(SPLITS)
    }
}

impl Known<'_> {
    /// Follows what is forced until a cycle closes.
    fn prove(mut self, splits: u32) -> Option<Proof> {
        loop {
            if let Some(cycle) = self.cycle() {
                return Some(Proof::Cycle(cycle));
            }
            let mut open = None;
            let mut forced = None;
            for options in self.options() {
                let closes =
                    options.map(|step| step.is_none_or(|step| self.way(step.to, step.from).is_some()));
                match (options, closes) {
                    ([_, Some(second)], [true, _]) => forced = Some(second),
                    ([Some(first), _], [_, true]) => forced = Some(first),
                    ([Some(first), Some(second)], _) => open = open.or(Some([first, second])),
                    _ => {}
                }
                if forced.is_some() {
                    break;
                }
            }
            match (forced, open) {
                (Some(step), _) => self.steps.push(step),
                (None, Some(options)) if splits > 0 => return self.split(options, splits - 1),
                _ => return None,
            }
        }
    }

    fn split(&self, options: [Step; 2], splits: u32) -> Option<Proof> {
        let branch = |step: Step| {
            let mut known = Known {
                facts: self.facts,
                level: self.level,
                steps: self.steps.clone(),
            };
            known.steps.push(step);
            known.prove(splits)
        };
        let [first, second] = options;
        Some(Proof::Split(Box::new([
            (first, branch(first)?),
            (second, branch(second)?),
        ])))
    }

    /// For each read, and each other write of its key: before the write that was read, or after the read. What is known
    /// already is left out.
    fn options(&self) -> Vec<[Option<Step>; 2]> {
        let mut options = Vec::new();
        for reader in (0..self.facts.len()).filter(|&at| self.facts.certain(at)) {
            for &read in self.facts.reads.of(reader) {
                let &[writer] = self.facts.sources(read) else {
                    continue;
                };
                for other in 0..self.facts.len() {
                    let writes =
                        |write: &super::facts::Write| write.key == read.key && write.version != read.version;
                    let certain = self.facts.certain(other) && other != reader && other != writer;
                    if !certain || !self.facts.writes.of(other).iter().any(writes) {
                        continue;
                    }
                    let step = |from: u32, to: u32, link: Link| Step {
                        from,
                        to,
                        link,
                        key: read.key,
                        by: (writer, reader),
                    };
                    let before = (writer != NONE).then(|| step(other, writer, Link::Ww));
                    let after = step(reader, other, Link::Rw);
                    let known = |wanted: Step| {
                        self.steps
                            .iter()
                            .any(|step| (step.from, step.to) == (wanted.from, wanted.to))
                    };
                    if !known(after) && !before.is_some_and(known) {
                        options.push([before, Some(after)]);
                    }
                }
            }
        }
        options
    }

    /// The shortest way from one to another.
    fn way(&self, from: u32, to: u32) -> Option<Vec<Step>> {
        let mut reached: Vec<Option<Step>> = vec![None; self.facts.len() as usize];
        let (mut found, mut next) = (vec![from], 0);
        while next < found.len() {
            let node = found[next];
            next += 1;
            for &step in self.steps.iter().filter(|step| step.from == node) {
                if reached[step.to as usize].is_some() || step.to == from && to != from {
                    continue;
                }
                reached[step.to as usize] = Some(step);
                if step.to == to {
                    return Some(back(&reached, from, to));
                }
                found.push(step.to);
            }
        }
        None
    }

    /// The shortest cycle.
    fn cycle(&self) -> Option<Vec<Step>> {
        let cycles = (0..self.facts.len()).filter_map(|at| self.way(at, at));
        cycles.min_by_key(Vec::len)
    }
}

/// The way as it was found.
fn back(reached: &[Option<Step>], from: u32, to: u32) -> Vec<Step> {
    let mut way = Vec::new();
    let mut at = to;
    while let Some(step) = reached[at as usize] {
        way.push(step);
        at = step.from;
        if at == from {
            break;
        }
    }
    way.reverse();
    way
}

/// The proof in words.
struct Story<'a> {
    case: &'a History<'a>,
    core: &'a [u32],
    facts: &'a Facts,
    level: Level,
}

impl Story<'_> {
    fn tell(&self, proof: Option<Proof>) -> Told {
        let (name, lines, edges) = match proof {
            Some(Proof::Cycle(cycle)) => {
                let links: Vec<Link> = cycle.iter().map(|step| step.link).collect();
                let name = Anomaly::of_cycle(&links).to_string();
                // The cycle's own transactions first, in its order; then whom its reasons speak of.
                let edges = cycle.iter().map(|step| (step.from, step.to, step.link)).collect();
                (name, self.cycle(&cycle, ""), edges)
            }
            Some(split) => {
                let mut lines = Vec::new();
                let edges = self.split(&split, "", &mut lines);
                ("no order".to_owned(), lines, edges)
            }
            None => {
                let edges = written_and_read(self.facts).map(|(from, to)| (from, to, Link::Wr));
                let bound = dependencies(self.facts, self.level.order);
                let edges = edges.chain(bound.links().iter().copied()).collect();
                let line = format!(
                    "  - no order of these {} {} is {}: all were tried; without any one of them there is one.",
                    self.core.len(),
                    self.case.transactions.subject.noun(),
                    self.case.transactions.subject.name(self.level)
                );
                ("no order".to_owned(), vec![line], edges)
            }
        };
        let edges: Vec<(u32, u32, Link)> = edges
            .into_iter()
            .map(|(from, to, link): (u32, u32, Link)| {
                (self.core[from as usize], self.core[to as usize], link)
            })
            .collect();
        tell::proof(self.case.transactions, &name, self.core, &lines.join("\n"), edges)
    }

    fn cycle(&self, cycle: &[Step], indent: &str) -> Vec<String> {
        let last = cycle.len().saturating_sub(1);
        let lines = cycle.iter().enumerate().map(|(at, step)| {
            let (however, end) = if at == last {
                ("however, ", ": a contradiction.")
            } else {
                ("", ",")
            };
            format!(
                "{indent}  - {however}T{} < T{}, because {}{end}",
                step.from + 1,
                step.to + 1,
                self.because(*step)
            )
        });
        lines.collect()
    }

    fn split(&self, proof: &Proof, indent: &str, lines: &mut Vec<String>) -> Vec<(u32, u32, Link)> {
        match proof {
            Proof::Cycle(cycle) => {
                lines.extend(self.cycle(cycle, indent));
                cycle.iter().map(|step| (step.from, step.to, step.link)).collect()
            }
            Proof::Split(branches) => {
                let mut edges = Vec::new();
                for ((step, proof), word) in branches.iter().zip(["either", "or"]) {
                    lines.push(format!(
                        "{indent}  - {word} T{} < T{}; then",
                        step.from + 1,
                        step.to + 1
                    ));
                    edges.extend(self.split(proof, &format!("{indent}  "), lines));
                }
                edges
            }
        }
    }

    fn because(&self, step: Step) -> String {
        let (t, u) = (step.from + 1, step.to + 1);
        let read = |reader: u32| {
            let (key, value) = self.read(reader, step.by.0, step.key);
            format!("{key} = {value}")
        };
        match step.link {
            Link::Wr => format!("T{t} wrote {}, which was read by T{u}", read(step.to)),
            Link::Process => format!(
                "process {} ran T{t} before T{u}",
                self.facts.process[step.from as usize]
            ),
            Link::RealTime => format!("T{t} had completed before T{u} was invoked"),
            Link::Rw if step.by.0 == NONE => {
                format!(
                    "T{t} read {} as it was before every write, and T{u} wrote it",
                    read(step.from)
                )
            }
            Link::Rw => format!(
                "T{t} read {}, which T{} wrote, and T{u} wrote there, too, but not before that",
                read(step.from),
                step.by.0 + 1
            ),
            Link::Ww if step.key == NONE && self.facts.assume.orders_versions() => assumed::because(t, u),
            Link::Ww if step.key == NONE => format!("T{u} appended after T{t}"),
            Link::Ww => format!(
                "T{} read {}, which T{u} wrote, and T{t} wrote there, too, but not after that read",
                step.by.1 + 1,
                read(step.by.1)
            ),
        }
    }

    /// The key, and what one of the few read of it from another.
    fn read(&self, reader: u32, writer: u32, key: u32) -> (String, String) {
        let transactions = self.case.transactions;
        let source = |read: &super::facts::Read| read.key == key && self.facts.sources(*read) == [writer];
        let place = self.facts.reads.of(reader).iter().position(source);
        let kept = |at: u32| at == NONE || self.core.binary_search(&at).is_ok();
        let all = self.case.facts.reads.of(self.core[reader as usize]).iter();
        let mut left = all.filter(|read| self.case.facts.sources(**read).iter().all(|&at| kept(at)));
        let Some(read) = place.and_then(|place| left.nth(place)) else {
            return ("the key".to_owned(), "what was there".to_owned());
        };
        let name = transactions.keys[read.key as usize].to_string();
        let value = match read.version {
            NONE => Short(self.case.initial).to_string(),
            version => Short(transactions.versions[version as usize].value).to_string(),
        };
        (name, value)
    }
}
