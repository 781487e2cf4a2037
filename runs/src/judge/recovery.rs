//! The check `recovery`: operations succeed again within a bound after the heal.

use std::time::Duration;

use checker::{Check, CheckName, Verdict};
use histories::Nanos;
use serde_json::json;

use crate::record::{Record, Recovery};

/// A machine that takes so long to put a block on disk makes every store miss its time-outs.
const STARVED: Duration = Duration::from_secs(1);

/// Judge it from `run.json`. `unproved` are undone faults of which nobody can say whether they are.
pub fn check(record: &Record, unproved: usize) -> Check {
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
            slowest_sync,
        }) => {
            let took = recovered.since(healed);
            let reason = format!("a write was acknowledged {} ms after the heal", took.as_millis());
            let (verdict, reason) = match took <= bound {
                true => (Verdict::Pass, reason),
                false => late(reason, slowest_sync, unproved),
            };
            (verdict, reason, Some(took.as_millis() as u64))
        }
        Some(Recovery {
            recovered: None,
            slowest_sync,
            ..
        }) => {
            let reason = format!(
                "no write was acknowledged within {} ms after everything was healed",
                bound.as_millis()
            );
            let (verdict, reason) = late(reason, slowest_sync, unproved);
            (verdict, reason, None)
        }
    };
    Check {
        name: CheckName::Recovery,
        verdict,
        reason,
        details: json!({ "took_ms": took, "bound_ms": bound.as_millis() as u64 }),
        violations: Vec::new(),
    }
}

/// A store that does not recover is wrong, unless the machine left it no chance, or a fault may still be in force.
fn late(reason: String, slowest_sync: Option<Nanos>, unproved: usize) -> (Verdict, String) {
    if unproved > 0 {
        let why = format!(
            "{reason}; but that {unproved} of the faults were undone is not proved, for their undoing has no probe"
        );
        return (Verdict::Inconclusive, why);
    }
    match slowest_sync.map(|sync| Duration::from_nanos(sync.0)) {
        Some(sync) if sync >= STARVED => {
            let sync = sync.as_millis();
            let why = format!(
                "{reason}; but this machine took up to {sync} ms to put a block on disk meanwhile, which no store could \
                 make up for: repeat it where less else is done"
            );
            (Verdict::Inconclusive, why)
        }
        _ => (Verdict::Violation, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_disk_to_speak_of_is_no_violation_of_the_store() {
        let ms = |ms: u64| Some(Nanos(ms * 1_000_000));
        for (slowest, verdict) in [
            (None, Verdict::Violation),
            (ms(40), Verdict::Violation),
            (ms(999), Verdict::Violation),
            (ms(3400), Verdict::Inconclusive),
        ] {
            assert_eq!(late("late".to_owned(), slowest, 0).0, verdict, "{slowest:?}");
        }
        assert_eq!(late("late".to_owned(), None, 1).0, Verdict::Inconclusive);
    }
}
