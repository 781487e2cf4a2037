//! `harness list`: what there is.

use std::path::PathBuf;

use ::runs::record::NetworkName;
use ::runs::workloads;
use bytesize::ByteSize;
use checker::{Order, Subject};
use clap::ValueEnum;
use serde_json::json;

use super::table::{Table, aligned};
use super::{show, show_json};
use crate::exit::{Exit, Failure};
use crate::report::runs::{self, Filter, SavedRun};

const EXAMPLES: &str = "\
Examples:
  harness list runs --verdict violation
      the saved runs that found something, the newest first
  harness list bugs
      what can be broken in a node on purpose, and which schedule catches it";

/// Show what there is: saved runs, and every row of every table.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Of what.
    what: What,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Of the runs, only those with this verdict.
    #[arg(long, value_parser = ["pass", "violation", "inconclusive", "unfinished", "unreadable"])]
    verdict: Option<String>,
    /// Of the runs, only those of this system.
    #[arg(long)]
    system: Option<String>,
    /// Of the runs, only those under this nemesis.
    #[arg(long)]
    nemesis: Option<String>,
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
    Levels,
    Formats,
    Bugs,
}

/// List what there is; the exit code says what came of it.
pub(super) fn list(args: &Args) -> Result<Exit, Failure> {
    let table = match args.what {
        What::Runs => return list_runs(args),
        What::Systems => systems(),
        What::Nemeses => nemeses(),
        What::Workloads => workloads(),
        What::Models => models(),
        What::Levels => levels(),
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

fn list_runs(args: &Args) -> Result<Exit, Failure> {
    let filter = Filter {
        verdict: args.verdict.clone(),
        system: args.system.clone(),
        nemesis: args.nemesis.clone(),
    };
    let found = runs::list(&args.store, &filter)?;
    if args.json {
        show_json(&found)?;
    } else {
        show(&aligned(&saved_runs(&found)))?;
        if found.is_empty() {
            eprintln!("harness: {} has no such run", args.store.display());
        }
    }
    Ok(Exit::Pass)
}

mod json_map {
    pub(super) type Map = std::collections::BTreeMap<&'static str, String>;
}

/// Without control characters: the name of a folder may hold what a terminal takes for a command.
fn row(cells: &[&str]) -> Vec<String> {
    let plain = |cell: &&str| cell.replace(char::is_control, "\u{fffd}");
    cells.iter().map(plain).collect()
}

fn systems() -> Table {
    let rows = systems::all().into_iter();
    Table {
        head: vec!["system", "profiles", "networks", "about"],
        rows: rows
            .map(|system| {
                let mut networks = NetworkName::ALL.to_vec();
                networks.retain(|name| system.network(*name).is_ok());
                let networks = networks.into_iter().map(NetworkName::as_str);
                let networks = networks.collect::<Vec<_>>().join(", ");
                row(&[system.name, &system.profiles.join(", "), &networks, system.about])
            })
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

/// The isolations, each with its variants by session and by real time, and what registers are held to.
fn levels() -> Table {
    let variant = |isolation, order| checker::Level::of(isolation, order).as_str();
    let plain = checker::Level::all()
        .iter()
        .filter(|level| level.order == Order::Any);
    let registers = Subject::Registers;
    let of_registers = registers.levels().into_iter().map(|level| {
        let name = registers.name(level);
        row(&[name, "of registers", "", "", registers.about(level)])
    });
    Table {
        head: vec!["level", "also", "by session", "by real time", "about"],
        rows: plain
            .map(|level| {
                let session = variant(level.isolation, Order::Session);
                let real_time = variant(level.isolation, Order::RealTime);
                let aliases = level.aliases().join(", ");
                row(&[
                    level.as_str(),
                    &aliases,
                    session,
                    real_time,
                    level.isolation.about(),
                ])
            })
            .chain(of_registers)
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
        head: vec!["format", "begins with", "may say", "about"],
        rows: rows
            .map(|format| {
                let carries: Vec<&str> = format.carries.iter().map(|each| each.as_str()).collect();
                row(&[format.name, format.begins, &carries.join(", "), format.about])
            })
            .collect(),
    }
}

fn bugs() -> Table {
    let rows = systems::all().into_iter().flat_map(|system| system.bugs);
    Table {
        head: vec!["bug", "broken rule", "caught by", "seen for real"],
        rows: rows
            .map(|bug| row(&[bug.name, bug.rule, &bug.case.describe(), bug.seen]))
            .collect(),
    }
}

/// The saved runs, the newest first.
fn saved_runs(runs: &[SavedRun]) -> Table {
    let cells = |run: &SavedRun| {
        row(&[
            run.began.as_deref().unwrap_or("?"),
            &run.verdict,
            &run.system,
            &run.nemesis,
            &run.workload,
            &run.bugs.join(","),
            &run.seed.map_or("?".to_owned(), |seed| seed.to_string()),
            &humantime::format_duration(run.duration).to_string(),
            &ByteSize::b(run.bytes).to_string(),
            &run.path.display().to_string(),
        ])
    };
    Table {
        head: vec![
            "began", "verdict", "system", "nemesis", "workload", "bugs", "seed", "duration", "size", "run",
        ],
        rows: runs.iter().map(cells).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_folder_commands_no_terminal() {
        assert_eq!(row(&["store/\u{1b}[31mrun\n"]), ["store/\u{fffd}[31mrun\u{fffd}"]);
    }
}
