//! Network namespaces without root: whoever is root in a user namespace of its own may make them.

use super::namespace_error::NamespaceError;

/// Make sure that this process may make network namespaces: one that may not yet enters a user namespace, in which it is
/// root, and stays in it. Files that it makes are its user's as before.
///
/// # Errors
/// The system refuses; or the process has more than one thread already: call this before a runtime is started.
#[cfg(target_os = "linux")]
pub fn allow_namespaces() -> Result<(), NamespaceError> {
    use rustix::thread::{CapabilitySet, capabilities};

    use super::namespace_error::Step;
    use super::system_calls;

    if capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN)) {
        return Ok(());
    }
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    system_calls::enter_user_namespace().map_err(|source| NamespaceError::refused(Step::User, source))?;
    // Without the first, nobody but root may set the third: user_namespaces(7).
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {} 1", user.as_raw())),
        ("gid_map", format!("0 {} 1", group.as_raw())),
    ] {
        std::fs::write(format!("/proc/self/{file}"), text)
            .map_err(|source| NamespaceError::refused(Step::Map, source))?;
    }
    Ok(())
}

/// Elsewhere there are none.
#[cfg(not(target_os = "linux"))]
pub fn allow_namespaces() -> Result<(), NamespaceError> {
    Err(NamespaceError::Unsupported)
}
