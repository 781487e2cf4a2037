//! The flags of a run, one row each: the command line is parsed by this table, and the command that repeats a run is
//! written from it, so neither can forget a flag or a default of the other.

use std::path::PathBuf;
use std::time::Duration;

use checker::Subject;
use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, ValueEnum};
use histories::Seed;
use nemesis::hands::Spread;
use runs::record::{NetworkName, Reads, Record, Settings};

use crate::errors::CliError;
use crate::exit::Failure;

/// A flag of `harness run`.
struct Flag {
    name: &'static str,
    /// Another name.
    alias: Option<&'static str>,
    /// What stands for its value in the help; none for a switch.
    value: Option<&'static str>,
    help: &'static str,
    takes: Takes,
    default: Default,
    /// Whether the command that repeats a run names it even where it is the default.
    always: bool,
    /// Put the values into the settings; the rows before are put in already.
    set: fn(&mut Settings, &[String]) -> Result<(), String>,
    /// What `set` was given; nothing for a switch that is off, and for what is not set.
    get: fn(&Settings) -> Vec<String>,
}

/// What a flag's value may be.
enum Takes {
    /// Whatever `set` takes.
    Text,
    /// One of these names.
    One(fn() -> Vec<&'static str>),
    /// One of these names; it may be given again.
    Some(fn() -> Vec<&'static str>),
    /// Several of these names with commas between them.
    List(fn() -> Vec<&'static str>),
}

/// What a flag is where it is not given.
enum Default {
    /// Not set.
    Unset,
    /// This.
    Is(&'static str),
    /// What follows from the flags before.
    Follows(fn(&Settings) -> Result<String, Failure>),
}

/// Every flag, in the order in which they follow from one another, and in which the repeating command has them.
static TABLE: &[Flag] = &[
    Flag {
        help: "What to test: a name of `harness list systems`, or a file that describes it, such as ./mine.toml",
        default: Default::Is("cluster-node"),
        set: |settings, given| set_system(settings, &given.concat()),
        get: |settings| {
            let file = settings.system_file.as_ref();
            vec![file.map_or(settings.system.clone(), |file| file.display().to_string())]
        },
        ..flag("system", "NAME|FILE")
    },
    Flag {
        help: "Which faults, and when; several, as in `kill,partition`, share the time in turn; without it what the system is made for: figure8 for cluster-node, chaos for most",
        takes: Takes::List(|| nemesis::TABLE.iter().map(|row| row.name).collect()),
        default: Default::Follows(|settings| Ok(systems::row(&settings.system)?.nemesis.to_owned())),
        set: |settings, given| put(&mut settings.nemesis, Ok(given.join(","))),
        get: |settings| settings.nemesis.split(',').map(str::to_owned).collect(),
        ..flag("nemesis", "NAME").always()
    },
    Flag {
        help: "How many nodes; without it what the nemesis is made for, mostly 5",
        default: Default::Follows(|settings| {
            let cluster = systems::row(&settings.system)?.cluster.as_ref();
            let there = cluster.map(|cluster| cluster.reached.clients.len());
            let made_for = settings.leading_row()?.nodes;
            Ok(there.unwrap_or(made_for).to_string())
        }),
        set: |settings, given| put(&mut settings.nodes, number(given)),
        get: |settings| vec![settings.nodes.to_string()],
        ..flag("nodes", "N").always()
    },
    Flag {
        help: "What stands between the nodes: an address of the harness for each pair of them (proxy), a network namespace for each node, which needs Linux, the harness itself, which carries every message of nodes that speak in lines (messages), or their own, which commands cut (commands); without it the first that the system can do",
        takes: Takes::One(|| NetworkName::ALL.map(NetworkName::as_str).to_vec()),
        default: Default::Follows(|settings| {
            let row = systems::row(&settings.system)?;
            let known = NetworkName::ALL
                .into_iter()
                .find(|name| row.network(*name).is_ok());
            Ok(known.unwrap_or_default().as_str().to_owned())
        }),
        set: |settings, given| {
            put(
                &mut settings.network,
                NetworkName::from_str(&given.concat(), false),
            )
        },
        get: |settings| vec![settings.network.as_str().to_owned()],
        ..flag("network", "NAME")
    },
    Flag {
        help: "What each message between nodes takes, on average, where the harness carries it (--network messages)",
        default: Default::Is("0ms"),
        set: |settings, given| put(&mut settings.latency, span(given)),
        get: |settings| match settings.latency.is_zero() {
            true => vec!["0ms".to_owned()],
            false => spelled(settings.latency),
        },
        ..flag("latency", "MEAN")
    },
    Flag {
        help: "How that lies around its mean: always the same, from nothing to twice as much, or mostly less and sometimes much more",
        takes: Takes::One(|| Spread::ALL.map(Spread::as_str).to_vec()),
        default: Default::Is(Spread::Constant.as_str()),
        set: |settings, given| {
            let named = |spread: &Spread| spread.as_str() == given.concat();
            let found = Spread::ALL.into_iter().find(named);
            put(
                &mut settings.latency_dist,
                found.ok_or_else(|| "no such distribution".to_owned()),
            )
        },
        get: |settings| vec![settings.latency_dist.as_str().to_owned()],
        ..flag("latency-dist", "NAME")
    },
    Flag {
        help: "The nodes are there already, and you may have them killed, paused and cut off: needed for a cluster that the harness does not start",
        set: |settings, _| put(&mut settings.owned, Ok(true)),
        get: |settings| switch(settings.owned),
        ..switched("i-own-this-cluster")
    },
    Flag {
        help: "Fixes everything that the harness chooses; without it one is drawn and printed",
        // Small enough to be read aloud, and exact in every JSON reader.
        default: Default::Follows(|_| Ok(rand::random::<u32>().to_string())),
        set: |settings, given| put(&mut settings.seed, number(given).map(Seed)),
        get: |settings| vec![settings.seed.to_string()],
        ..flag("seed", "N").always()
    },
    Flag {
        help: "How long the load lasts, such as 60s or 5m",
        default: Default::Is("60s"),
        set: |settings, given| put(&mut settings.duration, span(given)),
        get: |settings| spelled(settings.duration),
        ..flag("duration", "SPAN").always()
    },
    Flag {
        help: "The node's settings; without it what the nemesis is made for: fig8 under most guided ones, prod otherwise",
        default: Default::Follows(profile),
        set: |settings, given| put(&mut settings.profile, Ok(given.concat())),
        get: |settings| vec![settings.profile.clone()],
        ..flag("profile", "NAME").always()
    },
    Flag {
        help: "How many clients at a time",
        default: Default::Is("10"),
        set: |settings, given| put(&mut settings.clients, number(given)),
        get: |settings| vec![settings.clients.to_string()],
        ..flag("clients", "N").always()
    },
    Flag {
        help: "Which operations; without it what the nemesis is made for, mostly register",
        takes: Takes::One(|| runs::workloads::TABLE.iter().map(|row| row.name).collect()),
        default: Default::Follows(|settings| Ok(settings.leading_row()?.workload.to_owned())),
        set: |settings, given| put(&mut settings.workload, Ok(given.concat())),
        get: |settings| vec![settings.workload.clone()],
        ..flag("workload", "NAME")
    },
    Flag {
        help: "How long a fault of an unguided nemesis lasts on average, and the calm after it; without it what suits the system, mostly 3s",
        default: Default::Follows(|settings| Ok(spelled(systems::row(&settings.system)?.interval).concat())),
        set: |settings, given| put(&mut settings.interval, span(given)),
        get: |settings| spelled(settings.interval),
        ..flag("interval", "SPAN")
    },
    Flag {
        help: "How long a client waits for an answer before its outcome is unknown",
        default: Default::Is("1s"),
        set: |settings, given| put(&mut settings.op_timeout, span(given)),
        get: |settings| spelled(settings.op_timeout),
        ..flag("op-timeout", "SPAN")
    },
    Flag {
        help: "How soon after the heal a write must be acknowledged again",
        default: Default::Is("10s"),
        set: |settings, given| put(&mut settings.max_recovery, span(given)),
        get: |settings| spelled(settings.max_recovery),
        ..flag("max-recovery", "SPAN")
    },
    Flag {
        help: "How long the check of linearizability may take",
        default: Default::Is("60s"),
        set: |settings, given| put(&mut settings.check_timeout, span(given)),
        get: |settings| spelled(settings.check_timeout),
        ..flag("check-timeout", "SPAN")
    },
    Flag {
        help: "What the history is held to: levels of consistency (`harness list levels`), several with commas between them; without it what its model stands for, or what the system's description says of transactions",
        takes: Takes::Text,
        default: Default::Follows(consistency),
        set: |settings, given| put(&mut settings.consistency, levels(&given.concat())),
        get: |settings| match settings.consistency.is_empty() {
            true => Vec::new(),
            false => vec![settings.consistency.join(",")],
        },
        ..flag("consistency", "LEVEL")
    },
    Flag {
        help: "Where the outcome is unknown, ask again elsewhere with the same session, five times as long as for one answer",
        set: |settings, _| put(&mut settings.retry, Ok(true)),
        get: |settings| switch(settings.retry),
        ..switched("retry")
    },
    Flag {
        help: "Which nodes the clients read from: the leader, or any node (follower), which forwards to it",
        takes: Takes::One(|| vec!["leader", "follower"]),
        default: Default::Is("leader"),
        set: |settings, given| put(&mut settings.reads, Reads::from_str(&given.concat(), false)),
        get: |settings| {
            let spelled = settings.reads.to_possible_value();
            spelled.iter().map(|value| value.get_name().to_owned()).collect()
        },
        ..flag("reads", "WHERE")
    },
    Flag {
        help: "Operations a second of all clients together, at most, or none for as many as there can be; without it 100 of broadcast and g-set, and as many as there can be of all others",
        default: Default::Follows(|settings| {
            let rate = settings.workload_row()?.rate;
            Ok(rate.map_or(UNLIMITED.to_owned(), |rate| rate.to_string()))
        }),
        set: |settings, given| match given.concat() == UNLIMITED {
            true => put(&mut settings.rate, Ok(None)),
            false => put(&mut settings.rate, number(given).map(Some)),
        },
        get: |settings| {
            let rate = settings.rate;
            vec![rate.map_or(UNLIMITED.to_owned(), |rate| rate.to_string())]
        },
        ..flag("rate", "N")
    },
    Flag {
        help: "Break a rule of the node on purpose; may be repeated (see `harness list bugs`)",
        takes: Takes::Some(|| all_bugs().collect()),
        set: |settings, given| {
            let mut bugs = given.to_vec();
            bugs.dedup();
            put(&mut settings.bugs, Ok(bugs))
        },
        get: |settings| settings.bugs.clone(),
        ..flag("bug", "NAME")
    },
    Flag {
        help: "End the load at the first violation",
        set: |settings, _| put(&mut settings.until_violation, Ok(true)),
        get: |settings| switch(settings.until_violation),
        ..switched("until-violation")
    },
    Flag {
        help: "Let the client history speak alone: leave out the check raft-safety, which rests on the nodes' own words",
        set: |settings, _| put(&mut settings.journals, Ok(false)),
        get: |settings| switch(!settings.journals),
        ..switched("no-journal")
    },
    Flag {
        help: "The node's binary; without it it is looked for beside harness, then on PATH",
        default: Default::Follows(|settings| {
            let program = systems::row(&settings.system)?.program(None)?;
            Ok(program.display().to_string())
        }),
        set: |settings, given| put(&mut settings.program, Ok(PathBuf::from(given.concat()))),
        get: |settings| vec![settings.program.display().to_string()],
        alias: Some("bin"),
        ..flag("node-bin", "FILE")
    },
    Flag {
        help: "Where the runs are kept",
        default: Default::Is("store"),
        set: |settings, given| put(&mut settings.store, Ok(PathBuf::from(given.concat()))),
        get: |settings| vec![settings.store.display().to_string()],
        ..flag("store", "DIR")
    },
];

/// As many operations as there can be.
const UNLIMITED: &str = "none";

/// A flag with a value, not set unless it is given.
const fn flag(name: &'static str, value: &'static str) -> Flag {
    Flag {
        name,
        alias: None,
        value: Some(value),
        help: "",
        takes: Takes::Text,
        default: Default::Unset,
        always: false,
        set: |_, _| Ok(()),
        get: |_| Vec::new(),
    }
}

/// A flag without a value.
const fn switched(name: &'static str) -> Flag {
    Flag {
        value: None,
        ..flag(name, "")
    }
}

/// The names of what can be broken on purpose, of all systems.
pub(crate) fn all_bugs() -> impl Iterator<Item = &'static str> {
    systems::all()
        .into_iter()
        .flat_map(|row| row.bugs)
        .map(|bug| bug.name)
}

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    value.map(|value| *place = value)
}

fn number<T: std::str::FromStr<Err: std::fmt::Display>>(given: &[String]) -> Result<T, String> {
    given.concat().parse().map_err(|error: T::Err| error.to_string())
}

fn span(given: &[String]) -> Result<Duration, String> {
    duration(&given.concat())
}

/// A duration such as `60s`, `5m` or `500ms`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 60s, 5m or 500ms"))
}

/// What a described system says of its transactions, where they are what is asked for.
fn consistency(settings: &Settings) -> Result<String, Failure> {
    let described = systems::row(&settings.system)?.description.as_ref();
    let transacts = checker::models::find(settings.workload_row()?.model)
        .is_some_and(|model| model.subject() == Some(Subject::Transactions));
    let said = described.and_then(|source| source.says.consistency.clone());
    Ok(said.filter(|_| transacts).unwrap_or_default())
}

/// Names with commas between them.
fn levels(text: &str) -> Result<Vec<String>, String> {
    let names = || text.split(',').map(str::trim).filter(|name| !name.is_empty());
    match names().find(|name| {
        !Subject::all_names()
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }) {
        Some(unknown) => Err(format!("there is no level {unknown}; see `harness list levels`")),
        None => Ok(names().map(str::to_owned).collect()),
    }
}

fn spelled(span: Duration) -> Vec<String> {
    vec![humantime::format_duration(span).to_string()]
}

fn switch(on: bool) -> Vec<String> {
    on.then(String::new).into_iter().collect()
}

/// A system is a row of the table, or a file, which then has its row, too.
fn set_system(settings: &mut Settings, named: &str) -> Result<(), String> {
    settings.system = system(named)?.name.to_owned();
    settings.system_file = file(named);
    Ok(())
}

/// The file that is meant, if it is no name.
fn file(named: &str) -> Option<PathBuf> {
    (named.contains('/') || named.ends_with(".toml")).then(|| PathBuf::from(named))
}

/// The system of that name, or that a file describes.
pub(crate) fn system(named: &str) -> Result<&'static systems::Row, String> {
    match file(named) {
        Some(file) => systems::from_file(&file).map_err(|error| error.to_string()),
        None => systems::row(named).map_err(|_| {
            let names: Vec<&str> = systems::all().iter().map(|row| row.name).collect();
            format!(
                "there is no such system; there are {}, or a file such as ./mine.toml",
                names.join(", ")
            )
        }),
    }
}

