//! What a child does between fork and exec. The one module of this crate that needs `unsafe`: there is no other way
//! to have the child itself ask for its parent-death signal.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, getpid};

/// Let the child of `command` lead a process group of its own, so that a terminal's Ctrl-C does not reach it; start
/// with no signal blocked or ignored; and, on Linux, die with its parent.
pub(super) fn prepare(command: &mut Command) {
    let parent = getpid();
    command.process_group(0);
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes plain system calls,
    // allocates nothing and takes no lock; the errors it returns are bare error numbers.
    unsafe {
        command.pre_exec(move || {
            reset_signals()?;
            die_with(parent)
        });
    }
}

/// The same for a program that stands beside the nodes, and is started by a thread that lives as long as the harness.
pub fn companion(command: &mut Command) {
    prepare(command);
}

/// A blocked or ignored signal survives exec: whoever started the harness (`nohup`, a shell's `trap`) would decide
/// whether a node hears its SIGTERM.
fn reset_signals() -> io::Result<()> {
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` initialises the set before `sigprocmask` reads it; the old mask is not asked for.
    // `signal` is given SIG_DFL, which no memory stands behind; for SIGKILL and SIGSTOP it refuses, harmlessly.
    let blocked = unsafe {
        for signal in 1..=31 {
            libc::signal(signal, libc::SIG_DFL);
        }
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
    };
    if blocked == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// SIGKILL when the parent's thread ends, also while the child is stopped. A parent that died before the request was
/// made would never be noticed: hence the second look.
#[cfg(target_os = "linux")]
fn die_with(parent: Pid) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() == Some(parent) {
        Ok(())
    } else {
        Err(rustix::io::Errno::SRCH.into())
    }
}

/// Elsewhere nothing of the kind exists. What is left is the pipe that every node has as its standard input: it ends
/// with the harness, and a node that is told to end with its input does. A paused one survives until it is continued.
#[cfg(not(target_os = "linux"))]
fn die_with(_parent: Pid) -> io::Result<()> {
    Ok(())
}
