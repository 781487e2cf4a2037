//! The verdict on a run, from its saved files alone: so the run itself and a later `harness check` cannot differ.
//!
//! | file | check |
//! | --- | --- |
//! | [`history`] | linearizability, durability, activity: what the clients saw |
//! | `last_transactions` | durability, where transactions are judged |
//! | [`journals`] | raft-safety: what the nodes wrote of themselves |
//! | [`committed`] | raft-safety: what the nodes' statuses said was committed |
//! | [`nemesis`] | armed: whether the faults really happened |
//! | [`recovery`] | recovery: whether the cluster came back |

mod appends;
pub mod committed;
mod consistency;
mod error;
mod everywhere;
pub mod history;
pub mod journals;
mod last_transactions;
mod naming;
pub mod nemesis;
mod others;
pub mod outage;
mod reading;
pub mod recovery;
mod stream;
mod watched;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use ::nemesis::Tells;
use checker::models::Model;
use checker::{
    Analysis, Assume, Bank, Budget, Check, CheckName, Engine, FailedCas, NullRead, Options, Proof,
    StaleReads, Subject, Verdict,
};
use histories::format::{self, FormatError, Imported, Places, history1};
use histories::run_folder::read_lines;
use histories::{History, RunFolder, Value};

use self::naming::Named;
use self::reading::Within;

pub use self::consistency::{is_level_of_transactions, levels};
pub use self::naming::GUESSED;

pub use self::error::JudgeError;
use self::watched::watched;
pub use self::watched::{Progress, Show};
use crate::record::{NotApplicable, Operations, Record, Results, StatusLine};
use crate::stop::Stop;
use crate::workloads;

/// What a judge may spend, and how he reads what he is given.
#[derive(Clone)]
pub struct Limits {
    /// How long the linearizability check may take.
    pub timeout: Duration,
    /// How much memory its tables may take, in bytes.
    pub memory: u64,
    /// Set when the user has lost patience: the check ends as inconclusive.
    pub stop: Stop,
    /// Is told how far a long check is.
    pub progress: Option<Show>,
    /// Who decides.
    pub engine: Engine,
    /// Whether a pass must come with a legal order that an independent verifier has replayed.
    pub certify: bool,
    /// The model, where it is not the one that the history names.
    pub model: Option<String>,
    /// What there is before the first operation, where it is not what the history says.
    pub initial: Option<Value>,
    /// What a failed cas says, where it is not what the history's format implies.
    pub failed_cas: Option<FailedCas>,
    /// What transactions or registers are held to, by the names of levels; none: by the model's own judgement, which of
    /// transactions is strict-serializable.
    pub consistency: Vec<String>,
    /// What is taken for granted of an `rw-register`'s keys.
    pub assume: Assume,
    /// How closely a set and a counter are looked at, where it is not what the history's format implies.
    pub analysis: Option<Analysis>,
    /// What a read of null says of a register, where it is not what the history's format implies.
    pub null_read: Option<NullRead>,
    /// What a stale read of a `set-full` says.
    pub stale_reads: StaleReads,
    /// What a bank's reads must show.
    pub bank: Bank,
    /// The format, where it is not to be recognised.
    pub format: Option<String>,
    /// Whether values `[k v]` are a key and its value.
    pub independent: format::Independent,
    /// Whether the nodes' own words count; without them the check raft-safety is left out.
    pub journals: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            timeout: Duration::from_secs(60),
            memory: 2 << 30,
            stop: Stop::unset(),
            progress: None,
            engine: Engine::Auto,
            certify: false,
            model: None,
            initial: None,
            failed_cas: None,
            consistency: Vec::new(),
            assume: Assume::NOTHING,
            analysis: None,
            null_read: None,
            stale_reads: StaleReads::default(),
            bank: Bank::default(),
            format: None,
            independent: format::Independent::Auto,
            journals: true,
        }
    }
}

impl Limits {
    /// What a run was to be held to, unless something else is asked for.
    fn within_a_run(&self, record: &Record) -> Self {
        let mut limits = self.clone();
        if limits.consistency.is_empty() && limits.model.is_none() {
            limits.consistency.clone_from(&record.settings.consistency);
        }
        limits
    }

    /// How a history is read and judged, given what its format implies.
    fn options(&self, implied: Implied, model: &Model, timed: bool) -> Result<Options, JudgeError> {
        let failed_cas = match implied.failed_cas {
            format::FailedCas::DidNotHappen => FailedCas::DidNotHappen,
            format::FailedCas::Observation => FailedCas::Observation,
        };
        // Knossos, which judges Jepsen's registers, takes a read of nil as saying nothing.
        let (analysis, null_read) = match implied.analysis {
            format::Analysis::Linearizable => (Analysis::Linearizable, NullRead::Observation),
            format::Analysis::Jepsen => (Analysis::Jepsen, NullRead::SaysNothing),
        };
        Ok(Options {
            failed_cas: self.failed_cas.unwrap_or(failed_cas),
            engine: self.engine,
            certify: self.certify,
            assume: consistency::assumed(self.assume, model)?,
            consistency: consistency::levels(&self.consistency, model, timed)?,
            // Who asks for a level asks for a legal order.
            analysis: self.analysis.unwrap_or(
                match model.takes_implied_analysis && self.consistency.is_empty() {
                    true => analysis,
                    false => Analysis::Linearizable,
                },
            ),
            null_read: self.null_read.unwrap_or(null_read),
            stale_reads: self.stale_reads,
            bank: self.bank,
            proof: Proof::Given,
        })
    }
}

