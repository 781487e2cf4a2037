//! A system that a description describes: its processes are started by its templates, and asked by its protocol.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nemesis::hands::{Addresses, Answering, Hands, Instructions, NodeCommand, Orders, Ready, last_lines};
use nemesis::{NodeId, NodeStatus, ProcessState, Role, Tells};
use regex::Regex;
use runs::capabilities::{Capabilities, Does};
use runs::store::{Reply, Request, StoreOp};
use runs::transaction::Transaction;
use runs::watching::{Tell, Watch};
use runs::world::Boxed;

use crate::commands::{self, READY_WITHIN, words};
use crate::description::{self, Description, Form, Place, Rule, StartedBy, Status, TemplateError, Word};
use crate::error::{NotDone, SystemError};
use crate::init::init;
use crate::meaning::{self, Basis, Came, Told, not_sent, reply};
use crate::protocols::{self, Protocol, Target};
use crate::secrets::Secrets;
use crate::seen::{self, NodeSees, RequestSees, RunSees};
use crate::system::{Settings, System};
use crate::transactions::{Asked, Asking};
use crate::updates;

/// A node that does not tell its status by then counts as silent.
const STATUS_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a node may take to answer whether it serves, before it is asked again.
const LOOK: Duration = Duration::from_millis(500);
/// How long after a refusal it is asked again.
const PAUSE: Duration = Duration::from_millis(20);
/// A node that is not ready says no more than this.
const MOST_SAID: u64 = 1 << 22;
/// 128 and SIGTERM: a program without a handler of its own ends so, and that is no crash.
const TERMINATED: i32 = 128 + 15;

pub(crate) struct Foreign {
    described: Arc<Description>,
    protocol: Arc<dyn Protocol>,
    rules: Vec<Rule>,
    nodes: Vec<Place>,
    /// Of nodes that were started before.
    sees: Vec<NodeSees>,
    profile: Arc<str>,
    instructions: Instructions,
    /// What a node's output is looked for in: its standard error, and its standard output.
    logs: Vec<[PathBuf; 2]>,
    /// What keys begin with where somebody else may have written some.
    prefix: Option<String>,
    /// What nobody may read.
    secrets: Secrets,
    hands: Hands,
}

/// What a described system can tell and do.
pub(crate) fn capabilities(described: &Description) -> Capabilities {
    let tells = described.status.as_ref().map_or_else(Vec::new, tells);
    let answers = described.client.answers();
    let words = described.client.words();
    let does = |word: &Word| match word {
        Word::Read => None,
        // Only together: what one puts in the other takes out.
        Word::Enqueue => words.contains(&Word::Dequeue).then_some(Does::Queue),
        Word::Dequeue => None,
        Word::Generate => Some(Does::Generate),
        Word::Watch => Some(Does::Watch),
        Word::Write => Some(Does::Write),
        Word::Cas => Some(Does::Cas),
        Word::Append => Some(Does::Append),
        Word::Add => Some(Does::Add),
        Word::Txn => Some(Does::Txn),
    };
    let mut offered: Vec<Does> = words.iter().filter_map(does).collect();
    if described.cluster.is_some() {
        // Their keys stand in their values, and in what a watch is told, where no other name is given to them.
        offered.retain(|does| !matches!(does, Does::Txn | Does::Watch));
    }
    Capabilities {
        tells,
        does: offered,
        sessions: false,
        filler: described.network.frames.as_ref().and_then(|frames| frames.filler),
        revisions: !answers.is_empty() && answers.iter().all(|answer| answer.revision.is_some()),
    }
}

fn tells(status: &Status) -> Vec<Tells> {
    if status.form == Form::ClusterNode {
        return vec![Tells::Leader, Tells::Term, Tells::Commit, Tells::LogTail];
    }
    let told = [
        (Tells::Leader, status.leads.is_some()),
        (Tells::Term, status.term.is_some()),
        (Tells::Commit, status.commit.is_some()),
    ];
    let is_told = told.into_iter().filter(|(_, is_told)| *is_told);
    is_told.map(|(what, _)| what).collect()
}

