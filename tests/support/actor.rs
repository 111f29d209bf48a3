//! Programs played by the test binary itself, for what a shell cannot do: locks of every kind, messages of sd_notify(3)
//! with descriptors, a thread that outlives its leader. `act(&["mark:there", "pause"])` are the words that start one.
//! Also: a call of dmz that is watched while it runs, and a test's second run in a PID namespace of its own.
#![allow(dead_code)] // no test file uses all of it

use super::support::*;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::ptr::{null, null_mut};

/// The words that start a program which takes these steps, one after the other, and then exits with 0.
pub fn act(steps: &[&str]) -> Vec<OsString> {
    let binary = std::env::current_exe().unwrap().into_os_string();
    [binary, "--act".into()].into_iter().chain(steps.iter().map(OsString::from)).collect()
}

/// `options`, `--`, and the words of `program`.
pub fn words(options: &[&str], program: &[OsString]) -> Vec<OsString> {
    options.iter().map(OsString::from).chain([OsString::from("--")]).chain(program.iter().cloned()).collect()
}

/// `sh -c TEXT`.
pub fn sh(text: &str) -> Vec<OsString> {
    ["/bin/sh", "-c", text].map(OsString::from).into()
}

/// A program that does nothing for a while.
pub fn sleep() -> Vec<OsString> {
    ["/bin/sleep", "100"].map(OsString::from).into()
}

/// A call that is running. Whoever waits for it does so with a deadline.
pub struct Call {
    pub child: Child,
    out: File,
    err: File,
}

/// Starts `command`.
pub fn call(command: &mut Command) -> Call {
    // SAFETY: a string that lives for ever; the descriptor is nobody else's.
    let file = || unsafe { File::from_raw_fd(libc::memfd_create(c"output".as_ptr(), libc::MFD_CLOEXEC)) };
    let (out, err) = (file(), file());
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Call { child, out, err }
}

impl Call {
    pub fn process(&self) -> Process {
        Process(self.child.id() as i32)
    }

    /// Asserts that it goes on, at every look.
    #[track_caller]
    pub fn assert_waits(&mut self) {
        let mut looks = 0;
        until("looks", || {
            assert!(self.child.try_wait().unwrap().is_none(), "it came back too early");
            looks += 1;
            (looks > 50).then_some(())
        });
    }

    /// Waits for its end.
    pub fn outcome(mut self) -> Outcome {
        let status = until("the end of a call", || self.child.try_wait().unwrap());
        let [stdout, stderr] = [&mut self.out, &mut self.err].map(|file| {
            let mut bytes = Vec::new();
            file.rewind().and_then(|()| file.read_to_end(&mut bytes)).unwrap();
            bytes
        });
        Outcome::from(Output { status, stdout, stderr })
    }
}

/// Runs `dmz` with these words to its end; what it starts may keep the output.
pub fn finish(place: &Place, options: &[&str], program: &[OsString]) -> Outcome {
    call(&mut place.dmz(words(options, program))).outcome()
}

/// The number in a pidfile.
pub fn number(path: impl AsRef<Path>) -> Process {
    Process(fs::read_to_string(path).unwrap().trim_end().parse().unwrap())
}

/// Tries all cases at the same time, those that consist of waiting above all.
pub fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| check(case));
        }
    });
}

const NESTED: &str = "DMZ_TEST_NESTED";

