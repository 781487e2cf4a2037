//! Who is whose neighbour: what nodes of the workload `broadcast` are told at first, as a proposal. A grid as square as can be, which is
//! what Maelstrom takes where nobody asks for another.

use nemesis::NodeId;
use serde_json::{Map, Value};

/// The neighbours of each of so many nodes, at most four.
pub(super) fn grid(nodes: usize) -> Map<String, Value> {
    let side = (1..).find(|side| side * side >= nodes).unwrap_or(1);
    let neighbours = |NodeId(at): NodeId| {
        let left = (at % side > 0).then(|| at - 1);
        let right = (at % side + 1 < side).then_some(at + 1);
        let all = [at.checked_sub(side), left, right, Some(at + side)];
        let there = all.into_iter().flatten().filter(|other| *other < nodes);
        there.map(|other| NodeId(other).to_string()).collect::<Vec<_>>()
    };
    NodeId::all(nodes)
        .map(|node| (node.to_string(), neighbours(node).into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_stand_in_a_grid() {
        for (nodes, wanted) in [
            (1, r#"{"n1":[]}"#),
            (3, r#"{"n1":["n2","n3"],"n2":["n1"],"n3":["n1"]}"#),
            (
                5,
                r#"{"n1":["n2","n4"],"n2":["n1","n3","n5"],"n3":["n2"],"n4":["n1","n5"],"n5":["n2","n4"]}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&grid(nodes)).unwrap(), wanted);
        }
    }

    /// As far as a message has to go, everybody gets it.
    #[test]
    fn every_node_is_reached_and_neighbours_know_each_other() {
        for nodes in 1..=15 {
            let grid = grid(nodes);
            let of = |name: &str| -> Vec<String> { serde_json::from_value(grid[name].clone()).unwrap() };
            let mut reached = vec!["n1".to_owned()];
            for at in 0.. {
                let Some(name) = reached.get(at).cloned() else {
                    break;
                };
                for other in of(&name) {
                    assert!(of(&other).contains(&name), "{name} and {other}");
                    if !reached.contains(&other) {
                        reached.push(other);
                    }
                }
            }
            assert_eq!(reached.len(), nodes);
        }
    }
}
