//! `harness list`: what there is.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use histories::RunFolder;
use histories::run_folder::read_json;
use serde_json::json;

use super::table::{Table, aligned};
use super::{show, show_json};
use crate::exit::{Exit, Failure};
use crate::run::record::Record;
use crate::{systems, workloads};

/// Show what there is: saved runs, and every row of every table.
#[derive(clap::Args)]
pub struct Args {
    /// Of what.
    what: What,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Runs,
    Systems,
    Nemeses,
    Workloads,
    Models,
    Formats,
    Bugs,
}

/// Do it.
pub fn list(args: &Args) -> Result<Exit, Failure> {
    let table = match args.what {
        What::Runs => runs(&args.store)?,
        What::Systems => systems(),
        What::Nemeses => nemeses(),
        What::Workloads => workloads(),
        What::Models => models(),
        What::Formats => formats(),
        What::Bugs => bugs(),
    };
    if args.json {
        let object = |row: &Vec<String>| {
            table
                .head
                .iter()
                .copied()
                .zip(row.clone())
                .collect::<json_map::Map>()
        };
        show_json(&json!(table.rows.iter().map(object).collect::<Vec<_>>()))?;
    } else {
        show(&aligned(&table))?;
    }
    Ok(Exit::Pass)
}

mod json_map {
    pub type Map = std::collections::BTreeMap<&'static str, String>;
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn systems() -> Table {
    let rows = systems::TABLE.iter();
    Table {
        head: vec!["system", "profiles", "about"],
        rows: rows
            .map(|system| row(&[system.name, &system.profiles.join(", "), system.about]))
            .collect(),
    }
}

fn nemeses() -> Table {
    let rows = nemesis::TABLE.iter();
    Table {
        head: vec!["nemesis", "nodes", "least", "about"],
        rows: rows
            .map(|nemesis| {
                let (nodes, least) = (nemesis.nodes.to_string(), nemesis.least_nodes.to_string());
                row(&[nemesis.name, &nodes, &least, nemesis.about])
            })
            .collect(),
    }
}

fn workloads() -> Table {
    let rows = workloads::TABLE.iter();
    Table {
        head: vec!["workload", "model", "about"],
        rows: rows
            .map(|workload| row(&[workload.name, workload.model, workload.about]))
            .collect(),
    }
}

fn models() -> Table {
    let rows = checker::models::TABLE.iter();
    Table {
        head: vec!["model", "about"],
        rows: rows.map(|model| row(&[model.name, model.about])).collect(),
    }
}

fn formats() -> Table {
    let rows = histories::format::TABLE.iter();
    Table {
        head: vec!["format", "about"],
        rows: rows.map(|format| row(&[format.name, format.about])).collect(),
    }
}

fn bugs() -> Table {
    let rows = systems::TABLE.iter().flat_map(|system| system.bugs);
    Table {
        head: vec!["bug", "broken rule", "caught by", "seen for real"],
        rows: rows
            .map(|bug| row(&[bug.name, bug.rule, &bug.case.describe(), bug.seen]))
            .collect(),
    }
}

/// The saved runs, the newest first.
fn runs(store: &Path) -> Result<Table, Failure> {
    let mut found = Vec::new();
    for group in folders(store)? {
        for run in folders(&group)? {
            let folder = RunFolder::at(run);
            // A folder without a record is no run, and one that cannot be read is shown as such.
            if folder.run_json().is_file() {
                found.push(describe(&folder));
            }
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(Table {
        head: vec!["began", "verdict", "nemesis", "bugs", "seed", "duration", "run"],
        rows: found,
    })
}

fn folders(parent: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Failure::Usage(format!(
                "cannot read {}: {error}",
                parent.display()
            )));
        }
    };
    let is_folder = |path: &PathBuf| path.is_dir() && !path.is_symlink();
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_folder)
        .collect())
}

fn describe(folder: &RunFolder) -> Vec<String> {
    let path = folder.path().display().to_string();
    let Ok(record) = Record::load(folder) else {
        return row(&["?", "unreadable", "?", "?", "?", "?", &path]);
    };
    let verdict = read_json::<serde_json::Value>(&folder.results())
        .ok()
        .and_then(|results| Some(results.get("verdict")?.as_str()?.to_owned()))
        .unwrap_or_else(|| "unfinished".to_owned());
    let settings = &record.settings;
    let duration = humantime::format_duration(settings.duration).to_string();
    row(&[
        &record.began,
        &verdict,
        &settings.nemesis,
        &settings.bugs.join(","),
        &settings.seed.to_string(),
        &duration,
        &path,
    ])
}
