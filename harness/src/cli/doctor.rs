//! `harness doctor`: what this machine and a system can do, and what is missing.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use checker::Verdict;
use serde::Serialize;
use systems::Basis;

use super::table::{Table, aligned};
use super::{show, show_json};
use crate::doctor::examine::{Wanted, examine};
use crate::doctor::findings::{Finding, Level, findings, state};
use crate::doctor::folder::Folder;
use crate::doctor::machine::{Ability, abilities, missing};
use crate::doctor::seen::{Answered, Class, Fit, Seen, Spot, Standing, Visit};
use crate::errors::CliError;
use crate::exit::{Exit, Failure};
use crate::flags;
use crate::report::style::Style;
use crate::run::owed::{Left, left};

const EXAMPLES: &str = "\
Examples:
  harness doctor
      what this machine can do: namespaces, ports, which systems are installed
  harness doctor etcd
      start one etcd, then three; ask them everything, well, killed, paused and cut off; say what is missing
  harness doctor ./mine.toml --keep
      the same with a description of yours; the nodes' folders and logs stay

Exit codes:
  0    runs can be made
  2    something essential is missing: it stands at the end, what to mend first comes first
  254  the command line or the description is wrong
  255  a node does not start or dies by itself; the last lines of its log are shown";

/// Say what this machine can do, or what a system can do and what its description lacks (docs/systems.md).
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A name of `harness list systems`, or a file that describes one, such as ./mine.toml.
    system: Option<String>,
    /// The system's binary.
    #[arg(long, value_name = "FILE", requires = "system", alias = "node-bin")]
    bin: Option<PathBuf>,
    /// Which of the system's profiles; its first, if none is named.
    #[arg(long, value_name = "NAME", requires = "system")]
    profile: Option<String>,
    /// How many nodes, after one alone.
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u8).range(2..=9))]
    nodes: u8,
    /// How long a client waits for an answer.
    #[arg(long, value_name = "SPAN", default_value = "1s", value_parser = flags::duration)]
    op_timeout: Duration,
    /// Where the runs are kept: what they left undone in a cluster is named.
    #[arg(long, default_value = "store", value_name = "DIR", conflicts_with = "system")]
    store: PathBuf,
    /// Leave the nodes' folders, and say where they are.
    #[arg(long)]
    keep: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
    /// Say nothing of what is being done.
    #[arg(long, short)]
    quiet: bool,
}

/// Examine, and tell; the exit code says whether runs can be made.
pub(super) fn doctor(args: &Args) -> Result<Exit, Failure> {
    match &args.system {
        None => machine(&args.store, args.json),
        Some(named) => system(args, named),
    }
}

#[derive(Serialize)]
struct Machine<'a> {
    abilities: &'a [Ability],
    missing: &'a [String],
}

fn machine(store: &Path, json: bool) -> Result<Exit, Failure> {
    let abilities = abilities()?;
    let mut missing = owed(store);
    missing.extend(self::missing(&abilities));
    if json {
        show_json(&Machine {
            abilities: &abilities,
            missing: &missing,
        })?;
    } else {
        show(&machine_text(&abilities, &missing))?;
    }
    Ok(exit(missing.is_empty()))
}

/// What earlier runs have left undone comes before anything else.
fn owed(store: &Path) -> Vec<String> {
    let told = |left: Left| {
        let (system, file, owed) = (left.whose(), left.file.display(), &left.owed);
        format!(
            "{system} is not whole, for a run ended before it could undo what it had done; {file} has the commands:\n{owed}"
        )
    };
    left(store).into_iter().map(told).collect()
}

fn exit(can_run: bool) -> Exit {
    match can_run {
        true => Exit::Pass,
        false => Exit::Inconclusive,
    }
}

fn machine_text(abilities: &[Ability], missing: &[String]) -> String {
    let rows = abilities.iter().map(|one| {
        let works = if one.works { "yes" } else { "no" };
        vec![one.what.clone(), works.to_owned(), one.how.clone()]
    });
    let mut text = aligned(&Table {
        head: vec!["what", "there", "how"],
        rows: rows.collect(),
    });
    match missing {
        [] => text += "\nRuns can be made here. Next: harness doctor SYSTEM\n",
        missing => {
            text += "\nMissing, in the order in which to mend it:\n";
            numbered(&mut text, missing.iter().map(String::as_str));
        }
    }
    text
}

