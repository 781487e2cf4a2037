//! Runs as earlier versions saved them (`tests/saved`): they are read, judged and shown as they were then.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::lab::Lab;

/// The saved runs: a file with what `inspect` said stands in each folder beside what the run left.
fn saved() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/saved");
    let mut runs: Vec<PathBuf> = std::fs::read_dir(all)
        .unwrap()
        .map(|run| run.unwrap().path())
        .collect();
    runs.sort();
    runs
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// A document without the name of its folder, which a copy does not share.
fn placeless(mut results: Value) -> Value {
    results["run"] = "RUN".into();
    results
}

/// Whether everything that was said is still said; fields may be added (docs/results.schema.json).
fn says(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => then
            .iter()
            .all(|(field, then)| now.get(field).is_some_and(|now| says(now, then))),
        (Value::Array(now), Value::Array(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| says(now, then))
        }
        _ => now == then,
    }
}

#[test]
fn a_run_that_was_saved_before_is_judged_and_shown_as_it_was() {
    let runs = saved();
    assert_eq!(runs.len(), 5, "{runs:?}");
    for saved in runs {
        let lab = Lab::new();
        let run = lab.store().join("saved").join(saved.file_name().unwrap());
        copy(&saved, &run);
        let name = run.display();
        let text = std::fs::read_to_string(saved.join("results.json")).unwrap();
        // A proof that rests on the start names it.
        let text = text.replace(
            "still saw the initial value,",
            "still saw the initial value null,",
        );
        let mut then = placeless(serde_json::from_str(&text).unwrap());
        // Balances that add up were once called a legal order, which nobody had looked for.
        for check in then["checks"].as_array_mut().unwrap() {
            if check["details"]["model"] == "bank" {
                let fields = check.as_object_mut().unwrap();
                (fields["name"], fields["reason"]) = (
                    "bounds".into(),
                    "122 operations on 15 keys: each read adds up to the total, as Jepsen's bank looks at it"
                        .into(),
                );
            }
        }
        let exit = then["exit"].as_i64().unwrap() as i32;

        let shown = lab.harness(&format!("inspect {name}")).with(0).stdout;
        // Faults lasted three seconds then if nobody said otherwise, which the command to repeat it now says.
        let shown = shown
            .replace(&name.to_string(), "RUN")
            .replace(" --interval 3s", "");
        let wanted = std::fs::read_to_string(saved.join("inspect.txt")).unwrap();
        assert_eq!(shown, wanted, "{name}");

        let judged = lab.command(&format!("check {name} --json")).output().unwrap();
        let now = placeless(crate::lab::Ended::from(judged).with(exit).json());
        assert!(says(&now, &then), "{name}\n{now:#}\n{then:#}");

        lab.harness(&format!("report {name}")).with(0);
        assert!(run.join("report.html").is_file(), "{name}");
        let listed = lab.harness("list runs").with(0).stdout;
        assert!(listed.contains(then["verdict"].as_str().unwrap()), "{listed}");
    }
}

#[test]
fn what_a_system_never_promised_to_tell_is_no_reason_to_doubt_it() {
    let lab = Lab::new();
    let run = lab.store().join("saved").join("unguided");
    copy(&saved().pop().unwrap(), &run);
    std::fs::remove_dir_all(run.join("nodes")).unwrap();
    let check = || Value::clone(&lab.harness(&format!("check {} --json", run.display())).json());
    let silent = check();
    assert_eq!(
        silent["exit"], 2,
        "journals were promised, and statuses alone prove nothing: {silent:#}"
    );
    std::fs::write(run.join("status.jsonl"), "").unwrap();
    assert_eq!(check()["exit"], 2);

    let path = run.join("run.json");
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    record["capabilities"] = serde_json::json!({"tells": ["leader"], "does": ["write", "cas"]});
    std::fs::write(&path, record.to_string()).unwrap();
    let judged = check();
    assert_eq!(judged["exit"], 0, "{judged:#}");
    assert_eq!(judged["not_applicable"][0]["name"], "raft-safety");
    let names = judged["checks"].as_array().unwrap();
    assert!(
        names.iter().all(|check| check["name"] != "raft-safety"),
        "{judged:#}"
    );
    let shown = lab.harness(&format!("check {}", run.display())).stdout;
    assert!(shown.contains("raft-safety      not applicable"), "{shown}");
}
