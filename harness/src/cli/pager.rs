//! Long text on a terminal goes through a pager, like git's; a pipe gets it as it is.

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};

use crate::errors::CliError;
use crate::exit::Failure;

/// Where long text goes. A reader that has gone away is no error: what follows is dropped.
pub(super) struct Pager {
    child: Option<Child>,
    out: Option<Box<dyn Write>>,
}

impl Pager {
    /// `$PAGER`, or `less`, where standard output is a terminal; else standard output itself.
    pub(super) fn open() -> Self {
        let child = std::io::stdout().is_terminal().then(pager).flatten();
        Pager::of(child)
    }

    fn of(mut child: Option<Child>) -> Self {
        let stdin = child.as_mut().and_then(|child| child.stdin.take());
        let out: Box<dyn Write> = match stdin {
            Some(stdin) => Box::new(std::io::BufWriter::new(stdin)),
            None => Box::new(std::io::BufWriter::new(std::io::stdout().lock())),
        };
        Pager {
            child,
            out: Some(out),
        }
    }

    /// Show this text.
    pub(super) fn show(&mut self, text: &str) -> Result<(), Failure> {
        self.attempt(|out| out.write_all(text.as_bytes()))
    }

    /// What was shown is to be seen now.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.attempt(|out| out.flush())
    }

    /// Whether somebody still reads: what nobody reads need not be looked for.
    pub(super) fn wants_more(&self) -> ControlFlow<()> {
        match self.out {
            Some(_) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        }
    }

    fn attempt(&mut self, act: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
        let Some(out) = &mut self.out else { return Ok(()) };
        match act(out) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.out = None;
                Ok(())
            }
            Err(error) => Err(CliError::Stdout(error).into()),
            Ok(()) => Ok(()),
        }
    }

    /// Wait until the reader has seen enough.
    pub(super) fn close(mut self) -> Result<(), Failure> {
        self.flush()?;
        self.out = None;
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
        Ok(())
    }
}

/// The pager's process; none where it cannot be started.
fn pager() -> Option<Child> {
    let program = std::env::var("PAGER").ok().filter(|pager| !pager.is_empty());
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(program.as_deref().unwrap_or("less"))
        .stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // Short text is shown at once, colours are colours, and the screen stays.
        command.env("LESS", "FRX");
    }
    let found = program.is_some()
        || Command::new("less")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok();
    found.then(|| command.spawn().ok()).flatten()
}