/// Is this the run of the test `name` as PID 1 of a PID namespace, with its own /proc? Outside of it, makes that run and
/// asserts that it passes.
pub fn is_nested(name: &str) -> bool {
    if std::env::var_os(NESTED).is_some() {
        return true;
    }
    if lacks_root() || lacks("unshare") {
        return false;
    }
    let place = Place::new();
    let mut command = place.command("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    // Every nested run has the same process id, and so the same names for its folders.
    // A whole test, with deadlines of its own: however many rounds it has.
    let outcome = Outcome::of(command.env(NESTED, "1").env("TMPDIR", &place.folder));
    assert!(outcome.code == 0 && outcome.stdout.contains(" 1 passed"), "{}\n{}", outcome.stdout, outcome.stderr);
    false
}

#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

/// Before main: with `--act` this process is a program of the tests, and never gets to main.
extern "C" fn start() {
    let mut words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    if words.next().is_some_and(|word| word == "--act") {
        words.for_each(|step| take(&step));
        leave(0);
    }
}

fn leave(status: i32) -> ! {
    // SAFETY: no preconditions.
    unsafe { libc::_exit(status) }
}

fn pause() -> ! {
    loop {
        // SAFETY: no preconditions.
        unsafe { libc::pause() };
    }
}

fn fork() -> i32 {
    // SAFETY: this process has one thread.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    pid
}

/// Takes one step: `name:value`.
fn take(step: &str) {
    let (name, value) = step.split_once(':').unwrap_or((step, ""));
    let count = || value.split(':').next().unwrap().parse().unwrap();
    match name {
        // A file that says how far this program has come, and one that lets it go on.
        "mark" => drop(File::create(value).unwrap()),
        "await" => until_there(value),
        "say" => println!("{value}"),
        "exit" => leave(count()),
        "die" => Process(std::process::id() as i32).signal(count()),
        "pause" => pause(),
        "deaf" => block(u64::MAX),
        "listen" => listen(),
        "write" => write(count(), value.split_once(':').unwrap().1),
        "close" => drop(done(unsafe_close(count()))),
        "own" => {
            // All of it or nothing.
            fs::write(format!("{value}.new"), format!("{}\n", std::process::id())).unwrap();
            fs::rename(format!("{value}.new"), value).unwrap();
        }
        "leave-child" => leave_child(value, false),
        "escape" => leave_child(value, true),
        "lock" => lock(value),
        "thread" => outlive(),
        "alone" => alone(value),
        "send" => send(unescaped(value).as_bytes(), &[]),
        "send-own" => send(unescaped(value).replace("OWN", &std::process::id().to_string()).as_bytes(), &[]),
        "tell" => drop(try_send(unescaped(value).as_bytes(), &[])),
        "long" => send(&[b"READY=1\n".as_slice(), &vec![b'x'; count() as usize]].concat(), &[]),
        "send-main" => send(format!("MAINPID={}READY=1", fs::read_to_string(value).unwrap()).as_bytes(), &[]),
        "barrier" => assert!(barrier(1), "{}", io::Error::last_os_error()),
        "barriers" => assert!(barrier(count() as usize), "{}", io::Error::last_os_error()),
        // When it is ready there may be nobody who listens, but nobody may keep it waiting.
        "last-barrier" => drop(barrier(1)),
        "flood" => (0..count()).for_each(|_| send(b"X_NOTHING=1\nSTATUS=a flood", &[])),
        "flood-on" => loop {
            try_send(b"STATUS=a flood", &[]);
        },
        _ => panic!("no step {step}"),
    }
}

fn unsafe_close(number: i32) -> i32 {
    // SAFETY: nothing here owns the descriptors that a test names.
    unsafe { libc::close(number) }
}

fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\0", "\0")
}

fn write(number: i32, text: &str) {
    let text = unescaped(text);
    // SAFETY: the bytes live that long.
    let written = unsafe { libc::write(number, text.as_ptr().cast(), text.len()) };
    assert_eq!(written, text.len() as isize, "{}", io::Error::last_os_error());
}

/// Forks a child that writes its number to a file, if one is named, and stays; maybe in a session of its own, and then it is
/// there when this comes back.
fn leave_child(file: &str, escapes: bool) {
    let (mut is_there, says) = io::pipe().unwrap();
    if fork() == 0 {
        if escapes {
            // SAFETY: no preconditions.
            unsafe { libc::setsid() };
        }
        drop((is_there, says));
        if !file.is_empty() {
            take(&format!("own:{file}"));
        }
        pause();
    }
    drop(says);
    // The end of file.
    let _ = is_there.read(&mut [0]);
}

