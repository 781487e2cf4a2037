//! What is seen while it runs: one line that redraws itself on a terminal, a plain line every few seconds elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::Nanos;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nemesis::hands::Clock;

use super::conductor::Stage;
use super::observer::Observer;
use super::recorder::Recorder;
use super::stop::Stop;

/// How often the line is drawn anew.
const REDRAW: Duration = Duration::from_millis(200);
/// How often a plain line is printed.
const PLAIN: Duration = Duration::from_secs(5);

/// How progress is shown; all of it goes to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// One line that redraws itself.
    Line,
    /// A plain line every few seconds.
    Plain,
    /// Nothing.
    Quiet,
}

impl Progress {
    /// A line on a terminal, plain lines elsewhere.
    pub fn auto() -> Self {
        if std::io::stderr().is_terminal() {
            Progress::Line
        } else {
            Progress::Plain
        }
    }

    /// Show how the load goes, until [`Watcher::finish`].
    pub fn watch(
        self,
        recorder: Recorder,
        observer: Observer,
        stage: Arc<Mutex<Stage>>,
        clock: Clock,
        begin: Nanos,
        duration: Duration,
    ) -> Watcher {
        let over = Stop::unset();
        let bar = (self == Progress::Line).then(|| bar(duration));
        let view = Look {
            recorder,
            observer,
            stage,
            clock,
            begin,
            duration,
            last: (begin, 0),
        };
        if self != Progress::Quiet {
            tokio::spawn(show(view, bar.clone(), over.clone()));
        }
        Watcher {
            over,
            bar,
            quiet: self == Progress::Quiet,
        }
    }
}

fn bar(duration: Duration) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(duration.as_secs()), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
        bar.set_style(style);
    }
    bar
}

/// Ends the showing.
pub struct Watcher {
    over: Stop,
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Watcher {
    /// Say why, and stop.
    pub fn finish(self, why: &str) {
        self.over.set();
        match &self.bar {
            Some(bar) => {
                bar.finish_and_clear();
                say(&after(why));
            }
            None if self.quiet => {}
            None => say(&after(why)),
        }
    }
}

fn after(why: &str) -> String {
    format!("{why}; healing, reading every key once more, checking")
}

struct Look {
    recorder: Recorder,
    observer: Observer,
    stage: Arc<Mutex<Stage>>,
    clock: Clock,
    begin: Nanos,
    duration: Duration,
    /// When the rate was last computed, and how many operations there were.
    last: (Nanos, u64),
}

impl Look {
    fn line(&mut self) -> String {
        let now = self.clock.now();
        let counts = self.recorder.counts();
        let total = counts.total();
        let rate = (total - self.last.1) as f64 / now.since(self.last.0).as_secs_f64().max(1e-3);
        self.last = (now, total);
        let left = self
            .duration
            .saturating_sub(now.since(self.begin))
            .as_secs_f64()
            .ceil();
        let leader = match self.observer.leader() {
            Some((node, term)) => format!("{node} leads T{term}"),
            None => "no leader".to_owned(),
        };
        let Stage { stage, tally, .. } = self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // What matters most stands first: a narrow terminal cuts the rest off.
        let tally = if tally.is_empty() {
            tally
        } else {
            format!(" | {tally}")
        };
        format!(
            "{left:>3.0} s left | {stage}{tally} | {leader} | {rate:.0} op/s | ok {} fail {} info {}",
            counts.ok.load(Ordering::Relaxed),
            counts.fail.load(Ordering::Relaxed),
            counts.info.load(Ordering::Relaxed),
        )
    }
}

async fn show(mut look: Look, bar: Option<ProgressBar>, over: Stop) {
    let every = if bar.is_some() { REDRAW } else { PLAIN };
    loop {
        tokio::select! { () = tokio::time::sleep(every) => {}, () = over.wait() => return }
        let line = look.line();
        match &bar {
            Some(bar) => bar.set_message(line),
            None => say(&line),
        }
    }
}

/// A line on standard error; nobody is there to be told if that fails.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
