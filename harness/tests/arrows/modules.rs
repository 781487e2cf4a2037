//! A crate's modules, and how they use each other.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::paths::{self, Place};

/// A crate as its sources have it, without its tests.
pub struct Crate {
    pub modules: BTreeSet<Vec<String>>,
    pub usages: Vec<Usage>,
    /// Paths that lead out of the crate.
    pub foreign: Vec<Place>,
}

/// A module that names something of another one. The crate's root is the empty path.
pub struct Usage {
    pub from: Vec<String>,
    pub to: Vec<String>,
    place: Place,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

impl Crate {
    /// Reads every source of the crate's library, or of its binary.
    pub fn read(house: &Path, name: &str) -> Self {
        let src = house.join(name).join("src");
        let root = ["lib.rs", "main.rs"].map(|root| src.join(root));
        let root = root.iter().find(|root| root.exists()).unwrap();
        let (mut modules, mut places) = (BTreeSet::new(), Vec::new());
        collect(root, &src, &[], &mut modules, &mut places);
        let (mut usages, mut foreign) = (Vec::new(), Vec::new());
        for place in places {
            match target(&place, &modules) {
                Some(to) => usages.push(Usage {
                    from: place.module.clone(),
                    to,
                    place,
                }),
                None => foreign.push(place),
            }
        }
        Crate {
            modules,
            usages,
            foreign,
        }
    }

    /// The names of the modules under the root.
    pub fn top_modules(&self) -> impl Iterator<Item = &str> {
        let top = self.modules.iter().filter(|path| path.len() == 1);
        top.map(|path| path[0].as_str())
    }
}

/// Reads a file and those of its modules, which are in `folder`.
fn collect(
    file: &Path,
    folder: &Path,
    module: &[String],
    modules: &mut BTreeSet<Vec<String>>,
    places: &mut Vec<Place>,
) {
    let (declared, found) = paths::of_file(file, module);
    places.extend(found);
    for module in declared {
        let names: PathBuf = module.iter().collect();
        let beside = folder.join(&names).with_extension("rs");
        let within = folder.join(&names).join("mod.rs");
        modules.insert(module.clone());
        // Otherwise it stands in the same file.
        if let Some(file) = [beside, within].iter().find(|file| file.exists()) {
            collect(file, folder, &module, modules, places);
        }
    }
}

/// The module that a path leads to; none if it leads out of the crate.
fn target(place: &Place, modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let mut path = place.path.iter().peekable();
    let mut at = match path.peek().map(|first| first.as_str()) {
        Some("crate") => Vec::new(),
        Some("self" | "super") => place.module.clone(),
        Some(first) => {
            // A module within this one; whatever else has no `crate` in front came in by a `use`.
            let child = [&place.module[..], &[first.to_owned()]].concat();
            return modules.contains(&child).then_some(child);
        }
        None => return None,
    };
    for name in path {
        match name.as_str() {
            "crate" | "self" => {}
            "super" => drop(at.pop()),
            name => {
                at.push(name.to_owned());
                if !modules.contains(&at) {
                    at.pop();
                    break;
                }
            }
        }
    }
    Some(at)
}
