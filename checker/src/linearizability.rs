//! The check `linearizability`: each key's history has a legal order.

use histories::{Event, Header, Value};
use rayon::prelude::*;
use serde_json::json;

use crate::budget::Budget;
use crate::error::HistoryError;
use crate::judge::Judged;
use crate::models::Model;
use crate::operations::{Group, groups};
use crate::options::Options;
use crate::verdict::{Check, Verdict, Violation};

const NAME: &str = "linearizability";

/// Whether every key's operations have a legal order that respects real time (Herlihy, Wing 1990).
///
/// `events` may be a part of a history: some keys, or the beginning of a run that still goes on. Keys are
/// judged in parallel; one violation is a violation, however the other keys end.
///
/// # Errors
/// The history means nothing: see [`HistoryError`].
pub fn linearizability(
    header: &Header,
    events: &[Event],
    model: &Model,
    options: &Options,
    budget: &Budget,
) -> Result<Check, HistoryError> {
    let groups = groups(header, events)?;
    budget.begin(groups.len());
    let judged: Vec<Judged> = groups
        .par_iter()
        .map(|group| {
            let judged = (model.judge)(group, options, budget);
            budget.key_done();
            judged
        })
        .collect::<Result<_, _>>()?;
    Ok(Summary::of(&groups, &judged).check(model))
}

#[derive(Default)]
struct Summary {
    keys: usize,
    operations: usize,
    engines: std::collections::BTreeMap<&'static str, u64>,
    violations: Vec<Violation>,
    undecided: Vec<serde_json::Value>,
    stop: &'static str,
}

impl Summary {
    fn of(groups: &[Group<'_>], judged: &[Judged]) -> Self {
        let mut summary = Summary {
            keys: groups.len(),
            ..Summary::default()
        };
        for (group, judged) in groups.iter().zip(judged) {
            summary.operations += group.operations.len();
            summary.add(group, judged);
        }
        summary
    }

    fn add(&mut self, group: &Group<'_>, judged: &Judged) {
        let index = |&place: &u32| group.operations[place as usize].index();
        match judged {
            Judged::Pass { engine } => *self.engines.entry(engine).or_default() += 1,
            Judged::Violation {
                engine,
                operations,
                story,
            } => {
                *self.engines.entry(engine).or_default() += 1;
                self.violations.push(Violation {
                    check: NAME.to_owned(),
                    key: group.key.cloned(),
                    operations: operations.iter().map(index).collect(),
                    edges: story.edges.clone(),
                    why: story.why.clone(),
                });
            }
            Judged::Unknown {
                reason,
                explained,
                stuck,
            } => {
                self.stop = reason;
                self.undecided.push(json!({
                    "key": group.key, "operations": group.operations.len(), "explained": explained,
                    "stuck": stuck.iter().map(index).collect::<Vec<_>>(),
                }));
            }
        }
    }

    fn check(self, model: &Model) -> Check {
        let verdict = match (self.violations.is_empty(), self.undecided.is_empty()) {
            (false, _) => Verdict::Violation,
            (true, false) => Verdict::Inconclusive,
            (true, true) => Verdict::Pass,
        };
        let details = json!({
            "model": model.name, "keys": self.keys, "operations": self.operations,
            "decided_by": self.engines, "undecided": self.undecided,
        });
        Check {
            name: NAME.to_owned(),
            verdict,
            reason: self.reason(verdict),
            details,
            violations: self.violations,
        }
    }

    fn reason(&self, verdict: Verdict) -> String {
        let Summary { keys, operations, .. } = self;
        let of_keys = if *keys == 1 {
            "on 1 key".to_owned()
        } else {
            format!("on {keys} keys")
        };
        match verdict {
            Verdict::Pass => format!("{operations} operations {of_keys} have a legal order"),
            Verdict::Violation => {
                let wrong = self.violations.len();
                let first = self.violations.first();
                let key: Option<&Value> = first.and_then(|violation| violation.key.as_ref());
                let proof = first.map_or(0, |violation| violation.operations.len());
                let which = key.map_or(String::new(), |key| format!(", first {key}"));
                format!("no legal order for {wrong} of {keys} keys{which}: {proof} operations prove it")
            }
            Verdict::Inconclusive => {
                format!(
                    "{} of {keys} keys were undecided when {} ended the check",
                    self.undecided.len(),
                    self.stop
                )
            }
        }
    }
}
