//! From what was found to the check.

use std::collections::BTreeMap;

use serde_json::json;

use super::Finding;
use crate::options::Consistency;
use crate::verdict::{Check, CheckName, Verdict, Violation};

/// The check of all groups.
pub(super) fn report(model: &str, consistency: Consistency, findings: Vec<Finding>) -> Check {
    let summary = Summary::of(&findings);
    let verdict = match () {
        () if !summary.anomalies.is_empty() => Verdict::Violation,
        () if summary.stopped.is_some() || summary.unclear.is_some() => Verdict::Inconclusive,
        () => Verdict::Pass,
    };
    let name = consistency.check();
    Check {
        name,
        verdict,
        reason: summary.reason(verdict, consistency),
        details: summary.details(model, consistency),
        violations: findings
            .into_iter()
            .flat_map(|finding| violations(name, finding))
            .collect(),
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

#[derive(Default)]
struct Summary {
    outcomes: [usize; 3],
    keys: usize,
    links: [usize; 3],
    components: [usize; 2],
    anomalies: BTreeMap<String, u64>,
    /// The name of the first proof.
    worst: Option<String>,
    unclear: Option<String>,
    stopped: Option<&'static str>,
}

impl Summary {
    fn of(findings: &[Finding]) -> Self {
        let mut summary = Summary::default();
        for finding in findings {
            summary.keys += finding.keys;
            for at in 0..3 {
                summary.outcomes[at] += finding.outcomes[at];
                summary.links[at] += finding.links[at];
            }
            for at in 0..2 {
                summary.components[at] += finding.components[at];
            }
            for (name, count) in &finding.counts {
                *summary.anomalies.entry(name.clone()).or_default() += count;
            }
            let first = || finding.told.first().map(|told| told.name.clone());
            summary.worst = summary.worst.take().or_else(first);
            summary.unclear = summary.unclear.take().or_else(|| finding.unclear.clone());
            summary.stopped = summary.stopped.or(finding.stopped);
        }
        summary
    }

    fn details(&self, model: &str, consistency: Consistency) -> serde_json::Value {
        let [ok, fail, info] = self.outcomes;
        let [ww, wr, rw] = self.links;
        let [cyclic, unsearched] = self.components;
        json!({
            "model": model, "consistency": consistency.as_str(), "keys": self.keys,
            "transactions": {"ok": ok, "fail": fail, "info": info},
            "dependencies": {"ww": ww, "wr": wr, "rw": rw},
            "anomalies": self.anomalies,
            "cyclic_components": cyclic, "unsearched_components": unsearched,
            "unclear": self.unclear, "stopped": self.stopped,
        })
    }

    fn reason(&self, verdict: Verdict, consistency: Consistency) -> String {
        let [ok, fail, info] = self.outcomes;
        let [ww, wr, rw] = self.links;
        match verdict {
            Verdict::Pass => {
                let order = match consistency {
                    Consistency::Serializable => "",
                    Consistency::StrictSerializable => ", process order and real time",
                };
                format!(
                    "{ok} transactions on {} keys ({info} unknown, {fail} failed) show no anomaly: their reads agree \
                     with their writes, and there is no cycle of {ww} ww, {wr} wr and {rw} rw dependencies{order}",
                    self.keys
                )
            }
            Verdict::Violation => {
                let names: Vec<String> = self
                    .anomalies
                    .iter()
                    .map(|(name, count)| format!("{count} {name}"))
                    .collect();
                let worst = self.worst.as_deref().unwrap_or_default();
                let not = consistency.as_str();
                format!("not {not}: {worst} is proved; found in all: {}", names.join(", "))
            }
            Verdict::Inconclusive => match (&self.stopped, &self.unclear) {
                (Some(stopped), _) => {
                    format!("{ok} transactions were undecided when {stopped} ended the check")
                }
                (None, unclear) => format!(
                    "no anomaly was found, but not every dependency is known: {}",
                    unclear.as_deref().unwrap_or_default()
                ),
            },
        }
    }
}
