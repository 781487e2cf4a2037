//! What the node says on standard error.

/// A line; nobody is there to be told if that fails.
pub(crate) fn log(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "cluster-node: {line}");
}
