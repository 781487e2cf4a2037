//! From one key's operations to its verdict.

use histories::Kind;

use crate::attempt::attempt;
use crate::budget::Budget;
use crate::certify::replay;
use crate::decode::{Decision, Decode, Decoded};
use crate::error::Halt;
use crate::explain::{ONLY_FAILURES, Story, explain};
use crate::operations::{Group, OPEN};
use crate::options::{Engine, Options, Proof};
use crate::search::{Found, SUPPLY, Tactic, search, useful};
use crate::shrink::{again, prefix, shrink};
use crate::spec::{Entry, Spec};
use crate::unfinished::{Unfinished, unfinished};

/// What a question about a hint may cost, in steps, and with how many unknown operations it is worth asking.
pub(crate) const HINT_STEPS: u64 = 20_000;
const HINT_UNKNOWN: usize = 128;

/// The verdict on one key.
#[derive(Debug)]
pub(crate) enum Judged {
    /// There is a legal order.
    Pass {
        /// Who found it.
        engine: &'static str,
        /// Whether the verifier replayed it.
        replayed: bool,
        /// Whether an operation that succeeded could have contradicted the model.
        observed: bool,
        /// What such an order does not look at, and this history would be asked about.
        note: Option<String>,
    },
    /// No order was looked for, but what an analysis looks at is as it should be.
    Bounds {
        /// Who found that.
        engine: &'static str,
        /// Whether it compared anything.
        compared: bool,
    },
    /// There is none.
    Violation {
        /// Who found that.
        engine: &'static str,
        /// Places in the group of the operations that prove it.
        operations: Vec<u32>,
        /// The proof.
        story: Story,
    },
    /// Nobody knows.
    Unknown {
        /// What ended the check, or why it could not begin.
        reason: &'static str,
        /// What is known nevertheless.
        known: Unfinished,
    },
}

impl Judged {
    /// A violation that is told in prose alone.
    pub(crate) fn violation(engine: &'static str, operations: Vec<u32>, why: String) -> Self {
        Judged::Violation {
            engine,
            operations,
            story: Story {
                why,
                ..Story::default()
            },
        }
    }

    /// A violation of which nobody asked why.
    fn unproved(engine: &'static str) -> Self {
        Judged::violation(engine, Vec::new(), String::new())
    }

    pub(crate) fn unknown(reason: &'static str) -> Self {
        Judged::Unknown {
            reason,
            known: Unfinished::default(),
        }
    }
}

/// Judges a group by the specification `S`.
pub(crate) fn judge<S: Decode>(
    group: &Group<'_>,
    options: &Options,
    budget: &Budget,
) -> Result<Judged, Halt> {
    // What is decoded stays until the end.
    let mut held = budget.meter();
    let decoded = S::decode(group, options, &mut held)?;
    held.look()?;
    if matches!(options.engine, Engine::Auto | Engine::Graph) {
        let decision = S::graph(&decoded, options.certify, &mut budget.meter())?;
        match decision {
            Decision::Legal(order) => return pass("graph", &decoded, &order, options, budget),
            Decision::Illegal(few) => {
                let again = again(&decoded.spec, &few, budget);
                assert!(
                    !(cfg!(test) || cfg!(debug_assertions)) || !matches!(again, Found::Legal(_)),
                    "the graph engine's proof proves nothing"
                );
                if let Found::Illegal(_) = again {
                    if options.proof == Proof::LeftOut {
                        return Ok(Judged::unproved("graph"));
                    }
                    return violation("graph", group, &decoded, few, options, budget);
                }
            }
            Decision::NotApplicable => {}
        }
    }
    if options.engine == Engine::Graph {
        return Ok(Judged::unknown("the lack of a graph engine for this history"));
    }
    let outcome = search(
        &decoded.spec,
        &decoded.entries,
        tactic(options.engine),
        &mut budget.meter(),
    );
    match outcome.found {
        Found::Legal(order) => pass(outcome.by, &decoded, &order, options, budget),
        Found::Stopped(stop, stuck) => Ok(Judged::Unknown {
            reason: stop.as_str(),
            known: unfinished(group, &decoded, stuck),
        }),
        Found::Illegal(_) if options.proof == Proof::LeftOut => Ok(Judged::unproved(outcome.by)),
        Found::Illegal(stuck) => {
            let few = prefix(&decoded.spec, &decoded.entries, &stuck, budget);
            violation(outcome.by, group, &decoded, few, options, budget)
        }
    }
}

fn tactic(engine: Engine) -> Tactic {
    match engine {
        Engine::DepthFirst => Tactic::DepthFirst,
        Engine::BreadthFirst => Tactic::BreadthFirst,
        Engine::Supply => Tactic::Supply,
        Engine::Auto | Engine::Graph | Engine::Search => Tactic::Race,
    }
}

