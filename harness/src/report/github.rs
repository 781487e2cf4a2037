//! GitHub Actions: an annotation for whatever is not green, and a job summary in Markdown.
//!
//! Workflow commands: `::error title=…::message`, with `%`, line ends, and in properties `:` and `,` percent-encoded
//! (GitHub, "Workflow commands for GitHub Actions").

use std::fmt::Write;

use checker::{Check, Verdict};
use runs::record::Results;

use super::outcome::Outcome;
use super::style::word;
use crate::flags::again;

/// The annotations, a line each.
pub(crate) fn annotations(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        match &outcome.results {
            Err(failure) => annotation(&mut out, "error", &outcome.name, &failure.to_string()),
            Ok(results) => results
                .checks
                .iter()
                .for_each(|check| annotate(&mut out, outcome, results, check)),
        }
    }
    out
}

fn annotate(out: &mut String, outcome: &Outcome, results: &Results, check: &Check) {
    let level = match check.verdict {
        Verdict::Pass => return,
        Verdict::Inconclusive => "warning",
        Verdict::Violation => "error",
    };
    let title = format!("{} {}: {}", check.name, word(check.verdict), outcome.class());
    let mut message = check.reason.clone();
    let mut violations = results.violations.iter();
    if let Some(first) = violations.find(|violation| violation.check == check.name) {
        let _ = write!(message, "\n{}", first.why);
    }
    if let Some(record) = &outcome.record {
        let _ = write!(message, "\nagain: {}", again(record));
    }
    annotation(out, level, &title, &message);
}

fn annotation(out: &mut String, level: &str, title: &str, message: &str) {
    let _ = writeln!(out, "::{level} title={}::{}", property(title), data(message));
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The job summary.
pub(crate) fn summary(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        let verdict = outcome.verdict().map_or("broken", word);
        let _ = writeln!(
            out,
            "### {}: {}\n",
            markdown(&outcome.class()),
            verdict.to_uppercase()
        );
        match &outcome.results {
            Err(failure) => {
                let _ = writeln!(out, "{}\n", markdown(&failure.to_string()));
            }
            Ok(results) => table(&mut out, outcome, results),
        }
    }
    out
}

fn table(out: &mut String, outcome: &Outcome, results: &Results) {
    out.push_str("| check | verdict | |\n| --- | --- | --- |\n");
    for check in &results.checks {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            markdown(check.name.as_str()),
            word(check.verdict),
            markdown(&check.reason)
        );
    }
    for check in &results.not_applicable {
        let reason = markdown(&check.reason);
        let _ = writeln!(out, "| {} | not applicable | {reason} |", check.name);
    }
    for cycles in outcome.cycles() {
        let _ = writeln!(
            out,
            "| cycles {} | {} | {} |",
            cycles.class,
            word(cycles.verdict),
            cycles.reason
        );
    }
    let operations = &results.operations;
    let _ = writeln!(
        out,
        "\n{} ok, {} fail, {} info; {} a second; longest outage {} ms\n",
        operations.ok, operations.fail, operations.info, operations.per_second, results.outage_longest_ms
    );
    for violation in results.violations.iter().take(1) {
        let _ = writeln!(
            out,
            "<details><summary>the proof</summary>\n\n<pre>{}</pre>\n\n</details>\n",
            html(&violation.why)
        );
    }
    if let Some(record) = &outcome.record {
        let _ = writeln!(out, "Again: `{}`\n", again(record));
    }
}

/// Text in a cell of a table: nothing in it is markup.
fn markdown(text: &str) -> String {
    let mut out = String::new();
    for letter in html(text).chars() {
        match letter {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' => out.extend(['\\', letter]),
            '\n' => out.push_str("<br>"),
            other => out.push(other),
        }
    }
    out
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::outcome::testing::{broken, judged};

    #[test]
    fn only_what_is_not_green_is_annotated() {
        assert_eq!(annotations(&[judged(Verdict::Pass)]), "");
        let lines = annotations(&[judged(Verdict::Violation), judged(Verdict::Inconclusive)]);
        let starts: Vec<&str> = lines.lines().map(|line| &line[..9]).collect();
        assert_eq!(starts, ["::error t", "::warning"]);
    }

    #[test]
    fn a_message_stays_on_its_line_and_a_property_in_its_place() {
        let line = annotations(&[broken("100 %\nlost")]);
        assert_eq!(
            line,
            "::error title=run::cannot start the runtime: 100 %25%0Alost\n"
        );
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }

    #[test]
    fn the_summary_shows_markup_as_text() {
        let mut hostile = judged(Verdict::Pass);
        if let Ok(results) = &mut hostile.results {
            results.checks[0].reason = "<script>|`x`\n".to_owned();
        }
        let summary = summary(&[hostile]);
        assert!(summary.contains("&lt;script&gt;\\|\\`x\\`<br> |"), "{summary}");
    }
}
