//! How processes tell each other that they are ready: pipes, and datagrams with credentials (unix(7)). What arrives sends
//! SIGIO, so that one wait for signals is a wait for everything.

use linux_raw_sys::general as linux;
use linux_raw_sys::net::{MSG_CMSG_CLOEXEC, MSG_NOSIGNAL, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET};
use rustix::fd::IntoRawFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::pipe::PipeFlags;

use super::arch::syscall;
use super::file::{self, Fd};
use super::process::own_id;
use super::words::Word;
use super::{Errno, Result, answer};

/// A pipe, its ends closed by an exec: where to read without waiting, and where to write.
#[inline(always)] // what is copied out of it is more than what it does
pub fn pipe() -> Result<[Fd; 2]> {
    let (from, to) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    Ok([Fd(from.into_raw_fd()), Fd(to.into_raw_fd())])
}

/// Has SIGIO sent to this process when there is something to read (fcntl(2), F_SETOWN and O_ASYNC), and reading not wait.
pub fn watch(fd: Fd) -> Result<()> {
    // SAFETY: integers only.
    let owner = unsafe { syscall(linux::__NR_fcntl, fd.0 as usize, linux::F_SETOWN as usize, own_id() as usize, 0, 0) };
    answer(owner)?;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::from_bits_retain(linux::FASYNC);
    Ok(rustix::fs::fcntl_setfl(fd.borrow(), flags)?)
}

/// The longest name that the kernel gives an unnamed socket: five hexadecimal digits.
pub const NAME: usize = 5;

/// The family and the first byte of the name, which is NUL for a name that is no path.
const START: usize = 3;

/// A datagram socket with a name of the kernel's choice and with its senders' credentials; and that name.
pub fn listen() -> Result<(Fd, [u8; NAME])> {
    let socket = socket()?;
    rustix::net::sockopt::set_socket_passcred(socket.borrow(), true)?;
    let mut address = [0u8; 128];
    let mut length = address.len() as u32;
    let (place, length_place) = (address.as_mut_ptr() as usize, (&raw mut length) as usize);
    address[0] = linux_raw_sys::net::AF_UNIX as u8;
    // SAFETY: the kernel reads the family alone: two bytes, which stand for "any name".
    answer(unsafe { syscall(linux::__NR_bind, socket.0 as usize, place, 2, 0, 0) })?;
    // SAFETY: the kernel writes at most as many bytes as `length` says there are.
    answer(unsafe { syscall(linux::__NR_getsockname, socket.0 as usize, place, length_place, 0, 0) })?;
    let name = address.get(START..START + NAME).and_then(|name| name.try_into().ok());
    Ok((socket, name.ok_or(Errno::NAMETOOLONG)?))
}

fn socket() -> Result<Fd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(Fd(rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?.into_raw_fd()))
}

/// struct iovec.
#[repr(C)]
struct Piece(usize, usize);

/// struct msghdr.
#[repr(C)]
struct Header {
    name: usize,
    name_length: u32,
    pieces: usize,
    piece_count: usize,
    control: usize,
    control_length: usize,
    flags: u32,
}

/// struct cmsghdr, and what is behind it: credentials or descriptors.
#[repr(C)]
#[derive(Clone, Copy)]
struct Control {
    length: usize,
    level: u32,
    kind: u32,
}

/// Where in `Room` what is behind a header begins, in numbers of 32 bits.
const DATA: usize = size_of::<Control>() / 4;

/// Room for the credentials and a few descriptors; the kernel drops what does not fit.
#[repr(align(8))] // as a header's length wants it
struct Room([u32; 24]);

/// A datagram.
pub struct Received {
    /// How many bytes it has; they are the beginning of the buffer.
    pub length: usize,
    /// Who sent it; 0 for a process that cannot be seen from here.
    pub sender: i32,
    /// As which user.
    pub user: u32,
}

/// Takes a datagram (recvmsg(2)); EAGAIN if there is none. Descriptors that came with it are closed: that is the answer to a
/// barrier (sd_notify_barrier(3)).
#[inline(always)] // what is copied out of it is more than what it does
pub fn receive(socket: Fd, buffer: &mut [u8]) -> Result<Received> {
    let mut room = Room([0; 24]);
    let piece = Piece(buffer.as_mut_ptr() as usize, buffer.len());
    let mut header = Header {
        name: 0,
        name_length: 0,
        pieces: (&raw const piece) as usize,
        piece_count: 1,
        control: room.0.as_mut_ptr() as usize,
        control_length: size_of::<Room>(),
        flags: 0,
    };
    let place = (&raw mut header) as usize;
    // SAFETY: the header names one buffer and room for control messages, both writable and as long as it says.
    let length =
        answer(unsafe { syscall(linux::__NR_recvmsg, socket.0 as usize, place, MSG_CMSG_CLOEXEC as usize, 0, 0) })?;
    let (mut sender, mut user, mut at) = (0, u32::MAX, 0);
    let word = size_of::<usize>() / 4;
    // Length, level and kind of each, then what it holds; the next begins at a whole word.
    while let Some(control) = room.0.get(at..header.control_length / 4).filter(|control| control.len() >= DATA) {
        let length = control.first().map_or(0, |length| *length as usize);
        let kind = control.get(word..DATA).unwrap_or(&[]);
        let data = control.get(DATA..length / 4).unwrap_or(&[]);
        if kind == [SOL_SOCKET, SCM_RIGHTS] {
            data.iter().for_each(|number| file::close(Fd(*number as i32)));
        } else if kind == [SOL_SOCKET, SCM_CREDENTIALS] {
            sender = data.first().map_or(0, |pid| *pid as i32);
            user = data.get(1).copied().unwrap_or(u32::MAX);
        }
        if length < size_of::<Control>() {
            break;
        }
        at += length.next_multiple_of(size_of::<usize>()) / 4;
    }
    Ok(Received { length: length as usize, sender, user })
}

/// Sends a datagram, with a descriptor if there is one (sendmsg(2)), to an address as NOTIFY_SOCKET has it: a path, or a name
/// with `@` in front; ENAMETOOLONG for one that no socket can have.
pub fn send(address: Word<'_>, text: Word<'_>, fd: Option<Fd>) -> Result<()> {
    let mut name = [0u8; 110];
    let name_length = 2 + address.bytes().len();
    if name_length > name.len() {
        return Err(Errno::NAMETOOLONG);
    }
    let socket = socket()?;
    let family = (linux_raw_sys::net::AF_UNIX as u16).to_ne_bytes();
    let bytes = family.iter().chain(address.bytes());
    name.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    if name[2] == b'@' {
        name[2] = 0;
    }
    let piece = Piece(text.bytes().as_ptr() as usize, text.bytes().len());
    /// A control message with one descriptor.
    #[repr(C)]
    struct Rights(Control, i32);
    let length = size_of::<Control>() + 4;
    let rights = Rights(Control { length, level: SOL_SOCKET, kind: SCM_RIGHTS }, fd.map_or(-1, |fd| fd.0));
    let header = Header {
        name: name.as_ptr() as usize,
        name_length: name_length as u32,
        pieces: (&raw const piece) as usize,
        piece_count: 1,
        control: (&raw const rights) as usize,
        control_length: if fd.is_some() { size_of::<Rights>() } else { 0 },
        flags: 0,
    };
    let place = (&raw const header) as usize;
    // SAFETY: everything that the header names is there, as long as it says, and is only read.
    let sent = unsafe { syscall(linux::__NR_sendmsg, socket.0 as usize, place, MSG_NOSIGNAL as usize, 0, 0) };
    file::close(socket);
    answer(sent)?;
    Ok(())
}
