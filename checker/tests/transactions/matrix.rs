//! Levels and anomalies: which specimen breaks which level, as the theory says.

use checker::{Budget, Level, Levels, Verdict};

use crate::spelled::Model::{Lists, Registers};
use crate::spelled::{events, judge_with};

/// A specimen by its edges; its transactions, with `u` for a write of either model; when they ran; and the weakest
/// levels that it breaks: those, and all that imply one of them, and no other.
type Row = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
);

const BOTH: &[Row] = &[
    ("nothing", &["ux1", "rx1 ux2"], "", &[]),
    ("garbage-read", &["rx7"], "", &["read-uncommitted"]),
    (
        "internal, of an own write",
        &["ux1 rx_"],
        "",
        &["read-uncommitted"],
    ),
    ("G1a", &["!ux1", "rx1"], "ABab", &["read-committed"]),
    ("G1b", &["ux1 ux2", "rx1"], "ABab", &["read-committed"]),
    (
        "G1c by wr and wr",
        &["ux1 ry1", "uy1 rx1"],
        "ABab",
        &["read-committed"],
    ),
    ("future-read", &["rx1 ux1", "ry_"], "", &["read-committed"]),
    (
        "G-single by wr, the new first",
        &["ux1 uy1", "rx1 ry_"],
        "ABab",
        &["monotonic-atomic-view"],
    ),
    (
        "G-single by wr, the old first",
        &["ux1 uy1", "ry_ rx1"],
        "ABab",
        &["read-atomic", "repeatable-read"],
    ),
    (
        "internal, of an own read",
        &["rx_ rx1", "ux1"],
        "ABab",
        &["read-atomic", "repeatable-read"],
    ),
    (
        "G-single by wr and wr",
        &["ux1", "rx1 uy1", "ry1 rx_"],
        "ABCabc",
        &["causal", "repeatable-read"],
    ),
    (
        "lost-update",
        &["rx_ ux1", "rx_ ux2"],
        "ABab",
        &["parallel-snapshot-isolation", "repeatable-read"],
    ),
    (
        "long fork: G-nonadjacent",
        &["ux1", "uy1", "rx1 ry_", "ry1 rx_"],
        "ABCDabcd",
        &["prefix", "repeatable-read"],
    ),
    (
        "write skew: G2-item",
        &["rx_ uy1", "ry_ ux1"],
        "ABab",
        &["repeatable-read"],
    ),
    (
        "G-single-process",
        &["0/ux1", "0/rx_"],
        "CAaBbc",
        &["strong-session-read-atomic", "strong-session-repeatable-read"],
    ),
    (
        "G-single-realtime",
        &["ux1", "rx_"],
        "",
        &["strong-read-atomic", "strong-repeatable-read"],
    ),
    (
        "G1c-process",
        &["0/rx1", "0/ux1"],
        "",
        &["strong-session-read-committed"],
    ),
    ("G1c-realtime", &["rx1", "ux1"], "", &["strong-read-committed"]),
];

const OF_LISTS: &[Row] = &[
    (
        "G0",
        &["ax1 ay1", "ax2 ay2", "rx12 ry21"],
        "ABCabc",
        &["read-uncommitted"],
    ),
    (
        "duplicate-elements",
        &["ax1", "rx11"],
        "ABab",
        &["read-uncommitted"],
    ),
    (
        "incompatible-order",
        &["rx12", "rx13", "ax1", "ax2", "ax3"],
        "ABCDEabcde",
        &["read-committed"],
    ),
    (
        "dirty-update",
        &["!ax1", "ax2", "rx12"],
        "ABCabc",
        &["read-committed"],
    ),
    (
        "G-single by ww",
        &["ax1 ay1", "rx_ ay2", "ry12"],
        "ABCabc",
        &["parallel-snapshot-isolation", "repeatable-read"],
    ),
    (
        "G0-realtime",
        &["ax2", "ax1", "rx12"],
        "CAaBbc",
        &["strong-read-uncommitted"],
    ),
];

#[test]
fn each_anomaly_breaks_the_levels_that_the_theory_says() {
    let both = BOTH.iter().flat_map(|row| [(Lists, row), (Registers, row)]);
    for (model, &(name, texts, schedule, weakest)) in both.chain(OF_LISTS.iter().map(|row| (Lists, row))) {
        let write = if model == Lists { "a" } else { "w" };
        let texts: Vec<String> = texts.iter().map(|text| text.replace('u', write)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        // A process that goes on does so under its own name.
        let schedule = if name.starts_with("G-single-process") {
            "AaBb"
        } else {
            schedule
        };
        let events = events(model, &texts, schedule);
        let weakest: Vec<Level> = weakest.iter().map(|name| Level::find(name).unwrap()).collect();
        for &level in Level::all() {
            let check = judge_with(model, &events, level, &Budget::unlimited()).unwrap();
            let broken = weakest.iter().any(|&weakest| level.implies(weakest));
            let expected = if broken { Verdict::Violation } else { Verdict::Pass };
            assert_eq!(
                check.verdict, expected,
                "{name}, {model:?}, {level}: {}",
                check.reason
            );
        }
        let strict = judge_with(model, &events, Level::STRICT_SERIALIZABLE, &Budget::unlimited()).unwrap();
        if !weakest.is_empty() {
            let not = weakest.iter().copied().collect::<Levels>().weakest().names();
            assert_eq!(strict.details["not"], serde_json::json!(not), "{name}, {model:?}");
            assert!(!strict.violations.is_empty(), "{name}, {model:?}: no proof");
        }
    }
}
