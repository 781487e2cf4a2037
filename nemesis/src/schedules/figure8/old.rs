//! The form of its own that the evidence once had: runs that were saved in it are still read.

use std::collections::BTreeMap;

use histories::Value;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{NAME, caption, fork};
use crate::effect::NodeId;
use crate::schedules::guided::Panel;
use crate::schedules::guided::record::{Facts, OnMajority, Read, Record, Stage};

/// What was told of (c), beside the [`Facts`].
#[derive(Deserialize)]
struct Trap {
    leader: NodeId,
    read: Option<Value>,
    #[serde(flatten)]
    seen: OnMajority,
}

/// Reads a cycle in that form, whose panels stand by themselves.
pub(crate) fn read(record: &Json) -> Option<Result<Record, serde_json::Error>> {
    let is_old = record.get("panels").is_some() && record.get("stages").is_none();
    is_old.then(|| retold(record.clone()))
}

/// The stages were a field each, parts and terms null while they were not known, reads without their key. The rest is
/// called as it is now.
fn retold(mut old: Json) -> Result<Record, serde_json::Error> {
    let panels = Vec::<Panel>::deserialize(old["panels"].take())?;
    let last_reads = Vec::<(NodeId, Option<Value>)>::deserialize(old["e"].take())?;
    let trap = Option::<Trap>::deserialize(&old["c"])?;
    let mut facts = BTreeMap::<&str, Option<Facts>>::new();
    for stage in ["a", "b", "c", "d"] {
        facts.insert(stage, Deserialize::deserialize(&old[stage])?);
    }
    old["fork"] = json!(fork(old["arm"] == "d1"));
    old["schedule"] = json!(NAME);
    (old["stages"], old["reads"]) = (json!([]), json!([]));
    for names in ["cast", "terms"] {
        if let Some(names) = old[names].as_object_mut() {
            names.retain(|_, known| !known.is_null());
        }
    }
    let mut record = Record::deserialize(old)?;
    let first = [record.part("C"), record.part("helpers")].concat();
    let last = record.part("S5").first().copied();
    record.draw_rows(&first, last);
    let key = record.key.clone();
    let read = |(node, value)| Read {
        node,
        key: key.clone(),
        value,
    };
    record.reads = last_reads.into_iter().map(read).collect();
    if let (Some(Some(facts)), Some(trap)) = (facts.get_mut("c"), trap) {
        facts.reads = vec![read((trap.leader, trap.read))];
        facts.majority = Some(trap.seen);
    }
    for panel in panels {
        let facts = facts.iter().find(|(stage, _)| panel.panel.starts_with(**stage));
        let facts = facts.and_then(|(_, facts)| facts.clone()).unwrap_or_default();
        let (title, what) = caption(&record, &panel.panel);
        record.stages.push(Stage {
            stage: panel.panel.clone(),
            title: Some(title.to_owned()),
            t: panel.t,
            what,
            panel,
            facts,
        });
    }
    Ok(record)
}
