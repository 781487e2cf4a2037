//! Runs tasks on one thread, in the order in which they were woken. When none is ready, virtual time goes on.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What makes time go on.
pub trait Clockwork {
    /// Let the next thing happen; false if there is none.
    fn advance(&mut self) -> bool;
}

/// Where tasks are handed in. Cheap to clone.
#[derive(Clone, Default)]
pub struct Spawner(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    /// Tasks that were not polled yet.
    new: Vec<Task>,
    /// The numbers of those that are to be polled, each once.
    ready: VecDeque<usize>,
    is_ready: Vec<bool>,
}

/// The main task has this number.
const MAIN: usize = 0;

struct TaskWaker {
    number: usize,
    queue: Spawner,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.queue.lock().wake(self.number);
    }
}

impl Queue {
    fn wake(&mut self, number: usize) {
        if !std::mem::replace(&mut self.is_ready[number], true) {
            self.ready.push_back(number);
        }
    }

    fn next(&mut self) -> Option<usize> {
        let number = self.ready.pop_front()?;
        self.is_ready[number] = false;
        Some(number)
    }
}

impl Spawner {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Have this task run.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.lock().new.push(Box::pin(task));
    }

    /// Whether no task can go on before something happens.
    pub fn is_idle(&self) -> bool {
        let queue = self.lock();
        queue.ready.is_empty() && queue.new.is_empty()
    }

    /// Run `main`, and all tasks that are spawned meanwhile, to the end of `main`. None if nothing can happen any more
    /// and it is not over.
    pub fn run<T>(&self, clockwork: &Mutex<impl Clockwork>, main: impl Future<Output = T>) -> Option<T> {
        let mut main = pin!(main);
        // The main task's place stays empty.
        let mut tasks: Vec<Option<(Task, Waker)>> = Vec::new();
        tasks.push(None);
        let main_waker = self.adopt(MAIN);
        loop {
            loop {
                // The lock is not held while a task is polled.
                let next = self.lock().next();
                let Some(number) = next else { break };
                if number == MAIN {
                    let mut context = Context::from_waker(&main_waker);
                    if let Poll::Ready(output) = main.as_mut().poll(&mut context) {
                        return Some(output);
                    }
                } else if let Some(Some((task, waker))) = tasks.get_mut(number)
                    && task.as_mut().poll(&mut Context::from_waker(waker)).is_ready()
                {
                    tasks[number] = None;
                }
                let new = std::mem::take(&mut self.lock().new);
                for task in new {
                    let waker = self.adopt(tasks.len());
                    tasks.push(Some((task, waker)));
                }
            }
            if !clockwork.lock().unwrap_or_else(PoisonError::into_inner).advance() {
                return None;
            }
        }
    }

    /// A waker for a task of this number, which is ready at first.
    fn adopt(&self, number: usize) -> Waker {
        let mut queue = self.lock();
        queue.is_ready.push(false);
        queue.wake(number);
        let queue = self.clone();
        Waker::from(Arc::new(TaskWaker { number, queue }))
    }
}