/// Guided schedules need what closes traps by accident to be left out.
fn profile(settings: &Settings) -> Result<String, Failure> {
    let row = systems::row(&settings.system)?;
    let name = match settings.leading_row()?.profile {
        nemesis::Profile::Full => row.full,
        nemesis::Profile::Bare => row.profiles.first().copied().unwrap_or_default(),
    };
    Ok(name.to_owned())
}

impl Flag {
    const fn always(self) -> Self {
        Flag { always: true, ..self }
    }

    fn arg(&'static self) -> Arg {
        let arg = Arg::new(self.name).long(self.name).help(self.help);
        let arg = match self.alias {
            Some(alias) => arg.visible_alias(alias),
            None => arg,
        };
        let Some(value) = self.value else {
            return arg.action(ArgAction::SetTrue);
        };
        let arg = arg.value_name(value);
        let arg = match self.default {
            Default::Is(default) => arg.default_value(default),
            Default::Unset | Default::Follows(_) => arg,
        };
        match self.takes {
            Takes::Text => arg.value_parser(self.checked()),
            Takes::One(names) => arg.value_parser(PossibleValuesParser::new(names())),
            Takes::Some(names) => arg
                .value_parser(PossibleValuesParser::new(names()))
                .action(ArgAction::Append),
            Takes::List(names) => arg
                .value_parser(PossibleValuesParser::new(names()))
                .value_delimiter(','),
        }
    }

