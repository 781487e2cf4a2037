//! What the operating system says of the threads of a process, and of those that it has started.

use std::path::Path;

use rustix::process::Pid;

/// A letter for each thread (`R` runs, `S` sleeps, `D` waits for a disk, `T` is stopped) of the process and of its children, for
/// a node may be a wrapper around what really serves; nothing where there is no /proc, or no such process.
pub(super) fn states(pid: Pid) -> Option<String> {
    let mut states = String::new();
    let mut waiting = vec![pid.as_raw_nonzero().get()];
    while let Some(process) = waiting.pop() {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
        // A process or thread may end between the listing and the look at it: it then has no state, and is left out.
        for task in tasks.into_iter().flatten().flatten() {
            let stat = std::fs::read_to_string(task.path().join("stat"));
            states.extend(stat.ok().and_then(|stat| state(&stat)));
            waiting.extend(children(&task.path()));
        }
    }
    (!states.is_empty()).then_some(states)
}

/// Meet the process and all that it has started, and what these have, whatever group or session they have gone to. Whoever is
/// met stopped starts nobody before its children are looked for.
pub(super) fn each_of_family(pid: Pid, mut meet: impl FnMut(Pid)) {
    let mut waiting = vec![pid];
    while let Some(process) = waiting.pop() {
        meet(process);
        let tasks = std::fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero()));
        let of_tasks = tasks.into_iter().flatten().flatten();
        let started = of_tasks.flat_map(|task| children(&task.path()));
        waiting.extend(started.filter_map(Pid::from_raw));
    }
}

/// The processes that a thread has started, where the kernel tells.
fn children(task: &Path) -> Vec<i32> {
    let listed = std::fs::read_to_string(task.join("children")).unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// The third field of a line of `stat`. The second, the program's name in brackets, may hold spaces and brackets. One that has
/// ended and is not waited for is no thread any more.
fn state(stat: &str) -> Option<char> {
    let state = stat.rsplit_once(')')?.1.trim_start().chars().next()?;
    (!matches!(state, 'Z' | 'X')).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_hide_the_state() {
        assert_eq!(state("12 (a) b (c)) T 1 2 3"), Some('T'));
        assert_eq!(state("12 (a) Z 1 2 3"), None);
        assert_eq!(state("12"), None);
    }
}
