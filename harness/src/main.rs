//! `harness`: leads a replicated store through faults, records what its clients saw, and judges the record.

use std::process::ExitCode;

fn main() -> ExitCode {
    harness::cli::main().into()
}
