//! From what was found to the check.

use std::collections::BTreeMap;

use serde_json::json;

use super::Finding;
use super::history::Shown;
use super::micro::Words;
use crate::levels::{Level, Levels};
use crate::options::Assume;
use crate::proved::{Proved, Vacuous};
use crate::subject::Subject;
use crate::verdict::{Check, CheckName, Verdict, Violation};

/// The check of all groups.
pub(super) fn report(words: Words, asked: Levels, findings: Vec<Finding>) -> Check {
    let summary = Summary::of(words, asked, &findings);
    let verdict = match () {
        () if asked.iter().any(|level| summary.broken.contains(level)) => Verdict::Violation,
        // Whatever was not shown to hold is not known, and nothing is shown where nothing was asked.
        () if summary.proved() => Verdict::Pass,
        () => Verdict::Inconclusive,
    };
    let name = name(words.subject, asked);
    let assumed = match words.assume.names() {
        none if none.is_empty() => String::new(),
        some => format!("; assumed: {}", some.join(", ")),
    };
    Check {
        name,
        verdict,
        reason: summary.reason(verdict) + &assumed,
        details: summary.details(verdict),
        violations: findings
            .into_iter()
            .flat_map(|finding| violations(name, finding))
            .collect(),
    }
}

/// The check's name: the two levels that are asked for most have one of their own.
fn name(subject: Subject, asked: Levels) -> CheckName {
    match asked {
        _ if subject != Subject::Transactions => CheckName::Consistency,
        _ if asked == Level::SERIALIZABLE.into() => CheckName::Serializability,
        _ if asked == Level::STRICT_SERIALIZABLE.into() => CheckName::StrictSerializability,
        _ => CheckName::Consistency,
    }
}

fn violations(check: CheckName, finding: Finding) -> impl Iterator<Item = Violation> {
    finding.told.into_iter().map(move |told| Violation {
        check,
        code: None,
        key: finding.key.clone(),
        operations: told.operations,
        told: told.brief,
        named: told.named,
        edges: told.edges,
        why: told.why,
        attempt: None,
    })
}

/// All groups together.
struct Summary {
    words: Words,
    asked: Levels,
    outcomes: [usize; 3],
    keys: usize,
    links: Option<[usize; 3]>,
    components: [usize; 2],
    anomalies: BTreeMap<String, u64>,
    /// The name of the first proof.
    worst: Option<String>,
    kept: Levels,
    broken: Levels,
    shown: Option<Shown>,
    unclear: Option<String>,
    stopped: Option<&'static str>,
    ways: Option<usize>,
    /// Why there was nothing to prove.
    vacuous: Option<Vacuous>,
}

impl Summary {
    fn of(words: Words, asked: Levels, findings: &[Finding]) -> Self {
        let mut summary = Summary {
            words,
            asked,
            outcomes: [0; 3],
            keys: 0,
            links: None,
            components: [0; 2],
            anomalies: BTreeMap::new(),
            worst: None,
            kept: words.subject.levels().into_iter().collect(),
            broken: Levels::NONE,
            shown: None,
            unclear: None,
            stopped: None,
            ways: None,
            vacuous: None,
        };
        for finding in findings {
            summary.add(finding);
        }
        let reads: usize = findings.iter().map(|finding| finding.reads).sum();
        summary.vacuous = match (summary.outcomes[0], reads) {
            _ if summary.stopped.is_some() => None,
            (0, _) => Some(Vacuous::NothingSucceeded),
            (_, 0) => Some(Vacuous::NothingObserved),
            _ => None,
        };
        summary
    }

    /// Whether every group was shown to keep to every level, and that says something.
    fn proved(&self) -> bool {
        let open = self.stopped.is_some() || self.unclear.is_some() || self.vacuous.is_some();
        !open && self.shown.is_some() && self.kept.contains_all(self.asked)
    }

    fn add(&mut self, finding: &Finding) {
        self.keys += finding.keys;
        for at in 0..3 {
            self.outcomes[at] += finding.outcomes[at];
        }
        if let Some(links) = finding.links {
            let sum = self.links.get_or_insert([0; 3]);
            sum.iter_mut().zip(links).for_each(|(sum, more)| *sum += more);
        }
        for at in 0..2 {
            self.components[at] += finding.components[at];
        }
        for (name, count) in &finding.counts {
            *self.anomalies.entry(name.clone()).or_default() += count;
        }
        let first = || finding.told.first().map(|told| told.name.clone());
        self.worst = self.worst.take().or_else(first);
        self.kept = self.kept.and(finding.kept);
        let levels = self.words.subject.levels().into_iter().collect();
        self.broken = self.broken.or(finding.broken.and(levels));
        self.shown = self.shown.max(finding.shown);
        self.unclear = self.unclear.take().or_else(|| finding.unclear.clone());
        self.stopped = self.stopped.or(finding.stopped);
        self.ways = self.ways.or(finding.ways);
    }

