//! JUnit XML for CI: a case for each check, and for each class of a guided schedule's cycles.
//!
//! A violation is a `failure`. What is inconclusive is an `error`: JUnit's `skipped` counts as green in most CI
//! systems, and nothing is green without proof.

use checker::{CheckName, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use runs::record::Results;

use super::outcome::Outcome;

/// The document: a suite for each outcome.
///
/// # Errors
/// The XML could not be written.
pub(crate) fn render(outcomes: &[Outcome]) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("harness");
    for outcome in outcomes {
        report.add_test_suite(suite(outcome));
    }
    report.to_string()
}

fn suite(outcome: &Outcome) -> TestSuite {
    let mut suite = TestSuite::new(outcome.name.as_str());
    let class = outcome.class();
    let mut cases = Vec::new();
    let mut add = |name: &str, verdict: Verdict, reason: &str, text: &str| {
        suite.add_test_case(case(&class, name, verdict, reason, text));
    };
    match &outcome.results {
        Err(failure) => {
            let reason = failure.to_string();
            let case = TestCase::new("run", broken(&reason));
            suite.add_test_case(case);
        }
        Ok(results) => {
            for check in &results.checks {
                let proofs = proofs(results, check.name);
                add(check.name.as_str(), check.verdict, &check.reason, &proofs);
            }
            for check in &results.not_applicable {
                let mut status = TestCaseStatus::skipped();
                status.set_message(check.reason.as_str());
                let mut case = TestCase::new(check.name.as_str(), status);
                case.set_classname(class.as_str());
                cases.push(case);
            }
            for cycles in outcome.cycles() {
                add(
                    &format!("cycles {}", cycles.class),
                    cycles.verdict,
                    &cycles.reason,
                    "",
                );
            }
        }
    }
    suite.add_test_cases(cases);
    suite
}

fn case(class: &str, name: &str, verdict: Verdict, reason: &str, text: &str) -> TestCase {
    let status = match verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Violation => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("violation").set_message(reason);
            if !text.is_empty() {
                status.set_description(text);
            }
            status
        }
        Verdict::Inconclusive => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("inconclusive").set_message(reason);
            status
        }
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    if verdict == Verdict::Pass {
        case.set_system_out(reason);
    }
    case
}

fn broken(reason: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("broken").set_message(reason);
    status
}

/// The proofs of a check's violations, one after the other.
fn proofs(results: &Results, check: CheckName) -> String {
    let of_check = results
        .violations
        .iter()
        .filter(|violation| violation.check == check);
    of_check
        .map(|violation| violation.why.as_str())
        .collect::<Vec<_>>()
        .join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::outcome::testing::{broken, judged};

    #[test]
    fn what_is_not_proved_is_never_a_success() {
        let xml = render(&[
            judged(Verdict::Violation),
            judged(Verdict::Inconclusive),
            judged(Verdict::Pass),
        ])
        .unwrap();
        assert!(
            xml.contains("<failure") && xml.contains(r#"type="violation""#),
            "{xml}"
        );
        assert!(
            xml.contains(r#"failures="1""#) && xml.contains(r#"errors="1""#),
            "{xml}"
        );
        assert!(!xml.contains("<skipped"), "{xml}");
        let xml = render(&[broken("n1 did not start")]).unwrap();
        assert!(
            xml.contains("n1 did not start") && xml.contains(r#"errors="1""#),
            "{xml}"
        );
    }

    #[test]
    fn what_a_history_says_is_text() {
        let mut hostile = judged(Verdict::Violation);
        hostile.name = "<a href='\"&\">".to_owned();
        let xml = render(&[hostile]).unwrap();
        let again = Report::deserialize_from_str(&xml).unwrap();
        assert_eq!(again.test_suites[0].name.as_str(), "<a href='\"&\">");
    }
}
