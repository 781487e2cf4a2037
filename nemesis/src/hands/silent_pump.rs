//! Carries one connection between two nodes whose protocol is not known, byte by byte, both ways. A cut is silent: neither
//! end hears of the other what a network would not tell it.
//!
//! ```text
//!   dialler ── down ──▶ there ──▶ up ── dialled          each half by the rule of its gate
//!           ◀───────── back ◀─────────
//! ```
//!
//! What is cut swallows: it reads on, so that the sender notices nothing, and hands nothing on, neither bytes nor an end. A
//! stream with a hole in it is of no more use, so a half that has swallowed never hands on again, and as soon as the two
//! can hear each other the connection is reset on both sides. What the kernel had taken before the cut for a receiver that
//! does not read cannot be swallowed any more: such a connection is reset at once, as soon as the pump has woken.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::arrivals::Arrivals;
use super::gate::{ConnectionId, Gate, Shared};
use super::network::FrameForm;
use super::sight::{Sight, Strange};
use super::stream_pump::{bytes, reset};
use super::system_calls;
use crate::effect::LinkRule;

/// How much is read at once.
const READ: usize = 64 << 10;

/// How much may wait under a delay before the sender feels it.
const DELAYED: usize = 8 << 20;

/// The gates of a connection: of what the dialler says, and of what it is answered.
#[derive(Clone)]
pub(super) struct Pass {
    pub(super) there: Arc<Gate>,
    pub(super) back: Arc<Gate>,
    /// How both say it in frames, where that is known.
    pub(super) form: Option<Arc<FrameForm>>,
}

impl Pass {
    /// Whether no new connection can come about: that takes both ways.
    pub(super) fn is_cut(&self) -> bool {
        self.there.lock().is_cut() || self.back.lock().is_cut()
    }
}

/// Carry bytes between the two until both have said all, or one is gone. Without `up` nobody is reached: all that comes is
/// swallowed, until the link passes.
pub(super) async fn run(pass: Pass, down: TcpStream, up: Option<TcpStream>) {
    let nobody = up.is_none();
    let pump = SilentPump {
        there: Half::new(pass.there, pass.form.clone(), nobody),
        back: Half::new(pass.back, pass.form, nobody),
        down: Some(down),
        up,
    };
    pump.await;
}

struct SilentPump {
    /// Nothing once it is known to be gone.
    down: Option<TcpStream>,
    up: Option<TcpStream>,
    there: Half,
    back: Half,
}

/// One of the two directions.
struct Half {
    gate: Arc<Gate>,
    id: ConnectionId,
    /// The cuts that it knows of.
    cuts: u64,
    /// Whether its gate was cut when it was last looked at.
    cut: bool,
    buffer: Vec<u8>,
    /// `[start..end]` was read and not yet written; `[start..whole]` may be, and `[whole..end]` is the beginning of a frame.
    start: usize,
    whole: usize,
    end: usize,
    /// What is seen of the frames, where their form is known.
    sight: Option<Sight>,
    /// The delay of its gate when it was last looked at, and when what waits came.
    delay: Option<Duration>,
    arrivals: Arrivals,
    /// The sender has said all.
    ended: bool,
    /// The receiver has heard so.
    told: bool,
    /// Something of it was swallowed: nothing is handed on any more.
    lost: bool,
}

/// What ends a direction before its time.
enum Gone {
    /// The sender is gone.
    From,
    /// The receiver is.
    To,
}

impl Half {
    fn new(gate: Arc<Gate>, form: Option<Arc<FrameForm>>, lost: bool) -> Self {
        let (id, cuts) = gate.enter();
        Half {
            gate,
            id,
            cuts,
            cut: false,
            buffer: vec![0; READ],
            start: 0,
            whole: 0,
            end: 0,
            sight: form.map(Sight::new),
            delay: None,
            arrivals: Arrivals::default(),
            ended: false,
            told: false,
            lost,
        }
    }

    /// Look at the gate. What waited when a cut came is lost, even if the link passes again by now. Tells whether a cut
    /// has come.
    fn look(&mut self, context: &Context<'_>) -> bool {
        let gate = Arc::clone(&self.gate);
        let mut shared = gate.lock();
        shared.wake_on_change(self.id, context);
        self.cut = shared.is_cut();
        self.delay = match shared.rule {
            LinkRule::DelayMs(ms) => Some(Duration::from_millis(ms)),
            _ => None,
        };
        let news = shared.cuts != self.cuts;
        self.cuts = shared.cuts;
        if news && self.start < self.end {
            shared.traffic.dropped.add(bytes(self.end - self.start));
            self.lose();
        }
        news
    }