/// Blocks these signals, all 64 bits as given; libc's own function leaves two of them out.
fn block(set: u64) {
    // SAFETY: the kernel reads eight bytes.
    let call =
        unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &raw const set, null_mut::<u64>(), 8) };
    done(call as i32).unwrap();
}

fn next_signal() -> i32 {
    loop {
        let all = u64::MAX;
        // SAFETY: the kernel reads eight bytes; it is told of no other room.
        let call = unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &raw const all, null::<u8>(), null::<u8>(), 8) };
        if call > 0 {
            return call as i32;
        }
    }
}

/// Says "ready", and from then on every signal it gets. Only KILL ends it.
fn listen() -> ! {
    block(u64::MAX);
    println!("ready");
    loop {
        println!("{}", next_signal());
    }
}

/// `lock:KIND:FILE`: locks a file and says "locked". `later` waits for the lock.
fn lock(value: &str) {
    let (kind, path) = value.split_once(':').unwrap();
    let file = File::options().read(true).write(true).open(path).unwrap();
    // SAFETY: all zeros are a flock.
    let mut lock: libc::flock = unsafe { zeroed() };
    lock.l_type = if kind == "read" { libc::F_RDLCK } else { libc::F_WRLCK } as _;
    let fd = file.as_raw_fd();
    if kind == "later" {
        println!("waits");
    }
    // SAFETY: the kernel reads one flock.
    let locked = unsafe {
        match kind {
            "write" | "read" => libc::fcntl(fd, libc::F_SETLK, &raw const lock),
            "later" => libc::fcntl(fd, libc::F_SETLKW, &raw const lock),
            "ofd" => libc::fcntl(fd, libc::F_OFD_SETLK, &raw const lock),
            "flock" => libc::flock(fd, libc::LOCK_EX | libc::LOCK_NB),
            _ => panic!("no lock {kind}"),
        }
    };
    done(locked).unwrap();
    std::mem::forget(file);
    println!("locked");
}

/// Another thread goes on when the first one has ended: the process looks like a zombie and lives.
fn outlive() -> ! {
    std::thread::spawn(|| pause());
    // SAFETY: ends this thread only; nothing of it is used any more.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!()
}

/// Leaves a line in `FILE.two` if another one of these runs at the same time. TERM ends it, when it is safe.
fn alone(path: &str) {
    block(1 << (libc::SIGTERM - 1));
    let witness = File::create(path).unwrap();
    // SAFETY: integers only. (The lock of a process that has ended may last longer than what dmz locks.)
    if unsafe { libc::flock(witness.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
        File::create(format!("{path}.two")).unwrap();
    }
    while next_signal() != libc::SIGTERM {}
    // SAFETY: integers only.
    unsafe { libc::flock(witness.as_raw_fd(), libc::LOCK_UN) };
}

/// The address in a value of NOTIFY_SOCKET.
pub fn address(value: &str) -> SocketAddr {
    match value.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).unwrap(),
        None => SocketAddr::from_pathname(value).unwrap(),
    }
}

fn send(bytes: &[u8], descriptors: &[i32]) {
    assert!(try_send(bytes, descriptors), "{}", io::Error::last_os_error());
}

/// Sends one datagram, with descriptors, to NOTIFY_SOCKET.
fn try_send(bytes: &[u8], descriptors: &[i32]) -> bool {
    let socket = UnixDatagram::unbound().unwrap();
    let to = address(&std::env::var("NOTIFY_SOCKET").expect("NOTIFY_SOCKET"));
    if socket.connect_addr(&to).is_err() {
        return false;
    }
    let mut control = [0_u64; 256];
    let size = size_of_val(descriptors) as u32;
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: the header points to what lives until the call returns, and there is room for 253 descriptors.
    unsafe {
        let mut header: libc::msghdr = zeroed();
        (header.msg_iov, header.msg_iovlen) = (&raw mut part, 1);
        if size > 0 {
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = libc::CMSG_SPACE(size) as _;
            let first = libc::CMSG_FIRSTHDR(&raw const header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(size) as _;
            libc::memcpy(libc::CMSG_DATA(first).cast(), descriptors.as_ptr().cast(), size as usize);
        }
        libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) >= 0
    }
}