fn pass<S: Spec>(
    engine: &'static str,
    decoded: &Decoded<S>,
    order: &[u32],
    options: &Options,
    budget: &Budget,
) -> Result<Judged, Halt> {
    // An engine that arranges what it found is not believed without.
    let replayed = options.certify || engine == SUPPLY;
    if replayed && !replay(&decoded.spec, &decoded.entries, order, &mut budget.meter())? {
        return Ok(Judged::unknown(
            "a legal order that does not replay, which is an error of the checker",
        ));
    }
    let observing = |entry: &Entry<S::Op>| entry.ret != OPEN && decoded.spec.observing(&entry.op);
    Ok(Judged::Pass {
        engine,
        replayed,
        observed: decoded.entries.iter().any(observing),
        note: None,
    })
}

fn violation<S: Decode>(
    engine: &'static str,
    group: &Group<'_>,
    decoded: &Decoded<S>,
    illegal: Vec<Entry<S::Op>>,
    options: &Options,
    budget: &Budget,
) -> Result<Judged, Halt> {
    let few = shrink(&decoded.spec, illegal, budget);
    if engine == SUPPLY && is_legal_to_another(&decoded.spec, &few, budget) {
        return Ok(Judged::unknown(
            "two engines that disagree, which is an error of the checker",
        ));
    }
    let mut story = explain(group, decoded, &few);
    if passes_over(decoded, &few) {
        story.add("What is not of these operations is passed over in what they saw.");
    }
    story.attempt = attempt(group, decoded, &few);
    match only_failures_are_wrong::<S>(group, options, budget) {
        Ok(true) => story.add(ONLY_FAILURES),
        Ok(false) | Err(Halt::Stop(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(Judged::Violation {
        engine,
        operations: culprits(decoded, &few, &story),
        story,
    })
}

/// Whether the general search, which shares no moves with the one for registers, finds a legal order after all.
fn is_legal_to_another<S: Spec>(spec: &S, few: &[Entry<S::Op>], budget: &Budget) -> bool {
    let mut meter = budget.meter().capped(HINT_STEPS);
    matches!(
        search(spec, few, Tactic::DepthFirst, &mut meter).found,
        Found::Legal(_)
    )
}

/// Whether a proof leaves out elements that its operations speak of.
fn passes_over<S: Spec>(decoded: &Decoded<S>, few: &[Entry<S::Op>]) -> bool {
    let elements = |entry: &Entry<S::Op>| {
        let mut elements = Vec::new();
        decoded.spec.elements(&entry.op, &mut elements);
        elements.len()
    };
    few.iter().any(|entry| {
        let whole = decoded.entries.binary_search_by_key(&entry.id, |whole| whole.id);
        whole.is_ok_and(|at| elements(&decoded.entries[at]) > elements(entry))
    })
}

/// The operations of the proof, and the failed ones that it speaks of, in the order of the history.
fn culprits<S: Spec>(decoded: &Decoded<S>, few: &[Entry<S::Op>], story: &Story) -> Vec<u32> {
    let failed = decoded
        .failed
        .iter()
        .map(|entry| entry.id)
        .filter(|id| story.mentions.contains(id));
    let mut ids: Vec<u32> = few.iter().map(|entry| entry.id).chain(failed).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Whether the history would pass if a failure said nothing.
fn only_failures_are_wrong<S: Decode>(
    group: &Group<'_>,
    options: &Options,
    budget: &Budget,
) -> Result<bool, Halt> {
    let Some(relaxed) = group.without_failures() else {
        return Ok(false);
    };
    debug_assert!(
        relaxed
            .operations
            .iter()
            .all(|operation| operation.outcome != Kind::Fail)
    );
    let mut held = budget.meter();
    held.grow(relaxed.operations.len() * size_of_val(&relaxed.operations[0]))?;
    let decoded = S::decode(&relaxed, options, &mut held)?;
    if let Decision::Legal(_) = S::graph(&decoded, false, &mut held)? {
        return Ok(true);
    }
    let unknown = |at: &&u32| decoded.entries[**at as usize].ret == OPEN;
    if useful(&decoded.spec, &decoded.entries, &mut held)?
        .iter()
        .filter(unknown)
        .count()
        > HINT_UNKNOWN
    {
        return Ok(false);
    }
    let mut meter = budget.meter().capped(HINT_STEPS);
    let outcome = search(&decoded.spec, &decoded.entries, Tactic::Race, &mut meter);
    Ok(matches!(outcome.found, Found::Legal(_)))
}
