//! `queue`: elements, each once, are put into queues and taken out of them; at the end each queue is drained, until it is found
//! empty. A store without queues keeps each as a list, by compare-and-set.

use histories::Value;
use rand::RngExt;

use super::keys::Keys;
use super::{Operation, Plan, Row, Workload};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "queue",
    about: "enqueue (each element once) and dequeue over many queues, which are drained at the end",
    model: "unordered-queue",
    asks: &[Does::Queue, Does::Cas],
    watches: None,
    looks: false,
    rate: None,
    everywhere: false,
    initial: || Value::Null,
    build: |settings| Box::new(Queue(Keys::new(settings, OPERATIONS_PER_QUEUE))),
    plan: |operation, _| Plan::Ask(store_op(operation)),
    seen: |value| value,
    fresh: |queue, value, _| asked(enqueue(queue.clone(), value.clone())),
    last: |queue| asked(dequeue(queue.clone())),
    has_seen_all: |taken| *taken == Value::Null,
    newest: Value::clone,
};

/// The word of taking an element out.
pub(super) const DEQUEUE: &str = "dequeue";

/// As many as keep the check of each queue quick, and its draining short.
const OPERATIONS_PER_QUEUE: u64 = 80;

fn enqueue(key: Value, value: Value) -> Operation {
    Operation {
        f: "enqueue",
        key,
        value,
    }
}

fn dequeue(key: Value) -> Operation {
    Operation {
        f: DEQUEUE,
        key,
        value: Value::Null,
    }
}

fn store_op(operation: &Operation) -> StoreOp {
    match operation.f {
        DEQUEUE => StoreOp::Dequeue,
        _ => StoreOp::Enqueue(operation.value.clone()),
    }
}

fn asked(operation: Operation) -> (Operation, StoreOp) {
    let op = store_op(&operation);
    (operation, op)
}

struct Queue(Keys);

impl Workload for Queue {
    /// Somewhat more is put in than is taken out, so that there is something to lose.
    fn next(&mut self, _: u64) -> Operation {
        let takes = self.0.rng.random_bool(0.4);
        let key = self.0.draw();
        match takes {
            true => dequeue(key.name()),
            false => enqueue(key.name(), key.next_value()),
        }
    }

    fn on_end(&mut self, _: u64, _: &Operation, _: &Answer) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_put_in_and_taken_out() {
        let put = enqueue("k".into(), 3.into());
        assert!(matches!((ROW.plan)(&put, 7), Plan::Ask(StoreOp::Enqueue(value)) if value == Value::Int(3)));
        let take = dequeue("k".into());
        assert!(matches!((ROW.plan)(&take, 7), Plan::Ask(StoreOp::Dequeue)));
        assert!(take.tells() && !put.tells() && !take.is_read());
        assert_eq!((ROW.last)(&"k".into()), (take, StoreOp::Dequeue));
    }
}
