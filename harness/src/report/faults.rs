//! The faults of a run, a line each: what was done, what came of it, and what undid it.

use std::collections::BTreeMap;
use std::fmt::Write;

use nemesis::effect::EffectLine;
use nemesis::{Effect, Outcome};

use super::summary::wrapped;

/// The table, in the order of the run.
pub(crate) fn render(lines: &[EffectLine]) -> String {
    let undone: BTreeMap<u64, u64> = lines
        .iter()
        .flat_map(|line| line.undoes.iter().map(|fault| (*fault, line.id)))
        .collect();
    let mut out = format!(
        "{:>6} {:>10} {:>9}  {:<13} {:<24} {:<13} {}\n",
        "id", "at", "took", "what", "whom", "outcome", "undone by"
    );
    for line in lines {
        let undone = undone.get(&line.id).map_or(String::new(), u64::to_string);
        let (outcome, why) = match &line.outcome {
            Outcome::Installed { .. } => ("installed", ""),
            Outcome::Skipped { reason } => ("skipped", reason.as_str()),
            Outcome::Indeterminate { reason, .. } => ("indeterminate", reason.as_str()),
        };
        let _ = writeln!(
            out,
            "{:>6} {:>8.3} s {:>6.1} ms  {:<13} {:<24} {outcome:<13} {undone}",
            line.id,
            line.planned.as_secs_f64(),
            line.took().as_secs_f64() * 1000.0,
            line.effect.word(),
            whom(&line.effect),
        );
        for more in [
            why.to_owned(),
            line.choice.as_ref().map_or(String::new(), ToString::to_string),
        ] {
            if !more.is_empty() {
                let _ = writeln!(out, "{}{}", " ".repeat(30), wrapped(&more, 30));
            }
        }
    }
    out
}

/// Whom an effect is done to, in few words.
fn whom(effect: &Effect) -> String {
    match effect.act().targets.len() {
        0..=3 => effect.whom(),
        many => format!("{many} links"),
    }
}
