//! What keeps new connections from a listener without a word, as a network does that loses packets: while it is down, the
//! kernel drops every SYN before anybody answers it.

use std::io;
use std::net::TcpListener;

use socket2::Socket;

/// The shutter of one listener.
pub(super) struct Shutter {
    /// Another handle of the listener: the filter belongs to the socket, not to the handle.
    listener: Socket,
    down: bool,
    /// The drops that were told of.
    told: u32,
}

impl Shutter {
    /// A shutter for this listener, raised: new connections come through.
    pub(super) fn of(listener: &TcpListener) -> io::Result<Self> {
        Ok(Shutter {
            listener: listener.try_clone()?.into(),
            down: false,
            told: 0,
        })
    }

    /// Let it down, or raise it. Who tried while it was down tries again by TCP's own clock.
    pub(super) fn set(&mut self, down: bool) -> io::Result<()> {
        if self.down != down {
            match down {
                true => shut(&self.listener)?,
                false => open(&self.listener)?,
            }
            self.down = down;
        }
        Ok(())
    }

    /// How many packets were dropped since it was last asked: tries to connect, and their repetitions.
    pub(super) fn tries(&mut self) -> u64 {
        let drops = super::system_calls::drops(&self.listener).unwrap_or(self.told);
        let news = drops.wrapping_sub(self.told);
        self.told = drops;
        news.into()
    }
}

#[cfg(target_os = "linux")]
fn shut(listener: &Socket) -> io::Result<()> {
    let nothing = socket2::SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0);
    listener.attach_filter(&[nothing])
}

#[cfg(target_os = "linux")]
fn open(listener: &Socket) -> io::Result<()> {
    listener.detach_filter()
}

/// Elsewhere a new connection completes, and what it says is swallowed.
#[cfg(not(target_os = "linux"))]
fn shut(_listener: &Socket) -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn open(_listener: &Socket) -> io::Result<()> {
    Ok(())
}
