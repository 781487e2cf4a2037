//! What CI is given: results.json by its schema, JUnit XML, annotations, a job summary, and never a false green.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{Ended, Lab};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Panics unless the document is as docs/results.schema.json says.
pub fn assert_by_schema(results: &serde_json::Value) {
    let schema = std::fs::read_to_string(root().join("docs/results.schema.json")).unwrap();
    let schema = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(results)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}\n{results}");
}

#[test]
fn every_history_of_the_corpus_gives_results_by_the_schema() {
    let mut files = 0;
    for folder in ["good", "bad"] {
        for entry in std::fs::read_dir(root().join("histories/corpus").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let ended = Lab::new().harness(&format!("check --json {}", path.display()));
            assert_by_schema(&ended.json());
            files += 1;
        }
    }
    assert!(files > 10, "{files}");
    let wrong = serde_json::json!({"results": 1, "verdict": "perhaps"});
    assert!(std::panic::catch_unwind(|| assert_by_schema(&wrong)).is_err());
}

/// Panics unless the file is as docs/junit.xsd says. Where there is no xmllint it says so; `HARNESS_XMLLINT_REQUIRED=1` makes that
/// an error.
pub fn assert_by_xsd(xml: &Path) {
    let ended = by_xsd(xml);
    assert!(
        ended.as_ref().is_none_or(|ended| ended.exit == 0),
        "{}\n{}",
        ended.map_or(String::new(), |ended| ended.stderr),
        std::fs::read_to_string(xml).unwrap()
    );
}

fn by_xsd(xml: &Path) -> Option<Ended> {
    let schema = root().join("docs/junit.xsd");
    let mut xmllint = Command::new("xmllint");
    match xmllint
        .args(["--noout", "--schema"])
        .arg(schema)
        .arg(xml)
        .output()
    {
        Ok(output) => Some(Ended::from(output)),
        Err(error) => {
            let required = std::env::var_os("HARNESS_XMLLINT_REQUIRED").is_some();
            assert!(!required, "HARNESS_XMLLINT_REQUIRED is set: xmllint: {error}");
            // Past the test runner, which would keep it to itself.
            let skipped = b"SKIPPED: JUnit against its schema; apt-get install libxml2-utils\n";
            std::io::stderr().write_all(skipped).unwrap();
            None
        }
    }
}

#[test]
fn junit_is_as_its_schema_says_whatever_a_history_is_called_or_says() {
    let lab = Lab::new();
    let junit = lab.folder.path().join("junit.xml");
    // Names and keys that would end an attribute or a text, and a character that XML cannot have.
    let hostile = "<a href='\"&\">]]>\u{1}";
    let stale = std::fs::read_to_string(root().join("histories/corpus/bad/stale-read.jsonl")).unwrap();
    let key = serde_json::to_string(hostile).unwrap();
    let keyed = stale
        .replace("\"keyed\":false", "\"keyed\":true")
        .replace("\"f\":", &format!("\"key\":{key},\"f\":"));
    let path = lab
        .folder
        .path()
        .join(format!("{}.jsonl", hostile.replace('/', "")));
    std::fs::write(&path, keyed).unwrap();
    let mut check = lab.command("check");
    let output = check.arg("--junit").arg(&junit).arg(&path).arg("nowhere.jsonl");
    let output = output.output().unwrap();
    Ended::from(output).with(254);
    assert_by_xsd(&junit);
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("<failure ") && xml.contains("&lt;a href"), "{xml}");

    // Faults that never happened: inconclusive, an error there.
    let words =
        "run --nemesis kill --interval 60s --nodes 3 --duration 1s --clients 2 --seed 3 --quiet --junit";
    lab.harness(&format!("{words} {}", junit.display())).with(2);
    assert_by_xsd(&junit);
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("type=\"inconclusive\""), "{xml}");

    // And the schema bites.
    for (is, wrong) in [("type=\"inconclusive\"", "type=\"maybe\""), ("errors=", "fatal=")] {
        std::fs::write(&junit, xml.replace(is, wrong)).unwrap();
        assert!(by_xsd(&junit).is_none_or(|ended| ended.exit != 0), "{wrong}");
    }
}

