//! The other monitor of `--until-violation`: judges the nodes' journals while they grow.
//!
//! The journals are read one after the other, so what is read of one may be the effect of what was not yet read of another.
//! But a line's causes were written before it: whatever is still wrong when everything is read anew is wrong for good.
//! What is found ends the load; the verdict is given at the end, from the files.

use std::collections::BTreeSet;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use histories::RunFolder;
use runs::judge::journals;
use runs::stop::Stop;

/// Between two looks, at least.
const EVERY: Duration = Duration::from_millis(500);
/// A look that took long is not repeated soon: so much of the time at most is spent on looking.
const SHARE: u32 = 10;
/// How soon the end of the load is noticed.
const NOTICE: Duration = Duration::from_millis(20);

/// Look until `over` is set; `violated` is set at the first violation.
pub(super) fn start(
    folder: RunFolder,
    nodes: usize,
    violated: Stop,
    over: Stop,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("journals".to_owned())
        .spawn(move || watch(&folder, nodes, &violated, &over))
}

fn watch(folder: &RunFolder, nodes: usize, violated: &Stop, over: &Stop) {
    let mut before = BTreeSet::new();
    let mut pause = EVERY;
    while !is_over(pause, over) && !violated.is_set() {
        let began = Instant::now();
        let wrong = wrong(folder, nodes, over);
        if wrong.intersection(&before).next().is_some() {
            violated.set();
        }
        before = wrong;
        pause = EVERY.max(began.elapsed() * SHARE);
    }
}

/// Wait; whether the load ended meanwhile.
fn is_over(pause: Duration, over: &Stop) -> bool {
    let until = Instant::now() + pause;
    while Instant::now() < until && !over.is_set() {
        std::thread::sleep(NOTICE.min(pause));
    }
    over.is_set()
}

/// Every violation, by its code. What cannot be read now is for the judge to say.
fn wrong(folder: &RunFolder, nodes: usize, over: &Stop) -> BTreeSet<String> {
    let check = journals::raft_safety(folder, nodes, &[], over).ok().flatten();
    let violations = check.into_iter().flat_map(|check| check.violations);
    violations.filter_map(|violation| violation.code).collect()
}

#[cfg(test)]
mod tests {
    use histories::NodeName;

    use super::*;

    /// Two nodes that both say that they lead term 1.
    fn two_leaders(folder: &RunFolder) {
        for number in [1, 2] {
            let node = NodeName::numbered(number);
            folder.create_node(&node).unwrap();
            let common = |s: u64| format!(r#""v":1,"n":"{node}","inc":1,"s":{s},"mono":{s}"#);
            let boot = format!(
                r#"{{{},"term":0,"e":"boot","last":{{"i":0,"t":0}},"ch":"0000000000000000","commit":0,"applied":0,"snap":null,"vote":null,"voters":["n1","n2","n3"],"profile":"prod","bugs":[]}}"#,
                common(0)
            );
            let leads = format!(
                r#"{{{},"term":1,"e":"role","role":"leader","votes":["{node}","n3"],"last_at_election":{{"i":0,"t":0}}}}"#,
                common(1)
            );
            let path = folder.node(&node).join("journal-1.jsonl");
            std::fs::write(path, format!("{boot}\n{leads}\n")).unwrap();
        }
    }

    #[test]
    fn two_leaders_of_a_term_are_seen_while_the_nodes_run() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(place.path());
        two_leaders(&folder);
        let (violated, over) = (Stop::unset(), Stop::unset());
        assert!(!wrong(&folder, 3, &over).is_empty());
        let thread = start(folder, 3, violated.clone(), over.clone()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while !violated.is_set() {
            assert!(Instant::now() < deadline, "the violation was not seen");
            std::thread::yield_now();
        }
        over.set();
        thread.join().unwrap();
    }
}
