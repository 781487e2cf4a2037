//! System calls that no crate of ours offers without `unsafe`: two questions about a socket, each asked with memory that this
//! module owns and of the size that it says; and the way into namespaces.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsFd;

/// How many packets the kernel has dropped of this socket.
#[cfg(target_os = "linux")]
pub(super) fn drops(socket: &impl AsFd) -> io::Result<u32> {
    use std::os::fd::AsRawFd;
    // SK_MEMINFO_DROPS of linux/sock_diag.h is the last of nine.
    let mut info = [0_u32; 9];
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which is the size of `info`; both outlive the call.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    match answer {
        0 => Ok(info[8]),
        _ => Err(io::Error::last_os_error()),
    }
}

/// How many bytes wait in the kernel because the receiver takes no more.
#[cfg(target_os = "linux")]
pub(super) fn unsent(socket: &impl AsFd) -> io::Result<usize> {
    use std::os::fd::AsRawFd;
    // Of linux/sockios.h; libc does not have it.
    const SIOCOUTQNSD: libc::Ioctl = 0x894B;
    let mut bytes: libc::c_int = 0;
    // SAFETY: the kernel writes one int, and `bytes` outlives the call.
    let answer = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), SIOCOUTQNSD, &raw mut bytes) };
    match answer {
        0 => Ok(bytes.unsigned_abs() as usize),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Not told elsewhere.
#[cfg(not(target_os = "linux"))]
pub(super) fn drops(_socket: &impl AsFd) -> io::Result<u32> {
    Ok(0)
}

/// Not told elsewhere.
#[cfg(not(target_os = "linux"))]
pub(super) fn unsent(_socket: &impl AsFd) -> io::Result<usize> {
    Ok(0)
}

/// Put this thread alone into a network namespace of its own.
#[cfg(target_os = "linux")]
pub(super) fn leave_network() -> io::Result<()> {
    // SAFETY: unsafe only for the flag that gives the thread a table of files of its own, which is not set.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }?;
    Ok(())
}

/// Put this process, which must have one thread, into a user namespace of its own.
#[cfg(target_os = "linux")]
pub(super) fn enter_user_namespace() -> io::Result<()> {
    // SAFETY: as above.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWUSER) }?;
    Ok(())
}
