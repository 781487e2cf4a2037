//! Frames that were recorded, and are put into a link by hand: TCP alone never delivers twice, nor out of order.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::clock::micros;
use super::door::Door;
use super::process::GLANCE;
use crate::effect::{FrameKind, Link, Outcome};
use crate::evidence::{indeterminate, installed, skipped};
use crate::faults::{FramesInjected, Injected};

/// How long a link may take to hand on what is put in.
const PUT_IN: Duration = Duration::from_millis(500);

/// Begin to record.
pub(super) fn record(doors: &[(Link, &Door)], kind: FrameKind, first: u64) -> Outcome {
    for (_, door) in doors {
        door.gate.record(kind, first);
    }
    installed(&serde_json::json!({}))
}

/// Put in what was recorded, and wait until it was handed on.
pub(super) async fn inject(doors: &[(Link, &Door)]) -> Outcome {
    let begun = Instant::now();
    let put: Vec<_> = doors
        .iter()
        .map(|(link, door)| (*link, door, door.gate.put_in_recorded()))
        .collect();
    if let Some((link, ..)) = put.iter().find(|(_, _, (recorded, _))| *recorded == 0) {
        return skipped(format!("nothing was recorded on {} to {}", link.0, link.1));
    }
    while put.iter().any(|(_, door, _)| !door.gate.lock().put_in.is_empty()) && begun.elapsed() < PUT_IN {
        sleep(GLANCE).await;
    }
    let links: Vec<Injected> = put
        .into_iter()
        .map(|(link, door, (recorded, before))| Injected {
            link,
            recorded,
            delivered: door.gate.end_put_in().since(before),
        })
        .collect();
    let whole = links.iter().all(|put| put.delivered.frames == put.recorded);
    let evidence = FramesInjected {
        took_us: micros(begun.elapsed()),
        links,
    };
    match whole {
        true => installed(&evidence),
        false => indeterminate(
            "a link has no connection, or its receiver takes nothing",
            &evidence,
        ),
    }
}
