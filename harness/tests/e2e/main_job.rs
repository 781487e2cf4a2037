//! The main job: figure8 with and without the bug, and under `prod`.

use serde_json::{Value, json};

use crate::lab::{Lab, check};

#[test]
fn the_bug_is_caught_with_the_operations_that_prove_it() {
    let lab = Lab::new();
    let words = "run --nemesis figure8 --bug commit-any-term --duration 30s --until-violation --seed 7 --json --quiet";
    let results = lab.harness(words).with(1).json();
    crate::ci::assert_by_schema(&results);
    assert_eq!(results["verdict"], "violation");
    assert_eq!(
        results["cycles"]["sprung"].as_u64().map(|sprung| sprung > 0),
        Some(true),
        "{results}"
    );
    let violation = &results["violations"][0];
    let operations = violation["operations"].as_array().unwrap();
    assert!((2..=6).contains(&operations.len()), "{violation}");
    assert!(violation["why"].as_str().unwrap().len() > 20);
    // The saved run says the same when it is judged again, and when it is looked at.
    let again = lab.harness("check latest --json").with(1).json();
    assert_eq!(again["violations"], results["violations"]);
    let shown = lab.harness("inspect latest").with(0).stdout;
    assert!(
        shown.contains("SPRUNG") && shown.contains("commit? YES"),
        "{shown}"
    );
    assert!(lab.nodes().is_empty());
}

#[test]
fn the_correct_node_is_armed_and_passes() {
    let lab = Lab::new();
    let results = lab
        .harness("run --nemesis figure8 --duration 12s --seed 7 --json --quiet")
        .with(0)
        .json();
    assert_eq!(results["verdict"], "pass");
    assert!(results["cycles"]["refused"].as_u64() >= Some(1), "{results}");
    assert!(results["cycles"]["closed"].as_u64() >= Some(1), "{results}");
    assert_eq!(lab.harness("check latest").exit, 0);
    let runs = lab.harness("list runs").with(0).stdout;
    assert!(runs.contains("figure8") && runs.contains("pass"), "{runs}");
    every_part_of_it_can_be_looked_at(&lab);
    evidence_that_was_changed_is_never_green(&lab);
}

fn every_part_of_it_can_be_looked_at(lab: &Lab) {
    for (words, expected) in [
        ("inspect", "commit? no"),
        ("inspect latest --cycle 1", "cycle 1 "),
        ("inspect --faults", "installed"),
        ("inspect --process 0", "invoke"),
        ("inspect --around 20", "      20 "),
        ("inspect --key figure8-1", "figure8-1"),
        ("inspect --log n3", "== stderr.log"),
        ("list runs --verdict pass --nemesis figure8", "cluster-node"),
    ] {
        let shown = lab.harness(words).with(0).stdout;
        assert!(shown.contains(expected), "{words}: {shown}");
    }
    let around = lab.harness("inspect --around 20").stdout;
    assert_eq!(around.lines().count(), 25, "{around}");
    let document = lab
        .harness("inspect --json --faults --cycle 1 --around 0")
        .with(0)
        .json();
    let count = |field: &str| document[field].as_array().map(Vec::len);
    assert_eq!(
        (count("cycles"), count("events")),
        (Some(1), Some(13)),
        "{document}"
    );
    assert!(count("faults") > Some(3), "{document}");
    for wrong in [
        "inspect --cycle 999",
        "inspect --around 99999999",
        "inspect --log ..",
        "inspect --log n9",
    ] {
        lab.harness(wrong).with(254);
    }
    assert!(
        !lab.harness("list runs --verdict violation")
            .with(0)
            .stdout
            .contains("figure8")
    );
}

/// A cycle that sprang is a violation even where no client saw it; one that cannot be read is an error with its place.
fn evidence_that_was_changed_is_never_green(lab: &Lab) {
    let path = lab.store().join("latest/figure8.jsonl");
    let cycles = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, cycles.replacen("\"REFUSED\"", "\"SPRUNG\"", 1)).unwrap();
    lab.harness("check latest").with(1);
    std::fs::write(&path, format!("{{\"x\":1}}\n{cycles}")).unwrap();
    let ended = lab.harness("check latest").with(254);
    assert!(ended.stderr.contains("figure8.jsonl"), "{}", ended.stderr);
}

