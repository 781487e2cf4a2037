//! Cycles that were saved before all schedules left the same record are read as they were meant.

use nemesis::schedules::guided::record::{Record, read};

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
