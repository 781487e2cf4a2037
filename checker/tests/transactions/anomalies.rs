//! A history for each anomaly.

use checker::{Level, Verdict};

use crate::spelled::Model::{self, Lists, Registers};
use crate::spelled::{judge, names};

/// A model, transactions, their schedule, the anomalies if it should be serializable, and those that strict
/// serializability adds.
type Row = (
    Model,
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const ROWS: &[Row] = &[
    // Fine: reads agree with writes, whatever the order of invocation.
    (Lists, &["ax1", "ax2", "rx12"], "", &[], &[]),
    (Lists, &["ax1", "rx_", "ax2 rx12"], "ABCabc", &[], &[]),
    (Lists, &["rx1 ax2 rx12", "ax1"], "ABab", &[], &[]),
    (Lists, &["?ax1", "rx1"], "", &[], &[]),
    (Lists, &["?ax1", "rx_"], "", &[], &[]),
    (Lists, &["ax1 rx1 ax2", "rx12"], "", &[], &[]),
    (Lists, &["?0/ax1", "0/rx_", "rx1"], "AaBbCc", &[], &[]),
    (Registers, &["wx1", "rx1", "wx2", "rx2"], "", &[], &[]),
    (
        Registers,
        &["rx_", "wx1", "wx2", "rx1", "rx2"],
        "ABCDEabcde",
        &[],
        &[],
    ),
    // Elle flags neither what nobody wrote nor an order that only real time shows.
    (Registers, &["wx2", "rx3", "rx2"], "", &["garbage-read"], &[]),
    (
        Registers,
        &["rx_", "rx_", "wx100", "wx200", "rx200", "rx100"],
        "",
        &[],
        &["G-single-realtime"],
    ),
    (Registers, &["?wx1", "rx1"], "", &[], &[]),
    // Cycles of data.
    (
        Lists,
        &["ax1 ay1", "ax2 ay2", "rx12 ry21"],
        "ABCabc",
        &["G0"],
        &[],
    ),
    (Lists, &["ax1 ry1", "ax2 ay1", "rx12"], "ABCabc", &["G1c"], &[]),
    (
        Lists,
        &["rx_ ry1", "ax1 ay1", "rx1"],
        "ABCabc",
        &["G-single"],
        &[],
    ),
    (
        Lists,
        &["rx_ ay1", "ry_ ax1", "rx1 ry1"],
        "ABCabc",
        &["G2-item"],
        &[],
    ),
    (Lists, &["rx_ ay1", "ry_ ax1"], "ABab", &["G2-item"], &[]),
    (
        Lists,
        &["rx_ ry1", "ax1", "ry_ rx1", "ay1"],
        "ABCDabcd",
        &["G-nonadjacent"],
        &[],
    ),
    (Registers, &["wx1 ry1", "wy1 rx1"], "ABab", &["G1c"], &[]),
    (Registers, &["rx_ ry1", "wy1 wx2"], "ABab", &["G-single"], &[]),
    (Registers, &["rx_ wy1", "ry_ wx1"], "ABab", &["G2-item"], &[]),
    (
        Registers,
        &["ry1 wx1 wy2", "rx1 ry1", "wy1"],
        "ABCabc",
        &["G-single"],
        &[],
    ),
    (
        Registers,
        &["wx1 wy1", "rx1 wx2 wy2", "ry2 wy3", "rx2 wy4"],
        "ABCDabcd",
        &[],
        &[],
    ),
    (
        Registers,
        &["rx1 wx2", "rx2 wx1"],
        "ABab",
        &["G1c", "cyclic-versions"],
        &[],
    ),
    (Registers, &["?wx1", "rx1 wy1", "ry1 rx_"], "", &["G-single"], &[]),
    // The history of elle-cli's list-append-gh-30, and those of Elle's issues 17, 21 and 27.
    (
        Lists,
        &["az2 at5", "rx_ ry_ az0", "ay1 ax4 rz_", "ax8", "ay7 az10"],
        "ABCaDcEbde",
        &["G2-item"],
        &[],
    ),
    (
        Lists,
        &["rx_ rz1", "0/ax1", "0/rz_", "az1"],
        "",
        &[],
        &["G-nonadjacent-process", "G-single-realtime", "G1c-realtime"],
    ),
    (Lists, &["rx1 ay1", "0/ry1", "0/ax1"], "", &[], &["G1c-process"]),
    (
        Lists,
        &["rx_ ry2", "ax1", "ay2"],
        "ABbCca",
        &[],
        &["G-single-realtime"],
    ),
    // Cycles that need the order of a process, or of real time.
    (
        Lists,
        &["0/ax1", "0/rx_", "rx1"],
        "CAaBbc",
        &[],
        &["G-single-process"],
    ),
    (
        Lists,
        &["rx1 ay1", "0/ry1", "0/ax1"],
        "ABbCca",
        &[],
        &["G1c-process"],
    ),
    (Lists, &["ax1", "rx_", "rx1"], "", &[], &["G-single-realtime"]),
    (Lists, &["ax2", "ax1", "rx12"], "CAaBbc", &[], &["G0-realtime"]),
    (Lists, &["rx1", "ax1"], "", &[], &["G1c-realtime"]),
    (Registers, &["wx1", "rx_"], "", &[], &["G-single-realtime"]),
    (Registers, &["rx1", "wx1"], "", &[], &["G1c-realtime"]),
    (Registers, &["0/wx1", "0/rx_"], "", &[], &["G-single-process"]),
    // What single reads show.
    (Lists, &["!ax1", "rx1"], "ABab", &["G1a"], &[]),
    (Lists, &["ax1 ax2", "rx1"], "ABab", &["G-single", "G1b"], &[]),
    (
        Lists,
        &["!ax1", "ax2", "rx12"],
        "ABCabc",
        &["G1a", "dirty-update"],
        &[],
    ),
    (
        Lists,
        &["!ax1", "?ax2", "ax3", "rx123"],
        "ABCDabcd",
        &["G1a", "dirty-update"],
        &[],
    ),
    (Lists, &["ax1", "rx11"], "ABab", &["duplicate-elements"], &[]),
    (
        Lists,
        &["rx12", "rx13", "ax1", "ax2", "ax3"],
        "ABCDEabcde",
        &["incompatible-order"],
        &[],
    ),
    (Lists, &["ax1", "rx1 rx_"], "ABab", &["G-single", "internal"], &[]),
    (Lists, &["ax1 rx_"], "", &["internal"], &[]),
    (
        Lists,
        &["ax1", "rx1 ax2 rx21"],
        "ABab",
        &["incompatible-order", "internal"],
        &[],
    ),
    (Lists, &["rx1 ax1"], "", &["future-read"], &[]),
    (Lists, &["rx7"], "", &["garbage-read"], &[]),
    (
        Lists,
        &["ax1", "rx1 ax2", "rx1 ax3"],
        "ABCabc",
        &["G2-item", "lost-update"],
        &[],
    ),
    (
        Lists,
        &["rx_ ax2", "rx_ ax3", "rx_ ax4"],
        "ABCabc",
        &["G2-item", "lost-update"],
        &[],
    ),
    (Registers, &["!wx1", "rx1"], "ABab", &["G1a"], &[]),
    (Registers, &["wx1 wx2", "rx1"], "ABab", &["G1b"], &[]),
    (Registers, &["rx_ wx2 rx_"], "", &["internal"], &[]),
    (Registers, &["rx_ rx1", "wx1"], "ABab", &["internal"], &[]),
    (
        Registers,
        &["rx_ wx1", "rx_ wx2"],
        "ABab",
        &["G2-item", "lost-update"],
        &[],
    ),
    (
        Registers,
        &["wx1", "rx1 wx2", "rx1 wx3"],
        "ABCabc",
        &["G2-item", "lost-update"],
        &[],
    ),
];

#[test]
fn every_anomaly_has_its_name() {
    let mut wrong = Vec::new();
    for &(model, texts, schedule, data, order) in ROWS {
        for consistency in [Level::SERIALIZABLE, Level::STRICT_SERIALIZABLE] {
            let check = judge(model, texts, schedule, consistency);
            let mut expected: Vec<&str> = data.to_vec();
            if consistency == Level::STRICT_SERIALIZABLE {
                expected.extend(order);
            }
            let verdict = if expected.is_empty() {
                Verdict::Pass
            } else {
                Verdict::Violation
            };
            if names(&check) != expected || check.verdict != verdict {
                wrong.push(format!(
                    "{texts:?} {schedule} {consistency:?}: {:?} {}",
                    names(&check),
                    check.reason
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_worst_is_told_first_and_at_most_five() {
    let texts = [
        "ax1 ay1",
        "ax2 ay2",
        "rx12 ry21",
        "!az1",
        "rz1",
        "rz1",
        "rz1",
        "rz1",
        "rz1",
    ];
    let check = judge(Lists, &texts, "ABCDEFGHIabcdefghi", Level::SERIALIZABLE);
    assert_eq!(check.details["anomalies"], serde_json::json!({"G0": 1, "G1a": 5}));
    assert_eq!(check.violations.len(), 4);
    assert!(
        check.violations[0].why.starts_with("G0. Let\n"),
        "{}",
        check.violations[0].why
    );
    assert_eq!(check.violations[0].operations, [0, 1]);
    let reasons: Vec<&str> = check.violations[0]
        .edges
        .iter()
        .map(|edge| edge.reason.as_str())
        .collect();
    assert_eq!(reasons, ["ww", "ww"]);
    assert_eq!(
        serde_json::to_value(check.violations[0].edges[0]).unwrap()["reason"],
        "ww"
    );
}

#[test]
fn a_proof_reads_like_elles() {
    let check = judge(Lists, &["ax1", "rx_"], "", Level::STRICT_SERIALIZABLE);
    let expected = "G-single-realtime. Let\n  T1 = [[\"append\",\"x\",1]] by process 100 (#0, ok #1)\n  T2 = \
                    [[\"r\",\"x\",[]]] by process 101 (#2, ok #3)\nThen\n  - T1 < T2, because T1 had completed at #1 \
                    before T2 was invoked at #2,\n  - however, T2 < T1, because T2 observed the initial state of \
                    \"x\", which T1 replaced by appending 1: a contradiction.";
    let turned = check.violations[0].why.clone();
    assert!(turned == expected || turned.contains("however"), "{turned}");
    assert!(turned.contains("had completed at #1 before"), "{turned}");
}
