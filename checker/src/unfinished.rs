//! What a check knows that was stopped: the longest legal order that the search had found, and where it stood.

use std::fmt::Write;

use crate::attempt::{MOST, told};
use crate::decode::{Decode, Decoded};
use crate::operations::Group;
use crate::search::{Chosen, Stuck};
use crate::spec::{Entry, Role, Spec};
use crate::verdict::Attempt;

/// What the way to the first state that is told may cost, in bytes of states: some tens of milliseconds.
const REPLAY_BYTES: usize = 1 << 28;

/// So many of the last steps are told in prose.
const TOLD: usize = 8;

/// How far the search came; nothing if it had not begun.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Unfinished {
    /// Completed operations that the longest order explains.
    pub explained: usize,
    /// Those of which one would have to come next, as places in the group; the first one had to return.
    pub stuck: Vec<u32>,
    /// The order's last steps.
    pub attempt: Option<Attempt>,
    /// How far the order gets and what would have to come next, in prose.
    pub why: String,
}

/// From what the search left.
pub(crate) fn unfinished<S: Decode>(group: &Group<'_>, decoded: &Decoded<S>, stuck: Stuck) -> Unfinished {
    if stuck.order.is_empty() && stuck.pending.is_empty() {
        return Unfinished::default();
    }
    let mut places = vec![u32::MAX; group.operations.len()];
    for (at, entry) in decoded.entries.iter().enumerate() {
        places[entry.id as usize] = at as u32;
    }
    let entry = |step: &Chosen| &decoded.entries[places[step.id as usize] as usize];
    let steps: Vec<&Entry<S::Op>> = stuck.order.iter().map(entry).collect();
    let before = steps.len().saturating_sub(MOST);
    let states = states(&decoded.spec, &steps, &stuck.order, before);
    let attempt = told(
        group,
        &decoded.spec,
        &steps,
        before,
        states.as_deref(),
        &stuck.pending,
    );
    Unfinished {
        explained: stuck.explained,
        why: prose(group, &stuck, &attempt),
        stuck: stuck.pending,
        attempt: Some(attempt),
    }
}

/// The states after each of the steps, from the one before the step `from` on; none if the way there is too long.
fn states<S: Spec>(
    spec: &S,
    steps: &[&Entry<S::Op>],
    order: &[Chosen],
    from: usize,
) -> Option<Vec<S::State>> {
    // What a blind write leaves does not depend on what it found.
    let blind = |at: &usize| spec.role(&steps[*at].op) == Role::Blind;
    let start = (0..from).rev().find(blind).unwrap_or(0);
    let (mut state, mut bytes) = (spec.initial(), 0);
    let mut states = Vec::new();
    for at in start..steps.len() {
        if at >= from {
            states.push(state.clone());
        }
        bytes += size_of::<S::State>() + S::state_bytes(&state);
        if bytes > REPLAY_BYTES {
            return None;
        }
        state = spec.choose(&state, &steps[at].op, order[at].choice as usize)?;
    }
    states.push(state);
    Some(states)
}

/// For a person who has only text: the end of the order, and what would have to come next.
fn prose(group: &Group<'_>, stuck: &Stuck, attempt: &Attempt) -> String {
    let told = attempt.order.len().min(TOLD);
    let skipped = attempt.order.len() - told;
    let mut why = format!(
        "Of {} operations the longest legal order that was found explains {}. ",
        group.operations.len(),
        stuck.explained
    );
    let first = match skipped.checked_sub(1) {
        None => attempt.initial.as_ref(),
        Some(last) => attempt.order[last].state.as_ref(),
    };
    let beginning = match attempt.before + skipped {
        0 => "It begins".to_owned(),
        before => format!("After {before} operations it goes on"),
    };
    why += &match first {
        Some(state) => format!("{beginning} from the state {state}:\n"),
        None => format!("{beginning}:\n"),
    };
    let end = stuck.order.len() - told;
    for (step, chosen) in attempt.order[skipped..].iter().zip(&stuck.order[end..]) {
        let state = step
            .state
            .as_ref()
            .map_or(String::new(), |state| format!(", then {state}"));
        let _ = writeln!(why, "  {}{state}", group.operations[chosen.id as usize]);
    }
    why += "There it stood when the check was stopped; one of these would have to come next:";
    for &id in stuck.pending.iter().take(TOLD) {
        let _ = write!(why, "\n  {}", group.operations[id as usize]);
    }
    match stuck.pending.len().saturating_sub(TOLD) {
        0 => why,
        more => format!("{why}\n  or one of {more} more that were in flight"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::attempt::MOST;
    use crate::testing::{header, history};
    use crate::{Budget, Engine, Options, Verdict, linearizability, models};

    /// Writes one after the other, then cas that are all in flight, and beside them a read of what was overwritten.
    fn hard() -> Vec<histories::Event> {
        let written = (0..100).map(|value| format!("99 w {value}, 99 w: {value}"));
        let old = |at: usize| (at % 12 + 1 + (at * at * 5 + at / 12 * 7) % 11) % 12;
        let cas = |mark| (0..60).map(move |at| format!("{at} c{mark} {}>{}", old(at), at % 12));
        let read = "99 r, 99 r: 99, 99 w 0, 99 w: 0, 99 r, 99 r: 99".to_owned();
        let words = written.chain(cas("")).chain([read]).chain(cas(":"));
        history(&words.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn a_stopped_check_tells_how_far_it_came() {
        let options = Options {
            engine: Engine::DepthFirst,
            ..Options::default()
        };
        let model = models::find("register").unwrap();
        let budget = Budget::new(1000, u64::MAX);
        let check = linearizability(&header(false), &hard(), model, &options, &budget).unwrap();
        assert_eq!(check.verdict, Verdict::Inconclusive, "{}", check.reason);
        let undecided = &check.details["undecided"][0];
        let (attempt, why) = (&undecided["attempt"], undecided["why"].as_str().unwrap());
        let order = attempt["order"].as_array().unwrap();
        // A hundred writes, the read of the last one, and the write after it.
        assert_eq!(
            (&undecided["explained"], order.len()),
            (&json!(102), MOST),
            "{why}"
        );
        assert_eq!(
            (&attempt["before"], &attempt["initial"]),
            (&json!(38), &json!("37"))
        );
        assert_eq!(order[MOST - 3], json!({"operation": 198, "state": "99"}));
        assert_eq!(order[MOST - 1]["state"], "0");
        assert_eq!(attempt["stuck"], undecided["stuck"]);
        let starts = "Of 163 operations the longest legal order that was found explains 102.";
        assert!(why.starts_with(starts), "{why}");
        let goes_on = "After 94 operations it goes on from the state 93:\n  write 94";
        assert!(why.contains(goes_on), "{why}");
        assert!(why.ends_with("or one of 53 more that were in flight"), "{why}");
    }
}
