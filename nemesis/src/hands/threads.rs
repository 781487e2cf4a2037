//! What the operating system says of the threads of a process.

use rustix::process::Pid;

/// A letter for each thread (`R` runs, `S` sleeps, `D` waits for a disk, `T` is stopped); nothing where there is no
/// /proc, or no such process.
pub(super) fn states(pid: Pid) -> Option<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).ok()?;
    // A thread may end between the listing and the look at it: it then has no state, and is left out.
    let states: String = tasks
        .filter_map(|task| state(&std::fs::read_to_string(task.ok()?.path().join("stat")).ok()?))
        .collect();
    (!states.is_empty()).then_some(states)
}

/// The third field of a line of `stat`. The second, the program's name in brackets, may hold spaces and brackets.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_hide_the_state() {
        assert_eq!(state("12 (a) b (c)) T 1 2 3"), Some('T'));
        assert_eq!(state("12"), None);
    }
}
