//! What took part in a run, and on what machine: for `run.json`.

use std::path::Path;

use runs::record::{Binary, Host};
use sha2::{Digest, Sha256};

use crate::errors::RunError;

/// A binary with the hash of what it is now.
pub(super) fn binary(path: &Path) -> Result<Binary, RunError> {
    let bytes = std::fs::read(path).map_err(|source| RunError::Binary {
        path: path.to_owned(),
        source,
    })?;
    let digest = Sha256::digest(&bytes);
    Ok(Binary {
        path: path.to_owned(),
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// The harness itself.
pub(super) fn harness() -> Result<Binary, RunError> {
    let path = std::env::current_exe().map_err(RunError::Myself)?;
    binary(&path)
}

/// This machine.
pub(super) fn host() -> Host {
    let uname = rustix::system::uname();
    Host {
        os: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        kernel: uname.release().to_string_lossy().into_owned(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
    }
}
