//! What is seen while it runs: a few lines that redraw themselves on a terminal, a plain line every few seconds elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::Nanos;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use nemesis::hands::Clock;
use nemesis::{NodeId, NodeView, ProcessState, Role};
use runs::course::{Observer, Stage};
use runs::stop::Stop;

use super::recorder::Recorder;

/// How often the lines are drawn anew.
const REDRAW: Duration = Duration::from_millis(200);
/// How often a plain line is printed.
const PLAIN: Duration = Duration::from_secs(5);
/// So many nodes stand in a line: three fit into 80 columns.
const NODES_A_LINE: usize = 3;

/// How progress is shown; all of it goes to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A few lines that redraw themselves.
    Bar,
    /// A plain line every few seconds.
    Plain,
    /// Nothing.
    Quiet,
}

impl Progress {
    /// Lines that redraw themselves on a terminal, plain lines elsewhere.
    pub fn auto() -> Self {
        if std::io::stderr().is_terminal() {
            Progress::Bar
        } else {
            Progress::Plain
        }
    }

    /// Show how the load goes, until [`Watcher::finish`].
    pub fn watch(self, look: Look) -> Watcher {
        let over = Stop::unset();
        let bars = (self == Progress::Bar).then(|| Bars::new(look.nodes));
        if self != Progress::Quiet {
            tokio::spawn(show(look, bars.clone(), over.clone()));
        }
        Watcher {
            over,
            bars,
            quiet: self == Progress::Quiet,
        }
    }
}

/// The lines on the terminal, from top to bottom.
#[derive(Clone)]
struct Bars {
    lines: Vec<ProgressBar>,
}

impl Bars {
    fn new(nodes: usize) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let count = 2 + nodes.div_ceil(NODES_A_LINE);
        let lines = (0..count).map(|_| {
            let bar = all.add(ProgressBar::no_length());
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Bars {
            lines: lines.collect(),
        }
    }

    fn draw(&self, text: Vec<String>) {
        for (line, text) in self.lines.iter().zip(text) {
            line.set_message(text);
        }
    }

    fn clear(&self) {
        self.lines.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// Ends the showing.
pub struct Watcher {
    over: Stop,
    bars: Option<Bars>,
    quiet: bool,
}

impl Watcher {
    /// Say why, and stop.
    pub fn finish(self, why: &str) {
        self.over.set();
        if let Some(bars) = &self.bars {
            bars.clear();
        }
        if !self.quiet {
            say(&after(why));
        }
    }
}

fn after(why: &str) -> String {
    format!("{why}; healing, reading every key once more, checking")
}

/// What is looked at.
pub struct Look {
    /// Counts the operations.
    pub recorder: Recorder,
    /// Knows the nodes.
    pub observer: Observer,
    /// Where the schedule stands.
    pub stage: Arc<Mutex<Stage>>,
    /// The run's clock.
    pub clock: Clock,
    /// When the load began.
    pub begin: Nanos,
    /// How long it lasts.
    pub duration: Duration,
    /// How many nodes there are.
    pub nodes: usize,
}

/// When the rate was last computed, and how many operations there were.
struct Rate(Nanos, u64);

impl Rate {
    fn of(&mut self, now: Nanos, total: u64) -> f64 {
        let rate = (total - self.1) as f64 / now.since(self.0).as_secs_f64().max(1e-3);
        *self = Rate(now, total);
        rate
    }
}

impl Look {
    fn left(&self) -> f64 {
        let ran = self.clock.now().since(self.begin);
        self.duration.saturating_sub(ran).as_secs_f64().ceil()
    }

    /// Where the schedule stands, and what it came to. What matters most stands first: a narrow terminal cuts the rest.
    fn story(&self) -> String {
        let Stage { stage, tally, .. } = self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if tally.is_empty() {
            stage
        } else {
            format!("{stage} | {tally}")
        }
    }

    fn operations(&self, rate: &mut Rate) -> String {
        let counts = self.recorder.counts();
        let rate = rate.of(self.clock.now(), counts.total());
        format!(
            "{rate:.0} op/s | ok {} fail {} info {}",
            counts.ok.load(Ordering::Relaxed),
            counts.fail.load(Ordering::Relaxed),
            counts.info.load(Ordering::Relaxed),
        )
    }

    fn line(&self, rate: &mut Rate) -> String {
        let leader = match self.observer.leader() {
            Some((node, Some(term))) => format!("{node} leads T{term}"),
            Some((node, None)) => format!("{node} leads"),
            None => "no leader".to_owned(),
        };
        let (left, story, operations) = (self.left(), self.story(), self.operations(rate));
        format!("{left:>3.0} s left | {story} | {leader} | {operations}")
    }

    fn lines(&self, rate: &mut Rate) -> Vec<String> {
        let nodes = self.observer.nodes(self.nodes);
        let cells: Vec<String> = NodeId::all(self.nodes)
            .zip(&nodes)
            .map(|(node, view)| format!("{:<26}", cell(node, view)))
            .collect();
        let mut lines = vec![
            format!("{:>3.0} s left | {}", self.left(), self.story()),
            self.operations(rate),
        ];
        lines.extend(cells.chunks(NODES_A_LINE).map(|cells| cells.concat()));
        lines
    }
}

/// A node in few words: `n3 leads T7, commit 120`.
fn cell(node: NodeId, view: &NodeView) -> String {
    let status = view.status.as_ref().map(|(_, status)| status);
    match (view.process, status) {
        (ProcessState::Down, _) => format!("{node} is down"),
        (ProcessState::Paused, _) => format!("{node} is paused"),
        (ProcessState::Starting, _) => format!("{node} starts"),
        (ProcessState::Running, None) => format!("{node} is silent"),
        (ProcessState::Running, Some(status)) => {
            let role = match status.role {
                Some(Role::Leader) => "leads",
                Some(Role::Candidate) => "runs in",
                Some(Role::Follower) => "follows",
                None => "is up",
            };
            let term = status.term.map_or(String::new(), |term| format!(" T{term}"));
            let commit = status
                .commit
                .map_or(String::new(), |commit| format!(", {commit}"));
            format!("{node} {role}{term}{commit}")
        }
    }
}

async fn show(look: Look, bars: Option<Bars>, over: Stop) {
    let every = if bars.is_some() { REDRAW } else { PLAIN };
    let mut rate = Rate(look.begin, 0);
    loop {
        tokio::select! { () = tokio::time::sleep(every) => {}, () = over.wait() => return }
        match &bars {
            Some(bars) => bars.draw(look.lines(&mut rate)),
            None => say(&look.line(&mut rate)),
        }
    }
}

/// A line on standard error; nobody is there to be told if that fails.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
