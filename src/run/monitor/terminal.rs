//! A terminal and its keys: the program's process group has the foreground while it runs, if this one's had it, and stops
//! and goes on together with this process.

use super::Monitor;
use crate::sys::monitor as sys;
use crate::sys::process;
use crate::sys::signal::{self, Arrived, CONT, INT, QUIT, TSTP, TTIN, TTOU, WINCH};

impl Monitor<'_> {
    /// Has the terminal sent this signal, and to the program as well? A key's signal has gone to the whole foreground; a
    /// hangup's has not.
    pub(super) fn is_terminals(&self, signal: Arrived) -> bool {
        let is_keys = self.has_foreground && matches!(signal.number, INT | QUIT | WINCH);
        signal.is_kernels && (is_keys || matches!(signal.number, TSTP | TTIN | TTOU))
    }

    /// The terminal has stopped the program: its shell is to see this process stopped, too. Comes back when continued: in
    /// the foreground, if the shell says so.
    pub(super) fn stop_too(&mut self) {
        if let (Some(terminal), Some(program)) = (self.terminal, self.program) {
            sys::stop_self();
            // What has continued this process is not passed on as well: a second one would undo the next stop.
            let _ = signal::wait_for(signal::set(&[CONT]), Some(0));
            self.has_foreground = sys::is_foreground(terminal);
            if self.has_foreground {
                let _ = sys::take_foreground(terminal, program.number());
            }
            sys::signal_group(program.number(), CONT);
        }
    }

    /// The program's group is no more: the terminal is ours again.
    pub(super) fn take_terminal_back(&mut self) {
        if let (Some(terminal), true) = (self.terminal, self.has_foreground) {
            let _ = sys::take_foreground(terminal, process::own_group());
            self.has_foreground = false;
        }
    }
}
