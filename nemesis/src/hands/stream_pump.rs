//! Carries one connection of a client byte by byte, both ways. Nothing can be dropped out of the middle of a stream, so
//! what drops a request or a reply resets it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::gate::Gate;
use crate::effect::ClientRule;
use crate::evidence::Count;

/// How much is read at once.
const READ: usize = 16 << 10;

/// Carry bytes between the two until both have said all, one fails, or something is dropped.
pub(super) async fn run(gate: Arc<Gate>, down: TcpStream, up: TcpStream) -> io::Result<()> {
    let pump = StreamPump {
        gate,
        down,
        up,
        there: Half::new(ClientRule::CutRequests),
        back: Half::new(ClientRule::CutReplies),
    };
    pump.await
}

/// Have the other side see a reset, and have the operating system drop what it still holds for it.
pub(super) fn reset(stream: &TcpStream) {
    // A socket that cannot be set up to be reset is broken already.
    let _ = stream.set_zero_linger();
}

struct StreamPump {
    gate: Arc<Gate>,
    down: TcpStream,
    up: TcpStream,
    there: Half,
    back: Half,
}

/// One of the two directions.
struct Half {
    /// The rule under which what it carries is dropped.
    cut_by: ClientRule,
    buffer: Box<[u8]>,
    /// `[start..end]` was read and not yet written.
    start: usize,
    end: usize,
    /// The sender has said all.
    ended: bool,
}

impl Half {
    fn new(cut_by: ClientRule) -> Self {
        Half {
            cut_by,
            buffer: vec![0; READ].into_boxed_slice(),
            start: 0,
            end: 0,
            ended: false,
        }
    }

    /// Read and write until one of the two has to wait; ready when all is said and written.
    fn poll(
        &mut self,
        gate: &Gate,
        context: &mut Context<'_>,
        from: &mut TcpStream,
        to: &mut TcpStream,
    ) -> Poll<io::Result<()>> {
        while !self.ended {
            ready!(self.poll_write(gate, context, to))?;
            let mut room = ReadBuf::new(&mut self.buffer);
            ready!(Pin::new(&mut *from).poll_read(context, &mut room))?;
            (self.start, self.end) = (0, room.filled().len());
            self.ended = self.end == 0;
            gate.lock().traffic.offered.add(bytes(self.end));
        }
        Pin::new(to).poll_shutdown(context)
    }

    fn poll_write(
        &mut self,
        gate: &Gate,
        context: &mut Context<'_>,
        to: &mut TcpStream,
    ) -> Poll<io::Result<()>> {
        while self.start < self.end {
            let mut shared = gate.lock();
            if shared.client_rule == self.cut_by {
                shared.drop_of_client((self.end - self.start) as u64);
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            let written = ready!(Pin::new(&mut *to).poll_write(context, &self.buffer[self.start..self.end]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.start += written;
            shared.traffic.delivered.add(bytes(written));
        }
        Poll::Ready(Ok(()))
    }
}

/// Bytes of a stream.
pub(super) fn bytes(count: usize) -> Count {
    Count {
        frames: 0,
        bytes: count as u64,
    }
}

impl Future for StreamPump {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let there = this.there.poll(&this.gate, context, &mut this.down, &mut this.up);
        let back = this.back.poll(&this.gate, context, &mut this.up, &mut this.down);
        match (there, back) {
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => {
                // Whoever waits for what was dropped is not to take it for an end.
                if error.kind() == io::ErrorKind::ConnectionAborted {
                    reset(&this.down);
                }
                Poll::Ready(Err(error))
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }
}

impl Drop for StreamPump {
    fn drop(&mut self) {
        let left = [&self.there, &self.back].map(|half| half.end - half.start);
        self.gate.lock().traffic.dropped.add(bytes(left.iter().sum()));
    }
}
