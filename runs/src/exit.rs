//! The exit codes, in one place (README, "Exit codes").

use std::process::ExitCode;

use checker::Verdict;

/// What the process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every check passed; or what was to be shown was shown.
    Pass,
    /// At least one check failed.
    Violation,
    /// No violation, but a check could not decide, or the nemesis was not armed.
    Inconclusive,
    /// A second Ctrl-C: stopped at once.
    Interrupted,
    /// The command line or an input file is wrong; nothing was run.
    Usage,
    /// The harness could not do its work.
    Broken,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Pass => 0,
            Exit::Violation => 1,
            Exit::Inconclusive => 2,
            Exit::Interrupted => 130,
            Exit::Usage => 254,
            Exit::Broken => 255,
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Exit::Pass,
            Verdict::Violation => Exit::Violation,
            Verdict::Inconclusive => Exit::Inconclusive,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
