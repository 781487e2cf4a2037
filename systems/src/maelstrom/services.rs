//! Maelstrom's services (maelstrom, doc/services.md): nodes of the harness that a node may ask. Their messages do not pass the
//! links between nodes. What they leave to chance is fixed by the run's seed and the order in which they are asked.

use std::sync::{Mutex, PoisonError};

use histories::Seed;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::kv::{Eventual, Linearizable, Sequential};
use super::service::{Body, Service, not_supported};

/// A row of the table of services.
struct Row {
    name: &'static str,
    build: fn() -> Box<dyn Service>,
}

/// The services; a new one is a row.
const TABLE: [Row; 4] = [
    Row {
        name: "lin-kv",
        build: || Box::new(Linearizable::default()),
    },
    Row {
        name: "seq-kv",
        build: || Box::new(Sequential::default()),
    },
    Row {
        name: "lww-kv",
        build: || Box::new(Eventual::default()),
    },
    Row {
        name: "lin-tso",
        build: || Box::new(Oracle::default()),
    },
];

/// Their names, for an error.
pub(super) fn names() -> String {
    TABLE.map(|row| row.name).join(", ")
}

/// The services of a run.
pub(super) struct Services {
    running: Mutex<Running>,
}

struct Running {
    services: Vec<(&'static str, Box<dyn Service>)>,
    rng: ChaCha8Rng,
}

impl Services {
    pub(super) fn new(seed: Seed) -> Self {
        Services {
            running: Mutex::new(Running {
                services: TABLE.iter().map(|row| (row.name, (row.build)())).collect(),
                rng: ChaCha8Rng::seed_from_u64(seed.0),
            }),
        }
    }

    /// What the service of that name answers; none if there is none.
    pub(super) fn answer(&self, name: &str, node: &str, body: &Body) -> Option<Body> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Running { services, rng } = &mut *running;
        let (_, service) = services.iter_mut().find(|(known, _)| *known == name)?;
        let answer = service.answer(node, body, rng);
        let mut answer = answer.as_object().cloned().unwrap_or_default();
        if let Some(id) = body.get("msg_id") {
            answer.insert("in_reply_to".to_owned(), id.clone());
        }
        Some(answer)
    }
}

/// `lin-tso`: numbers that only grow, from 0 on.
#[derive(Default)]
struct Oracle {
    next: u64,
}

impl Service for Oracle {
    fn answer(&mut self, _: &str, body: &Body, _: &mut ChaCha8Rng) -> Value {
        if body.get("type").is_none_or(|kind| kind != "ts") {
            return not_supported(body);
        }
        self.next += 1;
        json!({"type": "ts_ok", "ts": self.next - 1})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(services: &Services, name: &str, node: &str, body: &Value) -> String {
        let answer = services.answer(name, node, body.as_object().unwrap()).unwrap();
        match answer.get("code") {
            Some(code) => code.to_string(),
            None => answer
                .get("value")
                .or(answer.get("ts"))
                .unwrap_or(&answer["type"])
                .to_string(),
        }
    }

    #[test]
    fn every_store_reads_writes_and_compares() {
        for name in ["lin-kv", "seq-kv"] {
            let services = Services::new(Seed(1));
            for (body, wanted) in [
                (json!({"type": "read", "key": "x"}), "20"),
                (json!({"type": "cas", "key": "x", "from": 1, "to": 2}), "20"),
                (json!({"type": "write", "key": "x", "value": [1]}), "\"write_ok\""),
                (json!({"type": "read", "key": "x"}), "[1]"),
                (json!({"type": "cas", "key": "x", "from": [2], "to": 3}), "22"),
                (
                    json!({"type": "cas", "key": "x", "from": [1], "to": 3}),
                    "\"cas_ok\"",
                ),
                (
                    json!({"type": "cas", "key": "y", "from": 1, "to": 4, "create_if_not_exists": true}),
                    "\"cas_ok\"",
                ),
                (json!({"type": "read", "key": "y"}), "4"),
                (json!({"type": "write", "key": "x"}), "12"),
                (json!({"type": "ts"}), "10"),
            ] {
                assert_eq!(ask(&services, name, "n1", &body), wanted, "{name} {body}");
            }
        }
        assert!(
            Services::new(Seed(1))
                .answer("no-kv", "n1", &Body::new())
                .is_none()
        );
    }

    #[test]
    fn timestamps_grow_and_answers_name_their_request() {
        let services = Services::new(Seed(1));
        let body = json!({"type": "ts", "msg_id": 7});
        assert_eq!(ask(&services, "lin-tso", "n1", &body), "0");
        let answer = services
            .answer("lin-tso", "n2", body.as_object().unwrap())
            .unwrap();
        assert_eq!((&answer["ts"], &answer["in_reply_to"]), (&json!(1), &json!(7)));
    }

    /// What each node sees of a number that only grows, read by n2 and n3 while n1 writes it.
    fn seen(name: &str) -> [Vec<u64>; 2] {
        let services = Services::new(Seed(3));
        let mut seen = [Vec::new(), Vec::new()];
        for value in 1..200_u64 {
            ask(
                &services,
                name,
                "n1",
                &json!({"type": "write", "key": 0, "value": value}),
            );
            let read = json!({"type": "read", "key": 0});
            for (seen, node) in seen.iter_mut().zip(["n2", "n3"]) {
                let answer = services.answer(name, node, read.as_object().unwrap()).unwrap();
                // Before the first write there is nothing.
                seen.push(answer.get("value").and_then(Value::as_u64).unwrap_or(0));
            }
        }
        seen
    }

    #[test]
    fn seq_kv_shows_each_node_the_past_and_never_backwards() {
        for seen in seen("seq-kv") {
            assert!(seen.is_sorted(), "{seen:?}");
            assert!(
                seen.iter().zip(1..).any(|(seen, newest)| *seen < newest),
                "{seen:?}"
            );
        }
    }

    #[test]
    fn lww_kv_shows_the_past_after_the_present() {
        assert!(seen("lww-kv").iter().any(|seen| !seen.is_sorted()));
        assert!(seen("lin-kv").iter().all(|seen| seen.iter().copied().eq(1..200)));
    }
}
