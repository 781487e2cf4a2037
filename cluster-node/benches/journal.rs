//! What the journal costs the node's thread for each write: a cluster of one takes batches of writes, without a disk.
//!
//!     cargo bench -p cluster-node --bench journal

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use cluster_node::journal::{Boot, Journal, JournalFile, Reply};
use cluster_node::machine::{Command, Json, Machine, Operation, Session};
use cluster_node::raft::config::{Config, Profile};
use cluster_node::raft::types::{Millis, NodeId, Position, RequestId};
use cluster_node::raft::{Action, HardState, Input, Raft, Recovered};
use cluster_node::thread;

const BATCHES: u64 = 20_000;
/// So many writes share a sync.
const BATCH: u64 = 8;
/// append, commit, sync, apply and reply, with the shared ones counted in part.
const LINES: f64 = 4.0 + 1.0 / BATCH as f64;

fn main() {
    for round in 1..=5 {
        let folder = tempfile::tempdir().unwrap();
        let each = |time: Duration| time.as_nanos() as f64 / (BATCHES * BATCH) as f64;
        let without = each(run(None));
        let with = each(run(Some(folder.path())));
        println!(
            "round {round}: {without:>5.0} ns a write without a journal, {with:>5.0} ns with it: {:>4.0} ns a line",
            (with - without) / LINES
        );
    }
}

fn run(folder: Option<&Path>) -> Duration {
    let id = NodeId::from("n1");
    let config = Config::of(Profile::Prod);
    let mut raft = Raft::new(id.clone(), vec![], config, 1, Recovered::default(), Millis(0));
    let mut machine = Machine::new(10_000, true);
    let mut journal = folder.map(|folder| begin(folder, &id));
    if journal.is_some() {
        raft.observe();
        machine.keep_digest();
    }
    raft.step(raft.next_deadline(), Input::Tick);
    let now = raft.next_deadline();
    let began = Instant::now();
    for batch in 0..BATCHES {
        let writes = batch * BATCH..(batch + 1) * BATCH;
        let actions: Vec<Action> = writes.flat_map(|seq| raft.step(now, propose(seq))).collect();
        if let Some(journal) = &mut journal {
            let (journal, _) = journal;
            journal.steps(raft.take_notes(), false, thread::now());
            journal.synced();
        }
        for action in actions {
            let journal = journal.as_mut().map(|(journal, _)| journal);
            carry_out(action, &mut machine, journal);
        }
        if let Some((journal, file)) = &mut journal {
            file.write(journal.lines()).unwrap();
            journal.clear();
        }
    }
    began.elapsed()
}

fn begin(folder: &Path, id: &NodeId) -> (Journal, JournalFile) {
    let boot = Boot {
        id,
        incarnation: 1,
        hard: &HardState::default(),
        entries: &[],
        peers: &[],
        profile: "prod",
        bugs: &[],
    };
    (
        Journal::begin(&boot, thread::now()),
        JournalFile::create(folder, 1).unwrap(),
    )
}

fn propose(seq: u64) -> Input {
    let command = Command {
        operation: Operation::Put {
            value: Json(seq.into()),
        },
        key: format!("k{}", seq % 100),
        session: Some(Session { client: 7, seq }),
        retry: false,
    };
    Input::Propose {
        id: RequestId(seq),
        payload: command.encode().unwrap(),
    }
}

fn carry_out(action: Action, machine: &mut Machine, journal: Option<&mut Journal>) {
    let Action::Apply { entry, .. } = action else {
        return;
    };
    let applied = machine.apply(&entry);
    if let Some(journal) = journal {
        journal.applied(&entry, applied.as_ref(), machine.digest());
        journal.reply(&Reply {
            op: "put",
            session: applied.and_then(|applied| applied.session),
            at: Position {
                index: entry.index,
                term: entry.term,
            },
            result: "ok",
        });
    }
}
