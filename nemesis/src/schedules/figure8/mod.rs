//! `figure8`: the trap of Raft section 5.4.2, set for a live cluster again and again.
//!
//! ```text
//!        (a) plant        (b) rival          (c) trap              (d1) spring      or   (d2) close
//!   S1   1 2  leads T2    1 2  out           1 2   leads T4        1 2  out              1 2 4  out
//!   S2   1 2              1 2  out           1 2                   1 3                   1 2 4
//!   S3   1                1                  1 2   a majority!     1 3                   1 2 4
//!   S4   1                1                  1     commit?         1 3                   1
//!   S5   1                1 3  leads T3      1 3   out             1 3  leads T5         1 3  refused
//! ```
//!
//! At (c) an entry of an *older* term stands on a majority. A leader that commits it then loses it at (d1); one that
//! waits for an entry of its own term, as at (d2), has it for good. Each cycle is led to one of the two ends.
//!
//! `trap` has the way to (c), `ends` (d1) and (d2); [`old`] reads the form of its own that the evidence once had.

mod ends;
pub(super) mod old;
mod trap;

use crate::schedule::Row;
use crate::schedules::guided::record::{Facts, Fork, Outcome, Record};
use crate::schedules::guided::{Scene, Start, Told, play, record, row};

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    nodes: 5,
    armed: record::armed_with_ends,
    ..row(
        NAME,
        "Raft section 5.4.2, Figure 8: an entry on a majority that can still be overwritten",
        |settings| play(NAME, settings, story),
    )
};

const NAME: &str = "figure8";

async fn story(scene: Scene, start: Start) -> Told<()> {
    // By the cohort's way out it is decided what W's client knows: of a killed leader never anything.
    ["C", "S5", "L"].iter().for_each(|part| scene.cast_out(part));
    let tally = scene.tally();
    // The end with fewer outcomes goes first; in doubt, the one that shows the bug.
    let springs = tally.sprung + tally.refused <= tally.closed;
    scene.note(|record| record.fork = Some(fork(springs)));
    let trap = trap::set(&scene, &start, springs).await?;
    match springs {
        true => ends::spring(&scene, &trap).await,
        false => ends::close(&scene, &trap).await,
    }
}

/// The stage is reached: its picture, with the caption that the paper would give it.
fn picture(scene: &Scene, stage: &str, facts: Facts) {
    let (title, what) = scene.note(|record| caption(record, stage));
    scene.proved(Some(title), what, facts);
}

/// The stages with their names, and what the paper would say of them; d1 once more for a trap that sprang.
#[rustfmt::skip]
const PAPER: [(&str, &str, &str); 6] = [
    ("a", "plant", "S1 ({S1}) leads T2 (term {T2}) and writes W at index {index}; it reaches {C} only, a minority."),
    ("b", "rival", "{C} is out. S5 ({S5}) wins T3 (term {T3}) and writes an entry of its own at the same index."),
    ("c", "trap", "S5 is out. {L} leads T4 (term {T4}) and copies W, an entry of an older term, to a majority: {C}, \
      {helpers}. Is it committed?"),
    ("d1", "spring", "{L} is out before an entry of its own term reached a majority. S5 ({S5}) leads T5 (term {T5}) and \
      overwrites index {index}, which nobody had taken for committed."),
    ("d1", "spring", "{L} is out before an entry of its own term reached a majority. S5 ({S5}) leads T5 (term {T5}) and \
      overwrites index {index}: what was committed is gone."),
    ("d2", "close", "{L} first commits an entry of its own term, and W with it. S5 ({S5}) can no longer win: W stays."),
];

/// What the paper calls the stage, and says of it.
fn caption(record: &Record, stage: &str) -> (&'static str, String) {
    let mut told = PAPER.iter().filter(|(name, ..)| *name == stage);
    let told = match record.outcome {
        Outcome::Sprung => told.next_back(),
        _ => told.next(),
    };
    let filled = told.map(|(_, title, what)| (*title, record.fill_in(what)));
    filled.unwrap_or_default()
}

fn fork(springs: bool) -> Fork {
    let d1 = "Instead, the leader goes out before any entry of its own term reached a majority: S5 wins.";
    let d2 = "Instead, the leader first commits an entry of its own term, W with it: S5 can no longer win.";
    match springs {
        true => Fork::new("d1", "d2", d2),
        false => Fork::new("d2", "d1", d1),
    }
}