    fn details(&self, verdict: Verdict) -> serde_json::Value {
        let [ok, fail, info] = self.outcomes;
        let [cyclic, unsearched] = self.components;
        let names = |levels| self.words.subject.names(levels);
        let mut details = json!({
            "model": self.words.model, "consistency": names(self.asked).join(", "), "keys": self.keys,
            "transactions": {"ok": ok, "fail": fail, "info": info},
            "anomalies": self.anomalies,
            "cyclic_components": cyclic, "unsearched_components": unsearched,
            "unclear": self.unclear, "stopped": self.stopped,
        });
        if self.words.assume != Assume::NOTHING {
            details["assumed"] = json!(self.words.assume.names());
        }
        if let Some([ww, wr, rw]) = self.links {
            details["dependencies"] = json!({"ww": ww, "wr": wr, "rw": rw});
        }
        match verdict {
            Verdict::Pass => details["proof"] = json!(self.shown.map(Shown::proved)),
            Verdict::Violation => {
                details["proof"] = json!(Proved::Counterexample);
                let not = self.broken.weakest();
                details["not"] = json!(names(not));
                details["also_not"] = json!(names(self.broken.without(not)));
                details["permits"] = json!(names(self.kept.without(self.broken).strongest()));
            }
            Verdict::Inconclusive => {
                details["proof"] = json!(Proved::Nothing {
                    vacuous: self.vacuous
                });
            }
        }
        details
    }

    fn reason(&self, verdict: Verdict) -> String {
        let [ok, fail, info] = self.outcomes;
        let asked = self.words.subject.names(self.asked).join(", ");
        match verdict {
            Verdict::Pass => {
                let shown = self.shown.map_or("", Shown::words);
                let ways = self.ways.map_or(String::new(), |ways| {
                    format!(
                        "; elements that were appended more than once were told apart in one of {ways} ways"
                    )
                });
                format!(
                    "{ok} {} on {} keys ({info} unknown, {fail} failed) are {asked}: {shown}{ways}",
                    self.words.subject.noun(),
                    self.keys
                )
            }
            Verdict::Violation => self.violation(),
            Verdict::Inconclusive => self.open(),
        }
    }

    /// Why nobody knows.
    fn open(&self) -> String {
        let [ok, fail, info] = self.outcomes;
        let them = self.words.subject.noun();
        match (self.stopped, &self.unclear, self.vacuous) {
            (Some(stopped), ..) => format!("{ok} {them} were undecided when {stopped} ended the check"),
            (None, Some(unclear), _) => {
                format!("no anomaly was found, but not every dependency is known: {unclear}")
            }
            (None, None, Some(vacuous)) => {
                let tied = match vacuous {
                    Vacuous::NothingObserved if self.words.subject == Subject::Transactions => {
                        "; nothing ties one transaction to another"
                    }
                    _ => "",
                };
                format!("{}{tied}", vacuous.told(ok + fail + info))
            }
            (None, None, None) => format!("{ok} {them}: no order was shown"),
        }
    }

    fn violation(&self) -> String {
        let counted = self
            .anomalies
            .iter()
            .map(|(name, count)| format!("{count} {name}"));
        let counted: Vec<String> = counted.collect();
        let found = match counted.as_slice() {
            [] => String::new(),
            some => format!("; found in all: {}", some.join(", ")),
        };
        let asked = self.asked.iter().filter(|&level| self.broken.contains(level));
        let names = |levels| self.words.subject.names(levels).join(", ");
        let asked = names(asked.collect());
        let worst = self.worst.as_deref().unwrap_or_default();
        let permits = match self.kept.without(self.broken).strongest() {
            none if none.is_empty() => String::new(),
            some => format!("; it may still be {}", names(some)),
        };
        format!("not {asked}: {worst} is proved{found}{permits}")
    }
}

impl Shown {
    fn proved(self) -> Proved {
        let replayed = true;
        match self {
            Shown::Serial => Proved::SerialOrder { replayed },
            Shown::Snapshots => Proved::SnapshotOrder { replayed },
            Shown::Commits => Proved::CommitOrder { replayed },
        }
    }

    fn words(self) -> &'static str {
        match self {
            Shown::Serial => "they have a serial order, which was replayed",
            Shown::Snapshots => "they have an order of commits and snapshots, which was replayed",
            Shown::Commits => {
                "they have an order of commits in which each reads the last of what it sees, which was verified"
            }
        }
    }
}
