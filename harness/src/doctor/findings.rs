//! What follows from what was seen: what is missing, in the order in which to mend it, and how much can be proved.

use std::time::Duration;

use nemesis::Tells;
use serde::Serialize;

use super::plan::Fit;
use super::seen::{Answered, Class, Seen, Spot, Visit};
use runs::capabilities::Does;
use systems::Basis;

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Whether a run would mean nothing before it is mended.
    pub(crate) essential: bool,
    pub(crate) text: String,
}

fn essential(text: String) -> Finding {
    Finding {
        essential: true,
        text,
    }
}

fn missing(text: impl Into<String>) -> Finding {
    Finding {
        essential: false,
        text: text.into(),
    }
}

/// How much a system lets see, and so how much can be proved of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Level(pub(crate) u8);

impl Level {
    /// Of what was promised and seen.
    pub(crate) fn of(seen: &Seen) -> Self {
        let tells = |what| seen.capabilities.tell(what);
        let leads = seen.standings.iter().any(|one| one.leads() && one.term.is_some());
        let commits = seen
            .standings
            .iter()
            .any(|one| one.commit.is_some() && one.log_tail);
        match () {
            () if !leads => Level(0),
            () if !(commits && tells(Tells::LogTail)) => Level(1),
            () if !tells(Tells::Journal) => Level(2),
            () => Level(3),
        }
    }

    /// What it is, and what it buys.
    pub(crate) fn about(self) -> &'static str {
        match self.0 {
            0 => "operations alone: histories are judged",
            1 => "who leads in which term: faults are aimed at leaders",
            2 => "commit index and log tail: guided schedules prove every stage",
            _ => "journals: Raft's own safety is judged, too",
        }
    }
}

/// What is missing, in the order in which to mend it.
pub(crate) fn findings(seen: &Seen) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(operations(seen));
    found.extend(values(seen));
    found.extend(seen.unclean.iter().map(|how| {
        essential(format!(
            "at the stop: {how}; if that is no crash, name its exit code in life.clean-exits"
        ))
    }));
    found.extend(faults(seen));
    found.extend(failover(seen));
    found.extend(offered(seen));
    found.extend(status(seen));
    found.extend(unclear(seen));
    found.extend(unrecorded(seen));
    found
}

/// Each answer with the visit that it was given at.
fn answers(seen: &Seen) -> impl Iterator<Item = (&Visit, &Answered)> + Clone {
    seen.visits
        .iter()
        .flat_map(|visit| visit.answers.iter().map(move |answer| (visit, answer)))
}

/// Without one read and one change that were ok there is nothing to test.
fn operations(seen: &Seen) -> Vec<Finding> {
    let mut found = Vec::new();
    for (reads, kind) in [(true, "read"), (false, "operation that changes something")] {
        let mut asked =
            answers(seen).filter(|(visit, answer)| visit.spot.is_well() && answer.is_read == reads);
        let Some((_, first)) = asked
            .clone()
            .find(|(_, answer)| answer.class != Class::Ok && !answer.elsewhere)
            .or(asked.clone().next())
        else {
            found.push(essential(format!(
                "no {kind} is offered: describe one under [client]"
            )));
            continue;
        };
        if !asked.any(|(_, answer)| answer.class == Class::Ok) {
            found.push(essential(format!(
                "no {kind} succeeded: {} was answered {}; see its request and its `answer`",
                first.what,
                words(first),
            )));
        }
    }
    found
}

fn words(answer: &Answered) -> String {
    let code = answer.code.as_deref().unwrap_or("ok");
    match &answer.message {
        Some(message) => format!("{code} ({})", message.trim()),
        None => code.to_owned(),
    }
}

/// Answers that cannot be right: one of each kind, for one slip spoils many.
fn values(seen: &Seen) -> Vec<Finding> {
    let wrong = answers(seen).filter(|(_, answer)| answer.fit != Fit::Right);
    let mut kinds: Vec<((bool, std::mem::Discriminant<Fit>), String, usize)> = Vec::new();
    for (visit, answer) in wrong {
        // A follower, or a node that is cut off, may be behind; that is for a run to judge.
        let kind = (visit.spot.decides(), std::mem::discriminant(&answer.fit));
        match kinds.iter_mut().find(|(known, ..)| *known == kind) {
            Some((.., more)) => *more += 1,
            None => kinds.push((kind, wrong_answer(visit, answer), 0)),
        }
    }
    kinds.sort_by_key(|((decides, _), ..)| !decides);
    let finding = |((decides, _), text, more): (_, String, usize)| {
        let more = match more {
            0 => String::new(),
            more => format!(" ({more} more such answers)"),
        };
        match decides {
            true => essential(text + &more),
            false => missing(format!("{text}; or such a node answers by itself, stale{more}")),
        }
    };
    kinds.into_iter().map(finding).collect()
}

fn wrong_answer(visit: &Visit, answer: &Answered) -> String {
    let found = answer
        .value
        .as_ref()
        .map_or("nothing".to_owned(), ToString::to_string);
    let told = match &answer.fit {
        Fit::Right => "right".to_owned(),
        Fit::Wrong { written } => format!(
            "{written} was there, and the read found {found}: an error of the description (value, decode, absent), or of the store"
        ),
        Fit::Taken => {
            "something else was there, and it was answered ok: see its condition, and `ok` of its answer"
                .to_owned()
        }
        Fit::Refused => {
            "what it expects was there, and it was refused: see how the request writes `expected`".to_owned()
        }
    };
    format!("{} at {}: {told}", answer.what, visit.node)
}

