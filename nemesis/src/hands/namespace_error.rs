//! Why a namespace could not be had, what stands in the way, and what else works.

use std::fmt;
use std::io;
use std::net::SocketAddrV4;

/// No namespaces.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The kernel does not let us.
    #[error("cannot {step}: {source}; {obstacle}. `--network proxy` needs no namespaces")]
    Refused {
        /// What was attempted.
        step: Step,
        /// What the kernel said.
        source: io::Error,
        /// What is in the way.
        obstacle: Obstacle,
    },
    /// It is there, and of no use.
    #[error("cannot set the loopback of a new network namespace up: {0}")]
    Loopback(#[source] io::Error),
    /// A new namespace is empty: only what the plan says itself can be in the way.
    #[error("cannot listen on {address} in a node's namespace: {source}; is a port named twice?")]
    Listen {
        /// Where.
        address: SocketAddrV4,
        /// Why.
        source: io::Error,
    },
    /// No thread for it.
    #[error("cannot serve a node's namespace: {0}")]
    Thread(#[source] io::Error),
    /// Not Linux.
    #[error("network namespaces are Linux's; `--network proxy` works here")]
    Unsupported,
}

impl NamespaceError {
    pub(super) fn refused(step: Step, source: io::Error) -> Self {
        NamespaceError::Refused {
            step,
            obstacle: Obstacle::of(step, &source, setting),
            source,
        }
    }
}

/// What was attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To enter a user namespace, which is what one needs who is not root.
    User,
    /// To become root in it.
    Map,
    /// To make a network namespace.
    Network,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::User => "enter a user namespace",
            Step::Map => "become root in a user namespace",
            Step::Network => "make a network namespace",
        })
    }
}

/// What stands in the way of namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A limit of namespaces is reached, or is 0.
    Limit(&'static str, Option<String>),
    /// A switch of the system.
    Switch(&'static str, &'static str),
    /// The process has more threads than one.
    Threads,
    /// Nothing of that is set: a filter of system calls, as containers have.
    Filter,
    /// The kernel does not know them.
    Kernel,
    /// Something else.
    Other,
}

/// Debian's own switch, older kernels' only.
const CLONE: &str = "kernel.unprivileged_userns_clone";
/// Ubuntu's: namespaces are made, and are worth nothing.
const APPARMOR: &str = "kernel.apparmor_restrict_unprivileged_userns";

impl Obstacle {
    /// What the error says, beside the settings of the system.
    fn of(step: Step, error: &io::Error, setting: impl Fn(&str) -> Option<String>) -> Self {
        let limit = match step {
            Step::User | Step::Map => "user.max_user_namespaces",
            Step::Network => "user.max_net_namespaces",
        };
        match error.raw_os_error() {
            Some(libc::ENOSPC | libc::EUSERS) => Obstacle::Limit(limit, setting(limit)),
            Some(libc::EINVAL) if step == Step::User => Obstacle::Threads,
            Some(libc::EINVAL | libc::ENOSYS) => Obstacle::Kernel,
            Some(libc::EPERM | libc::EACCES) => {
                if setting(CLONE).as_deref() == Some("0") {
                    Obstacle::Switch(CLONE, "1")
                } else if setting(APPARMOR).as_deref() == Some("1") {
                    Obstacle::Switch(APPARMOR, "0")
                } else {
                    Obstacle::Filter
                }
            }
            _ => Obstacle::Other,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Limit(limit, Some(now)) => {
                write!(f, "{limit} is {now}: raise it, as with `sysctl {limit}=1000`")
            }
            Obstacle::Limit(limit, None) => write!(f, "{limit} is too low"),
            Obstacle::Switch(switch, on) => {
                write!(f, "the system forbids it: `sysctl {switch}={on}` allows it")
            }
            Obstacle::Threads => f.write_str(
                "the process has several threads, and only one of a single thread can enter: this has to come first",
            ),
            Obstacle::Filter => f.write_str(
                "a filter of system calls or a policy forbids it, as in most containers: run as root, \
                 or the container with `--cap-add SYS_ADMIN` or another seccomp profile",
            ),
            Obstacle::Kernel => f.write_str("this kernel is built without them"),
            Obstacle::Other => f.write_str("see namespaces(7)"),
        }
    }
}

/// A sysctl's value.
fn setting(name: &str) -> Option<String> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_in_the_way_is_named() {
        let none: &[(&str, &str)] = &[];
        for (step, code, settings, named) in [
            (
                Step::User,
                libc::ENOSPC,
                &[("user.max_user_namespaces", "0")][..],
                "user.max_user_namespaces is 0",
            ),
            (
                Step::Network,
                libc::ENOSPC,
                &[("user.max_net_namespaces", "3")],
                "user.max_net_namespaces is 3",
            ),
            (
                Step::User,
                libc::EPERM,
                &[(CLONE, "0"), (APPARMOR, "1")],
                "unprivileged_userns_clone=1",
            ),
            (
                Step::Map,
                libc::EACCES,
                &[(CLONE, "1"), (APPARMOR, "1")],
                "apparmor_restrict_unprivileged_userns=0",
            ),
            (
                Step::Network,
                libc::EPERM,
                &[(APPARMOR, "1")],
                "apparmor_restrict_unprivileged_userns=0",
            ),
            (Step::User, libc::EPERM, none, "seccomp"),
            (Step::User, libc::EINVAL, none, "several threads"),
            (Step::User, libc::ENOSYS, none, "built without"),
        ] {
            let error = io::Error::from_raw_os_error(code);
            let setting = |name: &str| {
                let found = settings.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let said = Obstacle::of(step, &error, setting).to_string();
            assert!(said.contains(named), "{step:?} {error}: {said}");
        }
    }
}
