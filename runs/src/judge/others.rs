//! What other tools leave beside a history: the test's name, and what their own checkers said. Neither changes a verdict of ours.

use std::path::Path;

use checker::Verdict;
use histories::Header;
use histories::format::{self, Claim};

/// Of models that fit the operations, those that the test is named after: `store/etcd append/<time>` is of `list-append`.
pub(super) fn named_after<'a>(path: &Path, candidates: Vec<&'a str>) -> Vec<&'a str> {
    let Some(test) = test_name(path).filter(|_| candidates.len() > 1) else {
        return candidates;
    };
    let words: Vec<&str> = test.split(|letter: char| !letter.is_alphanumeric()).collect();
    let is_named = |model: &&&str| model.split('-').all(|part| words.contains(&part));
    let is_meant = |model: &&&str| model.split('-').any(|part| words.contains(&part));
    let among = |fits: &dyn Fn(&&&str) -> bool| {
        candidates
            .iter()
            .filter(|each| fits(each))
            .copied()
            .collect::<Vec<_>>()
    };
    match (among(&is_named), among(&is_meant)) {
        (named, _) if named.len() == 1 => named,
        (_, meant) if meant.len() == 1 => meant,
        _ => candidates,
    }
}

/// The folder above that of a run, in Jepsen's store; links such as `latest` are followed.
fn test_name(path: &Path) -> Option<String> {
    let run = path.is_dir().then(|| path.canonicalize().ok()).flatten()?;
    let test = run.parent()?.file_name()?.to_str()?;
    Some(test.to_lowercase())
}

/// What is to be known beside the verdict on a history that another tool left.
pub(super) fn notes(path: &Path, header: &Header, verdict: Verdict) -> Vec<String> {
    const NO_TIME: &str =
        "the history has no order in time: it was held to serializable, not to strict-serializable";
    let kept = format::notes(header).map(str::to_owned);
    let no_time = (!format::has_real_time(header)).then(|| NO_TIME.to_owned());
    kept.chain(no_time).chain(note(path, verdict)).collect()
}

/// What the tool that left this folder said of the same history, in a sentence.
fn note(path: &Path, verdict: Verdict) -> Option<String> {
    if !path.is_dir() {
        return None;
    }
    match format::claim(path) {
        Ok(claim) => claim.map(|claim| compared(&claim, verdict)),
        Err(error) => Some(format!(
            "what Jepsen said of this test could not be read: {error}"
        )),
    }
}

