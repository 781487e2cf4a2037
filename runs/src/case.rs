//! A rule of a system that can be broken on purpose, and the run that shows it.

use serde::Serialize;

use crate::record::Reads;

/// A rule of a system that can be switched off, so that the tester is tested.
#[derive(Clone, Copy, Debug)]
pub struct Bug {
    /// Its name on the command line.
    pub name: &'static str,
    /// The rule, with its place in the paper.
    pub rule: &'static str,
    /// Where it was seen for real.
    pub seen: &'static str,
    /// The run that catches it.
    pub case: Case,
}

/// The settings of a run that shows a bug, as far as they are not the schedule's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The schedule.
    pub schedule: &'static str,
    /// The workload, where it is not the schedule's own.
    pub workload: Option<&'static str>,
    /// How many nodes, where that is not the schedule's own.
    pub nodes: Option<usize>,
    /// Whether clients ask again where the outcome is unknown.
    pub retry: bool,
    /// Which nodes clients read from.
    pub reads: Reads,
}

impl Case {
    /// Under this schedule, everything else as it likes.
    pub const fn under(schedule: &'static str) -> Self {
        Case {
            schedule,
            workload: None,
            nodes: None,
            retry: false,
            reads: Reads::Leader,
        }
    }

    /// With this workload.
    pub const fn workload(self, workload: &'static str) -> Self {
        Case {
            workload: Some(workload),
            ..self
        }
    }

    /// With so many nodes.
    pub const fn nodes(self, nodes: usize) -> Self {
        Case {
            nodes: Some(nodes),
            ..self
        }
    }

    /// Clients ask again where the outcome is unknown.
    pub const fn retrying(self) -> Self {
        Case { retry: true, ..self }
    }

    /// Clients read from any node.
    pub const fn reading_anywhere(self) -> Self {
        Case {
            reads: Reads::Follower,
            ..self
        }
    }

    /// As `harness run` is told.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec!["--nemesis".to_owned(), self.schedule.to_owned()];
        words.extend(self.flags());
        words
    }

    /// As a person is told: the schedule, and what is not its own.
    pub fn describe(&self) -> String {
        let mut words = vec![self.schedule.to_owned()];
        words.extend(self.flags());
        words.join(" ")
    }

    fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        let mut flag = |words: &[&str]| flags.extend(words.iter().map(|word| (*word).to_owned()));
        if let Some(workload) = self.workload {
            flag(&["--workload", workload]);
        }
        if let Some(nodes) = self.nodes {
            flag(&["--nodes", &nodes.to_string()]);
        }
        if self.retry {
            flag(&["--retry"]);
        }
        if self.reads == Reads::Follower {
            flag(&["--reads", "follower"]);
        }
        flags
    }
}