impl Foreign {
    pub(crate) fn new(described: &Arc<Description>, settings: &Settings<'_>) -> Result<Self, SystemError> {
        let nodes: Vec<Place> = match &described.cluster {
            Some(cluster) => commands::places(cluster),
            None => (1..=settings.nodes).map(Place::numbered).collect(),
        };
        let run = RunSees {
            nodes: &nodes,
            program: &settings.program,
            seed: settings.seed,
            profile: settings.profile,
            port: described.network.client,
        };
        let sees = |first| -> Result<Vec<NodeSees>, SystemError> {
            let seen = NodeId::all(settings.nodes)
                .map(|node| Ok(NodeSees::new(node, &run, &folder_of(settings, node)?, first)));
            seen.collect()
        };
        let (first, later) = (sees(true)?, sees(false)?);
        let secrets = Secrets::default();
        if described.cluster.is_none() {
            // Before anything starts: an adapter may be one of these files.
            for (node, first) in NodeId::all(settings.nodes).zip(&first) {
                prepare(&folder_of(settings, node)?, described, first)?;
            }
        }
        let protocol = protocols::of(&described.client, &first[0], &names(described, &nodes), &secrets)?;
        let mut system = Foreign {
            described: Arc::clone(described),
            protocol,
            rules: [described.errors.as_slice(), updates::rules_of(&described.client)].concat(),
            nodes,
            sees: later,
            profile: settings.profile.into(),
            instructions: Instructions::Processes(Vec::new()),
            logs: Vec::new(),
            prefix: None,
            secrets,
            hands: settings.hands.clone(),
        };
        if described.cluster.is_some() {
            // What somebody else has written there is nobody's answer to this run.
            let run = settings.folder.path().file_name();
            system.prefix = run.map(|run| format!("{}-", run.to_string_lossy()));
            system.instructions = Instructions::Commands(Box::new(system.orders(settings)?));
            return Ok(system);
        }
        let commands = NodeId::all(settings.nodes)
            .map(|node| system.command_of(node, &first[node.0], settings))
            .collect::<Result<Vec<_>, _>>()?;
        let logs = |command: &NodeCommand| [command.stderr.clone(), command.stdout.clone()];
        system.logs = commands.iter().map(logs).collect();
        system.instructions = Instructions::Processes(commands);
        Ok(system)
    }

    /// What a cluster that is led by commands can be told.
    fn orders(&self, settings: &Settings<'_>) -> Result<Orders, SystemError> {
        let none = description::Commands::default();
        let commands = self.described.life.commands.as_ref().unwrap_or(&none);
        let node = |node: NodeId| -> Result<_, SystemError> {
            let (sees, answers) = (&self.sees[node.0], self.answers(node));
            if commands.data.is_some() {
                let folder = folder_of(settings, node)?.join("data");
                std::fs::create_dir_all(folder).map_err(|source| SystemError::Folder { source })?;
            }
            Ok(commands::of_node(&self.described, commands, sees, answers)?)
        };
        let folder = std::path::absolute(settings.folder.path());
        let cluster = self.described.cluster.as_ref();
        Ok(Orders {
            system: self.described.name.clone(),
            folder: folder.map_err(|source| SystemError::Folder { source })?,
            nodes: NodeId::all(self.nodes.len())
                .map(node)
                .collect::<Result<_, _>>()?,
            links: commands::of_links(commands, &self.nodes, &self.profile)?,
            starts_nodes: cluster.is_some_and(|cluster| cluster.started_by == StartedBy::Harness),
            redact: {
                let secrets = self.secrets.clone();
                Arc::new(move |text| secrets.redact(text))
            },
        })
    }

    fn command_of(
        &self,
        node: NodeId,
        first: &NodeSees,
        settings: &Settings<'_>,
    ) -> Result<NodeCommand, SystemError> {
        let life = &self.described.life;
        let folder = folder_of(settings, node)?;
        let os = |words: Vec<String>| words.into_iter().map(OsString::from).collect::<Vec<_>>();
        let args = os(words(&life.command, first)?);
        let again = life.restart.as_deref().unwrap_or(&life.command);
        let again = os(words(again, &self.sees[node.0])?);
        let env = life.env.iter().map(|(name, value)| {
            let value = value.render(first)?;
            Ok((OsString::from(name), OsString::from(value)))
        });
        let (program, args) = match args.split_first() {
            Some((program, args)) => (program.into(), args.to_vec()),
            None => (settings.program.clone(), Vec::new()),
        };
        Ok(NodeCommand {
            program,
            args,
            restart_args: Some(again.get(1..).unwrap_or_default().to_vec()),
            env: env.collect::<Result<_, TemplateError>>()?,
            folder: Some(folder.clone()),
            ready: Ready::Asked {
                at: Addresses {
                    client: settings.hands.client_address(node),
                    peer: None,
                },
                serves: self.serves(node, &folder),
            },
            ready_within: life.ready.within.map_or(READY_WITHIN, |span| span.0),
            clean_exits: [life.clean_exits.as_slice(), &[TERMINATED]].concat(),
            stdout: folder.join("stdout.log"),
            stderr: folder.join("stderr.log"),
        })
    }