    /// What waits is swallowed, and all that comes after it will be.
    fn lose(&mut self) {
        (self.start, self.whole) = (self.end, self.end);
        self.lost = true;
        self.sight = None;
        self.arrivals.forget();
    }

    /// Read, and write or swallow, until one of the two has to wait; ready when all is said and handed on.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        from: &mut Option<TcpStream>,
        to: &mut Option<TcpStream>,
    ) -> Poll<Result<(), Gone>> {
        loop {
            let waits = match self.poll_write(context, to) {
                Poll::Ready(done) => {
                    done?;
                    false
                }
                Poll::Pending => true,
            };
            match (waits, self.ended) {
                (false, true) => return self.poll_end(context, to),
                (true, true) => return Poll::Pending,
                // What is delayed waits here, and not in the sender.
                (true, false) if self.delay.is_none() || self.end - self.start >= DELAYED => {
                    return Poll::Pending;
                }
                (_, false) => ready!(self.poll_read(context, from))?,
            }
        }
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        from: &mut Option<TcpStream>,
    ) -> Poll<Result<(), Gone>> {
        let Some(from) = from else {
            return Poll::Pending;
        };
        self.make_room();
        let mut room = ReadBuf::new(&mut self.buffer[self.end..]);
        if ready!(Pin::new(from).poll_read(context, &mut room)).is_err() {
            return Poll::Ready(Err(Gone::From));
        }
        let read = room.filled().len();
        self.end += read;
        self.ended = read == 0;
        if self.delay.is_some() {
            self.arrivals.came(Instant::now(), read);
        }
        let mut count = bytes(read);
        count.frames = self.see();
        self.gate.lock().traffic.offered.add(count);
        Poll::Ready(Ok(()))
    }

    /// What waits moves to the front if that frees half of the buffer; otherwise, so that nothing is moved again and again,
    /// the buffer doubles.
    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.whole, self.end) = (0, 0, 0);
        }
        if self.buffer.len() - self.end >= READ / 4 {
            return;
        }
        if self.start >= self.buffer.len() / 2 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.whole -= self.start;
            self.end -= self.start;
            self.start = 0;
        } else {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }

    /// What may go of what has come: whole frames, or all of it where none are known, or no more will come. Tells how many
    /// frames have become whole.
    fn see(&mut self) -> u64 {
        let seen = match &mut self.sight {
            Some(sight) if !self.ended => sight.look(&self.buffer[self.whole..self.end]),
            _ => Err(Strange),
        };
        match seen {
            Ok(count) => {
                self.whole += count.bytes as usize;
                count.frames
            }
            Err(Strange) => {
                self.sight = None;
                self.whole = self.end;
                0
            }
        }
    }

    /// How much may go under the rule: where it counts frames, none behind the last of them; where it delays, what came so long
    /// ago.
    fn may_go(&self, shared: &Shared) -> usize {
        match (&self.sight, shared.rule) {
            _ if shared.holds() => 0,
            (_, LinkRule::DelayMs(ms)) => {
                let waiting = self.end - self.start;
                let due = self
                    .arrivals
                    .due(waiting, Instant::now(), Duration::from_millis(ms));
                due.min(self.whole - self.start)
            }
            (Some(sight), LinkRule::HoldFrom(kind)) => sight.before(kind),
            (Some(sight), rule) if let Some((kind, _)) = rule.counts() => sight.through(kind, shared.left),
            _ => self.whole - self.start,
        }
    }

    /// Under the gate's lock, so that the rule holds until the last byte is written.
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        to: &mut Option<TcpStream>,
    ) -> Poll<Result<(), Gone>> {
        let gate = Arc::clone(&self.gate);
        while self.start < self.whole {
            let mut shared = gate.lock();
            let receiver = match to {
                Some(to) if !self.lost && !shared.is_cut() => to,
                _ => {
                    shared.traffic.dropped.add(bytes(self.end - self.start));
                    self.lose();
                    break;
                }
            };
            // Whoever sets the next rule wakes this task.
            let may_go = self.may_go(&shared);
            shared.keep(may_go < self.whole - self.start);
            if may_go == 0 {
                if let LinkRule::DelayMs(ms) = shared.rule {
                    self.arrivals.wake_when_due(Duration::from_millis(ms), context);
                }
                return Poll::Pending;
            }
            let waiting = &self.buffer[self.start..self.start + may_go];
            match ready!(Pin::new(receiver).poll_write(context, waiting)) {
                Ok(written @ 1..) => self.has_gone(written, &mut shared),
                Ok(0) | Err(_) => return Poll::Ready(Err(Gone::To)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn has_gone(&mut self, written: usize, shared: &mut Shared) {
        self.arrivals.went(self.end - self.start, written);
        self.start += written;
        let mut count = bytes(written);
        if let Some(sight) = &mut self.sight {
            let kind = shared.rule.counts().map(|(kind, _)| kind);
            let (frames, counted) = sight.advance(written, kind);
            count.frames = frames;
            shared.left = shared.left.saturating_sub(counted);
        }
        shared.traffic.delivered.add(count);
    }

    /// An end is handed on like a byte, and swallowed like one.
    fn poll_end(&mut self, context: &mut Context<'_>, to: &mut Option<TcpStream>) -> Poll<Result<(), Gone>> {
        if self.told {
            return Poll::Ready(Ok(()));
        }
        let shared = self.gate.lock();
        let Some(to) = to.as_mut().filter(|_| !self.lost && !shared.is_cut()) else {
            self.lost = true;
            return Poll::Pending;
        };
        ready!(Pin::new(to).poll_shutdown(context)).map_err(|_| Gone::To)?;
        self.told = true;
        Poll::Ready(Ok(()))
    }
}

impl SilentPump {
    /// Look at both gates. Nothing if the connection is at its end.
    fn look(&mut self, context: &Context<'_>) -> Option<()> {
        // What the kernel still holds for a receiver that takes no more would go through the cut: there the connection
        // cannot wait for the heal.
        let held = |to: &Option<TcpStream>| {
            to.as_ref()
                .is_some_and(|to| !matches!(system_calls::unsent(to), Ok(0)))
        };
        let holds = self.there.look(context) && held(&self.up);
        let holds_back = self.back.look(context) && held(&self.down);
        let lost = self.there.lost || self.back.lost;
        let hear = !self.there.cut && !self.back.cut;
        (!(holds || holds_back || lost && hear)).then_some(())
    }

    /// One of the two is gone. Nothing if the other can hear of it; otherwise it goes on as if nobody answered.
    fn bereave(&mut self, dialler: bool) -> Option<()> {
        let (gone, news) = match dialler {
            true => (&mut self.down, &self.there),
            false => (&mut self.up, &self.back),
        };
        let hears = !news.lost && !news.gate.lock().is_cut();
        *gone = None;
        self.there.lost = true;
        self.back.lost = true;
        (!hears).then_some(())
    }

    /// Nothing when it is over.
    fn step(&mut self, context: &mut Context<'_>) -> Option<()> {
        loop {
            self.look(context)?;
            let there = self.there.poll(context, &mut self.down, &mut self.up);
            let back = self.back.poll(context, &mut self.up, &mut self.down);
            match (there, back) {
                (Poll::Ready(Err(Gone::From)), _) | (_, Poll::Ready(Err(Gone::To))) => self.bereave(true)?,
                (Poll::Ready(Err(Gone::To)), _) | (_, Poll::Ready(Err(Gone::From))) => self.bereave(false)?,
                (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return None,
                _ => return Some(()),
            }
        }
    }

    /// Whether both have said all, and have heard it.
    fn is_complete(&self) -> bool {
        self.there.told && self.back.told && !self.there.lost && !self.back.lost
    }
}

impl Future for SilentPump {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.step(context).is_some() {
            return Poll::Pending;
        }
        if !this.is_complete() {
            [&this.down, &this.up].into_iter().flatten().for_each(reset);
        }
        // The receiver of most first: when the dialler hears of the end, nothing is on its way any more.
        this.up = None;
        this.down = None;
        Poll::Ready(())
    }
}

impl Drop for SilentPump {
    fn drop(&mut self) {
        for half in [&self.there, &self.back] {
            half.gate.lock().traffic.dropped.add(bytes(half.end - half.start));
            half.gate.leave(half.id);
        }
    }
}
