//! Carries one connection of the peer protocol: whole frames, one way, by the rule of its gate.
//!
//! One task per connection, written as one `poll` so that the rule, the frames and the sockets are looked at together:
//! a wake-up reads all that has come, and hands on in one write all that may go.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::gate::{ConnectionId, Gate, Shared};
use super::inbox::Inbox;
use crate::effect::{FrameKind, LinkRule};
use crate::evidence::Count;

/// How much may wait behind a slow receiver before the sender feels it.
const QUEUE: usize = 256 << 10;

/// The same while frames are delayed.
const DELAYED_QUEUE: usize = 8 << 20;

/// Carry frames from `down`, whom the sender has dialled, to `up` until one of them ends. The first frame, the Hello,
/// passes whatever the rule is, and is not counted.
pub(super) async fn run(gate: Arc<Gate>, mut down: TcpStream, mut up: TcpStream) -> io::Result<()> {
    let mut inbox = Inbox::new();
    greet(&mut inbox, &mut down, &mut up).await?;
    let (id, cuts) = gate.enter();
    let pump = FramePump {
        gate,
        id,
        cuts,
        down,
        down_open: true,
        up,
        blocked: false,
        inbox,
        put: 0,
        alarm: None,
    };
    pump.await
}

async fn greet(inbox: &mut Inbox, down: &mut TcpStream, up: &mut TcpStream) -> io::Result<()> {
    let (bytes, is_hello) = loop {
        if let Some(first) = inbox.first_frame() {
            break first;
        }
        let read = down.read(inbox.room()).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        fill(inbox, read)?;
    };
    if is_hello {
        up.write_all(inbox.first(bytes)).await?;
        inbox.pass_uncounted();
    }
    Ok(())
}

fn fill(inbox: &mut Inbox, read: usize) -> io::Result<()> {
    inbox
        .filled(read)
        .map_err(|absurd| io::Error::new(io::ErrorKind::InvalidData, absurd))
}

struct FramePump {
    gate: Arc<Gate>,
    id: ConnectionId,
    /// The cuts that this connection knows of.
    cuts: u64,
    down: TcpStream,
    /// Whether the sender may send more.
    down_open: bool,
    up: TcpStream,
    /// Whether the receiver does not take what it is sent.
    blocked: bool,
    inbox: Inbox,
    /// How much of the frame that is being put in by hand has gone.
    put: usize,
    /// When the first delayed frame is due.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// What a queue may do under the rule of the moment.
enum Passage {
    /// The first so many bytes may go.
    Go(usize),
    /// Nothing may, and what waits is dropped.
    Drop,
    /// Nothing may before this moment.
    NotBefore(Instant),
    /// Nothing may before the rule changes.
    Wait,
}

fn passage(shared: &Shared, inbox: &Inbox, now: Instant) -> Passage {
    match shared.rule {
        _ if shared.is_cut() => Passage::Drop,
        _ if shared.holds() => Passage::Wait,
        LinkRule::DelayMs(ms) => delayed(inbox, Duration::from_millis(ms), now),
        LinkRule::PassThenCut(_) => Passage::Go(inbox.through(FrameKind::AppendEntries, shared.left)),
        LinkRule::HoldFrom(kind) => match inbox.before(kind) {
            0 => Passage::Wait,
            bytes => Passage::Go(bytes),
        },
        LinkRule::PassThenHold(kind, _) => Passage::Go(inbox.through(kind, shared.left)),
        // No rule for single messages is set on a link of frames.
        LinkRule::Pass
        | LinkRule::Cut
        | LinkRule::LosePercent(_)
        | LinkRule::RepeatPercent(_)
        | LinkRule::ReorderMs(_) => Passage::Go(inbox.waiting()),
    }
}

fn delayed(inbox: &Inbox, delay: Duration, now: Instant) -> Passage {
    let due = now
        .checked_sub(delay)
        .map_or(0, |moment| inbox.arrived_by(moment));
    match inbox.first_arrived() {
        Some(arrived) if due == 0 => Passage::NotBefore(arrived + delay),
        _ => Passage::Go(due),
    }
}

impl FramePump {
    /// Hand on and drop what the rule says. Under one lock, so that the rule holds until the last byte is written.
    /// Returns how much may wait.
    fn hand_on(&mut self, context: &mut Context<'_>) -> io::Result<usize> {
        let gate = Arc::clone(&self.gate);
        let mut shared = gate.lock();
        shared.wake_on_change(self.id, context);
        shared.traffic.offered.add(self.inbox.take_offered());
        let recording = shared.is_recording();
        self.inbox.look_at_new(|kind, frame| {
            if recording {
                shared.record(kind, frame);
            }
        });
        self.mind_cuts(&mut shared)?;
        self.alarm = None;
        self.blocked = false;
        self.put_in(context, &mut shared)?;
        while self.inbox.waiting() > 0 && !self.blocked {
            match passage(&shared, &self.inbox, Instant::now()) {
                Passage::Drop => shared.traffic.dropped.add(self.inbox.drop_waiting()),
                Passage::Go(bytes) => self.write(context, &mut shared, bytes)?,
                Passage::Wait => {
                    shared.keep(true);
                    break;
                }
                Passage::NotBefore(moment) => {
                    self.alarm = Some(Box::pin(sleep_until(moment)));
                    break;
                }
            }
        }
        Ok(match shared.rule {
            LinkRule::DelayMs(_) | LinkRule::PassThenHold(..) | LinkRule::HoldFrom(_) => DELAYED_QUEUE,
            _ => QUEUE,
        })
    }