fn numbered<'a>(text: &mut String, lines: impl Iterator<Item = &'a str>) {
    for (at, line) in lines.enumerate() {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {}. {line}", at + 1);
    }
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    seen: &'a Seen,
    level: Level,
    missing: &'a [Finding],
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<PathBuf>,
}

fn system(args: &Args, named: &str) -> Result<Exit, Failure> {
    let flag = |flag, why| CliError::Flag { flag, why };
    let row = flags::system(named).map_err(|why| CliError::Argument { name: "SYSTEM", why })?;
    if row.cluster.is_some() {
        let why = "its nodes are there already, and doctor examines such as it starts itself: see `harness run --nemesis none` \
                   first, then one nemesis after the other; each command is proved as it is run (docs/running-clusters.md)";
        let why = why.to_owned();
        return Err(CliError::Argument { name: "SYSTEM", why }.into());
    }
    let profile = args
        .profile
        .as_deref()
        .or(row.profiles.first().copied())
        .unwrap_or_default();
    if !row.profiles.contains(&profile) {
        let why = format!(
            "{} has no profile {profile:?}; there are {}",
            row.name,
            row.profiles.join(", ")
        );
        return Err(flag("profile", why).into());
    }
    let folder = Folder::create().map_err(Failure::cannot_write(&std::env::temp_dir()))?;
    let seen = examine(&Wanted {
        row,
        program: row.program(args.bin.as_deref())?,
        profile: profile.to_owned(),
        nodes: args.nodes.into(),
        op_timeout: args.op_timeout,
        folder: folder.path().to_owned(),
        tell: if args.quiet {
            |_| ()
        } else {
            |what| eprintln!("doctor: {what}")
        },
    });
    // What has failed leaves its logs, too, if they are wanted.
    let kept = args.keep.then(|| folder.keep());
    if let (Some(kept), Err(_)) = (&kept, &seen) {
        eprintln!("doctor: the nodes' folders are in {}", kept.display());
    }
    let seen = seen?;
    let found = findings(&seen);
    let can_run = !found.iter().any(|finding| finding.essential);
    match args.json {
        true => show_json(&Document {
            level: Level::of(&seen),
            seen: &seen,
            missing: &found,
            folder: kept,
        })?,
        false => {
            let mut text = system_text(&seen, &found, Style::of_stdout());
            text += &next(named, can_run);
            if let Some(kept) = kept {
                let _ = writeln!(text, "The nodes' folders are in {}", kept.display());
            }
            show(&text)?;
        }
    }
    Ok(exit(can_run))
}

fn next(named: &str, can_run: bool) -> String {
    match can_run {
        true => format!("\nRuns can be made. Next: harness run --system {named}\n"),
        false => format!("\nNo run yet: mend what is marked !, then harness doctor {named}\n"),
    }
}

fn system_text(seen: &Seen, found: &[Finding], style: Style) -> String {
    let mut text = format!(
        "{}\n  {}, profile {}\n",
        style.bold(&seen.about),
        seen.program.display(),
        seen.profile
    );
    for visit in &seen.visits {
        let _ = write!(
            text,
            "\n{}\n{}",
            style.bold(&heading(visit)),
            indented(&aligned(&visited(visit)))
        );
    }
    let _ = write!(
        text,
        "\n{}\n{}",
        style.bold("status"),
        indented(&aligned(&stood(&seen.standings)))
    );
    if !seen.faults.is_empty() {
        let rows = seen.faults.iter().map(|tried| {
            let proved = if tried.proved { "proved" } else { "not proved" };
            vec![
                format!("{} {}", tried.fault, tried.node),
                proved.to_owned(),
                tried.evidence.clone(),
            ]
        });
        let table = Table {
            head: vec!["fault", "was", "evidence"],
            rows: rows.collect(),
        };
        let _ = write!(text, "\n{}\n{}", style.bold("faults"), indented(&aligned(&table)));
    }
    if !seen.failovers.is_empty() {
        let table = indented(&aligned(&failovers(seen)));
        let _ = write!(text, "\n{}\n{table}", style.bold("failovers"));
    }
    let level = Level::of(seen);
    let _ = writeln!(text, "\n{} {}: {}", style.bold("level"), level.0, level.about());
    text + &lacking(found, style)
}

