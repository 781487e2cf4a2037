//! The end of a directed link at its receiver: the rule, what went through, and what was recorded.

use std::collections::VecDeque;

use cluster_node::frame::Frame;
use cluster_node::raft::types::Message;
use histories::Nanos;
use nemesis::evidence::{Count, Traffic};
use nemesis::faults::RuleEnded;
use nemesis::{FrameKind, Link, LinkRule};

/// A copy of the first frames of a kind.
struct Recording {
    kind: FrameKind,
    left: u64,
    frames: Vec<Frame>,
}

/// What becomes of a frame that has come to its gate.
pub(super) enum Passage {
    /// It is handed on.
    Through(Frame),
    /// It waits until then.
    Later(Nanos),
    /// It waits until the rule changes.
    Held,
    /// The frame is lost.
    Dropped,
}

/// See the module.
pub(super) struct Gate {
    link: Link,
    rule: LinkRule,
    since: Nanos,
    /// Of a rule that counts: how many more of its frames may go.
    left: u64,
    traffic: Traffic,
    /// The same when the rule began.
    before: Traffic,
    recording: Option<Recording>,
    /// What a delay holds back, and until when.
    delayed: VecDeque<(Nanos, Frame)>,
    /// From when on there is a connection; what is sent earlier is lost.
    pub(super) connected: Nanos,
    /// When the last frame on its way arrives: none overtakes another.
    pub(super) last_arrival: Nanos,
}

/// There is no connection.
pub(super) const NEVER: Nanos = Nanos(u64::MAX);

fn is_of(kind: FrameKind, frame: &Frame) -> bool {
    match (kind, frame) {
        (
            FrameKind::Batch | FrameKind::AppendEntries,
            Frame::Message(Message::AppendEntries { entries, .. }),
        ) => !entries.is_empty(),
        (FrameKind::Append, Frame::Message(Message::AppendEntries { .. })) => true,
        (FrameKind::RequestVote, Frame::Message(Message::RequestVote { .. })) => true,
        (FrameKind::RequestVoteReply, Frame::Message(Message::RequestVoteReply { .. })) => true,
        _ => false,
    }
}

/// A frame as it counts.
pub(super) fn count(frame: &Frame) -> Count {
    Count::frame(cluster_node::frame::length(frame) as u64)
}

impl Gate {
    /// A gate that lets everything pass, connected from the beginning.
    pub(super) fn new(link: Link) -> Self {
        Gate {
            link,
            rule: LinkRule::Pass,
            since: Nanos(0),
            left: 0,
            traffic: Traffic::default(),
            before: Traffic::default(),
            recording: None,
            delayed: VecDeque::new(),
            connected: Nanos(0),
            last_arrival: Nanos(0),
        }
    }

    fn is_cut(&self) -> bool {
        self.rule.is_cut(self.left)
    }

    /// Whether this frame waits for another rule: so does all that comes after one that does.
    fn holds(&self, frame: &Frame) -> bool {
        match self.rule {
            LinkRule::HoldFrom(kind) => !self.delayed.is_empty() || is_of(kind, frame),
            rule => rule.holds(self.left),
        }
    }

    /// Whether it lets everything pass.
    pub(super) fn is_open(&self) -> bool {
        self.rule == LinkRule::Pass
    }

    /// A frame has come.
    pub(super) fn offer(&mut self, now: Nanos, frame: Frame) -> Passage {
        let count = count(&frame);
        self.traffic.offered.add(count);
        if let Some(recording) = &mut self.recording
            && recording.left > 0
            && is_of(recording.kind, &frame)
        {
            recording.left -= 1;
            recording.frames.push(frame.clone());
        }
        if self.is_cut() {
            self.traffic.dropped.add(count);
            return Passage::Dropped;
        }
        match self.rule {
            LinkRule::DelayMs(ms) => {
                let due = Nanos(now.0 + ms * 1_000_000);
                self.delayed.push_back((due, frame));
                Passage::Later(due)
            }
            _ if self.holds(&frame) => {
                self.delayed.push_back((NEVER, frame));
                Passage::Held
            }
            _ => {
                self.pass(count, &frame);
                Passage::Through(frame)
            }
        }
    }

    fn pass(&mut self, count: Count, frame: &Frame) {
        self.traffic.delivered.add(count);
        let counts = self.rule.counts().is_some_and(|(kind, _)| is_of(kind, frame));
        self.left = self.left.saturating_sub(u64::from(counts));
    }

    /// The next frame that was held back until now.
    pub(super) fn due(&mut self, now: Nanos) -> Option<Frame> {
        let (_, frame) = self.delayed.pop_front_if(|(due, _)| *due <= now)?;
        self.pass(count(&frame), &frame);
        Some(frame)
    }

    /// Another rule, from now on: what went through under the one that ends, and what it held back and the new one lets go.
    pub(super) fn set(&mut self, now: Nanos, rule: LinkRule) -> (RuleEnded, Vec<Frame>) {
        let ended = RuleEnded {
            link: self.link,
            was: self.rule,
            for_us: now.since(self.since).as_micros() as u64,
            left: self.rule.counts().map(|_| self.left),
            kept: !self.delayed.is_empty() && !matches!(self.rule, LinkRule::DelayMs(_)),
            traffic: self.traffic.since(&self.before),
        };
        self.since = now;
        self.before = self.traffic;
        self.rule = rule;
        self.left = rule.counts().map_or(0, |(_, frames)| frames);
        let waiting = std::mem::take(&mut self.delayed);
        match rule {
            LinkRule::DelayMs(_) if matches!(ended.was, LinkRule::DelayMs(_)) => {
                self.delayed = waiting;
                (ended, Vec::new())
            }
            _ if self.is_cut() => {
                for (_, frame) in &waiting {
                    self.traffic.dropped.add(count(frame));
                }
                (ended, Vec::new())
            }
            _ => (ended, self.let_go(waiting)),
        }
    }

    fn let_go(&mut self, waiting: VecDeque<(Nanos, Frame)>) -> Vec<Frame> {
        let mut gone = Vec::with_capacity(waiting.len());
        for (_, frame) in waiting {
            if self.is_cut() {
                self.traffic.dropped.add(count(&frame));
            } else if self.holds(&frame) {
                self.delayed.push_back((NEVER, frame));
            } else {
                self.pass(count(&frame), &frame);
                gone.push(frame);
            }
        }
        gone
    }

    /// The receiver has gone, and with it what was under way to it.
    pub(super) fn disconnect(&mut self) {
        self.connected = NEVER;
        for (_, frame) in std::mem::take(&mut self.delayed) {
            self.traffic.dropped.add(count(&frame));
        }
    }

    /// Keep a copy of the first frames of this kind from now on.
    pub(super) fn record(&mut self, kind: FrameKind, first: u64) {
        self.recording = Some(Recording {
            kind,
            left: first,
            frames: Vec::new(),
        });
    }

    /// What was recorded; no more is.
    pub(super) fn take_recorded(&mut self) -> Vec<Frame> {
        self.recording
            .take()
            .map_or(Vec::new(), |recording| recording.frames)
    }
}
