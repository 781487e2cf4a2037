//! `harness check`: judge saved runs or histories again.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use checker::{Analysis, Assume, Assumption, Bank, Engine, FailedCas, NullRead, StaleReads, Verdict};
use clap::builder::PossibleValuesParser;
use histories::format::Independent;
use histories::{RunFolder, Value};
use runs::judge::{self, Limits};
use runs::record::Record;
use runs::stop::Stop;
use serde_json::json;

use super::outputs::Outputs;
use super::value::value;
use super::{run_folder, show, show_json};
use crate::errors::CliError;
use crate::exit::{Exit, Failure};
use crate::flags::duration;
use crate::report::checking;
use crate::report::outcome::Outcome;
use crate::report::style::{Style, word};
use crate::report::summary;

const EXAMPLES: &str = "\
Examples:
  harness check latest
      judge the newest run again; the same verdict, the same exit code
  harness check histories/corpus/good/figure8-refused.jsonl
      judge a history by itself
  harness check ~/jepsen/store/latest
      judge a test of Jepsen's, and compare with its results.edn
  harness check --model cas-register store/*/*/history.jsonl
      many files: a line each, a summary, the worst exit code
  harness check --dot history.edn | dot -Tsvg > why.svg
      draw the proof of a violation";

/// Judge saved runs, or history files, again: the same checks, the same exit code.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Runs' folders, `latest`, history files (packed by gzip or zstd, too), tests in Jepsen's store, or `-` for standard input.
    #[arg(value_name = "RUN|FILE", required = true)]
    targets: Vec<PathBuf>,
    /// The model, where it is not the one that the history names.
    #[arg(long, value_parser = PossibleValuesParser::new(checker::models::TABLE.iter().map(|row| row.name)))]
    model: Option<String>,
    /// What there is before the first operation, where the history does not say it: JSON, or a word.
    #[arg(long, value_name = "VALUE", value_parser = value, allow_hyphen_values = true)]
    initial: Option<Value>,
    /// The file's format; without it, it is recognised from the content.
    #[arg(long, value_parser = PossibleValuesParser::new(histories::format::TABLE.iter().map(|row| row.name)))]
    format: Option<String>,
    /// Whether a value [k v] of an imported history is a key and its value.
    #[arg(long, value_enum, default_value = "auto")]
    independent: Independent,
    /// What a failed cas says; without it, what the file's format implies.
    #[arg(long, value_enum)]
    failed_cas: Option<FailedCas>,
    /// How closely a set, a counter and an unordered queue are looked at; without it, what the file's format implies.
    #[arg(long, value_enum)]
    analysis: Option<Analysis>,
    /// What a read of null says of a register; without it, what the file's format implies.
    #[arg(long, value_enum)]
    null_read: Option<NullRead>,
    /// What a read of a set-full says that began after an element was known and lacks it, if a later one has it.
    #[arg(long, value_enum, default_value = "allowed")]
    stale_reads: StaleReads,
    /// The sum of a bank's balances; without it, that of the first read.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    total_amount: Option<i64>,
    /// A bank's balances may be below zero.
    #[arg(long)]
    negative_balances: bool,
    /// What transactions (without it strict-serializable) or registers (linearizable) are held to; several levels with commas
    /// between them (`harness list levels`).
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(checker::Subject::all_names()),
        value_name = "LEVEL",
        value_delimiter = ',',
        ignore_case = true,
        hide_possible_values = true
    )]
    consistency: Vec<String>,
    /// What is taken for granted of the keys of an rw-register, as Elle can; several with commas between them.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    assume: Vec<Assumption>,
    /// Who decides: a graph engine where one applies, else the search (auto), or only one of them.
    #[arg(long, value_enum, default_value = "auto")]
    engine: Engine,
    /// How long the check of linearizability may take; then it is inconclusive.
    #[arg(long, default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// How much memory its tables may take; then it is inconclusive.
    #[arg(long, default_value = "2GiB")]
    memory: ByteSize,
    /// A pass must come with an order, replayed by an independent verifier; an analysis that looks for none is inconclusive.
    #[arg(long)]
    certify: bool,
    /// Let the client history speak alone: leave out the check raft-safety, which rests on the nodes' own words.
    #[arg(long)]
    no_journal: bool,
    /// Tell every proof in full, with the reason of each edge.
    #[arg(long)]
    explain: bool,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
    /// Print the results as JSON.
    #[arg(long, conflicts_with = "dot")]
    json: bool,
    /// Print the first violation as a graph for Graphviz.
    #[arg(long)]
    dot: bool,
    #[command(flatten)]
    outputs: Outputs,
}

/// Judge runs and histories again; the exit code says what came of it.
pub(super) fn check(args: &Args) -> Result<Exit, Failure> {
    let limits = limits(args);
    let stop = limits.stop.clone();
    super::on_interrupt(move || stop.set())?;
    let judged: Vec<Outcome> = args
        .targets
        .iter()
        .map(|target| judge(args, target, &limits))
        .collect();
    args.outputs.write(&judged)?;
    match judged.as_slice() {
        [_] => one(args, judged),
        many => several(args, many),
    }
}

