//! The check `activity`: enough happened to mean anything.

use std::collections::BTreeMap;

use histories::{Event, Header, Kind};
use serde_json::json;

use crate::error::HistoryError;
use crate::operations::all;
use crate::verdict::{Check, CheckName, Verdict};

/// Whether every word that was invoked succeeded at least once, and at least `minimum` operations did.
///
/// # Errors
/// The history means nothing: see [`HistoryError`].
pub fn activity(header: &Header, events: &[Event], minimum: u64) -> Result<Check, HistoryError> {
    let mut succeeded: BTreeMap<&str, u64> = BTreeMap::new();
    for operation in all(header, events)? {
        *succeeded.entry(&operation.invoke.f).or_default() += u64::from(operation.outcome == Kind::Ok);
    }
    let total: u64 = succeeded.values().sum();
    let never: Vec<&str> = succeeded
        .iter()
        .filter(|(_, ok)| **ok == 0)
        .map(|(f, _)| *f)
        .collect();
    let (verdict, reason) = if !never.is_empty() {
        (
            Verdict::Inconclusive,
            format!("no {} ever succeeded", never.join(", no ")),
        )
    } else if total < minimum {
        (
            Verdict::Inconclusive,
            format!("{total} operations succeeded, fewer than {minimum}"),
        )
    } else {
        (
            Verdict::Pass,
            format!("{total} operations succeeded, of every kind"),
        )
    };
    let details = json!({ "ok": succeeded, "minimum": minimum });
    Ok(Check {
        name: CheckName::Activity,
        verdict,
        reason,
        details,
        violations: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, history};

    #[test]
    fn a_kind_that_never_succeeds_is_inconclusive() {
        let events = history("0 w 1, 0 w: 1, 1 r, 1 r! ");
        let check = activity(&header(false), &events, 1).unwrap();
        assert_eq!(check.verdict, Verdict::Inconclusive);
        assert_eq!(check.reason, "no read ever succeeded");
    }

    #[test]
    fn too_few_are_inconclusive() {
        let events = history("0 w 1, 0 w: 1");
        assert_eq!(
            activity(&header(false), &events, 1).unwrap().verdict,
            Verdict::Pass
        );
        assert_eq!(
            activity(&header(false), &events, 2).unwrap().verdict,
            Verdict::Inconclusive
        );
        assert_eq!(activity(&header(false), &[], 0).unwrap().verdict, Verdict::Pass);
    }
}
