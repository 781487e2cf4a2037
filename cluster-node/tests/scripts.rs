//! Golden scripts of the core: what is done, and every word that the nodes say to it.
//!
//! A script is a list of blocks: commands, a line `----`, what came of them, an empty line. `#` begins a comment.
//! `UPDATE_SCRIPTS=1 cargo test -p cluster-node --test scripts` writes the outcome into the scripts; read the
//! difference before it is committed.
//!
//! | command | what it does |
//! | --- | --- |
//! | `nodes 3 [prod] [commit-any-term]…` | a new cluster, with these bugs; the profile is fig8 unless it says prod |
//! | `log n1 1 1 2` | before the node's first step: entries of these terms, the last being its term |
//! | `timeout n1` | time passes until the node's next deadline |
//! | `wait 300` | so many milliseconds pass, without anybody looking at the clock |
//! | `tick n1` | the node looks at the clock |
//! | `propose n1 w`, `read n1 r [forward]` | a client of the node asks |
//! | `deliver n1>n2 …` | what is under way on these links arrives, in order |
//! | `drop n1>n2 …`, `drop n3` | it is lost; all from and to the node |
//! | `isolate n3`, `join n3` | all that is or comes under way from and to the node is lost; no longer |
//! | `stall n1>n2`, `release n1>n2` | what is or comes under way there does not settle for now; does again |
//! | `record n1>n2`, `replay n1>n2` | remember what is under way there; it is under way once more |
//! | `settle` | everything arrives, and the answers, until it is quiet; only what is no message is shown |
//! | `restart n1` | the node forgets what is not durable |
//! | `status` | how the nodes stand |

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says plainly what cannot fail"
)]

use std::collections::BTreeMap;
use std::path::Path;

#[path = "scripts/world.rs"]
mod world;

use world::World;

#[test]
fn scripts_say_what_happens() {
    let played = play_all("tests/scripts", |_| vec![World::default()]);
    assert!(played.len() >= 10, "only {} scripts were found", played.len());
}

/// Bugs of the state machine and of the node around the core; `tests/machine.rs` and `tests/process` have them.
const NOT_OF_THE_CORE: [&str; 3] = ["no-session-dedupe", "cas-at-propose", "forward-retry-dup"];

/// A script of the name of a bug is played twice, with the rule intact and with it broken; where that makes a
/// difference, both outcomes stand in it.
#[test]
fn every_bug_makes_a_difference() {
    let worlds = |bug: &str| vec![World::default(), World::with_bug(Some(bug.to_owned()))];
    let played = play_all("tests/scripts/bugs", worlds);
    for bug in cluster_node::raft::bugs::all().filter(|bug| !NOT_OF_THE_CORE.contains(&bug.name)) {
        let script = played.get(bug.name);
        let script = script.unwrap_or_else(|| panic!("{} has no script", bug.name));
        assert!(script.contains("---- broken"), "{} makes no difference", bug.name);
    }
}

/// Every script of a folder, by its name, as it was played.
fn play_all(folder: &str, worlds: impl Fn(&str) -> Vec<World>) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let scripts = files.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    scripts
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let wanted = std::fs::read_to_string(&path).unwrap();
            let got = play(&wanted, worlds(&name), &path);
            compare(&path, &got, &wanted);
            (name, got)
        })
        .collect()
}

fn compare(path: &Path, got: &str, wanted: &str) {
    if std::env::var_os("UPDATE_SCRIPTS").is_some() {
        return std::fs::write(path, got).unwrap();
    }
    let mut lines = got.lines().zip(wanted.lines());
    let differs = lines.position(|(got, wanted)| got != wanted);
    let line = differs.map_or(0, |at| at + 1);
    assert!(got == wanted, "{}, line {line}:\n{got}", path.display());
}

/// The script with the outcome as it is in these worlds.
fn play(script: &str, mut worlds: Vec<World>, path: &Path) -> String {
    let blocks = script.split("\n\n").map(str::trim);
    let mut played = Vec::new();
    for block in blocks.filter(|block| !block.is_empty()) {
        let commands = block.split("\n----").next().unwrap_or(block);
        let outcomes: Vec<String> = worlds
            .iter_mut()
            .map(|world| play_block(world, commands, path))
            .collect();
        let is_comment = commands.lines().all(|line| line.starts_with('#'));
        played.push(match &*outcomes {
            _ if is_comment => commands.to_owned(),
            [intact, broken] if intact != broken => {
                format!("{commands}\n---- intact\n{intact}\n---- broken\n{broken}")
            }
            outcomes => format!("{commands}\n----\n{}", outcomes[0]),
        });
    }
    played.join("\n\n") + "\n"
}

fn play_block(world: &mut World, commands: &str, path: &Path) -> String {
    let mut outcome = String::new();
    for command in commands.lines().filter(|line| !line.starts_with('#')) {
        let result = world.command(command);
        outcome += &result.unwrap_or_else(|error| panic!("{}: {command}: {error}", path.display()));
    }
    outcome.trim_end().to_owned()
}