    /// Frames that are put in by hand go whole, between two others, and whatever the rule is.
    fn put_in(&mut self, context: &mut Context<'_>, shared: &mut Shared) -> io::Result<()> {
        while !self.inbox.is_mid_frame()
            && !self.blocked
            && let Some(frame) = shared.put_in.front()
        {
            match Pin::new(&mut self.up).poll_write(context, &frame[self.put..])? {
                Poll::Pending => self.blocked = true,
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => self.put += written,
            }
            if self.put == frame.len() {
                shared.was_put_in.add(Count::frame(self.put as u64));
                shared.put_in.pop_front();
                self.put = 0;
            }
        }
        Ok(())
    }

    fn write(&mut self, context: &mut Context<'_>, shared: &mut Shared, bytes: usize) -> io::Result<()> {
        match Pin::new(&mut self.up).poll_write(context, self.inbox.first(bytes))? {
            Poll::Pending => self.blocked = true,
            Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(written) => {
                let counted = shared.rule.counts().map(|(kind, _)| kind);
                let left = self.inbox.advance(written, counted);
                shared.traffic.delivered.add(left.count);
                shared.left = shared.left.saturating_sub(left.of_kind);
            }
        }
        Ok(())
    }

    /// What waited when a cut came is lost, even if the link passes again by now. If the receiver holds a frame in
    /// part, or has not taken what it was sent, its connection is of no more use: reset, so that the operating
    /// system drops what it still holds for it.
    fn mind_cuts(&mut self, shared: &mut Shared) -> io::Result<()> {
        if !shared.is_cut() && shared.cuts == self.cuts {
            return Ok(());
        }
        let news = shared.cuts != self.cuts;
        self.cuts = shared.cuts;
        let blocked = self.inbox.is_mid_frame() || self.put > 0 || self.blocked;
        if news || blocked {
            shared.traffic.dropped.add(self.inbox.drop_waiting());
        }
        if blocked {
            self.up.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }

    /// The receiver sends nothing on this connection: anything but silence is its end.
    fn poll_upstream_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 64];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.up).poll_read(context, &mut buffer))?;
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    fn poll_sender(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut buffer = ReadBuf::new(self.inbox.room());
        ready!(Pin::new(&mut self.down).poll_read(context, &mut buffer))?;
        let read = buffer.filled().len();
        self.down_open = read > 0;
        Poll::Ready(fill(&mut self.inbox, read))
    }

    /// Whether a delayed frame has become due.
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> bool {
        let alarm = self.alarm.as_mut();
        alarm.is_some_and(|alarm| alarm.as_mut().poll(context).is_ready())
    }
}

impl Future for FramePump {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Poll::Ready(end) = this.poll_upstream_end(context) {
            return Poll::Ready(end);
        }
        loop {
            let limit = this.hand_on(context)?;
            let waiting = this.inbox.waiting();
            if !this.down_open && waiting == 0 {
                return Poll::Ready(Ok(()));
            }
            // What a sender sent before it died still arrives, as it would on a network.
            if this.down_open && waiting < limit && this.poll_sender(context)?.is_ready() {
                continue;
            }
            if !this.poll_alarm(context) {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for FramePump {
    fn drop(&mut self) {
        let mut shared = self.gate.lock();
        shared.traffic.offered.add(self.inbox.take_offered());
        shared.traffic.dropped.add(self.inbox.drop_waiting());
        drop(shared);
        self.gate.leave(self.id);
    }
}
