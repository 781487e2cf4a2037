//! What somebody outside of the cluster waits for: a reply, a status, the outcome of an effect.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cluster_node::inbox::Reply;
use nemesis::{NodeId, NodeStatus, Outcome};

/// Numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketId(u64);

/// What it came to.
pub enum Answer {
    /// The node has replied.
    Reply(Reply),
    /// The connection was reset.
    Lost,
    /// No answer in time.
    Late,
    /// How the node stands; none if it does not answer.
    Status(Option<Arc<NodeStatus>>),
    /// What came of an effect.
    Done(Outcome),
}

struct Ticket {
    node: NodeId,
    /// Whether the node holds it: with the node's process the connection ends.
    is_at_node: bool,
    answer: Option<Answer>,
    waker: Option<Waker>,
}

/// All that are open.
#[derive(Default)]
pub(super) struct Tickets {
    /// From the oldest open one on, by number; tickets are short-lived.
    open: VecDeque<Option<Ticket>>,
    /// The number of the first of them.
    first: u64,
}

impl Tickets {
    pub(super) fn open(&mut self, node: NodeId) -> TicketId {
        let id = TicketId(self.first + self.open.len() as u64);
        let ticket = Ticket {
            node,
            is_at_node: false,
            answer: None,
            waker: None,
        };
        self.open.push_back(Some(ticket));
        id
    }

    fn place(&self, id: TicketId) -> Option<usize> {
        Some(id.0.checked_sub(self.first)? as usize)
    }

    fn get_mut(&mut self, id: TicketId) -> Option<&mut Ticket> {
        let place = self.place(id)?;
        self.open.get_mut(place)?.as_mut()
    }

    /// The node whom it is for, if it is open still.
    pub(super) fn node(&self, id: TicketId) -> Option<NodeId> {
        let ticket = self.open.get(self.place(id)?)?.as_ref()?;
        ticket.answer.is_none().then_some(ticket.node)
    }

    /// The node has taken it.
    pub(super) fn arrived(&mut self, id: TicketId) {
        if let Some(ticket) = self.get_mut(id) {
            ticket.is_at_node = true;
        }
    }

    /// The node has let it go.
    pub(super) fn left(&mut self, id: TicketId) {
        if let Some(ticket) = self.get_mut(id) {
            ticket.is_at_node = false;
        }
    }

    /// Those that a node held, and holds no more.
    pub(super) fn abandoned(&mut self, node: NodeId) -> Vec<TicketId> {
        let numbered = (self.first..).map(TicketId).zip(&mut self.open);
        let held = numbered.filter_map(|(id, ticket)| {
            let ticket = ticket.as_mut()?;
            let is_held = ticket.node == node && std::mem::take(&mut ticket.is_at_node);
            is_held.then_some(id)
        });
        held.collect()
    }

    /// Tell whoever waits, unless that was done already.
    pub(super) fn answer(&mut self, id: TicketId, answer: Answer) {
        if let Some(ticket) = self.get_mut(id)
            && ticket.answer.is_none()
        {
            ticket.answer = Some(answer);
            if let Some(waker) = ticket.waker.take() {
                waker.wake();
            }
        }
    }

    /// The answer, as soon as there is one; it is handed out once.
    pub(super) fn poll(&mut self, id: TicketId, context: &Context<'_>) -> Poll<Answer> {
        match self.get_mut(id) {
            None => Poll::Ready(Answer::Lost),
            Some(ticket) => match ticket.answer.take() {
                Some(answer) => {
                    self.drop(id);
                    Poll::Ready(answer)
                }
                None => {
                    ticket.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            },
        }
    }

    /// Nobody waits any more.
    pub(super) fn drop(&mut self, id: TicketId) {
        if let Some(place) = self.place(id)
            && let Some(ticket) = self.open.get_mut(place)
        {
            *ticket = None;
        }
        while self.open.pop_front_if(|ticket| ticket.is_none()).is_some() {
            self.first += 1;
        }
    }
}