fn compared(claim: &Claim, verdict: Verdict) -> String {
    let file = claim.file.file_name().unwrap_or_default().to_string_lossy();
    let checks = match claim.invalid.as_slice() {
        [] => String::new(),
        invalid => format!(" (false: {})", invalid.join(", ")),
    };
    let said = format!("{file} says :valid? {}{checks}", claim.valid);
    match (claim.valid.as_str(), verdict) {
        ("true", Verdict::Pass) | ("false", Verdict::Violation) => format!("{said}, and so does this check"),
        ("true", Verdict::Violation) => format!("DISAGREEMENT: {said}, and this check found a violation"),
        ("false", Verdict::Pass) => format!(
            "DISAGREEMENT: {said}, and this check passes; Jepsen's may have looked at more than the operations"
        ),
        (_, Verdict::Inconclusive) => format!("{said}; this check decided nothing"),
        _ => format!("{said}, which decides nothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{JudgeError, Limits, file};

    /// What comes of a folder with these files.
    fn judged(files: &[(&str, &str)]) -> Result<(Verdict, Vec<String>), JudgeError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let results = file(folder.path(), &Limits::default())?;
        Ok((results.verdict, results.notes))
    }

    const WRITTEN: &str =
        "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n";
    const STALE: &str =
        "{:process 0, :type :invoke, :f :read, :value nil}\n{:process 0, :type :ok, :f :read, :value 2}\n";

    #[test]
    fn a_folder_of_jepsen_is_judged_and_compared() {
        let results = "{:stats {:valid? true}, :linear {:valid? false, :op #jepsen.history.Op{:index 3}}, :valid? false}";
        let history = [WRITTEN, STALE].concat();
        let (verdict, notes) = judged(&[("history.edn", &history), ("results.edn", results)]).unwrap();
        assert_eq!(verdict, Verdict::Violation);
        assert_eq!(
            notes,
            ["results.edn says :valid? false (false: linear), and so does this check"]
        );
        let (_, notes) = judged(&[("history.edn", &history), ("results.edn", "{:valid? true}")]).unwrap();
        assert!(
            notes[0].starts_with("DISAGREEMENT: results.edn says :valid? true"),
            "{notes:?}"
        );
        let (verdict, notes) = judged(&[("history.edn", &history), ("results.edn", "{:valid? ")]).unwrap();
        assert_eq!(verdict, Verdict::Violation);
        assert!(
            notes[0].starts_with("what Jepsen said of this test could not be read: "),
            "{notes:?}"
        );
        assert!(notes[0].contains("results.edn:1:"), "{notes:?}");
    }

    #[test]
    fn the_first_of_its_histories_is_read() {
        let rows = "0\t:invoke\t:read\tnil\n0\t:ok\t:read\t7\n";
        let other = "nothing";
        let (verdict, notes) = judged(&[
            ("history.txt", rows),
            ("test.jepsen", other),
            ("jepsen.log", other),
        ])
        .unwrap();
        assert_eq!(verdict, Verdict::Violation);
        assert!(
            notes[0].contains("test.jepsen: byte 0: expected JEPSEN"),
            "{notes:?}"
        );
        let log = "2026-11-23 17:02:10,117{GMT}\tINFO\t[jepsen worker 0] jepsen.util: 0\t:invoke\t:read\tnil\n\
                   2026-11-23 17:02:10,118{GMT}\tINFO\t[jepsen worker 0] jepsen.util: 0\t:ok\t:read\t7\n";
        assert_eq!(
            judged(&[("jepsen.log", log)]).unwrap(),
            (Verdict::Violation, vec![])
        );
    }

    #[test]
    fn a_folder_without_a_history_says_what_was_looked_for() {
        let said = judged(&[("notes.txt", "")]).unwrap_err().to_string();
        let expected = " holds no history; what was looked for: run.json (a run of this harness); history.edn, history.txt, \
                        test.jepsen, jepsen.log (a test in Jepsen's store); client-*/operations.json (a report of etcd's \
                        robustness tests); T*.log (logs of Cobra)";
        assert!(said.ends_with(expected), "{said}");
    }

    #[test]
    fn without_an_order_in_time_strictness_is_not_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.txt");
        // In another order than that of the file.
        std::fs::write(&path, "r(1,5,0,0)\nw(1,5,1,1)\nr(1,0,2,2)\n").unwrap();
        let results = file(&path, &Limits::default()).unwrap();
        assert_ne!(results.verdict, Verdict::Violation);
        assert!(
            results.notes[0].starts_with("the history has no order in time"),
            "{:?}",
            results.notes
        );
    }

    #[test]
    fn a_disagreement_is_said() {
        let claim = |valid: &str, invalid: &[&str]| Claim {
            file: "store/t/latest/results.edn".into(),
            valid: valid.to_owned(),
            invalid: invalid.iter().map(|&name| name.to_owned()).collect(),
        };
        let said = compared(&claim("true", &[]), Verdict::Violation);
        assert_eq!(
            said,
            "DISAGREEMENT: results.edn says :valid? true, and this check found a violation"
        );
        let said = compared(&claim("false", &["stats", "perf"]), Verdict::Pass);
        assert!(
            said.starts_with("DISAGREEMENT: results.edn says :valid? false (false: stats, perf), and"),
            "{said}"
        );
        let said = compared(&claim("true", &[]), Verdict::Pass);
        assert_eq!(said, "results.edn says :valid? true, and so does this check");
        assert!(compared(&claim(":unknown", &[]), Verdict::Pass).ends_with("which decides nothing"));
        assert!(compared(&claim("true", &[]), Verdict::Inconclusive).ends_with("decided nothing"));
    }

    #[test]
    fn a_test_names_its_model_where_several_fit() {
        let folder = tempfile::tempdir().unwrap();
        let run = |test: &str| {
            let run = folder.path().join(test).join("20261129T200000");
            std::fs::create_dir_all(&run).unwrap();
            run
        };
        let sets = vec!["set", "set-full"];
        assert_eq!(named_after(&run("tidb set"), sets.clone()), ["set"]);
        assert_eq!(named_after(&run("tidb set-full txn"), sets.clone()), sets);
        assert_eq!(named_after(&run("a bank"), sets.clone()), sets);
        let queues = vec!["fifo-queue", "unordered-queue"];
        assert_eq!(named_after(&run("Unordered x"), queues), ["unordered-queue"]);
    }
}
