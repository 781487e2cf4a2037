//! One run of one side: the words are those that anybody could type.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use checker::CheckName;
use histories::Seed;
use runs::ending::Ending;
use runs::record::Results;
use runs::stop::Stop;
use serde::Serialize;

use super::row::{Row, Side};
use crate::errors::KnownError;

/// How often a run that goes on is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Which side of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Which {
    /// The version that has the bug, led to it.
    Before,
    /// The same version, by chance.
    Unguided,
    /// The version that has not, led to it.
    After,
}

/// A run to be made.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub which: Which,
    pub seed: Seed,
    /// The words behind `harness`.
    pub words: Vec<String>,
    pub env: BTreeMap<String, String>,
}

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub seed: Seed,
    pub ending: Ending,
    /// The checks that found a violation.
    pub by: Vec<CheckName>,
    /// From the start of the run to its verdict.
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
    /// Why the ending is not as it should be.
    pub reason: Option<String>,
    /// What anybody could type.
    pub command: String,
}

fn seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

impl Job {
    /// The run of this side with this seed; its packages are unpacked here.
    ///
    /// # Errors
    /// The row's words are none.
    pub(crate) fn new(
        row: &Row,
        (which, side): (Which, &Side),
        seed: Seed,
        (packages, store): (&Path, &Path),
    ) -> Result<Job, KnownError> {
        let packages = packages.display().to_string();
        let filled = |text: &str, by: &str| text.replace("{{ packages }}", by);
        let run = match (which, &row.unguided) {
            (Which::Unguided, Some(unguided)) => unguided,
            _ => &row.run,
        };
        // A folder is one word, whatever its name is.
        let said = format!(
            "run {run} {}",
            filled(&side.words, &shell_words::quote(&packages))
        );
        let mut words = shell_words::split(&said).map_err(|source| KnownError::Words { said, source })?;
        if which != Which::After {
            words.push("--until-violation".to_owned());
        }
        let more = ["--seed".to_owned(), seed.to_string(), "--store".to_owned()];
        words.extend(more);
        words.push(store.display().to_string());
        let env = side
            .env
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, &packages)));
        Ok(Job {
            which,
            seed,
            words,
            env: env.collect(),
        })
    }

    /// The command as one types it.
    pub(crate) fn command(&self) -> String {
        let env = self
            .env
            .iter()
            .map(|(name, value)| format!("{name}={}", shell_words::quote(value)));
        let words = ["harness".to_owned()]
            .into_iter()
            .chain(self.words.iter().cloned());
        let words = words.map(|word| shell_words::quote(&word).into_owned());
        env.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// What there is of it where nobody made it.
    pub(crate) fn not_run(&self) -> Finding {
        Finding {
            seed: self.seed,
            ending: Ending::NotRun,
            by: Vec::new(),
            took: Duration::ZERO,
            reason: None,
            command: self.command(),
        }
    }

    /// Make the run. At `stop` it is asked to end, as by Ctrl-C.
    pub(crate) fn lead(&self, caught_by: &[CheckName], harness: &Path, stop: &Stop) -> Finding {
        let began = Instant::now();
        let ended = self.started(harness).and_then(|child| wait(child, stop));
        let finding = |ending, by, reason| Finding {
            seed: self.seed,
            ending,
            by,
            took: began.elapsed(),
            reason,
            command: self.command(),
        };
        let (results, said) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let why = format!("{} cannot be run: {error}", harness.display());
                return finding(Ending::Broken, Vec::new(), Some(why));
            }
        };
        if stop.is_set() {
            return finding(Ending::NotRun, Vec::new(), None);
        }
        let Some(results) = results else {
            return finding(Ending::Broken, Vec::new(), Some(said));
        };
        let by = results.violated();
        let ending = match self.which {
            Which::After => Ending::of(false, &results),
            // Of a real program a violation is one, whether the rest of the run was as it should be or not.
            _ if by.iter().any(|check| caught_by.contains(check)) => Ending::Caught,
            _ => match Ending::of(true, &results) {
                Ending::Caught => Ending::Missed,
                other => other,
            },
        };
        let reason = ending.reason(&results);
        finding(ending, by, reason)
    }

    fn started(&self, harness: &Path) -> std::io::Result<Child> {
        let mut command = Command::new(harness);
        command
            .args(&self.words)
            .args(["--json", "--quiet"])
            .envs(&self.env);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // It ends with this process, however that ends.
        nemesis::hands::companion(&mut command);
        command.spawn()
    }
}

/// The run's results, if it came to some, and how it ended.
fn wait(mut child: Child, stop: &Stop) -> std::io::Result<(Option<Results>, String)> {
    let read = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            // What cannot be read is as if it had not been said.
            let _ = stream.map(|mut stream| stream.read_to_string(&mut text));
            text
        })
    };
    let boxed = |stream| Box::new(stream) as Box<dyn std::io::Read + Send>;
    let out = read(child.stdout.take().map(|stream| Box::new(stream) as Box<_>));
    let said = read(child.stderr.take().map(boxed));
    let mut asked = false;
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        if stop.is_set() && !std::mem::replace(&mut asked, true) {
            let pid = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
        std::thread::sleep(LOOK);
    };
    let text = out.join().unwrap_or_default();
    let said = said.join().unwrap_or_default();
    let results = matches!(ended.code(), Some(0..=2)).then(|| serde_json::from_str(&text).ok());
    Ok((results.flatten(), format!("{ended}: {}", complaint(&said))))
}

/// The line that says what is wrong; the last, if none begins as such do.
fn complaint(said: &str) -> &str {
    let complains = |line: &&str| line.starts_with("error: ") || line.starts_with("harness: ");
    let last = || said.lines().rfind(|line| !line.trim().is_empty());
    said.lines().find(complains).or_else(last).unwrap_or("no word")
}

/// The program that these runs are of: this one.
///
/// # Errors
/// The system does not tell where it is.
pub(crate) fn own_program() -> Result<PathBuf, KnownError> {
    std::env::current_exe().map_err(KnownError::Own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_found_before_what_is_said_of_help() {
        let said = "seed 1\nerror: invalid value 'nope'\n\nFor more information, try '--help'.\n";
        assert_eq!(complaint(said), "error: invalid value 'nope'");
        assert_eq!(complaint("one\ntwo\n\n"), "two");
        assert_eq!(complaint(""), "no word");
    }

    #[test]
    fn a_folder_with_a_space_is_one_word() {
        let mut row = crate::known::row::find("pysyncobj-figure8").unwrap();
        row.before.words = "--bin {{ packages }}/bin/python".to_owned();
        let side = (Which::Before, &row.before);
        let folders = (Path::new("/a b"), Path::new("store"));
        let job = Job::new(&row, side, Seed(1), folders).unwrap();
        assert!(
            job.words.contains(&"/a b/bin/python".to_owned()),
            "{:?}",
            job.words
        );
        assert_eq!(job.env["PYTHONPATH"], "/a b");
    }
}
