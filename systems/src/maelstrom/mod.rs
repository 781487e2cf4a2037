//! Programs that speak Maelstrom's protocol on their standard input and output (docs/maelstrom.md). They come without a
//! network: the harness carries their messages ([`nemesis::hands::Messages`]), and here are
//! their clients and the services that they may ask.

mod clients;
mod kv;
mod service;
mod services;
mod status;
mod topology;
mod words;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nemesis::hands::{Hands, Instructions, Logs, Messages, NodeCommand, Ready};
use nemesis::{NodeId, NodeStatus, ProcessState, Tells};
use runs::capabilities::{Capabilities, Does};
use runs::store::{Reply, Request};
use runs::world::Boxed;

use self::clients::Clients;
use self::words::Words;
use crate::error::SystemError;
use crate::meaning::{Basis, Came, not_sent};
use crate::system::{Row, Settings, System};

/// The row of this system.
pub(crate) fn row() -> Row {
    Row {
        name: "maelstrom",
        about: "your program that speaks Maelstrom's protocol on standard input and output",
        binary: Some("maelstrom-node"),
        how_to_get: "name your program: --bin ./node.py (docs/maelstrom.md)",
        profiles: &["memory", DISK],
        full: "memory",
        durable: Some(DISK),
        description: None,
        nemesis: "chaos",
        interval: Duration::from_secs(3),
        bugs: &[],
        capabilities: Capabilities {
            tells: Vec::new(),
            does: vec![
                Does::Write,
                Does::Cas,
                Does::Txn,
                Does::Generate,
                Does::Echo,
                Does::Broadcast,
                Does::GrowSet,
                Does::GrowCounter,
                Does::Log,
            ],
            sessions: false,
            revisions: false,
            filler: None,
        },
        may_tell: &status::TELLS,
        proxies: None,
        namespaces: None,
        messages: true,
        cluster: None,
        build: Box::new(|settings| Ok(Box::new(Maelstrom::new(settings)?))),
    }
}

#[cfg(test)]
pub(crate) use words::rules;

/// The profile of nodes that keep their state on disk; Maelstrom asks for none that do.
const DISK: &str = "disk";
/// The workload whose nodes are told who is whose neighbour.
const BROADCAST: &str = "broadcast";
/// How long a node may take to tell how it stands, and for the first time.
const STATUS: Duration = Duration::from_millis(500);
const STATUS_AT_FIRST: Duration = Duration::from_secs(5);
/// How long a node may take to answer `init`.
const INIT: Duration = Duration::from_secs(10);

struct Maelstrom {
    hands: Hands,
    messages: Messages,
    commands: Vec<NodeCommand>,
    clients: Arc<Clients>,
    words: Words,
    /// Whether its nodes tell how they stand. Who does not know that word may end by it, so none is asked before a schedule needs it.
    tell: AtomicBool,
}

impl Maelstrom {
    fn new(settings: &Settings<'_>) -> Result<Self, SystemError> {
        let messages = settings.hands.messages().ok_or(SystemError::NoMessages)?.clone();
        executable(&settings.program)?;
        let clients = Arc::new(Clients::of(settings.nodes, settings.seed));
        let heard = Arc::clone(&clients);
        messages.take(settings.latency);
        messages.listen(Box::new(move |messages, node, message| {
            heard.hear(messages, node, message)
        }));
        let mut system = Maelstrom {
            hands: settings.hands.clone(),
            messages,
            commands: Vec::new(),
            clients,
            words: Words::default(),
            tell: AtomicBool::new(false),
        };
        for node in NodeId::all(settings.nodes) {
            let command = system.command_of(node, settings)?;
            system.commands.push(command);
        }
        Ok(system)
    }

    fn command_of(&self, node: NodeId, settings: &Settings<'_>) -> Result<NodeCommand, SystemError> {
        let folder = std::path::absolute(settings.folder.node(&node.name()));
        let folder = folder.map_err(|source| SystemError::Folder { source })?;
        let logs = Logs {
            stdout: folder.join("stdout.log"),
            stderr: folder.join("stderr.log"),
        };
        let (messages, clients) = (self.messages.clone(), Arc::clone(&self.clients));
        let topology = (settings.workload == BROADCAST).then(|| topology::grid(settings.nodes));
        let answers = Arc::new(move || {
            let (messages, clients) = (messages.clone(), Arc::clone(&clients));
            let topology = topology.clone();
            Box::pin(async move { clients.init(&messages, node, topology, INIT).await }) as _
        });
        Ok(NodeCommand {
            folder: Some(folder),
            // It is `init` that fails first, or `topology`, and says of what.
            ready_within: INIT * 3,
            // Maelstrom kills its nodes: they may end as they like.
            clean_exits: (0..=255).collect(),
            ..NodeCommand::new(&settings.program, Vec::new(), Ready::Answers(answers), logs)
        })
    }

    async fn ask(&self, node: NodeId, request: &Request) -> (Reply, Basis) {
        if !matches!(
            self.hands.process_state(node),
            ProcessState::Running | ProcessState::Paused
        ) {
            return (not_sent(node), Basis::NotSent);
        }
        let came = match self.words.body(request) {
            Some(body) => {
                self.clients
                    .ask(&self.messages, node, body, request.timeout)
                    .await
            }
            None => Came::not_offered(),
        };
        words::reply(request, &came)
    }
}

/// What cannot be started at all is said before anything is.
fn executable(program: &Path) -> Result<(), SystemError> {
    let mode = std::fs::metadata(program).map(|found| found.permissions().mode());
    match mode {
        Ok(mode) if mode & 0o111 == 0 => Err(SystemError::NotExecutable {
            program: program.display().to_string(),
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

impl System for Maelstrom {
    fn instructions(&self) -> Instructions {
        Instructions::Processes(self.commands.clone())
    }

    fn invoke<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply> {
        Box::pin(async move { self.ask(node, request).await.0 })
    }

    fn examine<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, (Reply, Basis)> {
        Box::pin(self.ask(node, request))
    }

    fn tells(&self) -> Boxed<'_, Result<Vec<Tells>, String>> {
        Box::pin(async {
            for node in NodeId::all(self.commands.len()) {
                status::is_whole(
                    node,
                    self.clients.status(&self.messages, node, STATUS_AT_FIRST).await,
                )?;
            }
            self.tell.store(true, Ordering::SeqCst);
            Ok(status::TELLS.to_vec())
        })
    }

    fn status(&self, node: NodeId) -> Boxed<'_, Option<NodeStatus>> {
        Box::pin(async move {
            if !self.tell.load(Ordering::SeqCst) {
                return None;
            }
            let incarnation = self.hands.starts(node);
            let told = self.clients.status(&self.messages, node, STATUS).await?;
            status::read(told, incarnation)
        })
    }
}