#[test]
fn a_control_is_led_through_the_same_and_stands_behind_the_switch() {
    let lab = Lab::new();
    let junit = lab.folder.path().join("junit.xml");
    let words = "run --nemesis figure8 --bug commit-any-term --control --until-violation --duration 12s --seed 7 --quiet";
    let ended = lab
        .harness(&format!("{words} --junit {}", junit.display()))
        .with(1);
    assert!(ended.stdout.contains("control     pass"), "{}", ended.stdout);
    crate::ci::assert_by_xsd(&junit);
    let xml = std::fs::read_to_string(&junit).unwrap();
    for class in ["figure8+commit-any-term", "figure8"] {
        let case = format!("name=\"linearizability\" classname=\"cluster-node.{class}\"");
        assert!(xml.contains(&case), "{xml}");
    }

    let runs = lab.harness("list runs --json").with(0).json();
    let of = |run: &Value, field: &str| run[field].clone();
    let mut kinds: Vec<_> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| (of(run, "verdict"), of(run, "bugs"), of(run, "seed")))
        .collect();
    kinds.sort_by_key(|(verdict, ..)| verdict.to_string());
    let wanted = [
        (json!("pass"), json!([]), json!(7)),
        (json!("violation"), json!(["commit-any-term"]), json!(7)),
    ];
    assert_eq!(kinds, wanted);

    // The newest link is the tested run's, and its page has the other run, drawn anew as well.
    let latest = std::fs::read_to_string(lab.store().join("latest/run.json")).unwrap();
    let latest: Value = serde_json::from_str(&latest).unwrap();
    assert_eq!(latest["settings"]["bugs"], json!(["commit-any-term"]));
    let control = latest["counterpart"].as_str().unwrap();
    assert!(lab.harness("inspect latest").with(0).stdout.contains(control));
    lab.harness("report latest").with(0);
    let page = std::fs::read_to_string(lab.store().join("latest/report.html")).unwrap();
    assert!(page.contains(&format!("\"run\":\"{control}\"")), "{control}");
}

#[test]
fn under_prod_the_no_op_closes_the_trap_and_the_run_says_so() {
    let lab = Lab::new();
    let words = "run --nemesis figure8 --profile prod --no-journal --bug commit-any-term --duration 8s --seed 7 --json --quiet";
    let results = lab.harness(words).with(2).json();
    let armed = check(&results, "armed");
    assert_eq!(armed["verdict"], "inconclusive");
    assert!(
        armed["reason"]
            .as_str()
            .unwrap()
            .contains("trap closed by the no-op"),
        "{armed}"
    );
}

#[test]
fn several_schedules_have_their_turns_and_each_must_be_armed() {
    let lab = Lab::new();
    let words = "run --nemesis pause,early-read,kill --interval 500ms --duration 15s --seed 7 --json --quiet";
    let results = lab.harness(words).with(0).json();
    crate::ci::assert_by_schema(&results);
    let armed = check(&results, "armed");
    for schedule in ["pause", "early-read", "kill"] {
        assert_eq!(armed["details"][schedule]["armed"], true, "{armed}");
    }
    assert!(results["cycles"]["set"].as_u64() >= Some(1), "{results}");
    let run = std::fs::read_to_string(lab.store().join("latest/run.json")).unwrap();
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    let acts: Vec<_> = run["acts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| act["name"].clone())
        .collect();
    assert_eq!(acts, ["pause", "early-read", "kill"]);
    // Each is armed by what was done in its own turn: without its effects the whole is not.
    let path = lab.store().join("latest/nemesis.jsonl");
    let effects = std::fs::read_to_string(&path).unwrap();
    let without: String = effects
        .lines()
        .filter(|line| !line.contains("\"pause\""))
        .map(|line| line.to_owned() + "\n")
        .collect();
    std::fs::write(&path, without).unwrap();
    lab.harness("check latest").with(2);
}
