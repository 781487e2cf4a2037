//! The evidence of a Figure 8 run: one [`Cycle`] a cycle, and what they prove together.

use histories::{LogIndex, Nanos, Seed, Term, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::effect::NodeId;
use crate::schedule::{Armed, Evidence};
use crate::schedules::guided::{Out, Panel, cycles};
use crate::view::TailEntry;

/// The two ends of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The trap springs: S5 overwrites what stood on a majority.
    D1,
    /// The trap closes: an entry of the current term commits first.
    D2,
}

/// What a cycle came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Ending {
    /// W was committed or seen at (c) and is gone after (d1): the bug.
    Sprung,
    /// W stood on a majority for the whole hold, was not committed, and S5 overwrote what nobody had seen.
    Refused,
    /// X of T4 was committed; S5 was refused by a holder of T4, or such a holder won instead.
    Closed,
    /// A stage was not reached.
    Missed,
    /// The load ended before the cycle did.
    Unfinished,
}

/// Who plays which part. Empty until the part is cast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cast {
    /// The leader of T2, who plants W.
    #[serde(rename = "S1")]
    pub s1: Option<NodeId>,
    /// The cohort: S1 and who else holds W after (a).
    #[serde(rename = "C")]
    pub cohort: Vec<NodeId>,
    /// The rival.
    #[serde(rename = "S5")]
    pub s5: Option<NodeId>,
    /// Who makes the cohort a majority at (c).
    pub helpers: Vec<NodeId>,
    /// The leader of T4.
    #[serde(rename = "L")]
    pub leader: Option<NodeId>,
}

/// The terms as the paper numbers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// In which S1 plants.
    #[serde(rename = "T2")]
    pub t2: Option<Term>,
    /// In which S5 writes its own.
    #[serde(rename = "T3")]
    pub t3: Option<Term>,
    /// In which L copies W to a majority.
    #[serde(rename = "T4")]
    pub t4: Option<Term>,
    /// In which it ends.
    #[serde(rename = "T5")]
    pub t5: Option<Term>,
}

/// How each of the three that go out goes out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outs {
    /// The cohort at (b).
    #[serde(rename = "C")]
    pub cohort: Out,
    /// S5 at (c).
    #[serde(rename = "S5")]
    pub s5: Out,
    /// L at (d).
    #[serde(rename = "L")]
    pub leader: Out,
}

/// (a): W on the cohort and nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plant {
    /// When.
    pub t: Nanos,
    /// Who holds W.
    pub holders: Vec<NodeId>,
}

/// (b): the rival's own entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// When.
    pub t: Nanos,
    /// Who.
    #[serde(rename = "S5")]
    pub s5: NodeId,
    /// Its last entry.
    pub last: TailEntry,
    /// Who else got an entry of T3.
    pub leaked: Vec<NodeId>,
}

/// (c): W on a majority, and what the leader made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trap {
    /// When W stood on a majority.
    pub t: Nanos,
    /// L.
    pub leader: NodeId,
    /// Who holds W.
    pub holders: Vec<NodeId>,
    /// How many hold an entry of T4, L included.
    #[serde(rename = "P")]
    pub p: usize,
    /// Up to where L knows a majority to agree.
    pub match_quorum: LogIndex,
    /// The greatest commit index seen among those who hold W.
    pub commit: LogIndex,
    /// How long it stood so.
    pub held_ms: u64,
    /// What the read of K at L returned, if it did.
    pub read: Option<Value>,
    /// Whether the client of W was told that it happened.
    pub acknowledged: bool,
}

/// (d): who won, and what stands at W's index now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub t: Nanos,
    /// Whether S5 won T5.
    #[serde(rename = "S5_won")]
    pub s5_won: bool,
    /// How often S5 was a candidate.
    pub campaigns: u64,
    /// Who refused S5 its vote because its log was older.
    pub denied_by: Vec<NodeId>,
    /// What stands at W's index on the leader.
    pub index_now: Option<TailEntry>,
    /// What the reads of K returned.
    pub read: Vec<Option<Value>>,
}

