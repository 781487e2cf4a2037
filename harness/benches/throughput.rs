//! Recorded operations a second without a fault, their latency, the harness's memory, and how soon a cut is in force.
//!
//!     cargo build --release && cargo bench -p harness --bench throughput -- --runs 5

#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code)]

mod lab;

use std::collections::HashMap;

use lab::{Run, Store, flag, median, percentile};

fn main() {
    let (runs, seconds) = (flag("--runs", 5), flag("--seconds", 15));
    let store = Store::new();
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "prod, 5 nodes, 50 clients", "op/s", "ok/s", "p50 ms", "p99 ms", "peak MB"
    );
    let mut rates = Vec::new();
    for seed in 1..=runs {
        let run = store.run(&format!(
            "--nemesis none --profile prod --clients 50 --duration {seconds}s --seed {seed}"
        ));
        let latency = latencies_ms(&run);
        let rate = run.results["operations"]["per_second"]
            .as_f64()
            .unwrap_or(f64::NAN);
        let ok = latency.len() as f64 / seconds as f64;
        println!(
            "{:<34} {rate:>9.0} {ok:>9.0} {:>9.2} {:>9.2} {:>8}",
            format!("seed {seed}, exit {}", run.exit),
            median(latency.clone()),
            percentile(latency, 99),
            run.peak_mb
        );
        rates.push(rate);
        run.forget();
    }
    println!("{:<34} {:>9.0}", "median", median(rates));
    cuts(&store);
}

/// From invocation to completion of everything that was ok.
fn latencies_ms(run: &Run) -> Vec<f64> {
    let mut open = HashMap::new();
    let mut latencies = Vec::new();
    for event in run.lines("history.jsonl").into_iter().skip(1) {
        let time = event["time"].as_f64().unwrap_or(f64::NAN) / 1e6;
        let process = event["process"].as_u64();
        match event["type"].as_str() {
            Some("invoke") => drop(open.insert(process, time)),
            Some("ok") => latencies.extend(open.remove(&process).map(|begin| time - begin)),
            _ => {}
        }
    }
    latencies
}

/// From the decision to the moment that a cut was in force.
fn cuts(store: &Store) {
    let run = store.run("--nemesis partition --interval 300ms --duration 20s --clients 20 --seed 1");
    let took = |line: &serde_json::Value| {
        let is_cut = line["effect"]["links"]["rule"] == "cut";
        is_cut.then(|| (line["done"].as_f64().unwrap() - line["planned"].as_f64().unwrap()) / 1e6)
    };
    let took: Vec<f64> = run.lines("nemesis.jsonl").iter().filter_map(took).collect();
    let worst = took.iter().copied().fold(0.0, f64::max);
    println!(
        "a cut is in force after: median {:.3} ms, worst {worst:.3} ms of {}",
        median(took.clone()),
        took.len()
    );
}
