//! A selftest as JUnit XML: a case for each bug, and for each case of the correct system.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use runs::ending::Ending;

use super::finding::Finding;
use super::summary::{Row, Standing, Summary};

/// The document.
///
/// # Errors
/// The XML could not be written.
pub(crate) fn render(summary: &Summary) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("harness selftest");
    for (name, rows) in [("bugs", &summary.bugs), ("correct", &summary.correct)] {
        if rows.is_empty() {
            continue;
        }
        let mut suite = TestSuite::new(name);
        rows.iter().for_each(|row| {
            suite.add_test_case(case(name, row));
        });
        report.add_test_suite(suite);
    }
    report.to_string()
}

/// A miss or an alarm is a failure; what proves nothing is an error, never a success.
fn case(class: &str, row: &Row) -> TestCase {
    let bad = |kind: NonSuccessKind, word: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status
            .set_type(word)
            .set_message(told(row))
            .set_description(reasons(row));
        status
    };
    let status = match row.standing {
        Standing::Good => TestCaseStatus::success(),
        Standing::Bad if row.bug.is_some() => bad(NonSuccessKind::Failure, "missed"),
        Standing::Bad => bad(NonSuccessKind::Failure, "alarm"),
        Standing::Broken => bad(NonSuccessKind::Error, "broken"),
        Standing::Unproved | Standing::Interrupted => bad(NonSuccessKind::Error, "inconclusive"),
    };
    let case_name = row.case.describe();
    let name = row
        .bug
        .map_or(case_name.clone(), |bug| format!("{bug} under {case_name}"));
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("selftest.{class}"));
    if row.standing == Standing::Good {
        case.set_system_out(told(row));
    }
    case
}

fn told(row: &Row) -> String {
    let runs = row.runs.len();
    match row.bug {
        Some(_) => format!("caught in {} of {runs} runs", row.count(Ending::Caught)),
        None => format!(
            "passed {} of {runs} runs, armed in {}",
            row.count(Ending::Clean),
            row.armed()
        ),
    }
}

fn reasons(row: &Row) -> String {
    let not_good = row.runs.iter().filter(|run| !run.is_good());
    let line = |run: &Finding| {
        let reason = run.reason.as_deref().unwrap_or("it was not run");
        format!("{}\n  {reason}", run.command)
    };
    not_good.map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::summary::testing::row;
    use super::*;

    #[test]
    fn a_miss_is_a_failure_and_what_proves_nothing_an_error() {
        let summary = Summary {
            selftest: 1,
            exit: 1,
            bugs: vec![
                row(Some("a"), &[Ending::Caught]),
                row(Some("b"), &[Ending::Missed]),
            ],
            correct: vec![row(None, &[Ending::Unarmed])],
            took: Duration::ZERO,
        };
        let xml = render(&summary).unwrap();
        assert!(
            xml.contains(r#"failures="1""#) && xml.contains(r#"errors="1""#),
            "{xml}"
        );
        assert!(
            xml.contains(r#"type="missed""#) && xml.contains(r#"type="inconclusive""#),
            "{xml}"
        );
        assert!(xml.contains("caught in 1 of 1 runs") && xml.contains("harness run --nemesis figure8"));
    }
}