    /// A node serves when it has said so in its output, where its description says how; else when it answers anything.
    fn serves(&self, node: NodeId, folder: &Path) -> nemesis::hands::Asks {
        if let Some(line) = self.described.life.ready.line.clone() {
            let (pattern, logs) = (line.0, [folder.join("stdout.log"), folder.join("stderr.log")]);
            return Arc::new(move |before| {
                let from = [before.stdout, before.stderr];
                let said = logs.iter().zip(from).any(|(log, from)| says(log, from, &pattern));
                Box::pin(async move {
                    tokio::time::sleep(if said { Duration::ZERO } else { PAUSE }).await;
                    said
                })
            });
        }
        let answers = self.answers(node);
        Arc::new(move |_| {
            let answers = answers();
            Box::pin(async move {
                let serves = answers.await;
                tokio::time::sleep(if serves { Duration::ZERO } else { PAUSE }).await;
                serves
            })
        })
    }

    /// Whether a node answers, whatever it says.
    fn answers(&self, node: NodeId) -> Answering {
        let target = self.target(node, LOOK);
        let (protocol, status) = (Arc::clone(&self.protocol), self.described.status.clone());
        let (sees, request) = (self.sees[node.0].clone(), RequestSees::look(&self.profile));
        Arc::new(move || {
            let (protocol, status) = (Arc::clone(&protocol), status.clone());
            let (sees, request) = (sees.clone(), request.clone());
            Box::pin(async move {
                let came = match &status {
                    Some(status) => protocol.status(target, status, &sees).await,
                    None => protocol.ask(target, &request).await,
                };
                matches!(came, Came::Answer(_))
            })
        })
    }

    async fn ask(&self, node: NodeId, request: &Request) -> Asked {
        let sees = match &self.prefix {
            None => RequestSees::of(request, &self.profile),
            Some(prefix) => {
                let key = format!("{prefix}{}", seen::text(&request.key));
                let key = key.as_str().into();
                RequestSees::of(
                    &Request {
                        key,
                        ..request.clone()
                    },
                    &self.profile,
                )
            }
        };
        let target = self.target(node, request.timeout);
        let (mut told, came, word) = match &request.op {
            StoreOp::Txn(asked) => self.transact(target, &sees, asked).await,
            StoreOp::Cas { .. } if self.described.client.reads_before_update() => {
                self.asking(target).by_revision(&sees).await
            }
            _ => {
                let came = self.protocol.ask(target, &sees).await;
                let word = sees.word();
                (self.meaning(&sees, word, &came), came, word)
            }
        };
        // A store may repeat what it was told. Values are what they are; only words are shown, and those were shortened.
        if let Some(shown) = self.shown(&came) {
            let again = self.meaning(&sees, word, &shown).message;
            let redacted = |message: String| again.unwrap_or_else(|| self.secrets.redact(&message));
            told.message = told.message.map(redacted);
        }
        (told, came, word)
    }

    fn meaning(&self, sees: &RequestSees, word: Word, came: &Came) -> Reply {
        reply(&self.rules, &self.nodes, word, self.protocol.answer(sees), came)
    }

    fn asking(&self, target: Target) -> Asking<'_> {
        Asking {
            protocol: &*self.protocol,
            rules: &self.rules,
            nodes: &self.nodes,
            target,
        }
    }

    async fn transact(&self, target: Target, sees: &RequestSees, asked: &histories::Value) -> Asked {
        let asking = self.asking(target);
        match (self.described.client.transacts_at_once(), Transaction::of(asked)) {
            (false, Some(txn)) => asking.in_steps(sees, &txn).await,
            _ => asking.at_once(sees, asked).await,
        }
    }

    /// What came back, where it has to be shown otherwise than it is.
    fn shown(&self, came: &Came) -> Option<Came> {
        let text = match came {
            Came::Nothing { why, .. } => why,
            Came::Answer(told) => &told.text,
        };
        let redacted = self.secrets.redact(text);
        (redacted != *text).then(|| match came {
            Came::Nothing { transport, .. } => Came::nothing(*transport, redacted),
            Came::Answer(told) => Came::Answer(Told {
                text: redacted,
                ..told.clone()
            }),
        })
    }

    fn target(&self, node: NodeId, timeout: Duration) -> Target {
        Target {
            node,
            address: self.hands.client_address(node),
            timeout,
        }
    }
}

/// The names that the nodes' certificates are for, unless the description has another one: the hosts that clients dial.
fn names(described: &Description, nodes: &[Place]) -> Vec<String> {
    let members = described
        .cluster
        .as_ref()
        .map_or(&[][..], |cluster| &cluster.nodes);
    let name = |place: &Place| {
        let client = members
            .get(place.id - 1)
            .and_then(|member| member.client.as_ref());
        let host = client.and_then(|client| client.rsplit_once(':'));
        host.map_or(place.address.clone(), |(host, _)| host.to_owned())
    };
    nodes.iter().map(name).collect()
}

/// Where a node lives: its process works there, so the path is absolute.
fn folder_of(settings: &Settings<'_>, node: NodeId) -> Result<PathBuf, SystemError> {
    let folder = settings.folder.node(&node.name());
    std::path::absolute(folder).map_err(|source| SystemError::Folder { source })
}

