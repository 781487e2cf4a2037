//! Latency, rate, outages and recoveries: numbers over the whole run, whatever the page can hold of it one by one.

use histories::{Kind, Nanos};
use runs::judge::outage::{Gaps, Sight};
use runs::record::Stage;
use serde::Serialize;

use super::columns::{Column, Deltas};
use super::faults::micros;
use super::operations::{Operation, Table, Turn};

/// So many points over the whole run.
const POINTS: u64 = 300;
/// So many operations are drawn as dots.
const DOTS: usize = 12_000;
/// Gaps from here on are listed, in microseconds, and so many of them.
const OUTAGE_LEAST: u64 = 100_000;
const OUTAGES: usize = 40;
/// So many recoveries are listed.
const RECOVERIES: usize = 200;

/// A time without a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// From when, in microseconds.
    pub from: u64,
    /// Until when.
    pub to: u64,
}

/// How long after a heal an operation that began after it succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// When something was brought back, in microseconds.
    pub healed: u64,
    /// How long that took, in microseconds; none if nothing succeeded any more.
    pub took: Option<u64>,
}

/// What the plots are drawn from.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plots {
    /// How long a slice is, in microseconds.
    pub width: u64,
    /// Operations that ended in each slice: ok, fail, info.
    pub ok: Column,
    /// See `ok`.
    pub fail: Column,
    /// See `ok`.
    pub info: Column,
    /// Latencies of what was ok in each slice, in microseconds plus one; 0 where there was nothing.
    pub p50: Column,
    /// See `p50`.
    pub p95: Column,
    /// See `p50`.
    pub p99: Column,
    /// See `p50`.
    pub max: Column,
    /// Some operations: start in microseconds.
    pub dot_time: Deltas,
    /// Their latency in microseconds, times four, plus the outcome.
    pub dot_took: Column,
    /// How many dots.
    pub dots: usize,
    /// The longest times without a success.
    pub outages: Vec<Outage>,
    /// How soon it came back after each heal.
    pub recoveries: Vec<Recovery>,
    /// Over the whole run, of what was ok, in microseconds: p50, p95, p99, p99.9, max.
    pub quantiles: Vec<u64>,
}

/// Compute them.
pub fn plots(table: &Table, load: Option<&Stage>, heals: &[Nanos], horizon: u64) -> Plots {
    let width = (horizon / POINTS).max(1_000);
    let slices = (horizon / width + 1) as usize;
    let mut counts = vec![[0u64; 3]; slices];
    let mut latencies: Vec<Vec<u32>> = vec![Vec::new(); slices];
    for row in &table.rows {
        let Some(end) = row.end else { continue };
        let slice = ((micros(end) / width) as usize).min(slices - 1);
        counts[slice][outcome(row) as usize] += 1;
        if row.kind == Kind::Ok {
            latencies[slice].push(took(row) as u32);
        }
    }
    let mut plots = Plots {
        width,
        outages: load.map_or_else(Vec::new, |load| outages(table, load)),
        recoveries: recoveries(&table.rows, heals),
        ..Plots::default()
    };
    for counts in &counts {
        plots.ok.push(counts[0]);
        plots.fail.push(counts[1]);
        plots.info.push(counts[2]);
    }
    for slice in &mut latencies {
        slice.sort_unstable();
        let at = |quantile: f64| quantile_of(slice, quantile).map_or(0, |took| took + 1);
        plots.p50.push(at(0.5));
        plots.p95.push(at(0.95));
        plots.p99.push(at(0.99));
        plots.max.push(at(1.0));
    }
    plots.quantiles = whole(latencies);
    plots.dots(table);
    plots
}

fn outcome(row: &Operation) -> u64 {
    match row.kind {
        Kind::Ok => 0,
        Kind::Fail => 1,
        Kind::Info | Kind::Invoke => 2,
    }
}

fn took(row: &Operation) -> u64 {
    row.end.map_or(0, |end| micros(end) - micros(row.start))
}

fn quantile_of(sorted: &[u32], quantile: f64) -> Option<u64> {
    let last = sorted.len().checked_sub(1)?;
    sorted
        .get((last as f64 * quantile).ceil() as usize)
        .map(|took| u64::from(*took))
}

fn whole(latencies: Vec<Vec<u32>>) -> Vec<u64> {
    let mut all: Vec<u32> = latencies.into_iter().flatten().collect();
    all.sort_unstable();
    [0.5, 0.95, 0.99, 0.999, 1.0]
        .into_iter()
        .filter_map(|quantile| quantile_of(&all, quantile))
        .collect()
}

impl Plots {
    /// Every so many-th operation, and each that took unusually long.
    fn dots(&mut self, table: &Table) {
        let stride = table.rows.len().div_ceil(DOTS).max(1);
        let slow = self.quantiles.get(3).copied().unwrap_or(u64::MAX);
        for (at, row) in table.rows.iter().enumerate().filter(|(_, row)| row.end.is_some()) {
            let is_slow = took(row) > slow && table.rows.len() < DOTS * 100;
            if at % stride == 0 || is_slow {
                self.dot_time.push(micros(row.start));
                self.dot_took.push(took(row) * 4 + outcome(row));
                self.dots += 1;
            }
        }
    }
}

/// The longest gaps between successes while operations could begin, in the order of time.
fn outages(table: &Table, load: &Stage) -> Vec<Outage> {
    let mut sights: Vec<(Nanos, Sight)> = table
        .rows
        .iter()
        .filter(|row| row.kind == Kind::Ok)
        .filter_map(|row| Some((row.end?, Sight::Success)))
        .chain(table.gate.iter().map(|(time, turn)| {
            let sight = match turn {
                Turn::Closed => Sight::Closed,
                Turn::Opened => Sight::Opened,
            };
            (*time, sight)
        }))
        .filter(|(time, _)| load.start <= *time && *time <= load.end)
        .collect();
    sights.sort_by_key(|(time, _)| *time);
    let mut outages: Vec<Outage> = Gaps::of(load, sights.into_iter())
        .map(|(from, to)| Outage {
            from: micros(from),
            to: micros(to),
        })
        .filter(|outage| outage.to - outage.from >= OUTAGE_LEAST)
        .collect();
    outages.sort_by_key(|outage| std::cmp::Reverse(outage.to - outage.from));
    outages.truncate(OUTAGES);
    outages.sort_by_key(|outage| outage.from);
    outages
}

fn recoveries(rows: &[Operation], heals: &[Nanos]) -> Vec<Recovery> {
    let first_success = |heal: Nanos| {
        let mut best: Option<Nanos> = None;
        for row in &rows[rows.partition_point(|row| row.start < heal)..] {
            if best.is_some_and(|best| row.start > best) {
                break;
            }
            if let (Kind::Ok, Some(end)) = (row.kind, row.end) {
                best = Some(best.map_or(end, |best| best.min(end)));
            }
        }
        best
    };
    let stride = heals.len().div_ceil(RECOVERIES).max(1);
    heals
        .iter()
        .step_by(stride)
        .map(|heal| Recovery {
            healed: micros(*heal),
            took: first_success(*heal).map(|at| micros(at) - micros(*heal)),
        })
        .collect()
}
