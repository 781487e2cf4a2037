//! The check `linearizability`: each key's history has a legal order.

use histories::{Event, Header, Kind, Value};
use rayon::prelude::*;
use serde_json::json;

use crate::budget::{Budget, Stop};
use crate::error::{Halt, HistoryError};
use crate::judge::Judged;
use crate::levels::Level;
use crate::models::{Judge, Model};
use crate::operations::{Group, Operation, groups_within};
use crate::options::Options;
use crate::proved::{Proved, Reading, Vacuous};
use crate::transactions::{self, Words};
use crate::verdict::{Check, CheckName, Verdict, Violation};

/// Of so many undecided keys the best attempt is told.
const ATTEMPTS: usize = 16;

/// Whether every key's operations have a legal order that respects real time (Herlihy, Wing 1990).
///
/// `events` may be a part of a history: some keys, or the beginning of a run that still goes on. Keys are
/// judged in parallel; one violation is a violation, however the other keys end. Transactions over many keys are
/// judged together, by [`Options::consistency`]; so are registers that are held to less than linearizable.
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
    let of_key = match model.judge {
        Judge::Whole(judge) => {
            return judge(header, events, options, budget)
                .map(|check| of_whole(without_time(check, header), header, model, options));
        }
        Judge::Key(judge) => judge,
    };
    if let Some(words) = model.transactions
        && !options.consistency.contains(Level::STRICT_SERIALIZABLE)
    {
        let words = Words {
            null_read: options.null_read,
            failed_cas: options.failed_cas,
            ..words
        };
        return transactions::check(header, events, words, options.consistency, budget)
            .map(|check| of_whole(without_time(check, header), header, model, options));
    }
    let mut held = budget.meter();
    let groups = match groups_within(header, events, &mut held) {
        Ok(groups) => groups,
        Err(Halt::History(error)) => return Err(error),
        Err(Halt::Stop(stop)) => return Ok(unread(model, stop)),
    };
    budget.begin(groups.len());
    let judge = |group| {
        let judged = of_key(group, options, budget);
        budget.key_done();
        match judged {
            Err(Halt::Stop(stop)) => Ok(Judged::unknown(stop.as_str())),
            Err(Halt::History(error)) => Err(error),
            Ok(judged) => Ok(judged),
        }
    };
    let judged: Vec<Judged> = match groups.as_slice() {
        // For one key no thread need be woken.
        [only] => vec![judge(only)?],
        many => many.par_iter().map(judge).collect::<Result<_, _>>()?,
    };
    let reading = groups.iter().find_map(|group| (model.reading)(group, options));
    Ok(Summary::of(&groups, &judged, reading).check(header, model, options))
}

/// What a history of completions alone does not tell is said.
fn without_time(mut check: Check, header: &Header) -> Check {
    if header.completions_alone {
        check.reason += "; it has completions alone, so it was judged without real time";
    }
    check
}

/// The check of a whole history, with what it started from, and with a certificate if one was asked for.
fn of_whole(mut check: Check, header: &Header, model: &Model, options: &Options) -> Check {
    check.details["initial"] = json!(model.start.of(&header.initial));
    certified(check, options)
}

/// A pass without a certificate is none if one was asked for.
fn certified(mut check: Check, options: &Options) -> Check {
    let Some(proved) = check.proof().filter(|_| check.verdict == Verdict::Pass) else {
        return check;
    };
    if options.certify && !proved.is_certificate() {
        let by = match proved {
            Proved::Bounds { analysis } => analysis.name(),
            _ => "this analysis",
        };
        check.verdict = Verdict::Inconclusive;
        check.reason = format!(
            "a certificate was asked for, and {by} has none: it looks for no order. Without --certify: {}",
            check.reason
        );
        check.details["proof"] = json!(Proved::Nothing { vacuous: None });
    }
    check
}

