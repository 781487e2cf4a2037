//! `harness inspect`: look at a saved run without judging it again.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use histories::{Event, NodeName, RunFolder};
use nemesis::effect::EffectLine;
use runs::record::{Record, Results};
use serde::Serialize;

use super::pager::Pager;
use super::{run_folder, show_json};
use crate::errors::CliError;
use crate::exit::{Exit, Failure};
use crate::report::inspect::{Saved, event_line};
use crate::report::style::Style;
use crate::report::summary::told;
use crate::report::{faults, window};

const EXAMPLES: &str = "\
Examples:
  harness inspect                   the newest run: verdict, cycles, the history around a violation
  harness inspect latest --cycle 3  one cycle of it, panel by panel
  harness inspect --key k7          every operation on a key, and the faults between them
  harness inspect --faults          what the nemesis did, what came of it, what undid it
  harness inspect --log n3          what a node wrote to its standard error and output";

/// Look at a saved run: its verdict, its cycles panel by panel, the history around a violation.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A run's folder, or `latest`.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: PathBuf,
    /// Only this cycle of a guided schedule.
    #[arg(long, value_name = "N")]
    cycle: Option<u64>,
    /// The history around this event, instead of around the violation.
    #[arg(long, value_name = "INDEX")]
    around: Option<u64>,
    /// The history of this key only.
    #[arg(long)]
    key: Option<String>,
    /// The history of this process only.
    #[arg(long, value_name = "P")]
    process: Option<u64>,
    /// What the nemesis did.
    #[arg(long)]
    faults: bool,
    /// What this node wrote to its standard error and output.
    #[arg(long, value_name = "NODE", conflicts_with = "json")]
    log: Option<String>,
    /// Print it as one JSON document.
    #[arg(long)]
    json: bool,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
}

/// Show a saved run; the exit code says what came of it.
pub(super) fn inspect(args: &Args) -> Result<Exit, Failure> {
    let folder = run_folder(&args.store, &args.run)?;
    if let Some(node) = &args.log {
        return log(&folder, node);
    }
    let saved = Saved::load(&folder)?;
    if args.json {
        document(args, &folder, &saved)?;
    } else {
        text(args, &folder, &saved, Style::of_stdout())?;
    }
    Ok(Exit::Pass)
}

impl Args {
    /// The part of the history that is asked for by itself.
    fn asks_for_history(&self) -> Option<window::Wanted> {
        let asked = self.around.is_some() || self.key.is_some() || self.process.is_some();
        asked.then(|| window::Wanted {
            key: self.key.clone(),
            process: self.process,
            around: self.around.map(|at| (at, at)),
        })
    }
}

/// What is quickly known is shown first; the history is read while the reader reads.
fn text(args: &Args, folder: &RunFolder, saved: &Saved, style: Style) -> Result<(), Failure> {
    let mut out = Pager::open();
    let mut marked = args.around.map_or(Vec::new(), |at| vec![at]);
    let mut wanted = args.asks_for_history();
    if args.faults {
        out.show(&faults::render(saved.nemesis.effects()))?;
    } else if wanted.is_none() {
        if args.cycle.is_none() {
            out.show(&saved.verdict(style))?;
        }
        out.show(&saved.storyboard(args.cycle, style)?)?;
        let proof = saved.first_proof().filter(|_| args.cycle.is_none());
        if let Some(proof) = proof {
            out.show(&(told(&proof.why, 0) + "\n"))?;
            wanted = Some(proof.window());
            marked = proof.operations;
        }
    }
    out.flush()?;
    if let Some(wanted) = wanted {
        let mut line = |event: Event| {
            let line = event_line(&event);
            let line = match marked.contains(&event.index) {
                true => style.bold(&line),
                false => line,
            };
            out.show(&(line + "\n"))?;
            Ok(out.wants_more())
        };
        window::read(&folder.history(), !saved.record.finished, &wanted, &mut line)?;
    }
    out.close()
}

fn document(args: &Args, folder: &RunFolder, saved: &Saved) -> Result<(), Failure> {
    let wanted = args
        .asks_for_history()
        .or_else(|| Some(saved.first_proof()?.window()));
    let mut events = Vec::new();
    if let Some(wanted) = &wanted {
        window::read(&folder.history(), !saved.record.finished, wanted, &mut |event| {
            events.push(event);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    let of_cycle = |record: &&serde_json::Value| args.cycle.is_none_or(|cycle| record["cycle"] == cycle);
    let cycles: Vec<_> = saved.nemesis.records().filter(of_cycle).collect();
    show_json(&Document {
        inspect: 1,
        run: folder.path(),
        record: &saved.record,
        results: saved.results.as_ref(),
        cycles,
        faults: args.faults.then(|| saved.nemesis.effects()),
        events,
    })
}

/// What `--json` prints. Many events go into it, so it is written as it stands, and never made into a tree first.
#[derive(Serialize)]
struct Document<'a> {
    /// The version of this document: 1.
    inspect: u32,
    run: &'a Path,
    record: &'a Record,
    results: Option<&'a Results>,
    cycles: Vec<&'a serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<&'a [EffectLine]>,
    events: Vec<Event>,
}

/// The node's own words.
fn log(folder: &RunFolder, node: &str) -> Result<Exit, Failure> {
    let nodes = folder.node(&NodeName::from(node));
    let is_one = nodes.parent().is_some_and(|all| {
        let names = std::fs::read_dir(all).into_iter().flatten().flatten();
        names.into_iter().any(|entry| entry.file_name() == node)
    });
    if !is_one {
        return Err(CliError::NoNode(node.to_owned()).into());
    }
    let mut out = Pager::open();
    for file in ["stderr.log", "stdout.log"] {
        let path = nodes.join(file);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(Failure::Read { path, source }),
        };
        out.show(&format!("== {file}\n{}", String::from_utf8_lossy(&text)))?;
    }
    out.close()?;
    Ok(Exit::Pass)
}