/// Sends the same end of a pipe `count` times in one datagram, and waits until nobody has any of them any more; whether it
/// could be sent.
fn barrier(count: usize) -> bool {
    let (reader, writer) = io::pipe().unwrap();
    let text: &[u8] = if count == 1 { b"BARRIER=1" } else { b"X_MANY=1" };
    if !try_send(text, &vec![writer.as_raw_fd(); count]) {
        return false;
    }
    drop(writer);
    let mut end = libc::pollfd { fd: reader.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: one pollfd.
    let polled = unsafe { libc::poll(&raw mut end, 1, DEADLINE.as_millis() as i32) };
    assert!(polled == 1 && end.revents & libc::POLLHUP != 0, "nobody closed what was sent");
    true
}

/// Who receives what dmz itself reports: a socket as a service manager has it.
pub struct Receiver {
    socket: UnixDatagram,
    /// The value for NOTIFY_SOCKET.
    pub name: String,
}

/// What came with one datagram.
pub struct Message {
    pub text: String,
    /// Who sent it.
    pub sender: i32,
    pub descriptors: Vec<OwnedFd>,
}

impl Receiver {
    /// One in the file system, or an abstract one.
    pub fn new(place: &Place, is_abstract: bool) -> Receiver {
        let path = place.path("notify").into_os_string().into_string().unwrap();
        let name = if is_abstract { format!("@{path}") } else { path };
        let socket = UnixDatagram::bind_addr(&address(&name)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let on = 1;
        // SAFETY: the kernel reads one integer.
        let set = unsafe {
            libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PASSCRED, (&raw const on).cast(), 4)
        };
        done(set).unwrap();
        Receiver { socket, name }
    }

    /// The next message, if there is one.
    pub fn try_next(&self) -> Option<Message> {
        let mut bytes = [0_u8; 4096];
        let mut control = [0_u64; 64];
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        let mut message = Message { text: String::new(), sender: 0, descriptors: Vec::new() };
        // SAFETY: the header points to what lives until the call returns; what the kernel wrote is read as it says.
        unsafe {
            let mut header: libc::msghdr = zeroed();
            (header.msg_iov, header.msg_iovlen) = (&raw mut part, 1);
            (header.msg_control, header.msg_controllen) = (control.as_mut_ptr().cast(), size_of_val(&control) as _);
            let length = libc::recvmsg(self.socket.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC);
            let length = usize::try_from(length).ok()?;
            message.text = String::from_utf8(bytes[..length].into()).unwrap();
            let mut one = libc::CMSG_FIRSTHDR(&raw const header);
            while !one.is_null() {
                let data = libc::CMSG_DATA(one);
                if (*one).cmsg_type == libc::SCM_CREDENTIALS {
                    message.sender = data.cast::<libc::ucred>().read_unaligned().pid;
                } else {
                    let count = ((*one).cmsg_len as usize - libc::CMSG_LEN(0) as usize) / 4;
                    let number = |at| OwnedFd::from_raw_fd(data.cast::<i32>().add(at).read_unaligned());
                    message.descriptors.extend((0..count).map(number));
                }
                one = libc::CMSG_NXTHDR(&raw const header, one);
            }
        }
        Some(message)
    }

    /// Waits for the next message.
    pub fn next(&self) -> Message {
        until("a message", || self.try_next())
    }

    /// Waits for messages up to the one that says READY=1, answering barriers; all their lines.
    pub fn until_ready(&self) -> Vec<String> {
        let mut all = Vec::new();
        while !all.iter().any(|line| line == "READY=1") {
            all.extend(self.next().text.lines().map(String::from));
        }
        all
    }
}

/// Starts a receiver's service: `dmz` with NOTIFY_SOCKET.
pub fn reporting(place: &Place, receiver: &Receiver, options: &[&str], program: &[OsString]) -> Call {
    call(place.dmz(words(options, program)).env("NOTIFY_SOCKET", &receiver.name))
}

/// A file of tests/data.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}
