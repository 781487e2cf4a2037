//! Strings whose texts are put or appended at most once: a register with cas, in the size of what was returned.
//!
//! Each text is a version: the string that ends with it. A get tells which one it saw, and of each text in
//! it what stood there before it was appended: so an append is a cas from that version to its own. One that no
//! get saw is a write of something that nobody looks at, as only a put can make the string visible again.
//!
//! A proof passes over the texts that it does not need, which only makes it weaker.

use rustc_hash::FxHashMap;

use super::chains;
use crate::budget::{Meter, Stop};
use crate::decode::{Decision, Decoded};
use crate::operations::OPEN;
use crate::spec::register::{self, Register, UNSEEN};
use crate::spec::strings::{Action, Pieces};
use crate::spec::{Entry, Spec};

const NONE: u32 = u32::MAX;

/// The version of the initial string.
const INITIAL: u32 = UNSEEN + 1;

/// What is known of a text; operations by their places.
#[derive(Clone, Copy)]
struct Text {
    /// Who put or appended it.
    writer: u32,
    /// The version that it was appended to; [`NONE`] if no get saw it.
    after: u32,
    /// A get that saw it.
    seen_by: u32,
}

/// Decides the history, if each of so many texts is one piece; with `want_order` a legal one comes with its order.
pub(crate) fn decide<S: Spec<Op = Action>>(
    decoded: &Decoded<S>,
    initial: &Pieces,
    texts: Option<usize>,
    want_order: bool,
    meter: &mut Meter<'_>,
) -> Result<Decision<Action>, Stop> {
    let Some(texts) = texts else {
        return Ok(Decision::NotApplicable);
    };
    let entry_bytes = size_of::<Entry<register::Action<u32>>>();
    meter.grow(texts * size_of::<Text>() + decoded.entries.len() * entry_bytes)?;
    let unknown = Text {
        writer: NONE,
        after: NONE,
        seen_by: NONE,
    };
    let mut versions = Versions {
        spec: &decoded.spec,
        initial,
        entries: &decoded.entries,
        texts: vec![unknown; texts],
    };
    if versions.write().is_none() {
        return Ok(Decision::NotApplicable);
    }
    if let Some(Conflict { gets, texts }) = versions.read(meter)? {
        return Ok(Decision::Illegal(versions.proof(&gets, texts)));
    }
    let decision = chains::decide(&versions.as_register(), want_order, meter)?;
    Ok(match decision {
        Decision::Legal(order) => Decision::Legal(order),
        Decision::Illegal(few) => Decision::Illegal(versions.proof(&versions.places(&few), Vec::new())),
        Decision::NotApplicable => Decision::NotApplicable,
    })
}

/// Gets that no string explains, and the texts that show it.
struct Conflict {
    gets: Vec<u32>,
    texts: Vec<u32>,
}

struct Versions<'a, S> {
    spec: &'a S,
    initial: &'a [u32],
    entries: &'a [Entry<Action>],
    texts: Vec<Text>,
}