fn limits(args: &Args) -> Limits {
    Limits {
        timeout: args.timeout,
        memory: args.memory.as_u64(),
        progress: (std::io::stderr().is_terminal() && !args.json).then(checking::bar),
        engine: args.engine,
        certify: args.certify,
        journals: !args.no_journal,
        model: args.model.clone(),
        initial: args.initial.clone(),
        failed_cas: args.failed_cas,
        analysis: args.analysis,
        null_read: args.null_read,
        stale_reads: args.stale_reads,
        bank: Bank {
            total: args.total_amount,
            negative_balances: args.negative_balances,
        },
        consistency: args.consistency.clone(),
        assume: args
            .assume
            .iter()
            .fold(Assume::NOTHING, |assume, &one| assume.and(one)),
        format: args.format.clone(),
        independent: args.independent,
        stop: Stop::unset(),
    }
}

fn judge(args: &Args, target: &Path, limits: &Limits) -> Outcome {
    let name = target.display().to_string();
    if let Some(history) = by_itself(&args.store, target) {
        return Outcome {
            name,
            record: None,
            results: judge::file(&history, limits).map_err(Failure::from),
        };
    }
    let judged = run_folder(&args.store, target).and_then(|folder| {
        let results = judge::run(&folder, limits)?;
        Ok((Record::load(&folder)?, results))
    });
    match judged {
        Ok((record, results)) => Outcome {
            name,
            record: Some(record),
            results: Ok(results),
        },
        Err(failure) => Outcome {
            name,
            record: None,
            results: Err(failure),
        },
    }
}

/// The history, if it is none of a run: a file, or a folder without run.json.
fn by_itself(store: &Path, target: &Path) -> Option<PathBuf> {
    let latest = store.join("latest");
    let path = match target.as_os_str() == "latest" && latest.exists() {
        true => latest,
        false => target.to_owned(),
    };
    let is_run = path.is_dir() && RunFolder::at(path.clone()).run_json().is_file();
    (!is_run).then_some(path)
}

fn one(args: &Args, mut judged: Vec<Outcome>) -> Result<Exit, Failure> {
    let Some(Outcome { record, results, .. }) = judged.pop() else {
        return Ok(Exit::Pass);
    };
    let results = results?;
    if args.json {
        show_json(&results)?;
    } else if args.dot {
        let first = results.violations.first();
        show(&first.map_or_else(
            || "digraph violation {}\n".to_owned(),
            |violation| violation.dot(),
        ))?;
    } else {
        let depth = if args.explain {
            summary::Depth::All
        } else {
            summary::Depth::Few
        };
        show(&summary::render(
            &results,
            record.as_ref(),
            depth,
            Style::of_stdout(),
        ))?;
    }
    Ok(results.exit())
}

/// A line each, a summary, and the worst exit code.
fn several(args: &Args, judged: &[Outcome]) -> Result<Exit, Failure> {
    let worst = judged
        .iter()
        .map(Outcome::exit)
        .max_by_key(|exit| badness(*exit))
        .unwrap_or(Exit::Pass);
    if args.json {
        let each = judged.iter().map(|one| match &one.results {
            Ok(results) => json!(results),
            Err(failure) => {
                json!({ "run": one.name, "exit": failure.exit().code(), "error": failure.to_string() })
            }
        });
        show_json(&json!({ "exit": worst.code(), "files": each.collect::<Vec<_>>() }))?;
        return Ok(worst);
    }
    if args.dot {
        return Err(CliError::ManyDots.into());
    }
    show(&lines(judged, args.explain, Style::of_stdout()))?;
    Ok(worst)
}

/// The worst first: what could not be read, a violation, what is unknown, a pass.
fn badness(exit: Exit) -> u8 {
    match exit {
        Exit::Pass => 0,
        Exit::Inconclusive => 1,
        Exit::Violation => 2,
        Exit::Usage => 3,
        Exit::Broken | Exit::Interrupted => 4,
    }
}

fn lines(judged: &[Outcome], explain: bool, style: Style) -> String {
    let mut out = String::new();
    let width = judged
        .iter()
        .map(|one| one.name.chars().count())
        .max()
        .unwrap_or(0);
    for one in judged {
        let (mark, reason) = match &one.results {
            Ok(results) => {
                let worst = results.checks.iter().max_by_key(|check| check.verdict);
                let verdict = style.verdict(results.verdict, &format!("{:<13}", word(results.verdict)));
                (verdict, worst.map_or(String::new(), |check| check.reason.clone()))
            }
            Err(failure) => (format!("{:<13}", "unreadable"), failure.to_string()),
        };
        let _ = writeln!(out, "{:<width$}  {mark} {reason}", one.name);
        let violations = one.results.iter().flat_map(|results| &results.violations);
        for violation in violations.filter(|_| explain) {
            let _ = writeln!(
                out,
                "    {}",
                summary::wrapped(&violation.why.replace('\n', " "), 4)
            );
        }
    }
    let count = |wanted: Verdict| {
        judged
            .iter()
            .filter(|one| one.results.as_ref().is_ok_and(|r| r.verdict == wanted))
            .count()
    };
    let unreadable = judged.iter().filter(|one| one.results.is_err()).count();
    let _ = writeln!(
        out,
        "{} files: {} pass, {} violation, {} inconclusive, {unreadable} unreadable",
        judged.len(),
        count(Verdict::Pass),
        count(Verdict::Violation),
        count(Verdict::Inconclusive)
    );
    out
}