    /// What `set` does not take is refused while the command line is parsed.
    fn checked(&'static self) -> ValueParser {
        ValueParser::new(move |text: &str| {
            (self.set)(&mut Settings::default(), &[text.to_owned()]).map(|()| text.to_owned())
        })
    }

    /// What it is where it is not given, in settings whose flags before it are known.
    fn default(&self, settings: &Settings) -> Result<Vec<String>, Failure> {
        Ok(match self.default {
            Default::Unset => Vec::new(),
            Default::Is(value) => vec![value.to_owned()],
            Default::Follows(from) => vec![from(settings)?],
        })
    }

    /// Whether it need not be given for these settings. A default that cannot be had here is none.
    fn is_default(&self, settings: &Settings) -> bool {
        let mut other = settings.clone();
        let set = self.default(settings).map(|values| match values.is_empty() {
            true => Ok(()),
            false => (self.set)(&mut other, &values),
        });
        let values = (self.get)(settings);
        matches!(set, Ok(Ok(()))) && (self.get)(&other) == values && (values.is_empty() || !self.is_unset())
    }

    fn is_unset(&self) -> bool {
        matches!(self.default, Default::Unset)
    }

    /// The words that give it these values.
    fn words(&self, values: &[String]) -> Vec<String> {
        let name = format!("--{}", self.name);
        match (&self.takes, self.value) {
            (_, None) => values.iter().map(|_| name.clone()).collect(),
            (Takes::List(_), _) => vec![name, values.join(",")],
            _ => values
                .iter()
                .flat_map(|value| [name.clone(), value.clone()])
                .collect(),
        }
    }
}