impl<S: Spec<Op = Action>> Versions<'_, S> {
    /// None if a string is put or appended twice, or is empty.
    fn write(&mut self) -> Option<()> {
        for (at, entry) in (0..).zip(self.entries) {
            let (Action::Put(pieces) | Action::Append(pieces)) = &entry.op else {
                continue;
            };
            let &[text] = &**pieces else { return None };
            let again = std::mem::replace(&mut self.texts[text as usize].writer, at) != NONE;
            if again || self.initial.contains(&text) {
                return None;
            }
        }
        Some(())
    }

    /// Learns from the gets what each text was appended to. Two gets that contradict each other, with the texts.
    fn read(&mut self, meter: &mut Meter<'_>) -> Result<Option<Conflict>, Stop> {
        for (at, entry) in (0..).zip(self.entries) {
            meter.tick()?;
            let Action::Get(seen) = &entry.op else { continue };
            meter.pass(seen.len())?;
            if let Some(texts) = self.impossible(seen) {
                let gets = vec![at];
                return Ok(Some(Conflict { gets, texts }));
            }
            let mut before = INITIAL;
            for &piece in &**seen {
                let text = &mut self.texts[piece as usize];
                if text.after != NONE && text.after != before {
                    let versions = [text.after, before, version(piece)];
                    let texts = versions.into_iter().filter_map(text_of).collect();
                    let gets = vec![text.seen_by, at];
                    return Ok(Some(Conflict { gets, texts }));
                }
                (text.after, text.seen_by) = (before, at);
                before = match self.initial.contains(&piece) {
                    true => INITIAL,
                    false => version(piece),
                };
            }
        }
        Ok(None)
    }

    /// Texts that show that no string can ever have looked so: one that nobody wrote, one that does not begin with the
    /// initial string or a put, or one with a put further on.
    fn impossible(&self, seen: &[u32]) -> Option<Vec<u32>> {
        let begins = |text: u32| self.initial.contains(&text) || self.is_put(text);
        let nobody = |text: &u32| self.writer(*text).is_none() && !self.initial.contains(text);
        if let Some(&text) = seen.iter().find(|text| nobody(text)) {
            return Some(vec![text]);
        }
        let first = seen.first().copied();
        if !self.initial.is_empty() && !first.is_some_and(begins) {
            return Some(first.into_iter().collect());
        }
        let pairs = || seen.windows(2);
        pairs().find(|pair| begins(pair[1])).map(<[u32]>::to_vec)
    }

    /// The version that a get saw.
    fn version_of(&self, seen: &[u32]) -> u32 {
        match seen.last() {
            Some(last) if !self.initial.contains(last) => version(*last),
            _ => INITIAL,
        }
    }

    fn writer(&self, text: u32) -> Option<&Entry<Action>> {
        self.entries.get(self.texts[text as usize].writer as usize)
    }

    fn is_put(&self, text: u32) -> bool {
        self.writer(text)
            .is_some_and(|entry| matches!(entry.op, Action::Put(_)))
    }

    fn as_register(&self) -> Decoded<Register> {
        let action = |op: &Action| match op {
            Action::Get(seen) => register::Action::Read(self.version_of(seen)),
            Action::Put(pieces) | Action::Append(pieces) => {
                let text = self.texts[pieces[0] as usize];
                match op {
                    _ if text.after == NONE => register::Action::Write(UNSEEN),
                    Action::Append(_) => register::Action::Cas(text.after, version(pieces[0])),
                    _ => register::Action::Write(version(pieces[0])),
                }
            }
        };
        let entries = self.entries.iter().map(|entry| Entry {
            op: action(&entry.op),
            inv: entry.inv,
            ret: entry.ret,
            id: entry.id,
        });
        Decoded {
            spec: Register {
                initial: INITIAL,
                values: version(self.texts.len() as u32),
                differs: false,
            },
            entries: entries.collect(),
            failed: Vec::new(),
        }
    }

    fn places(&self, few: &[Entry<register::Action<u32>>]) -> Vec<u32> {
        let places: FxHashMap<u32, u32> = (0..)
            .zip(self.entries)
            .map(|(at, entry)| (entry.id, at))
            .collect();
        few.iter()
            .filter_map(|entry| places.get(&entry.id).copied())
            .collect()
    }

    /// The culprits, the gets that tell where their texts stand, and every put that may stand between; of other texts
    /// nothing.
    fn proof(&self, culprits: &[u32], texts: Vec<u32>) -> Vec<Entry<Action>> {
        let mut kept = vec![false; self.texts.len()];
        let mut gets = vec![false; self.entries.len()];
        texts.iter().for_each(|&text| kept[text as usize] = true);
        for &at in culprits {
            let (Action::Get(pieces) | Action::Put(pieces) | Action::Append(pieces)) =
                &self.entries[at as usize].op;
            gets[at as usize] = true;
            if let Some(&last) = pieces.last() {
                kept[last as usize] = true;
                if let Some(get) = gets.get_mut(self.texts[last as usize].seen_by as usize) {
                    *get = true;
                }
            }
        }
        let shown = (0..).zip(self.entries).filter(|(at, entry)| match &entry.op {
            Action::Get(_) => gets[*at as usize],
            Action::Put(pieces) => entry.ret != OPEN || self.texts[pieces[0] as usize].after != NONE,
            Action::Append(_) => true,
        });
        let stays = |text: u32| kept[text as usize] || self.is_put(text);
        let restrict = |(_, entry): (u32, &Entry<Action>)| {
            Some(Entry {
                op: self.spec.restrict(&entry.op, &stays)?,
                ..*entry
            })
        };
        shown.filter_map(restrict).collect()
    }
}

/// A text's version.
fn version(text: u32) -> u32 {
    text + INITIAL + 1
}

/// The text of a version; none of the initial one.
fn text_of(version: u32) -> Option<u32> {
    version.checked_sub(INITIAL + 1)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, history};
    use crate::verdict::Verdict;

    fn proof(text: &str) -> Vec<u64> {
        let check = check("kv", &history(text));
        assert_eq!(check.details["decided_by"]["graph"], 1, "{text}");
        check
            .violations
            .first()
            .map_or(Vec::new(), |violation| violation.operations.clone())
    }

    #[test]
    fn a_stale_get_is_proved_by_itself_and_the_append_that_it_missed() {
        let text =
            "0 append a, 0 append: a, 0 append b, 0 append: b, 0 append c, 0 append: c, 1 get, 1 get: ab";
        assert_eq!(proof(text), vec![4, 6]);
    }

    #[test]
    fn gets_that_disagree_on_the_order_are_a_contradiction() {
        let appends = "0 append a, 1 append b, 0 append: a, 1 append: b, 2 get, 3 get";
        assert_eq!(proof(&format!("{appends}, 2 get: ab, 3 get: ba")).len(), 4);
        assert_eq!(proof(&format!("{appends}, 2 get: ab, 3 get: ab")).len(), 0);
    }

    #[test]
    fn a_string_that_was_put_away_does_not_come_back() {
        let text = "0 append a, 0 append: a, 0 put b, 0 put: b, 0 append c, 0 append: c, 1 get, 1 get: bc, 1 get, 1 get: a";
        assert!(!proof(text).is_empty());
    }

    #[test]
    fn what_is_put_twice_is_for_the_search() {
        let text = "0 put a, 0 put: a, 0 put b, 0 put: b, 0 put a, 0 put: a, 1 get, 1 get: a";
        let check = check("kv", &history(text));
        assert_eq!(check.verdict, Verdict::Pass);
        assert_eq!(check.details["decided_by"]["graph"], serde_json::Value::Null);
    }
}