/// The check that ended before the operations were in hand.
fn unread(model: &Model, stop: Stop) -> Check {
    Check {
        name: CheckName::Linearizability,
        verdict: Verdict::Inconclusive,
        reason: format!(
            "{} ended the check before the first key was judged",
            stop.as_str()
        ),
        details: json!({
            "model": model.name, "proof": Proved::Nothing { vacuous: None }, "decided_by": {}, "undecided": [],
        }),
        violations: Vec::new(),
    }
}

#[derive(Default)]
struct Summary {
    /// What judged, where it is not a legal order.
    reading: Option<Reading>,
    keys: usize,
    operations: usize,
    /// Operations that succeeded.
    succeeded: usize,
    /// Keys of which nothing that succeeded could have contradicted the model.
    unobserved: usize,
    /// Orders that the verifier replayed.
    replayed: usize,
    engines: std::collections::BTreeMap<&'static str, u64>,
    violations: Vec<Violation>,
    undecided: Vec<serde_json::Value>,
    /// What a legal order does not look at.
    note: Option<String>,
    stop: &'static str,
}

impl Summary {
    fn of(groups: &[Group<'_>], judged: &[Judged], reading: Option<Reading>) -> Self {
        let mut summary = Summary {
            reading,
            keys: groups.len(),
            ..Summary::default()
        };
        for (group, judged) in groups.iter().zip(judged) {
            summary.operations += group.operations.len();
            let succeeded = |operation: &&Operation<'_>| operation.outcome == Kind::Ok;
            summary.succeeded += group.operations.iter().filter(succeeded).count();
            summary.add(group, judged);
        }
        summary
    }

    fn add(&mut self, group: &Group<'_>, judged: &Judged) {
        let operation = |place: &u32| &group.operations[*place as usize];
        let index = |place: &u32| operation(place).index();
        match judged {
            Judged::Bounds { engine, compared } => {
                *self.engines.entry(engine).or_default() += 1;
                self.unobserved += usize::from(!compared);
            }
            Judged::Pass {
                engine,
                replayed,
                observed,
                note,
            } => {
                self.note = self.note.take().or_else(|| note.clone());
                *self.engines.entry(engine).or_default() += 1;
                self.replayed += usize::from(*replayed);
                self.unobserved += usize::from(!observed);
            }
            Judged::Violation {
                engine,
                operations,
                story,
            } => {
                *self.engines.entry(engine).or_default() += 1;
                self.violations.push(Violation {
                    check: self.name(),
                    code: None,
                    key: group.key.cloned(),
                    operations: operations.iter().map(index).collect(),
                    told: operations.iter().map(|place| operation(place).brief()).collect(),
                    named: story.named.iter().map(index).collect(),
                    edges: story.edges.clone(),
                    why: story.why.clone(),
                    attempt: story.attempt.clone(),
                });
            }
            Judged::Unknown { reason, known } => {
                self.stop = reason;
                let mut undecided = json!({
                    "key": group.key, "operations": group.operations.len(), "explained": known.explained,
                    "stuck": known.stuck.iter().map(index).collect::<Vec<_>>(),
                });
                if let Some(attempt) = &known.attempt
                    && self.undecided.len() < ATTEMPTS
                {
                    (undecided["attempt"], undecided["why"]) = (json!(attempt), json!(known.why));
                }
                self.undecided.push(undecided);
            }
        }
    }

    fn name(&self) -> CheckName {
        match self.reading {
            Some(_) => CheckName::Bounds,
            None => CheckName::Linearizability,
        }
    }

    fn verdict(&self) -> Verdict {
        match (self.violations.is_empty(), self.undecided.is_empty()) {
            (false, _) => Verdict::Violation,
            (true, true) if self.vacuous().is_none() => Verdict::Pass,
            (true, _) => Verdict::Inconclusive,
        }
    }

    /// Why the history proves nothing, however it was made (`proved`).
    fn vacuous(&self) -> Option<Vacuous> {
        match (self.succeeded, self.reading) {
            _ if self.unobserved < self.keys => None,
            (0, _) => Some(Vacuous::NothingSucceeded),
            (_, Some(_)) => Some(Vacuous::NothingCompared),
            (_, None) => Some(Vacuous::NothingObserved),
        }
    }

    fn proved(&self, verdict: Verdict, header: &Header) -> Proved {
        match (verdict, self.reading) {
            (Verdict::Violation, _) => Proved::Counterexample,
            (Verdict::Inconclusive, _) => Proved::Nothing {
                vacuous: self.vacuous().filter(|_| self.undecided.is_empty()),
            },
            (Verdict::Pass, Some(analysis)) => Proved::Bounds { analysis },
            (Verdict::Pass, None) => Proved::LegalOrder {
                replayed: self.replayed == self.keys,
                real_time: !header.completions_alone,
            },
        }
    }

    fn check(self, header: &Header, model: &Model, options: &Options) -> Check {
        let verdict = self.verdict();
        let mut details = json!({
            "model": model.name, "proof": self.proved(verdict, header),
            "analysis": self.reading.map_or(json!("linearizable"), |reading| json!(reading)),
            "initial": model.start.of(&header.initial), "keys": self.keys, "operations": self.operations,
            "keys_unobserved": self.unobserved, "decided_by": self.engines, "undecided": self.undecided,
        });
        if verdict == Verdict::Violation {
            // Beside their violations, too; here they are for readers of results.json as it was at first.
            let attempts = self.violations.iter().map(|violation| &violation.attempt);
            details["attempts"] = json!(attempts.collect::<Vec<_>>());
        }
        let note = self.note.as_ref().filter(|_| verdict == Verdict::Pass);
        let check = Check {
            name: self.name(),
            verdict,
            reason: self.reason(verdict) + &note.map_or(String::new(), |note| format!("; {note}")),
            details,
            violations: self.violations,
        };
        certified(without_time(check, header), options)
    }

    fn reason(&self, verdict: Verdict) -> String {
        let Summary { keys, operations, .. } = self;
        let of_keys = if *keys == 1 {
            "on 1 key".to_owned()
        } else {
            format!("on {keys} keys")
        };
        match verdict {
            Verdict::Pass => match self.reading {
                Some(reading) => format!("{operations} operations {of_keys}: {}", reading.holds()),
                None => format!("{operations} operations {of_keys} have a legal order"),
            },
            Verdict::Violation => {
                let wrong = self.violations.len();
                let first = self.violations.first();
                let key: Option<&Value> = first.and_then(|violation| violation.key.as_ref());
                let which = key.map_or(String::new(), |key| format!(", first {key}"));
                let proof = match first.map_or(0, |violation| violation.operations.len()) {
                    0 => String::new(),
                    few => format!(": {few} operations prove it"),
                };
                let what = match self.reading {
                    None => "no legal order for".to_owned(),
                    Some(reading) => format!("{} finds a violation on", reading.name()),
                };
                format!("{what} {wrong} of {keys} keys{which}{proof}")
            }
            Verdict::Inconclusive => match self.vacuous().filter(|_| self.undecided.is_empty()) {
                Some(vacuous) => vacuous.told(*operations),
                None => format!(
                    "{} of {keys} keys were undecided when {} ended the check",
                    self.undecided.len(),
                    self.stop
                ),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, header, history};

    fn why(text: &str) -> String {
        let check = check("cas-register", &history(text));
        assert_eq!(check.verdict, Verdict::Violation, "{}", check.reason);
        check.violations[0].why.clone()
    }

    #[test]
    fn a_proof_is_a_cycle_with_its_reasons() {
        let proof = "Let
  T1 = write 1 by process 0 (#0 at 0.000 ms, ok #1 at 1.000 ms)
  T2 = write 2 by process 0 (#2 at 2.000 ms, ok #3 at 3.000 ms)
  T3 = read 1 by process 1 (#4 at 4.000 ms, ok #5 at 5.000 ms)
Then
  - T2 must come before T1, because T2 comes before T3 (T2 had completed before T3 was invoked), which still saw what T1 wrote,
  - however, T1 must come before T2, because T1 had completed before T2 was invoked: a contradiction.";
        assert_eq!(why("0 w 1, 0 w: 1, 0 w 2, 0 w: 2, 1 r, 1 r: 1"), proof);
    }

    #[test]
    fn a_value_from_nowhere_and_one_from_a_failed_write_are_said() {
        assert!(
            why("0 r, 0 r: 3").ends_with(
                "no operation wrote it, and it is not the initial value, which was taken as null."
            )
        );
        let failed = why("0 w 3, 0 w! 3, 1 r, 1 r: 3");
        assert!(
            failed.contains("the only operation that wrote it failed: write 3 by process 0"),
            "{failed}"
        );
        assert!(failed.ends_with("the history would pass."), "{failed}");
    }

    #[test]
    fn two_cas_of_one_value_are_a_lost_update() {
        let proof = why("0 w 1, 0 w: 1, 0 c 1>2, 1 c 1>3, 0 c: 1>2, 1 c: 1>3");
        assert!(
            proof.contains("T3 must come before T2") && proof.contains("T2 must come before T3"),
            "{proof}"
        );
        assert!(proof.ends_with("a contradiction."), "{proof}");
    }

    #[test]
    fn what_means_nothing_is_an_error_with_its_event() {
        let error = |text: &str, keyed: bool| {
            let model = crate::models::find("register").unwrap();
            let (options, budget) = (Options::default(), Budget::unlimited());
            linearizability(&header(keyed), &history(text), model, &options, &budget).unwrap_err()
        };
        assert!(matches!(
            error("0 w 1, 0 w 2", false),
            HistoryError::TwoInFlight {
                index: 1,
                open: 0,
                ..
            }
        ));
        assert!(matches!(
            error("0 w 1, 1 w: 1", false),
            HistoryError::NotInvoked { index: 1, .. }
        ));
        assert!(matches!(
            error("0 w 1, 0 r: 1", false),
            HistoryError::Mismatch {
                index: 1,
                field: "f",
                ..
            }
        ));
        assert!(matches!(
            error("0 w 1 @a, 0 w: 1 @b", true),
            HistoryError::Mismatch { field: "key", .. }
        ));
        assert!(matches!(
            error("0 w 1, 0 w: 1", true),
            HistoryError::NoKey { index: 0 }
        ));
        assert!(matches!(
            error("0 push 1, 0 push: 1", false),
            HistoryError::UnknownF { index: 0, .. }
        ));
        assert!(matches!(
            error("0 c 1, 0 c! 1", false),
            HistoryError::BadValue { index: 0, .. }
        ));
    }

    #[test]
    fn one_broken_key_is_a_violation_and_is_named() {
        let text = "0 w 1 @a, 0 w: 1 @a, 1 r @b, 1 r: 7 @b, 2 r @a, 2 r: 1 @a";
        let model = crate::models::find("register").unwrap();
        let budget = Budget::unlimited();
        let check =
            linearizability(&header(true), &history(text), model, &Options::default(), &budget).unwrap();
        assert_eq!((check.verdict, check.violations.len()), (Verdict::Violation, 1));
        assert_eq!(check.violations[0].key, Some(Value::from("b")));
        assert_eq!(
            (check.violations[0].operations.clone(), budget.progress()),
            (vec![2], (2, 2))
        );
    }

    #[test]
    fn the_beginning_of_a_run_passes_with_what_is_in_flight() {
        let events = history("0 w 1, 0 w: 1, 0 w 2, 1 r, 1 r: 2, 1 r, 2 w 3");
        assert_eq!(check("register", &events).verdict, Verdict::Pass);
    }
}
