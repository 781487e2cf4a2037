//! What ARCHITECTURE.md draws.

use std::collections::{BTreeMap, BTreeSet};

/// The whole drawing.
pub struct Drawing {
    /// By crate: those of ours that it uses.
    pub crates: BTreeMap<String, BTreeSet<String>>,
    pub floors: Vec<Floors>,
    pub pure: Vec<Pure>,
}

/// The order of a crate's modules.
pub struct Floors {
    /// The crate's name.
    pub name: String,
    /// From top to bottom.
    pub floors: Vec<Vec<String>>,
    /// Modules that use each other.
    pub circles: BTreeSet<BTreeSet<String>>,
}

impl Floors {
    /// Which floor, counted from the top.
    pub fn floor(&self, module: &str) -> Option<usize> {
        let names = |floor: &Vec<String>| floor.iter().any(|name| name == module);
        self.floors.iter().position(names)
    }

    /// Whether the two are drawn in one circle.
    pub fn has_circle(&self, one: &str, other: &str) -> bool {
        let mut circles = self.circles.iter();
        circles.any(|circle| circle.contains(one) && circle.contains(other))
    }
}

/// A module that has no world.
pub struct Pure {
    /// `crate::module`.
    pub module: String,
    /// How paths begin that it may not name.
    pub forbidden: Vec<String>,
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_whitespace().map(str::to_owned)
}

impl Drawing {
    /// Reads the drawing.
    pub fn read() -> Self {
        let text = std::fs::read_to_string(super::house().join("ARCHITECTURE.md")).unwrap();
        let mut drawing = Drawing {
            crates: crates(&text),
            floors: Vec::new(),
            pure: Vec::new(),
        };
        // Every second piece is within fences.
        for block in text.split("\n```").skip(1).step_by(2) {
            let (title, body) = block.split_once('\n').unwrap();
            match title.split_once(' ') {
                Some(("floors", name)) => drawing.floors.push(floors(name, body)),
                Some(("pure", module)) => drawing.pure.push(Pure {
                    module: module.to_owned(),
                    forbidden: words(body).collect(),
                }),
                _ => {}
            }
        }
        let with_floors: BTreeSet<&String> = drawing.floors.iter().map(|floors| &floors.name).collect();
        assert_eq!(
            with_floors,
            drawing.crates.keys().collect(),
            "crates with floors, and those of the map"
        );
        assert!(!drawing.crates.is_empty() && !drawing.pure.is_empty());
        drawing
    }
}

/// The table of "The map": a crate in the first column, in the last one those that it uses.
fn crates(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let rows = text
        .lines()
        .skip_while(|line| *line != "| crate | what it is | uses |");
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, _, uses, _] = columns[..] else {
            panic!("{line}: not three columns")
        };
        let uses = uses
            .split(", ")
            .filter(|uses| !["–", "none of ours"].contains(uses));
        (
            name.trim_matches('`').to_owned(),
            uses.map(str::to_owned).collect(),
        )
    };
    rows.map(row).collect()
}

fn floors(name: &str, body: &str) -> Floors {
    let (circles, floors): (Vec<&str>, Vec<&str>) =
        body.lines().partition(|line| line.starts_with("circle "));
    Floors {
        name: name.to_owned(),
        floors: floors.into_iter().map(|line| words(line).collect()).collect(),
        circles: circles
            .into_iter()
            .map(|line| words(line).skip(1).collect())
            .collect(),
    }
}