/// What was given on the command line, flag by flag.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    given: Vec<Vec<String>>,
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(TABLE.iter().map(Flag::arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |flag: &Flag| match flag.value {
            None => switch(matches.get_flag(flag.name)),
            Some(_) => matches
                .get_many::<String>(flag.name)
                .map_or_else(Vec::new, |values| values.cloned().collect()),
        };
        Ok(Flags {
            given: TABLE.iter().map(given).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Flags {
    /// Every setting fully expanded.
    ///
    /// # Errors
    /// A default cannot be had: the node's binary is nowhere.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        for (flag, given) in TABLE.iter().zip(&self.given) {
            let values = match given.is_empty() {
                true => flag.default(&settings)?,
                false => given.clone(),
            };
            if !values.is_empty() {
                let set = (flag.set)(&mut settings, &values);
                set.map_err(|why| CliError::Flag { flag: flag.name, why })?;
            }
        }
        let row = systems::row(&settings.system)?;
        if !row.profiles.contains(&settings.profile.as_str()) {
            let why = format!("{} has {}", row.name, row.profiles.join(", "));
            return Err(CliError::Flag { flag: "profile", why }.into());
        }
        settings.program = row.program(Some(&settings.program))?;
        Ok(settings)
    }
}

/// The words of `harness run` that repeat a run.
pub(crate) fn words(settings: &Settings) -> Vec<String> {
    let mut words = Vec::new();
    for flag in TABLE {
        let values = (flag.get)(settings);
        if flag.always || !flag.is_default(settings) {
            words.extend(flag.words(&values));
        }
    }
    words
}

/// The command that repeats a run.
pub(crate) fn command_line(settings: &Settings) -> String {
    let quoted = |word: String| match word.is_empty() || word.contains(char::is_whitespace) {
        true => format!("'{word}'"),
        false => word,
    };
    let words: Vec<String> = words(settings).into_iter().map(quoted).collect();
    format!("harness run {}", words.join(" "))
}

/// The command that makes a saved run again, whatever world it happened in.
pub(crate) fn again(record: &Record) -> String {
    match record.simulated {
        true => record.argv.join(" "),
        false => command_line(&record.settings),
    }
}

#[cfg(test)]
mod tests;
