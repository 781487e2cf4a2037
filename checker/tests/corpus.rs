//! Every history of the corpus gets the verdict of its index.
//!
//! The corpus is looked for in `HARNESS_CORPUS`, else beside the checkout. Where there is none the test says so
//! and passes, unless `HARNESS_CORPUS_REQUIRED` is set.

#![allow(clippy::disallowed_methods, reason = "the corpus lies in files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use checker::{Budget, Engine, FailedCas, Options, Verdict, linearizability, models};
use histories::format;

fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("HARNESS_CORPUS").map_or_else(beside, PathBuf::from);
    folder.join("index.tsv").exists().then_some(folder)
}

/// The models of the index by our names.
fn model(name: &str) -> &str {
    match name {
        "etcd-cas-register" => "cas-register",
        other => other,
    }
}

#[test]
fn every_history_gets_its_verdict() {
    let Some(corpus) = corpus() else {
        assert!(
            std::env::var_os("HARNESS_CORPUS_REQUIRED").is_none(),
            "there is no corpus"
        );
        println!("skipped: there is no corpus; HARNESS_CORPUS names its folder");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("index.tsv")).unwrap();
    let mut judged: BTreeMap<&str, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [path, name, _, _, _, expected] = columns[..] else {
            panic!("{line}: not six columns")
        };
        let Some(model) = models::find(model(name)) else {
            *judged.entry("without a model").or_default() += 1;
            continue;
        };
        let imported = format::read_path(corpus.join(path), &format::Options::default()).unwrap();
        let implied = imported.model_hint.as_deref().map(|hint| vec![hint]);
        match implied.unwrap_or_else(|| models::suggested(&imported.history.events))[..] {
            [only] if only == model.name || (only, model.name) == ("register", "cas-register") => {}
            ref other => wrong.push(format!("{path}: without --model it would be {other:?}")),
        }
        for failed_cas in [FailedCas::DidNotHappen, FailedCas::Observation] {
            for engine in [Engine::Auto, Engine::Search] {
                let options = Options {
                    failed_cas,
                    engine,
                    certify: name != "bank",
                    ..Options::default()
                };
                let mut history = imported.history.clone();
                if name == "multi-register" {
                    // Knossos's own test starts it so.
                    history.header.initial = 0.into();
                }
                let budget = Budget::new(50_000_000, 1 << 30);
                let check = linearizability(&history.header, &history.events, model, &options, &budget);
                let verdict = check.as_ref().map(|check| check.verdict);
                let right = match expected {
                    // Nobody reads this counter, so it proves nothing, whatever its tool says.
                    "valid" if name == "counter" => verdict == Ok(Verdict::Inconclusive),
                    "valid" => verdict == Ok(Verdict::Pass),
                    "invalid" => verdict == Ok(Verdict::Violation),
                    other => panic!("{path}: {other} is no verdict"),
                };
                // Where a failed cas is an observation, Knossos's histories may get another verdict.
                if !right && (failed_cas == FailedCas::DidNotHappen || name == "etcd-cas-register") {
                    wrong.push(format!("{path} {failed_cas:?} {engine:?}: {check:?}"));
                }
            }
        }
        *judged.entry(name).or_default() += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let lines = index.lines().count() as u32 - 1;
    println!("{judged:?}");
    assert_eq!(judged.values().sum::<u32>(), lines, "a file was forgotten");
}
