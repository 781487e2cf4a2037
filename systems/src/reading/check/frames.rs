//! Whether frames can be told apart by what is said of them: a kind that every frame is of would prove what never happened.

use super::super::Slip;
use crate::description::{Description, Frames, Mark};

/// A longer value fits into no frame, with its key and what is around them.
const LONGEST_FILLER: u64 = 16 << 20;

pub(super) fn check(described: &Description) -> Result<(), Slip> {
    let Some(frames) = &described.network.frames else {
        return Ok(());
    };
    for (kind, mark) in kinds(frames) {
        if mark
            .as_ref()
            .is_some_and(|mark| mark.has.is_empty() && mark.at_least == 0)
        {
            return Err(slip(format!(
                "{kind} fits every frame: say what it `has`, or is `at-least`"
            )));
        }
    }
    match frames.filler {
        Some(letters) => filler(frames, letters),
        None => Ok(()),
    }
}

fn kinds(frames: &Frames) -> [(&'static str, &Option<Mark>); 5] {
    [
        ("request-vote", &frames.request_vote),
        ("vote", &frames.vote),
        ("batch", &frames.batch),
        ("entries", &frames.entries),
        ("append", &frames.append),
    ]
}

/// What figure8 stops links at where it keeps apart what a new leader appends.
fn filler(frames: &Frames, letters: u64) -> Result<(), Slip> {
    if !(1..=LONGEST_FILLER).contains(&letters) {
        return Err(slip(format!(
            "filler = {letters}: a number of letters from 1 to {LONGEST_FILLER}"
        )));
    }
    let needs = |kind: &str| ["request-vote", "batch", "append"].contains(&kind);
    let unknown = kinds(frames)
        .into_iter()
        .find(|(kind, mark)| needs(kind) && mark.is_none());
    match unknown {
        Some((kind, _)) => Err(slip(format!(
            "a filler needs `{kind}` to be known, too: links are stopped there"
        ))),
        None => Ok(()),
    }
}

fn slip(why: String) -> Slip {
    Slip::Marked {
        mark: "[network.frames]".to_owned(),
        why: format!("network.frames: {why} (docs/systems.md)"),
    }
}

#[cfg(test)]
mod tests {
    use crate::builtin;

    #[test]
    fn kinds_of_frames_can_be_told_apart() {
        let builtin = builtin::named("pysyncobj");
        for (from, to, wanted) in [
            (
                "vote = { has = \"response_vote\" }",
                "vote = {}",
                "vote fits every frame",
            ),
            ("filler = 160000", "filler = 0", "filler = 0: a number of letters"),
            (
                "append = {",
                "# append = {",
                "a filler needs `append` to be known",
            ),
        ] {
            let text = builtin.text.replacen(from, to, 1);
            assert_ne!(text, builtin.text, "{from}");
            let told = builtin.read(&text, "mine.toml").unwrap_err().to_string();
            assert!(
                told.contains("mine.toml, line") && told.contains(wanted),
                "{told}"
            );
        }
    }
}
