//! How a node stands, if it tells: `status`, an extension of Maelstrom's protocol. The answer says what docs/your-raft.md asks of level 2.

use nemesis::{NodeId, NodeStatus, Tells};
use serde_json::{Value, json};

use super::service::Body;

/// What a node tells that answers.
pub(super) const TELLS: [Tells; 4] = [Tells::Leader, Tells::Term, Tells::Commit, Tells::LogTail];

/// The question.
pub(super) fn question() -> Body {
    json!({"type": "status"}).as_object().cloned().unwrap_or_default()
}

/// What an answer says; none if it is none.
pub(super) fn read(mut told: Body, incarnation: u64) -> Option<NodeStatus> {
    if told.get("type").is_none_or(|kind| kind != "status_ok") {
        return None;
    }
    // The harness counts the starts itself.
    told.insert("incarnation".to_owned(), incarnation.into());
    serde_json::from_value(Value::from(told)).ok()
}

/// Whether a node's answer tells all that it has to.
///
/// # Errors
/// What it lacks.
pub(super) fn is_whole(node: NodeId, told: Option<Body>) -> Result<(), String> {
    let Some(told) = told else {
        return Err(format!("{node} did not answer `status`"));
    };
    let shown = || Value::from(told.clone());
    let Some(status) = read(told.clone(), 1) else {
        return Err(format!("{node} answered `status` with {}", shown()));
    };
    let parts = [
        ("role", status.role.is_some()),
        ("term", status.term.is_some()),
        ("commit", status.commit.is_some()),
        ("last", status.last.is_some()),
    ];
    match parts.iter().find(|(_, is_told)| !is_told) {
        Some((part, _)) => Err(format!("{node} told no {part} in its status: {}", shown())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Body {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_status_is_that_of_a_raft_of_ones_own() {
        let whole = r#"{"type":"status_ok","in_reply_to":3,"role":"leader","term":4,"leader":"n1","commit":7,"applied":7,
            "last":{"index":8,"term":4},"match":{"n2":8},"denied":[],"tail":[{"index":8,"term":4,"hash":"91c2"}]}"#;
        let status = read(told(whole), 2).unwrap();
        assert_eq!((status.incarnation, status.leader), (2, Some(NodeId(0))));
        assert_eq!(is_whole(NodeId(0), Some(told(whole))), Ok(()));
        for (text, why) in [
            (r#"{"type":"error","code":10}"#, "answered `status` with"),
            (r#"{"type":"status_ok","role":"king"}"#, "answered `status` with"),
            (
                r#"{"type":"status_ok","role":"leader","term":1}"#,
                "told no commit",
            ),
        ] {
            let error = is_whole(NodeId(1), Some(told(text))).unwrap_err();
            assert!(error.contains(why) && error.starts_with("n2"), "{error}");
        }
        assert!(is_whole(NodeId(1), None).unwrap_err().contains("did not answer"));
    }
}
