//! The figure8 schedule against a modelled cluster: both ends of the story, every size, many seeds.

use nemesis::schedules::find;
use nemesis::schedules::guided::record::{Outcome, Record, Tally, read};

use crate::model::Rules;
use crate::stories::{Play, Played};

const CORRECT: Rules = Rules::CORRECT;
const NAIVE: Rules = Rules {
    current_term_only: false,
    no_op: false,
};

fn play(nodes: usize, seed: u64, rules: Rules, seconds: u64) -> Played {
    let row = find("figure8").unwrap();
    Play::under(row, nodes, seed, rules).until(row, seconds, |_| false)
}

#[test]
fn the_correct_node_refuses_and_closes_at_every_size_and_is_armed() {
    for nodes in 3..=7 {
        for seed in 0..10 {
            let played = play(nodes, seed, CORRECT, 30);
            let place = format!("n = {nodes}, seed {seed}\n{}", played.script);
            assert_eq!(Tally::of(&played.records).sprung, 0, "{place}");
            assert!(played.armed.armed, "{}, {place}", played.armed.reason);
            assert!(played.records.len() >= 10, "{place}");
        }
    }
}

#[test]
fn the_naive_node_loses_what_it_committed_in_the_first_cycle() {
    for nodes in 3..=7 {
        for seed in 0..10 {
            let played = play(nodes, seed, NAIVE, 5);
            let first = &played.records[0];
            let place = format!("n = {nodes}, seed {seed}\n{}", played.script);
            assert_eq!(first.outcome, Outcome::Sprung, "{place}");
            let stages: Vec<&str> = first.stages.iter().map(|stage| stage.stage.as_str()).collect();
            assert_eq!(stages, ["a", "b", "c", "d1"]);
            let by = first.committed_by(&first.stages[2].facts);
            assert!(by.contains(&"a commit index"), "{by:?}, {place}");
        }
    }
}

#[test]
fn a_no_op_closes_the_trap_and_the_reason_says_so() {
    for seed in 0..5 {
        let armed = play(5, seed, Rules { no_op: true, ..NAIVE }, 20).armed;
        let told = armed.reason.contains("trap closed by the no-op");
        assert!(!armed.armed && told, "seed {seed}: {}", armed.reason);
    }
}

/// What the saved cycles came to, which stages they have, and who took W for committed.
const OLDER: [&str; 6] = [
    "REFUSED a b c d1; ",
    "CLOSED a b c d2; ",
    "UNFINISHED a b c; ",
    "SPRUNG a b c d1; a commit index, a reader",
    "CLOSED a b c d2; a commit index, a reader",
    "UNFINISHED ; ",
];

/// Runs that were saved when the record of this schedule was of another form.
#[test]
fn cycles_of_the_older_form_are_read_as_they_were_meant() {
    let saved = [
        include_str!("../../../harness/tests/saved/figure8/figure8.jsonl"),
        include_str!("../../../harness/tests/saved/figure8-sprung/figure8.jsonl"),
    ];
    let lines = saved.iter().flat_map(|file| file.lines());
    let saved: Vec<_> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |cycle: &Record| {
        let stages = cycle.stages.iter().map(|stage| stage.stage.as_str());
        let stages = stages.collect::<Vec<_>>().join(" ");
        let trap = cycle.stages.iter().find(|stage| stage.facts.majority.is_some());
        let by = trap.map_or(Vec::new(), |stage| cycle.committed_by(&stage.facts));
        format!("{} {stages}; {}", cycle.outcome, by.join(", "))
    };
    let cycles = read(&saved).unwrap();
    let told: Vec<String> = cycles.iter().map(told).collect();
    assert_eq!(told, OLDER);
    let (first, last) = (&cycles[0], &cycles[0].stages[3]);
    assert_eq!(first.rows.last(), first.part("S5").first());
    assert_eq!(first.rows.len(), first.n);
    let now = last.facts.index_now.as_ref().unwrap();
    assert_eq!(Some(now.index), first.entry.as_ref().map(|entry| entry.index));
    assert!(
        last.what.contains("which nobody had taken for committed"),
        "{}",
        last.what
    );
    assert!(first.stages.iter().all(|stage| !stage.what.contains('{')));
    let reads = first.reads.iter().filter(|read| read.value == first.before);
    assert_eq!(reads.count(), first.n);
}