/// What a history's format implies.
#[derive(Clone, Copy, Default)]
pub struct Implied {
    failed_cas: format::FailedCas,
    analysis: format::Analysis,
}

impl Implied {
    fn by(imported: &Imported) -> Self {
        Implied {
            failed_cas: imported.failed_cas,
            analysis: imported.analysis,
        }
    }
}

/// Judge a saved run.
pub fn run(folder: &RunFolder, limits: &Limits) -> Result<Results, JudgeError> {
    let budget = Budget::new(u64::MAX, limits.memory);
    watched(limits, &budget, || run_within(folder, limits, &budget))
}

fn run_within(folder: &RunFolder, limits: &Limits, budget: &Budget) -> Result<Results, JudgeError> {
    let record = Record::load(folder)?;
    let limits = &limits.within_a_run(&record);
    let unfinished = !record.finished;
    let nemesis = nemesis::Saved::load(folder, &record)?;
    let statuses: Vec<StatusLine> = read_lines(&folder.status(), unfinished)?;
    let run = folder.path().display().to_string();
    let history = match read_history_within(folder, unfinished, budget) {
        Err(_) if let Some(stop) = budget.stopped() => {
            return Ok(Results {
                seed: Some(record.settings.seed),
                run,
                ..Results::of(vec![reading::unread(stop)])
            });
        }
        read => read?,
    };
    let mut left = Left {
        record,
        nemesis,
        statuses,
        history,
    };
    let named = left.named(limits)?;
    naming::start(&mut left.history.header, &named, limits)?;
    let (linearizability, journals) = side_by_side(folder, &left, limits, budget);
    let file = folder.history();
    let placed = |error| naming::placed(error, &file, &Places::Lines, &left.history.events);
    let results = left
        .judge(linearizability.map_err(placed)?, journals?, limits)
        .map_err(placed)?;
    Ok(Results { run, ..results })
}

/// What a run has left, but for the nodes' journals.
pub struct Left {
    /// What was run, and when.
    pub record: Record,
    /// What the nemesis did.
    pub nemesis: nemesis::Saved,
    /// How the nodes stood.
    pub statuses: Vec<StatusLine>,
    /// What the clients saw.
    pub history: History,
}

impl Left {
    fn named(&self, limits: &Limits) -> Result<Named, JudgeError> {
        Ok(Named::in_header(&self.history.header, limits).unwrap_or_default())
    }

    /// Whether the history has a legal order, within the limits.
    pub fn linearizability(&self, limits: &Limits, budget: &Budget) -> Result<Check, JudgeError> {
        let model = self.named(limits)?.model;
        history::linearizability(&self.history, &model, Implied::default(), limits, budget)
    }

    /// The verdict, given what was found of the history and in the journals.
    pub fn judge(
        &self,
        mut linearizability: Check,
        journals: Option<Check>,
        limits: &Limits,
    ) -> Result<Results, JudgeError> {
        let named = self.named(limits)?;
        let judged_as = named.judged(&mut linearizability);
        let Left {
            record,
            nemesis,
            statuses,
            history,
        } = self;
        let mut checks = vec![linearizability];
        let mut not_applicable = Vec::new();
        let model = history::model(&named.model)?;
        let durability = match model.subject() {
            Some(Subject::Transactions) => {
                Some(last_transactions::durability(history, &named.model, &checks[0]))
            }
            _ if !model.has_final_reads() => None,
            _ => Some(history::durability(history, &named.model)?),
        };
        match durability {
            Some(mut durability) => {
                committed::name_the_holders(&mut durability, statuses);
                everywhere::looked_at(&mut durability, record, &history.events);
                checks.push(durability);
            }
            None => not_applicable.push(NotApplicable {
                name: CheckName::Durability,
                reason: format!("of {} no last read tells what was kept", named.model),
            }),
        }
        checks.extend(checker::revisions(
            &history.header,
            &history.events,
            record.capabilities.revisions,
        )?);
        let watches = workloads::find(&record.settings.workload).and_then(|row| row.watches);
        checks.extend(checker::watch(
            &history.header,
            &history.events,
            watches.is_some(),
        )?);
        // What was written counts, promised or not.
        if limits.journals && (record.capabilities.tell_of_safety() || journals.is_some()) {
            let statuses = committed::raft_safety(statuses, nemesis.cycles());
            let promised = record.capabilities.tell(Tells::Journal);
            checks.push(journals::merged(journals, statuses, promised));
        } else if limits.journals {
            not_applicable.push(NotApplicable {
                name: CheckName::RaftSafety,
                reason: format!(
                    "{} writes no journal and tells no committed (index, term)",
                    record.settings.system
                ),
            });
        }
        checks.push(nemesis.armed(record)?);
        checks.push(recovery::check(record, nemesis.unproved_undoings()));
        checks.push(history::activity(history)?);
        if !record.finished {
            checks.push(did_not_finish());
        }
        let load = record.load_stage();
        Ok(Results {
            judged_as: Some(judged_as),
            outage_longest_ms: load.map_or(0, |load| {
                outage::longest(&history.events, load).as_millis() as u64
            }),
            operations: Operations::count(&history.events, load),
            cycles: nemesis.tally(),
            seed: Some(record.settings.seed),
            not_applicable,
            left_out: (!limits.journals)
                .then_some(CheckName::RaftSafety)
                .into_iter()
                .collect(),
            ..Results::of(checks)
        })
    }
}

