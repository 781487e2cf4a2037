//! The whole cluster at one moment: what a storyboard draws.

use histories::{LogIndex, Nanos, Term};
use serde::{Deserialize, Serialize};

use super::net::Net;
use crate::effect::{Link, NodeId};
use crate::view::{ProcessState, Role, TailEntry, View};

/// A server at one moment, for the storyboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Which.
    pub node: NodeId,
    /// Its process.
    pub process: ProcessState,
    /// Its role, term and commit index, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// See `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Term>,
    /// See `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<LogIndex>,
    /// The end of its log.
    pub log: Vec<TailEntry>,
}

/// The whole cluster at one moment: a panel of the storyboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// Which: `a`, `b`, `c`, `d1` …
    pub panel: String,
    /// When.
    pub t: Nanos,
    /// Every server. Of one that is out, the log is the last that was seen of it.
    pub servers: Vec<Server>,
    /// The links that are cut.
    pub cut: Vec<Link>,
}

impl Panel {
    /// The cluster as it is seen now, each log from `from` on.
    pub fn now(panel: &str, view: &View, net: &Net, from: LogIndex) -> Self {
        let servers = NodeId::all(view.nodes.len())
            .map(|node| {
                let seen = &view.nodes[node.0];
                let status = seen.status.as_ref().map(|(_, status)| status);
                let alive = status.filter(|_| seen.process == ProcessState::Running);
                Server {
                    node,
                    process: seen.process,
                    role: alive.and_then(|status| status.role),
                    term: alive.and_then(|status| status.term),
                    commit: alive.and_then(|status| status.commit),
                    log: status
                        .map(|status| {
                            status
                                .tail
                                .iter()
                                .filter(|entry| entry.index >= from)
                                .cloned()
                                .collect()
                        })
                        .unwrap_or_default(),
                }
            })
            .collect();
        Panel {
            panel: panel.to_owned(),
            t: view.now,
            servers,
            cut: net.cut(),
        }
    }
}