fn faults(seen: &Seen) -> Vec<Finding> {
    let unproved = seen.faults.iter().filter(|tried| !tried.proved);
    unproved
        .map(|tried| {
            missing(format!(
                "{} of {} was not proved: {}; runs under it would be inconclusive",
                tried.fault, tried.node, tried.evidence
            ))
        })
        .collect()
}

/// Faults that are much shorter than a failover show little, and so do a few long ones.
fn failover(seen: &Seen) -> Option<Finding> {
    let mut took = Duration::ZERO;
    for one in &seen.failovers {
        let killed = one.killed;
        let Some(one) = one.took else {
            let why = format!("after the kill of {killed} no write was acknowledged in half a minute");
            return Some(missing(why + ": does it come back by itself?"));
        };
        took = took.max(one);
    }
    if took.is_zero() || !seen.described {
        return None;
    }
    // To a tenth of a second, upwards.
    let told = Duration::from_millis(took.as_millis().next_multiple_of(100) as u64);
    let told = humantime::format_duration(told);
    match seen.failover {
        None => Some(missing(format!(
            "no life.failover: it took {told} at the longest; say failover = \"{told}\", and faults last twice as long"
        ))),
        Some(said) if took > said * 2 => Some(missing(format!(
            "a failover took {told}, and life.failover says {}",
            humantime::format_duration(said)
        ))),
        Some(_) => None,
    }
}

/// What workloads need.
fn offered(seen: &Seen) -> Vec<Finding> {
    let does = |what| seen.capabilities.does.contains(&what);
    if does(Does::Cas) {
        return Vec::new();
    }
    let others: Vec<&str> = [(Does::Append, "append"), (Does::Add, "add")]
        .into_iter()
        .filter(|(what, _)| !does(*what))
        .map(|(_, name)| name)
        .chain(["set, lock and bank"])
        .collect();
    vec![missing(format!("no cas: {} cannot be tested", others.join(", ")))]
}

fn status(seen: &Seen) -> Vec<Finding> {
    if !seen.capabilities.tell(Tells::Leader) {
        let what = if seen.standings.iter().any(|one| one.answered) {
            "no status.leads"
        } else {
            "no [status]"
        };
        return vec![missing(format!("{what}: faults cannot be aimed at the leader"))];
    }
    let mut found = Vec::new();
    let silent: Vec<String> = seen
        .standings
        .iter()
        .filter(|one| !one.answered)
        .map(|one| one.node.to_string())
        .collect();
    if !silent.is_empty() {
        found.push(missing(format!(
            "no status from {}: see [status]",
            silent.join(", ")
        )));
    }
    let leaders = seen.standings.iter().filter(|one| one.leads()).count();
    if leaders != 1 && silent.is_empty() {
        found.push(missing(format!(
            "{leaders} of {} nodes say that they lead: see status.leads",
            seen.standings.len()
        )));
    }
    let tells_term = seen.capabilities.tell(Tells::Term);
    if !tells_term {
        found.push(missing("no status.term: who leads is told, in which term is not"));
    } else if seen
        .standings
        .iter()
        .any(|one| one.answered && one.term.is_none())
    {
        found.push(missing("status.term leads to no number"));
    }
    found
}

/// Answers for which nobody has said what they mean. That none came in time, or none at all, says what it means by itself.
fn unclear(seen: &Seen) -> Vec<Finding> {
    let mut texts: Vec<String> = Vec::new();
    for (visit, answer) in answers(seen) {
        let is_unclear = matches!(
            answer.code.as_deref(),
            Some("unknown-answer" | "unreadable-answer")
        );
        if answer.basis != Basis::Default || !is_unclear {
            continue;
        }
        let by = match answer.class {
            Class::Unknown => "unknown by default",
            _ => "failed by default",
        };
        let state = state(visit.spot);
        let text = format!(
            "{} at a node {state}: {} is {by}: consider a row of [[error]]",
            answer.what,
            words(answer)
        );
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.into_iter().map(missing).collect()
}

/// In words.
pub(crate) fn state(spot: Spot) -> &'static str {
    match spot {
        Spot::Alone => "that is alone",
        Spot::Leader => "that leads",
        Spot::Follower => "that follows",
        Spot::Untold => "of several",
        Spot::Killed => "that was killed",
        Spot::Paused => "that is paused",
        Spot::CutOff => "that is cut off",
    }
}

fn unrecorded(seen: &Seen) -> Vec<Finding> {
    let rows = &seen.rows;
    match (rows.total, rows.unrecorded.len()) {
        (0, _) if seen.described => vec![missing(
            "no [[error]]: every error is unknown for a write, so clients learn little and runs are slow to judge",
        )],
        (_, 0) => Vec::new(),
        (total, without) => vec![missing(format!(
            "{without} of {total} error rows without a recorded answer: {}",
            rows.unrecorded.join(", ")
        ))],
    }
}

#[cfg(test)]
mod tests;
