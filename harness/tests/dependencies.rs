//! Every dependency is used: what a manifest names stands as `name::` in that package's sources.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names in this section of a manifest.
fn named(manifest: &Path, wanted: &str) -> Vec<String> {
    let text = fs::read_to_string(manifest).unwrap();
    let (mut inside, mut names) = (false, Vec::new());
    for line in text.lines() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']') == wanted;
        } else if inside && line.starts_with(char::is_alphabetic) {
            names.extend(line.split(['.', ' ', '=']).next().map(str::to_owned));
        }
    }
    names
}

/// All Rust below a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|ends| ends == "rs") {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

fn is_used(name: &str, text: &str) -> bool {
    let path = format!("{}::", name.replace('-', "_"));
    let is_inside = |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    text.match_indices(&path).any(|(at, _)| !is_inside(&text[..at]))
}

#[test]
fn every_dependency_is_used() {
    let workspace = root().join("Cargo.toml");
    let text = fs::read_to_string(&workspace).unwrap();
    let members = text.lines().find_map(|line| line.strip_prefix("members = "));
    let members: Vec<String> = serde_json::from_str(members.unwrap()).unwrap();
    let (mut unused, mut known) = (Vec::new(), BTreeSet::new());
    for member in &members {
        let member = root().join(member);
        let (src, manifest) = (sources(&member.join("src")), member.join("Cargo.toml"));
        let rest = ["tests", "benches"].map(|folder| sources(&member.join(folder)));
        let all = src.clone() + &rest.concat();
        for (section, text) in [("dependencies", &src), ("dev-dependencies", &all)] {
            for name in named(&manifest, section) {
                if !is_used(&name, text) {
                    unused.push(format!("{}: {section}: {name}", manifest.display()));
                }
                known.insert(name);
            }
        }
    }
    let shared = named(&workspace, "workspace.dependencies");
    unused.extend(shared.into_iter().filter(|name| !known.contains(name)));
    assert!(members.len() >= 6, "{members:?}");
    assert!(unused.is_empty(), "nobody uses {unused:#?}");
}
