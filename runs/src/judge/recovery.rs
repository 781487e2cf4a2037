//! The check `recovery`: operations succeed again within a bound after the heal.

use checker::{Check, CheckName, Verdict};
use serde_json::json;

use crate::record::{Record, Recovery};

/// Judge it from `run.json`.
pub fn check(record: &Record) -> Check {
    let bound = record.settings.max_recovery;
    let (verdict, reason, took) = match record.recovery {
        None => (
            Verdict::Inconclusive,
            "the run ended before everything was healed".to_owned(),
            None,
        ),
        Some(Recovery {
            healed,
            recovered: Some(recovered),
        }) => {
            let took = recovered.since(healed);
            let reason = format!("a write was acknowledged {} ms after the heal", took.as_millis());
            let verdict = if took <= bound {
                Verdict::Pass
            } else {
                Verdict::Violation
            };
            (verdict, reason, Some(took.as_millis() as u64))
        }
        Some(Recovery { recovered: None, .. }) => (
            Verdict::Violation,
            format!(
                "no write was acknowledged within {} ms after everything was healed",
                bound.as_millis()
            ),
            None,
        ),
    };
    Check {
        name: CheckName::Recovery,
        verdict,
        reason,
        details: json!({ "took_ms": took, "bound_ms": bound.as_millis() as u64 }),
        violations: Vec::new(),
    }
}
