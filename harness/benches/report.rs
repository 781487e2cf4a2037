//! report.html of long runs: how long it takes to draw, how much memory, how large it is; and of the longest, how soon
//! `harness inspect` says anything. The operations are made up, so that no
//! cluster has to run for hours; everything else is that of the saved run of the browser tests.
//!
//!     cargo bench -p harness --bench report

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::report::{data, page};
use histories::RunFolder;

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
/// What is asked of the longest run, beside its verdict: near its beginning and near its end.
const INSPECT: [&str; 8] = [
    "",
    "--faults",
    "--process 3",
    "--key k3300",
    "--around 100",
    "--around 1900000",
    "--json",
    "--json --process 3",
];
/// Clients, and how long an operation takes and waits, in ns.
const CLIENTS: u64 = 10;
const STEP: u64 = 170_000;

fn main() {
    let store = tempfile::tempdir().expect("a temporary folder");
    let mut out = std::io::stdout();
    let head = "operations   drawn in   peak memory   report.html";
    writeln!(out, "{head}").expect("there is a terminal, or a file");
    for operations in SIZES {
        let folder = store.path().join(operations.to_string());
        write_run(&folder, operations).expect("the run is written");
        let begin = Instant::now();
        let drawn = page::draw(&RunFolder::at(&folder), None, data::OPERATIONS).expect("the page is drawn");
        let took = begin.elapsed().as_millis();
        let bytes = fs::metadata(drawn).expect("the page is there").len();
        let line = format!(
            "{operations:>10} {took:>8} ms {:>10} MB {:>10.1} MB",
            peak_mb(),
            bytes as f64 / 1e6
        );
        writeln!(out, "{line}").expect("there is a terminal, or a file");
    }
    let longest = store.path().join(SIZES[SIZES.len() - 1].to_string());
    writeln!(out, "\nfirst output of").expect("there is a terminal, or a file");
    for words in INSPECT {
        let took = first_output(&longest, words).as_millis();
        writeln!(out, "{took:>6} ms  harness inspect {words}").expect("there is a terminal, or a file");
    }
}

/// How long a command takes until something is to be read; its reader then goes away.
fn first_output(run: &Path, words: &str) -> Duration {
    let begin = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .arg("inspect")
        .arg(run)
        .args(words.split_whitespace())
        .stdout(Stdio::piped())
        .spawn()
        .expect("harness starts");
    let mut out = child.stdout.take().expect("it has an output");
    out.read_exact(&mut [0]).expect("it says something");
    let took = begin.elapsed();
    drop(out);
    child.wait().expect("it ends");
    took
}

fn write_run(folder: &Path, operations: u64) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let saved = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/sprung");
    for name in [
        "run.json",
        "results.json",
        "nemesis.jsonl",
        "status.jsonl",
        "figure8.jsonl",
    ] {
        fs::copy(saved.join(name), folder.join(name))?;
    }
    let mut out = BufWriter::new(File::create(folder.join("history.jsonl"))?);
    writeln!(
        out,
        r#"{{"history":1,"model":"register","keyed":true,"initial":null,"seed":42}}"#
    )?;
    // Rounds: all clients ask, then all are answered.
    let mut index = 0;
    for round in 0..operations / CLIENTS {
        for kind in ["invoke", "ok"] {
            for client in 0..CLIENTS {
                let time = index * STEP / 2;
                let (key, value) = (round / 30, round * CLIENTS + client);
                writeln!(
                    out,
                    r#"{{"index":{index},"time":{time},"process":{client},"type":"{kind}","f":"write","key":"k{key}","value":{value},"node":"n1"}}"#
                )?;
                index += 1;
            }
        }
    }
    out.flush()
}

/// The peak of this process's memory so far; 0 where the system does not tell.
fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kb| kb / 1024)
}