#[test]
fn junit_and_github_are_told_of_what_is_not_green() {
    let lab = Lab::new();
    let junit = lab.folder.path().join("junit.xml");
    let summary = lab.folder.path().join("summary.md");
    let corpus = root().join("histories/corpus");
    let words = format!(
        "check --github --junit {} {} {} {}",
        junit.display(),
        corpus.join("good/cas.jsonl").display(),
        corpus.join("bad/stale-read.jsonl").display(),
        lab.folder.path().join("nowhere.jsonl").display(),
    );
    let output = lab
        .command(&words)
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .unwrap();
    let ended = Ended::from(output).with(254);
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert_by_xsd(&junit);
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    let counts = (report.test_suites.len(), report.failures, report.errors);
    assert_eq!(counts, (3, 1, 1), "{xml}");
    let annotations: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("::error"))
        .collect();
    assert_eq!(annotations.len(), 2, "{}", ended.stderr);
    let summary = std::fs::read_to_string(&summary).unwrap();
    assert!(
        summary.contains("VIOLATION") && summary.contains("PASS") && summary.contains("BROKEN"),
        "{summary}"
    );
}

#[test]
fn a_run_that_could_not_be_done_is_an_error_in_junit() {
    let lab = Lab::new();
    let junit = lab.folder.path().join("junit.xml");
    std::fs::write(lab.store(), "a file is no folder").unwrap();
    lab.harness(&format!("run --duration 1s --junit {}", junit.display()))
        .with(255);
    assert_by_xsd(&junit);
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains(r#"errors="1""#) && xml.contains("store"), "{xml}");
}

#[test]
fn a_gate_compares_like_with_like() {
    let lab = Lab::new();
    for nodes in [3, 5] {
        let words =
            format!("run --nemesis none --nodes {nodes} --duration 1s --clients 3 --rate 300 --quiet");
        lab.harness(&words);
        let latest = std::fs::canonicalize(lab.store().join("latest")).unwrap();
        std::fs::rename(latest, lab.store().join(format!("of-{nodes}"))).unwrap();
    }
    let three = lab.store().join("of-3").display().to_string();
    let five = lab.store().join("of-5").display().to_string();
    let same = lab.harness(&format!("gate {three} --baseline {three} --json"));
    let figures = same.json()["figures"].as_array().unwrap().clone();
    assert!(
        figures.len() == 4 && figures.iter().all(|row| row["verdict"] == "pass"),
        "{figures:?}"
    );
    let ended = lab.harness(&format!("gate {three} --baseline {five}")).with(254);
    assert!(ended.stderr.contains("--nodes"), "{}", ended.stderr);
    // What was no pass itself is no baseline.
    let results = lab.store().join("of-3/results.json");
    let passed = std::fs::read_to_string(&results).unwrap();
    std::fs::write(
        &results,
        passed.replace("\"verdict\": \"pass\"", "\"verdict\": \"violation\""),
    )
    .unwrap();
    let good = lab.store().join("good");
    std::fs::create_dir(&good).unwrap();
    for file in ["history.jsonl", "run.json"] {
        std::fs::copy(lab.store().join("of-3").join(file), good.join(file)).unwrap();
    }
    std::fs::write(good.join("results.json"), &passed).unwrap();
    let ended = lab
        .harness(&format!("gate {} --baseline {three}", good.display()))
        .with(2);
    assert!(ended.stdout.contains("a baseline is no pass"), "{}", ended.stdout);
    std::fs::write(&results, passed).unwrap();
    // A baseline that was ten times as quick.
    let run = lab.store().join("of-3/run.json");
    let text = std::fs::read_to_string(&run).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    record["recovery"]["recovered"] =
        (record["recovery"]["healed"].as_u64().unwrap() + 60_000_000_000).into();
    let slow = lab.store().join("slow");
    std::fs::create_dir(&slow).unwrap();
    for file in ["history.jsonl", "results.json"] {
        std::fs::copy(lab.store().join("of-3").join(file), slow.join(file)).unwrap();
    }
    std::fs::write(slow.join("run.json"), record.to_string()).unwrap();
    let ended = lab
        .harness(&format!("gate {} --baseline {three}", slow.display()))
        .with(1);
    assert!(ended.stdout.contains("WORSE"), "{}", ended.stdout);
}
