//! What is done once, when the nodes run: asked of node after node, until one says that it is done.

use std::time::Duration;

use nemesis::NodeId;
use tokio::time::{Instant, sleep, timeout_at};

use crate::description::Init;
use crate::error::NotDone;
use crate::meaning::{Came, beginning};
use crate::protocols::{Protocol, Target};
use crate::secrets::Secrets;
use crate::seen::NodeSees;

/// How long it may take where the description does not say.
const WITHIN: Duration = Duration::from_secs(30);
/// How long after an answer that was no success it is asked again.
const PAUSE: Duration = Duration::from_millis(100);
/// How long one node may take to answer, before another is asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// Do it. `target` says where a node is asked, `logs` what it wrote last.
pub(crate) async fn init(
    init: &Init,
    protocol: &dyn Protocol,
    nodes: &[NodeSees],
    target: impl Fn(NodeId, Duration) -> Target,
    logs: impl Fn(NodeId) -> Vec<String>,
    secrets: &Secrets,
) -> Result<(), NotDone> {
    let Some(request) = init.request() else {
        return Ok(());
    };
    let limit = init.within.map_or(WITHIN, |span| span.0);
    let end = Instant::now() + limit;
    let mut last = (NodeId(0), "nobody was asked".to_owned());
    for node in NodeId::all(nodes.len()).cycle() {
        let asked = protocol.init(target(node, PATIENCE), request, &nodes[node.0]);
        let why = match timeout_at(end, asked).await {
            Ok(Came::Answer(told)) if request.answer().is_ok(&told) => return Ok(()),
            Ok(Came::Answer(told)) => format!("{} {}", told.status, beginning(&secrets.redact(&told.text))),
            Ok(Came::Nothing { why, .. }) => secrets.redact(&why),
            Err(_) => break,
        };
        last = (node, why);
        sleep(PAUSE).await;
    }
    let (node, why) = last;
    Err(NotDone {
        node,
        limit,
        why,
        logs: logs(node).iter().map(|line| secrets.redact(line)).collect(),
    })
}