/// The evidence of one cycle: a line of `figure8.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cycle {
    /// Counts from 1.
    pub cycle: u64,
    /// The run's seed.
    pub seed: Seed,
    /// How many nodes.
    pub n: usize,
    /// Which end was meant.
    pub arm: Arm,
    /// How the cohort went out: killed, W's outcome is unknown; otherwise it stays pending at S1.
    pub out: Out,
    /// How each went out.
    pub outs: Outs,
    /// Who played whom.
    pub cast: Cast,
    /// The terms.
    pub terms: Terms,
    /// The entry W.
    pub entry: Option<TailEntry>,
    /// W's index.
    pub index: Option<LogIndex>,
    /// K.
    pub key: Value,
    /// v0: acknowledged before.
    pub before: Option<Value>,
    /// v1: what W writes.
    pub written: Option<Value>,
    /// Evidence of (a).
    pub a: Option<Plant>,
    /// Evidence of (b).
    pub b: Option<Rival>,
    /// Evidence of (c).
    pub c: Option<Trap>,
    /// Evidence of (d).
    pub d: Option<End>,
    /// The final reads of K, node by node.
    pub e: Vec<(NodeId, Option<Value>)>,
    /// What the servers held at each panel.
    pub panels: Vec<Panel>,
    /// When it began.
    pub started: Nanos,
    /// When it ended.
    pub ended: Nanos,
    /// What it came to.
    pub outcome: Ending,
    /// Why, in one sentence; for a missed one, first the panel in brackets.
    pub reason: String,
}

impl Cycle {
    /// Whether somebody took W for committed at (c): a commit index, a reader, or the client who wrote it.
    pub fn was_committed(&self) -> bool {
        let Some((trap, index)) = self.c.as_ref().zip(self.index) else {
            return false;
        };
        trap.commit >= index || trap.acknowledged || (trap.read.is_some() && trap.read == self.written)
    }
}

/// How many cycles came to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// See [`Ending`].
    pub sprung: u64,
    /// See [`Ending`].
    pub refused: u64,
    /// See [`Ending`].
    pub closed: u64,
    /// See [`Ending`].
    pub missed: u64,
}

impl Tally {
    /// Count one more.
    pub fn count(&mut self, ending: Ending) {
        match ending {
            Ending::Sprung => self.sprung += 1,
            Ending::Refused => self.refused += 1,
            Ending::Closed => self.closed += 1,
            Ending::Missed => self.missed += 1,
            Ending::Unfinished => {}
        }
    }
}

/// Whether the trap was set often enough in both arms: as many REFUSED as CLOSED are asked for (FIGURE8).
pub fn armed(evidence: &Evidence<'_>) -> Armed {
    let cycles: Vec<Cycle> = match cycles::read(evidence.records) {
        Ok(cycles) => cycles,
        Err(reason) => return cycles::unreadable(reason),
    };
    let mut tally = Tally::default();
    cycles.iter().for_each(|cycle| tally.count(cycle.outcome));
    let needed = cycles::needed(evidence.ran);
    // A trap that sprang was set, whatever else the run came to; what it caught is for the other checks to say.
    let armed = tally.sprung > 0 || (tally.refused >= needed && tally.closed >= needed);
    let counts = format!(
        "{} sprung, {} refused, {} closed, {} missed; needed are {needed} refused and {needed} closed",
        tally.sprung, tally.refused, tally.closed, tally.missed
    );
    let missed = cycles.iter().filter(|cycle| cycle.outcome == Ending::Missed);
    Armed {
        armed,
        reason: cycles::told(armed, &counts, missed.map(|cycle| cycle.reason.as_str())),
        details: json!({ "cycles": tally, "needed": needed, "of": cycles.len() }),
    }
}
