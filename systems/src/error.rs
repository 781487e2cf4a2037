//! Why a system cannot be had.

use std::fmt;
use std::time::Duration;

use nemesis::NodeId;

use crate::commands::CommandError;
use crate::description::TemplateError;
use crate::reading::DescriptionError;
use crate::secrets::SecretError;

/// Why a system cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// Its binary is nowhere.
    #[error("cannot find {binary} ({tried}); {how_to_get}")]
    NoBinary {
        /// Its name.
        binary: &'static str,
        /// Where it was looked for.
        tried: String,
        /// What to do.
        how_to_get: &'static str,
    },
    /// Nobody to ask it.
    #[error("cannot set up the HTTP client: {0}")]
    Client(reqwest::Error),
    /// Its program cannot be started as it is.
    #[error(
        "{program} is not executable; `chmod +x` it, and have a script begin with #! and its interpreter"
    )]
    NotExecutable {
        /// Which.
        program: String,
    },
    /// It was built for another network.
    #[error("its nodes speak in lines, and need --network messages")]
    NoMessages,
    /// Its file describes no system.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// Its description cannot be followed.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// What its clients need to be let in is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What TLS needs is not there.
    #[error("TLS: {file}: {why}")]
    Certificate {
        /// Which file, or where else.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A command of its description cannot be given.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It has no binary.
    #[error("{named}: the nodes of {system} are led by commands, which start no binary from here")]
    Commanded {
        /// Which system.
        system: &'static str,
        /// What was named.
        named: String,
    },
    /// The folder of a node cannot be made ready.
    #[error("cannot prepare a node's folder: {source}")]
    Folder {
        /// Why.
        source: std::io::Error,
    },
    /// The description names no adapter.
    #[error("client.adapter.command is empty: name the adapter's program")]
    NoAdapter,
    /// The client of a protocol was left out of this build.
    #[error(
        "this harness was built without a client of {protocol}: build it with `cargo build --release --features {feature}`, \
         and run it again"
    )]
    NotBuilt {
        /// Which protocol.
        protocol: &'static str,
        /// What brings it in.
        feature: &'static str,
    },
    /// The adapter cannot be started.
    #[error("cannot start the adapter {program}: {source}")]
    Adapter {
        /// Which program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
}

/// What is to be done once, when the nodes run, was not done. Shown as one sentence, with what the node wrote last below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDone {
    /// Who was asked last.
    pub node: NodeId,
    /// How long it was tried.
    pub limit: Duration,
    /// What came back.
    pub why: String,
    /// The last lines of that node's output.
    pub logs: Vec<String>,
}

impl std::error::Error for NotDone {}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotDone { node, limit, why, .. } = self;
        write!(f, "[life.init] was not done within {limit:?}: {node}: {why}")?;
        for line in &self.logs {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl SystemError {
    /// Whether it is the machine that is at fault, and not the description.
    pub fn is_ours(&self) -> bool {
        !matches!(
            self,
            SystemError::Description(_)
                | SystemError::Template(_)
                | SystemError::Command(_)
                | SystemError::Secret(_)
                | SystemError::Certificate { .. }
                | SystemError::Commanded { .. }
                | SystemError::NoAdapter
                | SystemError::NotBuilt { .. }
                | SystemError::NoMessages
                | SystemError::NotExecutable { .. }
        )
    }
}
