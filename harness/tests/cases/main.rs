//! What `harness check` says of small histories, row by row of histories/corpus/cases/index.tsv.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A row of the index.
struct Row<'a> {
    file: &'a str,
    /// Whether the history is converted first.
    converted: bool,
    options: Vec<&'a str>,
    exit: i32,
    /// What must be said.
    said: Vec<&'a str>,
    /// What must not.
    unsaid: Vec<&'a str>,
    /// Who is to make it right.
    not_yet: &'a str,
}

impl<'a> Row<'a> {
    fn of(line: &'a str) -> Self {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, options, exit, said, not_yet] = columns[..] else {
            panic!("{line}: not five columns")
        };
        let phrases = || said.split('|').filter(|phrase| !phrase.is_empty());
        Row {
            file: file.strip_prefix("convert ").unwrap_or(file),
            converted: file.starts_with("convert "),
            options: options.split_whitespace().collect(),
            exit: exit.parse().unwrap(),
            said: phrases().filter(|phrase| !phrase.starts_with('~')).collect(),
            unsaid: phrases().filter_map(|phrase| phrase.strip_prefix('~')).collect(),
            not_yet,
        }
    }

    /// What is not as it should be.
    fn wrong(&self, folder: &Path, scratch: &Path) -> Option<String> {
        let mut history = folder.join(self.file);
        if self.converted {
            let converted = scratch.join("converted.jsonl");
            // What is given to the conversion has no need to be given again.
            let ended = harness(&["convert"], &[&history, &converted], &self.options);
            if !ended.status.success() {
                return Some(format!("not converted: {}", text(&ended.stderr)));
            }
            history = converted;
        }
        let given = if self.converted { &[][..] } else { &self.options };
        let ended = harness(&["check"], &[&history], given);
        // A line is broken where the words end.
        let all = format!("{}\n{}", text(&ended.stdout), text(&ended.stderr));
        let flat = all.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
        let missing = self.said.iter().filter(|phrase| !flat.contains(**phrase));
        let extra = self.unsaid.iter().filter(|phrase| flat.contains(**phrase));
        let mut wrong: Vec<String> = missing.map(|phrase| format!("{phrase:?} is not said")).collect();
        wrong.extend(extra.map(|phrase| format!("{phrase:?} is said")));
        let exit = ended.status.code();
        if exit != Some(self.exit) {
            wrong.push(format!("exit {exit:?}, not {}", self.exit));
        }
        (!wrong.is_empty()).then(|| format!("{}\n{all}", wrong.join(", ")))
    }
}

fn harness(command: &[&str], paths: &[&Path], options: &[&str]) -> Output {
    let mut run = Command::new(env!("CARGO_BIN_EXE_harness"));
    run.args(command)
        .args(options)
        .args(paths)
        .env_remove("RUST_BACKTRACE");
    run.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../histories/corpus/cases")
}

#[test]
fn every_case_is_judged_as_its_row_says() {
    let (folder, scratch) = (folder(), tempfile::tempdir().unwrap());
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let rows: Vec<Row<'_>> = index
        .lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(Row::of)
        .collect();
    let mut complaints = Vec::new();
    for row in &rows {
        let what = format!("{} {}", row.file, row.options.join(" "));
        match (row.wrong(&folder, scratch.path()), row.not_yet) {
            (Some(wrong), "") => complaints.push(format!("{what}: {wrong}")),
            (None, who) if !who.is_empty() => {
                complaints.push(format!("{what}: as it should be now; take {who:?} away"))
            }
            _ => {}
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    let named: BTreeSet<&str> = rows.iter().map(|row| row.file).collect();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "index.tsv" || named.contains(&*name), "{name} has no row");
    }
}