fn lacking(found: &[Finding], style: Style) -> String {
    if found.is_empty() {
        return format!("\n{}\n", style.bold("nothing is missing"));
    }
    let mut text = format!(
        "\n{}\n",
        style.bold("what is missing, in the order in which to mend it")
    );
    let lines: Vec<String> = found
        .iter()
        .map(|finding| match finding.essential {
            true => style.verdict(Verdict::Violation, &format!("! {}", finding.text)),
            false => finding.text.clone(),
        })
        .collect();
    numbered(&mut text, lines.iter().map(String::as_str));
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn heading(visit: &Visit) -> String {
    let was = match (visit.spot, visit.led) {
        (Spot::CutOff, true) => ", after it led",
        _ => "",
    };
    format!("{}, a node {}{was}", visit.node, state(visit.spot))
}

fn visited(visit: &Visit) -> Table {
    let rows = visit
        .answers
        .iter()
        .map(|answer| vec![answer.what.to_owned(), classified(answer), by(answer)]);
    Table {
        head: vec!["operation", "answer", "by"],
        rows: rows.collect(),
    }
}

/// `ok [1,2]`, `fail cas-mismatch`, `unknown client-timeout`.
fn classified(answer: &Answered) -> String {
    let class = match answer.class {
        Class::Ok => "ok",
        Class::Fail => "fail",
        Class::Unknown => "unknown",
    };
    let detail = match (&answer.value, &answer.code) {
        (Some(value), _) => value.to_string(),
        (None, Some(code)) => code.clone(),
        (None, None) => String::new(),
    };
    format!("{class} {detail}").trim_end().to_owned()
}

/// What the answer was understood by, and where it cannot be right.
fn by(answer: &Answered) -> String {
    let by = match &answer.basis {
        Basis::Row { number, .. } => format!("[[error]] {number}"),
        Basis::Contract { code } => format!("its client's contract, {code}"),
        Basis::Answer => "answer".to_owned(),
        Basis::Default => "default".to_owned(),
        Basis::NotSent => "nothing was sent".to_owned(),
        Basis::Code => "code of its own".to_owned(),
    };
    match &answer.fit {
        Fit::Right => by,
        Fit::Wrong { written } => format!("{by}  ! {written} was there"),
        Fit::Taken => format!("{by}  ! something else was there"),
        Fit::Refused => format!("{by}  ! what it expects was there"),
    }
}

fn failovers(seen: &Seen) -> Table {
    let seconds = |span: Option<Duration>| match span {
        Some(span) => format!("{:.1} s", span.as_secs_f64()),
        None => "never".to_owned(),
    };
    let rows = seen.failovers.iter().map(|one| {
        let killed = match one.led {
            true => format!("{}, which led", one.killed),
            false => one.killed.to_string(),
        };
        vec![killed, seconds(one.took), seconds(one.restart)]
    });
    Table {
        head: vec![
            "killed",
            "until a write was acknowledged",
            "until it was ready again",
        ],
        rows: rows.collect(),
    }
}

fn stood(standings: &[Standing]) -> Table {
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let rows = standings.iter().map(|one| {
        let role = match one.role {
            Some(nemesis::Role::Leader) => "leads",
            Some(nemesis::Role::Candidate) => "campaigns",
            Some(nemesis::Role::Follower) => "does not",
            None if one.answered => "-",
            None => "no answer",
        };
        vec![
            one.node.to_string(),
            role.to_owned(),
            number(one.term.map(|term| term.0)),
            number(one.commit.map(|index| index.0)),
            number(one.applied.map(|index| index.0)),
        ]
    });
    Table {
        head: vec!["node", "leads", "term", "commit", "applied"],
        rows: rows.collect(),
    }
}
