//! Packages are brought into a folder of their own by the machine's own clients; nothing that is installed is touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::row::{Manager, Package, Side};
use crate::errors::KnownError;

/// The file that says that all is there, with the hashes.
const READY: &str = "ready";

/// Bring what this side needs below `folder`, unless it is there. Tells where it is unpacked.
///
/// # Errors
/// A package is not to be had any more, or is not what it was; the folder cannot be written.
pub(crate) fn get(side: &Side, folder: &Path) -> Result<PathBuf, KnownError> {
    let (unpacked, ready) = (folder.join("packages"), folder.join(READY));
    let wanted: String = side
        .packages
        .iter()
        .map(|package| package.sha256.clone() + "\n")
        .collect();
    // Without what was unpacked the machine's own would be run, and taken for it.
    let something = fs::read_dir(&unpacked).is_ok_and(|mut entries| entries.next().is_some());
    if something && fs::read_to_string(&ready).is_ok_and(|there| there == wanted) {
        return Ok(unpacked);
    }
    let failed = |source| KnownError::Cache {
        path: folder.to_owned(),
        source,
    };
    // What a killed one has left.
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::create_dir_all(&unpacked).map_err(failed)?;
    for (number, package) in side.packages.iter().enumerate() {
        let download = folder.join(format!("download-{number}"));
        fs::create_dir_all(&download).map_err(failed)?;
        bring(package, &download)?;
        let file =
            only_file(&download).ok_or_else(|| not_had(package, "its client brought no single file"))?;
        verify(package, &file)?;
        unpack(package, &file, &unpacked)?;
    }
    fs::write(&ready, wanted).map_err(failed)?;
    Ok(unpacked)
}

fn not_had(package: &Package, why: impl Into<String>) -> KnownError {
    KnownError::NotToBeHad {
        what: package.what.clone(),
        why: why.into(),
    }
}

fn bring(package: &Package, into: &Path) -> Result<(), KnownError> {
    let mut command = match package.by {
        Manager::Pip => {
            let mut command = Command::new("python3");
            command.args([
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--disable-pip-version-check",
                "--quiet",
            ]);
            command
        }
        Manager::Npm => {
            let mut command = Command::new("npm");
            command.args(["pack", "--silent"]);
            command
        }
        Manager::Apt => {
            let mut command = Command::new("apt-get");
            command.args(["download", "--quiet"]);
            command
        }
    };
    // Each writes into the folder that it works in.
    command.arg(&package.what).current_dir(into);
    done(package, &mut command)
}

fn unpack(package: &Package, file: &Path, into: &Path) -> Result<(), KnownError> {
    let mut command = match package.by {
        Manager::Pip => {
            let mut command = Command::new("python3");
            command.args([
                "-m",
                "pip",
                "install",
                "--no-deps",
                "--disable-pip-version-check",
                "--quiet",
            ]);
            command.args(["--root-user-action", "ignore", "--target"]);
            command.arg(into).arg(file);
            command
        }
        Manager::Npm => {
            let mut command = Command::new("tar");
            command.arg("-xzf").arg(file).arg("-C").arg(into);
            command
        }
        Manager::Apt => {
            let mut command = Command::new("dpkg-deb");
            command.arg("-x").arg(file).arg(into);
            command
        }
    };
    done(package, &mut command)
}

fn done(package: &Package, command: &mut Command) -> Result<(), KnownError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let ended = command.stdin(Stdio::null()).output();
    let ended = ended.map_err(|error| not_had(package, format!("{program} cannot be started: {error}")))?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    match ended.status.success() {
        true => Ok(()),
        false => Err(not_had(
            package,
            format!("{program}: {}", last.unwrap_or("no word")),
        )),
    }
}

fn only_file(folder: &Path) -> Option<PathBuf> {
    let files: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    let [file] = files.try_into().ok()?;
    Some(file)
}

/// A package that is not what it was would prove something of another program.
fn verify(package: &Package, file: &Path) -> Result<(), KnownError> {
    let bytes = fs::read(file).map_err(|source| KnownError::Cache {
        path: file.to_owned(),
        source,
    })?;
    let found: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match found == package.sha256 {
        true => Ok(()),
        false => Err(not_had(
            package,
            format!("its SHA-256 is {found} now, and was {}", package.sha256),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_what_it_was_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "abc").unwrap();
        let package = |sha256: &str| Package {
            by: Manager::Pip,
            what: "abc==1".to_owned(),
            sha256: sha256.to_owned(),
        };
        // FIPS 180-2, B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&package(abc), &file).unwrap();
        let told = verify(&package(&"0".repeat(64)), &file).unwrap_err();
        assert!(told.to_string().contains(abc), "{told}");
    }

    #[test]
    fn what_is_there_is_not_brought_again() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Package {
            by: Manager::Apt,
            what: "no-such-store=1".to_owned(),
            sha256: "0".repeat(64),
        };
        let side = Side {
            version: "1".to_owned(),
            words: String::new(),
            packages: vec![gone.clone()],
            env: Default::default(),
        };
        let (unpacked, ready) = (folder.path().join("packages"), folder.path().join(READY));
        fs::create_dir_all(unpacked.join("store")).unwrap();
        fs::write(&ready, gone.sha256.clone() + "\n").unwrap();
        assert_eq!(get(&side, folder.path()).unwrap(), unpacked);
        // Somebody has cleared the caches, and forgotten one file.
        fs::remove_dir(unpacked.join("store")).unwrap();
        get(&side, folder.path()).unwrap_err();
        assert!(!ready.exists());
    }
}
