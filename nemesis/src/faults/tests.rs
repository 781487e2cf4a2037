use std::collections::BTreeSet;

use super::*;
use crate::effect::FrameKind;
use crate::evidence::{Count, Traffic, installed, skipped};
use crate::fault::Spell;

const DOCS: &str = include_str!("../../../docs/faults.md");

const LINK: Link = Link(NodeId(0), NodeId(1));

/// Every effect as nemesis.jsonl has it, and the fault that it begins or is, if any.
const EFFECTS: &[(&str, Option<&str>)] = &[
    (r#"{"start":"n1"}"#, None),
    (r#"{"kill":"n1"}"#, Some("kill")),
    (r#"{"pause":"n1"}"#, Some("pause")),
    (r#"{"resume":"n1"}"#, None),
    (r#"{"links":{"rule":"pass","links":[["n1","n2"]]}}"#, None),
    (
        r#"{"links":{"rule":"cut","links":[["n1","n2"],["n2","n1"]]}}"#,
        Some("cut"),
    ),
    (
        r#"{"links":{"rule":{"delay-ms":30},"links":[["n1","n2"]]}}"#,
        Some("delay"),
    ),
    (
        r#"{"links":{"rule":{"pass-then-cut":1},"links":[["n1","n2"]]}}"#,
        Some("pass-then-cut"),
    ),
    (
        r#"{"links":{"rule":{"pass-then-hold":["request-vote",1]},"links":[["n1","n2"]]}}"#,
        Some("hold"),
    ),
    (
        r#"{"links":{"rule":{"lose-percent":20},"links":[["n1","n2"]]}}"#,
        Some("lose"),
    ),
    (
        r#"{"links":{"rule":{"repeat-percent":50},"links":[["n1","n2"]]}}"#,
        Some("repeat"),
    ),
    (
        r#"{"links":{"rule":{"reorder-ms":300},"links":[["n1","n2"]]}}"#,
        Some("reorder"),
    ),
    (
        r#"{"record":{"kind":"request-vote","first":1,"links":[["n1","n2"]]}}"#,
        None,
    ),
    (r#"{"inject":{"links":[["n1","n2"]]}}"#, Some("inject")),
    (r#"{"clients":{"rule":"pass","nodes":["n1"]}}"#, None),
    (
        r#"{"clients":{"rule":"cut-requests","nodes":["n1"]}}"#,
        Some("cut-requests"),
    ),
    (
        r#"{"clients":{"rule":"cut-replies","nodes":["n1","n2"]}}"#,
        Some("cut-replies"),
    ),
    (r#"{"gate":{"open":false}}"#, None),
    (
        r#"{"probe":{"id":1,"node":"n1","key":"k","op":"read","timeout_ms":5}}"#,
        None,
    ),
];

fn effects() -> impl Iterator<Item = Effect> {
    EFFECTS
        .iter()
        .map(|(text, _)| serde_json::from_str(text).unwrap())
}

#[test]
fn every_effect_is_written_as_ever_and_belongs_to_the_fault_of_its_word() {
    let mut rows = BTreeSet::new();
    for (effect, (text, fault)) in effects().zip(EFFECTS) {
        assert_eq!(serde_json::to_string(&effect).unwrap(), *text);
        assert_eq!(effect.fault().map(|fault| fault.name), *fault, "{text}");
        if let Some(fault) = fault {
            assert_eq!(effect.word(), *fault);
            assert!(rows.insert(*fault), "{fault} has two effects");
        }
    }
    let table: Vec<&str> = TABLE.iter().map(|fault| fault.name).collect();
    assert_eq!(table.len(), rows.len());
    assert!(table.iter().all(|name| rows.contains(name)), "{table:?}");
}

#[test]
fn a_fault_that_lasts_is_in_force_until_its_undo() {
    for effect in effects() {
        let Some(fault) = effect.fault() else { continue };
        let targets = effect.act().targets;
        let mut in_force = InForce::default();
        let over = in_force.after(&effect, &installed(&()), &1);
        let Some(undo) = effect.undo() else {
            assert!(
                fault.look.is_none() && in_force.iter().count() == 0,
                "{}",
                fault.name
            );
            assert_eq!(over.len(), targets.len());
            continue;
        };
        assert!(fault.look.is_some() && over.is_empty(), "{}", fault.name);
        assert!(in_force.after(&undo, &skipped("not now"), &2).is_empty());
        assert_eq!(in_force.iter().count(), targets.len());
        let over = in_force.after(&undo, &installed(&()), &2);
        let ended: Vec<Target> = over.iter().map(|ended| ended.target).collect();
        assert_eq!((ended, in_force.iter().count()), (targets, 0), "{undo:?}");
        assert!(
            over.iter()
                .all(|ended| ended.fault.name == fault.name && ended.mark == 1)
        );
    }
}

#[test]
fn every_row_says_how_it_looks_and_stands_in_the_documents() {
    for fault in TABLE {
        assert!(!fault.about.is_empty());
        assert!(
            DOCS.contains(&format!("| `{}` |", fault.name)),
            "{} is not in docs/faults.md",
            fault.name
        );
        let Some(look) = fault.look else { continue };
        let is_word = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let is_colour = |text: &&str| {
            text.strip_prefix('#')
                .is_some_and(|hex| hex.len() == 6 && u32::from_str_radix(hex, 16).is_ok())
        };
        assert!(
            is_word(look.band) && look.colours.iter().all(is_colour),
            "{}",
            fault.name
        );
    }
}

#[test]
fn nothing_is_proved_without_evidence() {
    for effect in effects().filter(|effect| effect.fault().is_some()) {
        let end = effect.undo().unwrap_or_else(|| effect.clone());
        for outcome in [installed(&serde_json::json!({})), skipped("why")] {
            let spell = Spell {
                target: effect.act().targets[0],
                begun: &outcome,
                end: &end,
                ended: &outcome,
            };
            assert!(!(effect.fault().unwrap().proof)(&spell), "{effect:?}");
        }
    }
}

/// Whether a rule that ended with this traffic proves `fault`.
fn proves(fault: &Fault, was: LinkRule, offered: u64, delivered: u64, left: Option<u64>) -> bool {
    proves_by(fault, &ended(was, offered, delivered, left))
}

/// A rule that ended with this traffic.
fn ended(was: LinkRule, offered: u64, delivered: u64, left: Option<u64>) -> RuleEnded {
    let count = |bytes| {
        if bytes > 0 {
            Count::frame(bytes)
        } else {
            Count::default()
        }
    };
    RuleEnded {
        link: LINK,
        was,
        for_us: 1,
        left,
        kept: false,
        traffic: Traffic {
            offered: count(offered),
            delivered: count(delivered),
            ..Traffic::default()
        },
    }
}

fn proves_by(fault: &Fault, ended: &RuleEnded) -> bool {
    (fault.proof)(&Spell {
        target: Target::Link(LINK),
        begun: &installed(&()),
        end: &Effect::links(LinkRule::Pass, [LINK]),
        ended: &installed(&RulesSet {
            in_force_us: 1,
            ended: vec![ended.clone()],
        }),
    })
}

#[test]
fn a_rule_is_proved_by_what_went_through_under_it() {
    assert!(proves(&CUT, LinkRule::Cut, 9, 0, None));
    assert!(!proves(&CUT, LinkRule::Cut, 9, 1, None));
    assert!(!proves(&CUT, LinkRule::Cut, 0, 0, None));
    assert!(!proves(&CUT, LinkRule::Pass, 9, 0, None));
    assert!(proves(&DELAY, LinkRule::DelayMs(5), 9, 9, None));
    assert!(!proves(&DELAY, LinkRule::DelayMs(5), 9, 0, None));
    assert!(proves(&PASS_THEN_CUT, LinkRule::PassThenCut(1), 9, 9, Some(0)));
    assert!(!proves(&PASS_THEN_CUT, LinkRule::PassThenCut(1), 9, 0, Some(1)));
    let hold = LinkRule::PassThenHold(FrameKind::RequestVote, 1);
    assert!(proves(&HOLD, hold, 9, 9, Some(0)));
    assert!(!proves(&HOLD, hold, 9, 9, Some(1)));
    let from = LinkRule::HoldFrom(FrameKind::Append);
    let none = LinkRule::PassThenHold(FrameKind::RequestVote, 0);
    for (rule, left) in [(hold, Some(1)), (none, Some(0)), (from, None)] {
        // A receiver that is slow has not got all, either.
        let mut ended = ended(rule, 9, 8, left);
        assert!(!proves_by(&HOLD, &ended), "{rule:?}");
        ended.kept = true;
        assert!(proves_by(&HOLD, &ended), "{rule:?}");
    }
}

#[test]
fn only_what_is_in_somebodys_power_is_drawn() {
    let names = |can: &[Need]| -> Vec<Vec<&str>> {
        let lanes = lanes(can).into_iter();
        lanes
            .map(|lane| lane.iter().map(|fault| fault.name).collect())
            .collect()
    };
    assert_eq!(
        names(&Need::ALL),
        [
            vec!["kill"],
            vec!["pause"],
            vec!["cut", "delay", "lose", "reorder"]
        ]
    );
    assert_eq!(names(&[Need::Links]), [["cut"]]);
    assert!(names(&[]).is_empty());
}

#[test]
fn what_is_told_names_whom_and_how_much() {
    let told: Vec<String> = effects()
        .map(|effect| effect.word().to_owned() + " " + &effect.whom())
        .collect();
    for wanted in [
        "kill n1",
        "cut n1→n2 n2→n1",
        "delay by 30 ms: n1→n2",
        "lose 20 %: n1→n2",
        "reorder by up to 300 ms: n1→n2",
        "cut-replies n1's clients n2's clients",
    ] {
        assert!(
            told.iter().any(|told| told == wanted),
            "{wanted} is not in {told:#?}"
        );
    }
}