/// Linearizability, and what the journals say: neither needs the other, and both may take seconds.
fn side_by_side(
    folder: &RunFolder,
    left: &Left,
    limits: &Limits,
    budget: &Budget,
) -> (Result<Check, JudgeError>, Result<Option<Check>, JudgeError>) {
    std::thread::scope(|scope| {
        let (nodes, events) = (left.record.settings.nodes, &left.history.events);
        let journals = scope.spawn(move || match limits.journals {
            true => journals::raft_safety(folder, nodes, events, &limits.stop),
            false => Ok(None),
        });
        let linearizability = left.linearizability(limits, budget);
        let panicked = |_| Err(JudgeError::Panicked("the check of the journals"));
        (linearizability, journals.join().unwrap_or_else(panicked))
    })
}

/// Judge a history by itself, in a file or in a folder that another tool left: there is no nemesis to be armed, and no cluster
/// to recover.
///
/// The limits are those of everything: of reading, of the check, and of its proofs.
pub fn file(path: &Path, limits: &Limits) -> Result<Results, JudgeError> {
    let budget = Budget::new(u64::MAX, limits.memory);
    watched(limits, &budget, || file_within(path, limits, &budget))
}

fn file_within(path: &Path, limits: &Limits, budget: &Budget) -> Result<Results, JudgeError> {
    if let Some(results) = stream::judge(path, limits, budget)? {
        return Ok(results);
    }
    let imported = match reading::read(path, limits, budget)? {
        Ok(imported) => imported,
        Err(stop) => {
            return Ok(Results {
                run: path.display().to_string(),
                ..Results::of(vec![reading::unread(stop)])
            });
        }
    };
    let implied = Implied::by(&imported);
    let named = naming::named(path, &imported, limits)?;
    let (mut history, places) = (imported.history, imported.places);
    naming::start(&mut history.header, &named, limits)?;
    let placed = |error| naming::placed(error, path, &places, &history.events);
    // Before the check: at its limit nobody waits for it.
    let (operations, has_final_reads) = history::overview(&history);
    let mut checks =
        vec![history::linearizability(&history, &named.model, implied, limits, budget).map_err(placed)?];
    if has_final_reads {
        checks.push(history::durability(&history, &named.model).map_err(placed)?);
        let revisions = checker::revisions(&history.header, &history.events, false);
        checks.extend(revisions.map_err(|error| placed(error.into()))?);
    }
    let judged_as = named.judged(&mut checks[0]);
    let mut results = Results {
        judged_as: Some(judged_as),
        operations,
        seed: history.header.seed,
        run: path.display().to_string(),
        ..Results::of(checks)
    };
    results.notes = others::notes(path, &history.header, results.verdict);
    reading::give_back(history);
    Ok(results)
}

/// The history of a run; one that the harness could not finish is read up to its last whole line.
pub fn read_history(folder: &RunFolder, unfinished: bool) -> Result<History, JudgeError> {
    read_history_within(folder, unfinished, &Budget::unlimited())
}

/// The same; an error where a limit is reached.
fn read_history_within(folder: &RunFolder, unfinished: bool, budget: &Budget) -> Result<History, JudgeError> {
    let path = folder.history();
    let read = || -> Result<History, FormatError> {
        let file = File::open(&path).map_err(|source| FormatError::Read { file: None, source })?;
        let input = BufReader::with_capacity(1 << 20, Within::new(file, budget));
        match unfinished {
            true => history1::read_unfinished(input).map(|read| read.history),
            false => history1::read(input),
        }
    };
    Ok(read().map_err(|error| error.in_file(&path))?)
}

/// A run that was cut short can still show a violation, and can never pass.
fn did_not_finish() -> Check {
    Check {
        name: CheckName::Finished,
        verdict: Verdict::Inconclusive,
        reason: "the run was cut short (the harness was killed, or gave up); this is what it left".to_owned(),
        details: serde_json::json!({}),
        violations: Vec::new(),
    }
}
