//! A system that answers what a test wants it to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use nemesis::NodeId;
use runs::world::Boxed;

use super::Asking;
use crate::builtin;
use crate::description::{self, Client, Description, Status, ValueAt};
use crate::meaning::Came;
use crate::protocols::{Protocol, Target};
use crate::seen::{NodeSees, RequestSees};

/// It gives its answers one after the other, and keeps what it was sent: bodies (paths, where there is none), or last words.
pub(crate) struct Scripted {
    pub(crate) described: Description,
    answers: Mutex<Vec<Came>>,
    sent: Mutex<Vec<String>>,
}

impl Scripted {
    /// Of a system that comes with the harness.
    pub(crate) fn new(system: &str, answers: impl Iterator<Item = Came>) -> Self {
        Scripted {
            described: builtin::named(system).described(),
            answers: Mutex::new(answers.collect()),
            sent: Mutex::default(),
        }
    }

    pub(crate) fn asking(&self) -> Asking<'_> {
        Asking {
            protocol: self,
            rules: &self.described.errors,
            nodes: &[],
            target: Target {
                node: NodeId(0),
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
                timeout: Duration::from_secs(1),
            },
        }
    }

    /// What it was sent, when all of its answers were wanted.
    pub(crate) fn sent(self) -> Vec<String> {
        let left = self.answers.into_inner().unwrap();
        assert!(left.is_empty(), "not all was asked for: {left:?}");
        self.sent.into_inner().unwrap()
    }
}

impl Protocol for Scripted {
    fn answer(&self, request: &RequestSees) -> &ValueAt {
        match &self.described.client {
            Client::Http(operations) => operations.answer(request.word(), request.part()),
            Client::Redis(operations) => operations.answer(request.word(), request.part()),
            _ => panic!("no such system here"),
        }
    }

    fn ask<'a>(&'a self, _: Target, request: &'a RequestSees) -> Boxed<'a, Came> {
        let template = match &self.described.client {
            Client::Http(operations) => {
                let operation = operations.get(request.word(), request.part()).unwrap();
                operation.body.as_ref().unwrap_or(&operation.path)
            }
            Client::Redis(operations) => {
                let operation = operations.get(request.word(), request.part()).unwrap();
                operation.command.last().unwrap()
            }
            _ => panic!("no such system here"),
        };
        self.sent.lock().unwrap().push(template.render(request).unwrap());
        let answer = self.answers.lock().unwrap().remove(0);
        Box::pin(async move { answer })
    }

    fn init<'a>(&'a self, _: Target, _: description::Request<'a>, _: &'a NodeSees) -> Boxed<'a, Came> {
        Box::pin(async { Came::not_offered() })
    }

    fn status<'a>(&'a self, _: Target, _: &'a Status, _: &'a NodeSees) -> Boxed<'a, Came> {
        Box::pin(async { Came::not_offered() })
    }
}
