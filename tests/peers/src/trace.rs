//! What a launch is made of, counted exactly under ptrace(2): its system calls, its instructions, its files. A launch
//! is everything from the launcher's exec up to the program's, in every process, and the exits of those left.

use crate::latency::one_processor;
use crate::launch::{Ready, Reports, end, kill, reap, watch};
use crate::peers::{Peer, program};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::ptr::null_mut;
use std::time::Duration;

#[derive(Default)]
pub struct Count {
    pub calls: usize,
    pub instructions: usize,
    /// Among the instructions; in a virtual machine each traps.
    pub cpuids: usize,
    /// The programs executed on the way, and these with what they map: libraries, the dynamic linker, locales.
    pub programs: BTreeSet<PathBuf>,
    pub files: BTreeSet<PathBuf>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum By {
    Call,
    Step,
}

/// What is known of a process that is traced.
#[derive(Default)]
struct Traced {
    /// It has made its first stop, which every new process makes and which means nothing.
    has_stopped: bool,
    /// It has ended, or is the program.
    is_gone: bool,
    /// The next call is an interrupted one that the kernel makes again.
    again: bool,
    /// Where the instruction before was: one that repeats itself counts once.
    at: i64,
}

const EXEC: i64 = 59;
const EXIT: i64 = 60;
const EXIT_GROUP: i64 = 231;
const EXEC_AT: i64 = 322;

fn ptrace(request: libc::c_uint, process: i32, address: usize, data: usize) -> i64 {
    unsafe { libc::ptrace(request, process, address as *mut libc::c_void, data as *mut libc::c_void) }
}

/// Starts the launcher of a peer, stopped and traced.
fn start(peer: &Peer) -> i32 {
    let command = Ready::new(peer, 0, 60);
    let (words, environment) = command.pointers();
    // There is one thread only, and the child calls nothing that could need another.
    let process = unsafe { libc::fork() };
    if process == 0 {
        unsafe {
            ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
            libc::raise(libc::SIGSTOP);
            libc::execve(words[0], words.as_ptr().cast(), environment.as_ptr().cast());
            libc::_exit(127);
        }
    }
    unsafe { libc::waitpid(process, null_mut(), 0) };
    let options = libc::PTRACE_O_EXITKILL
        | libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC;
    ptrace(libc::PTRACE_SETOPTIONS, process, 0, options as usize);
    ptrace(libc::PTRACE_CONT, process, 0, 0);
    process
}

/// Counts one launch; nothing if the program was not reached.
pub fn count(reports: &Reports, peer: &Peer, by: By) -> Option<Count> {
    watch(&peer.name, 60);
    one_processor(true); // a stop is twice as fast where nobody has to be woken on another one
    let mut count = Count::default();
    let launcher = start(peer);
    let mut traced = BTreeMap::from([(launcher, Traced { has_stopped: true, ..Traced::default() })]);
    let (mut is_started, mut reached) = (false, None);
    let resume = if by == By::Step { libc::PTRACE_SINGLESTEP } else { libc::PTRACE_SYSCALL };
    loop {
        let has_returned = traced[&launcher].is_gone;
        let is_over = reached.is_some() && peer.kind.monitors() && (has_returned || !peer.kind.returns());
        if is_over || traced.values().all(|traced| traced.is_gone) {
            break;
        }
        let mut status = 0;
        let process = unsafe { libc::waitpid(-1, &mut status, libc::__WALL) };
        if process < 0 {
            break;
        }
        if !libc::WIFSTOPPED(status) {
            // The call that ended it was not stepped over.
            if let Some(traced) = traced.get_mut(&process).filter(|traced| !traced.is_gone) {
                traced.is_gone = true;
                count.instructions += usize::from(is_started);
            }
            continue;
        }
        let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
        let mut pass = 0;
        if !std::mem::replace(&mut traced.entry(process).or_default().has_stopped, true) {
        } else if event == libc::PTRACE_EVENT_EXEC {
            if is_program(process) {
                traced.get_mut(&process).unwrap().is_gone = true;
                count.instructions += 1;
                reached = Some(process);
                ptrace(libc::PTRACE_DETACH, process, 0, 0);
                continue;
            }
            is_started = true;
        } else if event != 0 {
            // A fork. Its child may not have been heard of when this process is gone, or be gone already itself.
            let mut child = 0_usize;
            ptrace(libc::PTRACE_GETEVENTMSG, process, 0, &raw mut child as usize);
            traced.entry(child as i32).or_default();
        } else if signal == libc::SIGTRAP | 0x80 {
            look_at_call(&mut count, traced.get_mut(&process).unwrap(), process);
        } else if signal == libc::SIGTRAP && by == By::Step {
            look_at_instruction(&mut count, traced.get_mut(&process).unwrap(), process);
        } else {
            pass = signal;
        }
        let resume = if is_started { resume } else { libc::PTRACE_CONT };
        ptrace(resume, process, 0, pass as usize);
    }
    if let Some(program) = reached {
        reports.next(Duration::from_secs(5));
        end(program);
    }
    traced.iter().filter(|(_, traced)| !traced.is_gone).for_each(|(process, _)| kill(*process));
    reap();
    one_processor(false);
    while reports.next(Duration::ZERO).is_some() {}
    reached.map(|_| count)
}

fn look_at_call(count: &mut Count, traced: &mut Traced, process: i32) {
    // struct ptrace_syscall_info: what kind of stop, and the call's number or answer.
    let mut info = [0_u8; 88];
    ptrace(libc::PTRACE_GET_SYSCALL_INFO, process, info.len(), info.as_mut_ptr() as usize);
    let number = i64::from_ne_bytes(info[24..32].try_into().unwrap());
    let (entry, exit) = (1, 2);
    if info[0] == exit {
        traced.again = (-516..=-512).contains(&number); // ERESTARTSYS and its kind
    } else if info[0] == entry && !traced.again {
        count.calls += 1;
        if [EXEC, EXEC_AT, EXIT, EXIT_GROUP].contains(&number) {
            look_at_files(count, process);
        }
    }
}

fn look_at_instruction(count: &mut Count, traced: &mut Traced, process: i32) {
    let instruction_pointer = 16 * 8; // in struct user
    let at = ptrace(libc::PTRACE_PEEKUSER, process, instruction_pointer, 0);
    count.instructions += usize::from(at != traced.at);
    traced.at = at;
    let cpuid = 0xa20f;
    count.cpuids += usize::from(ptrace(libc::PTRACE_PEEKTEXT, process, at as usize, 0) & 0xffff == cpuid);
}

/// Notes what a process that is about to exec or exit is made of.
fn look_at_files(count: &mut Count, process: i32) {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default();
    let paths = maps.lines().filter_map(|line| line.find('/').map(|at| PathBuf::from(&line[at..])));
    count.files.extend(paths.filter(|path| path.is_file()));
    count.programs.extend(fs::read_link(format!("/proc/{process}/exe")));
}

fn is_program(process: i32) -> bool {
    fs::read_link(format!("/proc/{process}/exe")).is_ok_and(|path| path.as_os_str() == program().as_str())
}

/// The bytes of these files.
pub fn bytes(files: &BTreeSet<PathBuf>) -> u64 {
    files.iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum()
}
