//! What comes back as it was sent: `echo v → v`, as Maelstrom's workload of this name.

use histories::Kind;

use super::row::{Judge, Model, Start};
use crate::budget::Budget;
use crate::decode::unknown_f;
use crate::error::Halt;
use crate::judge::Judged;
use crate::operations::Group;
use crate::options::Options;
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{Drawn, Echoes, Examples};

pub(super) const MODEL: Model = Model {
    name: "echo",
    about: "what comes back as it was sent, as Maelstrom's echo",
    operations: &["echo v → v"],
    suggested: |shape| shape.only(&["echo"]),
    contradicted: |_| None,
    start: Start::Always("with nothing sent"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::Echo),
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Echoes)],
        illegal: "echo 7 → 8",
        states: &[],
        proofs: &[],
    },
};

/// What an operation costs.
const BYTES: usize = 32;

/// Whether each answer is what was sent.
fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    meter.grow(group.operations.len() * BYTES)?;
    let mut answered = false;
    for (at, operation) in group.operations.iter().enumerate() {
        meter.step()?;
        match (&*operation.invoke.f, operation.outcome) {
            ("echo", Kind::Ok) => answered = true,
            ("echo", _) => continue,
            _ => return Err(unknown_f(operation, MODEL.name, MODEL.operations).into()),
        }
        if operation.result() != operation.argument() {
            let why = format!(
                "{operation} was sent {}, and {} came back.",
                operation.argument(),
                operation.result()
            );
            return Ok(Judged::violation("answers", vec![at as u32], why));
        }
    }
    Ok(Judged::Bounds {
        engine: "answers",
        compared: answered,
    })
}

#[cfg(test)]
mod tests {
    use crate::Verdict;
    use crate::testing::{check, history};

    #[test]
    fn what_comes_back_is_what_was_sent() {
        for (text, wanted) in [
            ("0 echo 1, 1 echo 2, 1 echo: 2, 0 echo: 1", Verdict::Pass),
            ("0 echo 1, 1 echo 2, 1 echo: 1, 0 echo: 1", Verdict::Violation),
            ("0 echo 1, 0 echo: null", Verdict::Violation),
            ("0 echo 1, 0 echo? 1, 1 echo 2, 1 echo! 2", Verdict::Inconclusive),
        ] {
            assert_eq!(check("echo", &history(text)).verdict, wanted, "{text}");
        }
    }
}
