//! The arrows of the house: who may use whom, as ARCHITECTURE.md draws it.
//!
//! Between crates: the table of "The map". Within a crate: a fenced block `floors CRATE`, a floor a line from top to
//! bottom. A module uses only modules of lower floors, and never what the crate's root hands to others. A line
//! `circle A B …` names modules, of any depth, that use each other all around; no others may. A block `pure MODULE` lists
//! paths that the module may not name. Tests are free.

#![allow(clippy::unwrap_used)]

mod drawing;
mod modules;
mod paths;

use std::collections::{BTreeMap, BTreeSet};

use drawing::{Drawing, Floors};
use modules::{Crate, Usage};

/// The house's folder.
fn house() -> std::path::PathBuf {
    let harness = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    harness.parent().unwrap().to_owned()
}

fn manifest(folder: &str) -> toml::Table {
    let path = house().join(folder).join("Cargo.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// What a manifest depends on, tests included, by the packages' names.
fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (section, value) in manifest {
        let Some(table) = value.as_table() else { continue };
        match section.as_str() {
            "dependencies" | "dev-dependencies" | "build-dependencies" => {
                let package = |(name, how): (&String, &toml::Value)| {
                    let renamed = how.get("package").and_then(toml::Value::as_str);
                    renamed.unwrap_or(name).to_owned()
                };
                found.extend(table.iter().map(package));
            }
            "target" => {
                let targets = table.values().filter_map(toml::Value::as_table);
                found.extend(targets.flat_map(dependencies));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn crates_use_only_whom_they_may() {
    let drawn = Drawing::read().crates;
    let workspace = &manifest(".")["workspace"];
    let mut built: BTreeSet<String> = workspace["members"].clone().try_into().unwrap();
    // It compares the checker with others, and nobody rests on it.
    built.remove("bench");
    assert_eq!(
        built,
        drawn.keys().cloned().collect(),
        "the crates, and those of the map"
    );
    for (name, may) in &drawn {
        let uses: BTreeSet<String> = dependencies(&manifest(name))
            .intersection(&built)
            .cloned()
            .collect();
        assert_eq!(uses, *may, "what {name} depends on, and what the map says");
    }
}

#[test]
fn modules_use_only_what_stands_below_them() {
    let wrong: Vec<String> = Drawing::read().floors.iter().flat_map(faults).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What is not as it is drawn.
fn faults(drawn: &Floors) -> Vec<String> {
    let of = Crate::read(&house(), &drawn.name);
    let mut wrong = misplaced(drawn, &of);
    wrong.extend(of.usages.iter().filter_map(|usage| upward(drawn, usage)));
    wrong.extend(circular(drawn, &of));
    wrong
}

/// A module that uses what does not stand below it.
fn upward(drawn: &Floors, usage: &Usage) -> Option<String> {
    let from = usage.from.first()?;
    match usage.to.first() {
        None => Some(format!(
            "{usage}: take it from its module, not from the crate's root"
        )),
        Some(to) if from == to || drawn.floor(from) < drawn.floor(to) => None,
        Some(to) if drawn.floor(from) > drawn.floor(to) => Some(format!("{usage}: {to} stands above {from}")),
        Some(to) if drawn.has_circle(from, to) => None,
        Some(to) => Some(format!("{usage}: {from} and {to} stand on one floor")),
    }
}

/// Circles of siblings that are not drawn, and drawn ones that are none.
fn circular(drawn: &Floors, of: &Crate) -> Vec<String> {
    // Each pair of siblings, and one place where the one uses the other.
    let mut siblings: BTreeMap<(String, String), String> = BTreeMap::new();
    for usage in &of.usages {
        let (from, to) = (&usage.from, &usage.to);
        let shared = from.iter().zip(to).take_while(|(from, to)| from == to).count();
        if shared < from.len() && shared < to.len() {
            let pair = (from[..=shared].join("::"), to[..=shared].join("::"));
            siblings.entry(pair).or_insert_with(|| usage.to_string());
        }
    }
    let circles = circles(siblings.keys());
    let closes = |from: &String, to: &String| {
        let around = circles
            .iter()
            .any(|circle| circle.contains(from) && circle.contains(to));
        around && !drawn.has_circle(from, to)
    };
    let new = siblings.iter().filter(|((from, to), _)| closes(from, to));
    let mut wrong: Vec<String> = new
        .map(|(_, place)| format!("{place}: part of a circle"))
        .collect();
    let gone = drawn.circles.iter().filter(|drawn| !circles.contains(drawn));
    wrong.extend(gone.map(|circle| format!("{}: {circle:?} is no circle any more", drawn.name)));
    wrong
}

/// Modules without a floor, and floors without a module.
fn misplaced(drawn: &Floors, of: &Crate) -> Vec<String> {
    let real: BTreeSet<&str> = of.top_modules().collect();
    let named: Vec<&str> = drawn.floors.iter().flatten().map(String::as_str).collect();
    let set: BTreeSet<&str> = named.iter().copied().collect();
    let mut wrong: Vec<String> = real
        .symmetric_difference(&set)
        .map(|name| format!("{}: {name} has no floor, or is no module", drawn.name))
        .collect();
    if set.len() < named.len() {
        wrong.push(format!("{}: a module has two floors", drawn.name));
    }
    wrong
}

/// The modules that reach each other, where there is more than one.
fn circles<'a>(usages: impl Iterator<Item = &'a (String, String)>) -> BTreeSet<BTreeSet<String>> {
    let mut next: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in usages {
        next.entry(from.clone()).or_default().insert(to.clone());
    }
    let reach = |from: &String| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            let fresh = next.get(at).into_iter().flatten();
            open.extend(fresh.filter(|to| reached.insert((*to).clone())));
        }
        reached
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = next.keys().map(|from| (from, reach(from))).collect();
    let circle = |(from, all): (&&String, &BTreeSet<String>)| {
        let back = |to: &&String| reached.get(to).is_some_and(|back| back.contains(*from));
        all.iter().filter(back).cloned().collect::<BTreeSet<_>>()
    };
    reached
        .iter()
        .map(circle)
        .filter(|circle| circle.len() > 1)
        .collect()
}

#[test]
fn what_is_pure_names_nothing_of_the_world() {
    for pure in Drawing::read().pure {
        let (name, module) = pure.module.split_once("::").unwrap();
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let of = Crate::read(&house(), name);
        assert!(of.modules.contains(&module), "{} is gone", pure.module);
        let forbidden = |path: &&paths::Place| {
            path.module.starts_with(&module) && pure.forbidden.iter().any(|start| path.begins_with(start))
        };
        let wrong: Vec<String> = of
            .foreign
            .iter()
            .filter(forbidden)
            .map(ToString::to_string)
            .collect();
        assert!(wrong.is_empty(), "{} is pure:\n{}", pure.module, wrong.join("\n"));
    }
}
