//! What a picture of a run is drawn from: computed here once, drawn later, whatever the form.
//!
//! | file | what |
//! | --- | --- |
//! | [`head`] | verdict, checks, settings |
//! | [`story`] | the cycles of a guided schedule, stage by stage |
//! | [`counterexample`] | the operations that prove a violation |
//! | [`operations`], [`window`] | the history as a table, and what of it fits |
//! | [`statuses`] | role, term and commit index of every node over time |
//! | [`faults`] | every effect with its proof, and how long it lasted |
//! | [`plots`] | latency, rate, outages, recoveries |
//! | [`columns`] | how numbers are packed |

pub mod columns;
pub mod counterexample;
pub mod faults;
pub mod head;
pub mod operations;
pub mod plots;
pub mod statuses;
pub mod story;
pub mod window;

use std::collections::BTreeMap;

use histories::run_folder::read_lines;
use histories::{Nanos, RunFolder};
use nemesis::NodeId;
use nemesis::effect::EffectLine;
use runs::record::{Record, Results, Unreadable};
use serde::Serialize;

use self::counterexample::Example;
use self::faults::{Faults, micros};
use self::head::Head;
use self::operations::Table;
use self::plots::Plots;
use self::statuses::Lane;
use self::story::Stories;
use self::window::Packed;
use crate::exit::Failure;

/// A page draws so many operations one by one.
pub const OPERATIONS: usize = 100_000;

/// Another run, to be looked at beside this one: of it only its cycles.
#[derive(Clone, Debug, Serialize)]
pub struct Other {
    /// Its headline.
    pub head: Head,
    /// Its cycles.
    pub story: Stories,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this document: 1.
    pub report: u32,
    /// The headline.
    pub head: Head,
    /// The names of the nodes, in their order.
    pub nodes: Vec<NodeId>,
    /// When the picture ends, in microseconds.
    pub horizon: u64,
    /// The cycles of a guided schedule.
    pub story: Stories,
    /// The run to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Other>,
    /// What proves the violations.
    pub examples: Vec<Example>,
    /// The operations.
    pub operations: Packed,
    /// The nodes over time.
    pub statuses: BTreeMap<NodeId, Lane>,
    /// What the nemesis did.
    pub faults: Faults,
    /// Latency, rate, outages, recoveries.
    pub plots: Plots,
}

impl Report {
    /// Everything about a saved run, of its operations at most `most` one by one; beside it the run to compare with, or else
    /// the one that was made beside it.
    pub fn read(folder: &RunFolder, compare: Option<&RunFolder>, most: usize) -> Result<Self, Failure> {
        let record = Record::load(folder)?;
        let unfinished = !record.finished;
        let counterpart = record.counterpart(folder);
        let saved = Results::load(folder)?;
        let table = Table::read(folder, unfinished)?;
        let lines: Vec<EffectLine> = read_lines(&folder.nemesis(), unfinished).map_err(Unreadable)?;
        let nodes = record.settings.nodes;
        let horizon = micros(last_moment(&record, &table));
        let faults = faults::faults(&lines, nodes);
        drop(lines);
        let culprits = counterexample::culprits(saved.as_ref());
        Ok(Report {
            report: 1,
            nodes: NodeId::all(nodes).collect(),
            horizon,
            story: story::read(folder, &record.settings.nemesis, nodes, unfinished)?,
            other: compare.or(counterpart.as_ref()).map(other).transpose()?,
            examples: counterexample::examples(&table, saved.as_ref()),
            operations: window::pack(&table, &culprits, horizon, most),
            statuses: statuses::lanes(folder, unfinished)?,
            plots: plots::plots(&table, record.load_stage(), &faults.heals, horizon),
            faults,
            head: head::head(folder, &record, saved.as_ref()),
        })
    }
}

fn last_moment(record: &Record, table: &Table) -> Nanos {
    let stages = record.stages.iter().map(|stage| stage.end);
    stages.max().unwrap_or_default().max(table.last)
}

fn other(folder: &RunFolder) -> Result<Other, Failure> {
    let record = Record::load(folder)?;
    let saved = Results::load(folder)?;
    let settings = &record.settings;
    Ok(Other {
        story: story::read(folder, &settings.nemesis, settings.nodes, !record.finished)?,
        head: head::head(folder, &record, saved.as_ref()),
    })
}
