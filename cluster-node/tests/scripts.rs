//! Golden scripts of the core: what is done, and every word that the nodes say to it.
//!
//! A script is a list of blocks: commands, a line `----`, what came of them, an empty line. `#` begins a comment.
//! `UPDATE_SCRIPTS=1 cargo test -p cluster-node --test scripts` writes the outcome into the scripts; read the
//! difference before it is committed.
//!
//! | command | what it does |
//! | --- | --- |
//! | `nodes 3 [prod] [commit-any-term]` | a new cluster; the profile is fig8 unless it says prod |
//! | `log n1 1 1 2` | before the node's first step: entries of these terms, the last being its term |
//! | `timeout n1` | time passes until the node's next deadline |
//! | `wait 300` | so many milliseconds pass, without anybody looking at the clock |
//! | `tick n1` | the node looks at the clock |
//! | `propose n1 w`, `read n1 r [forward]` | a client of the node asks |
//! | `deliver n1>n2 …` | what is under way on these links arrives, in order |
//! | `drop n1>n2 …`, `drop n3` | it is lost; all from and to the node |
//! | `isolate n3`, `join n3` | all that is or comes under way from and to the node is lost; no longer |
//! | `settle` | everything arrives, and the answers, until it is quiet; only what is no message is shown |
//! | `restart n1` | the node forgets what is not durable |
//! | `status` | how the nodes stand |

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says plainly what cannot fail"
)]

use std::fmt::Write as _;
use std::path::Path;

#[path = "scripts/world.rs"]
mod world;

use world::World;

#[test]
fn scripts_say_what_happens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let is_update = std::env::var_os("UPDATE_SCRIPTS").is_some();
    let mut count = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let wanted = std::fs::read_to_string(&path).unwrap();
        let got = play(&wanted, &path);
        if is_update {
            std::fs::write(&path, got).unwrap();
        } else {
            let differs = got
                .lines()
                .zip(wanted.lines())
                .position(|(got, wanted)| got != wanted);
            assert!(
                got == wanted,
                "{}, line {}:\n{got}",
                path.display(),
                differs.map_or(0, |at| at + 1)
            );
        }
        count += 1;
    }
    assert!(count >= 10, "only {count} scripts were found");
}

/// The script with the outcome as it is.
fn play(script: &str, path: &Path) -> String {
    let mut world = World::default();
    let mut played = String::new();
    for block in script
        .split("\n\n")
        .map(str::trim)
        .filter(|block| !block.is_empty())
    {
        let commands = block.split("\n----").next().unwrap_or(block);
        let mut outcome = String::new();
        for command in commands.lines().filter(|line| !line.starts_with('#')) {
            let result = world.command(command);
            outcome += &result.unwrap_or_else(|error| panic!("{}: {command}: {error}", path.display()));
        }
        let is_comment = commands.lines().all(|line| line.starts_with('#'));
        let separator = if played.is_empty() { "" } else { "\n" };
        let _ = match is_comment {
            true => writeln!(played, "{separator}{commands}"),
            false => writeln!(played, "{separator}{commands}\n----\n{}", outcome.trim_end()),
        };
    }
    played
}