/// The node's folder, with the files that its description wants there.
fn prepare(folder: &Path, described: &Description, sees: &NodeSees) -> Result<(), SystemError> {
    let failed = |source| SystemError::Folder { source };
    std::fs::create_dir_all(folder.join("data")).map_err(failed)?;
    for (name, content) in &described.life.files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(path, content.bytes(sees)?).map_err(failed)?;
    }
    Ok(())
}

/// Whether a log has a line that fits, behind its first bytes.
fn says(log: &Path, from: u64, pattern: &Regex) -> bool {
    let behind = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(MOST_SAID).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    behind().is_ok_and(|bytes| {
        let text = String::from_utf8_lossy(&bytes);
        text.lines().any(|line| pattern.is_match(line))
    })
}

/// What an answer says of how a node stands; none if it is not of the form that was described.
fn status(status: &Status, told: &Told, incarnation: u64) -> Option<NodeStatus> {
    match status.form {
        Form::Own => Some(found(status, told, incarnation)),
        Form::ClusterNode => {
            let mut whole = told.json.clone();
            // The harness counts the starts itself.
            whole
                .as_object_mut()?
                .insert("incarnation".to_owned(), incarnation.into());
            serde_json::from_value(whole).ok()
        }
    }
}

fn found(status: &Status, told: &Told, incarnation: u64) -> NodeStatus {
    let number = |path: &Option<crate::description::Path>| {
        let found = path.as_ref()?.find(&told.json)?;
        // etcd's gateway writes 64-bit numbers as texts.
        found.as_u64().or_else(|| found.as_str()?.parse().ok())
    };
    let role = status.leads.as_ref().map(|leads| match leads.holds(told) {
        true => Role::Leader,
        false => Role::Follower,
    });
    NodeStatus {
        incarnation,
        role,
        term: number(&status.term).map(histories::Term),
        leader: None,
        commit: number(&status.commit).map(histories::LogIndex),
        applied: number(&status.applied).map(histories::LogIndex),
        last: None,
        last_at_election: None,
        matched: None,
        campaigns: None,
        denied: Vec::new(),
        tail: Arc::new([]),
    }
}

impl System for Foreign {
    fn instructions(&self) -> Instructions {
        self.instructions.clone()
    }

    fn init(&self) -> Boxed<'_, Result<(), NotDone>> {
        Box::pin(async move {
            let Some(wanted) = &self.described.life.init else {
                return Ok(());
            };
            let target = |node, timeout| self.target(node, timeout);
            let logs = |node: NodeId| {
                let logs = self.logs.get(node.0).into_iter().flatten();
                logs.map(|log| last_lines(log, 0))
                    .find(|lines| !lines.is_empty())
                    .unwrap_or_default()
            };
            init(wanted, &*self.protocol, &self.sees, target, logs, &self.secrets).await
        })
    }

    fn invoke<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply> {
        Box::pin(async move {
            if self.hands.process_state(node) == ProcessState::Down {
                return not_sent(node);
            }
            self.ask(node, request).await.0
        })
    }

    fn examine<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, (Reply, Basis)> {
        Box::pin(async move {
            if self.hands.process_state(node) == ProcessState::Down {
                return (not_sent(node), Basis::NotSent);
            }
            let (reply, came, word) = self.ask(node, request).await;
            let own = self.described.errors.len();
            let basis = meaning::basis(&self.rules, own, word, &came, &reply);
            (reply, basis)
        })
    }

    fn watch<'a>(&'a self, node: NodeId, watch: &'a Watch, tell: Tell<'a>) -> Boxed<'a, String> {
        Box::pin(async move {
            if self.hands.process_state(node) == ProcessState::Down {
                return format!("{node} does not run");
            }
            let sees = RequestSees::watching(watch, &self.profile);
            let target = self.target(node, watch.idle);
            let lost = self.protocol.watch(target, &sees, tell).await;
            self.secrets.redact(&lost)
        })
    }

    fn status(&self, node: NodeId) -> Boxed<'_, Option<NodeStatus>> {
        Box::pin(async move {
            let asked = self.described.status.as_ref()?;
            let incarnation = self.hands.starts(node);
            let address = self.hands.direct_address(node)?;
            let target = Target {
                address,
                ..self.target(node, STATUS_TIMEOUT)
            };
            match self.protocol.status(target, asked, &self.sees[node.0]).await {
                Came::Answer(told) if !told.is_error => status(asked, &told, incarnation),
                // An error says nothing of how it stands, least of all that it does not lead.
                Came::Answer(_) | Came::Nothing { .. } => None,
            }
        })
    }

    fn broken(&self) -> Option<String> {
        self.protocol.broken().map(|why| self.secrets.redact(&why))
    }
}
