//! A terminal and its keys: the program's process group has the foreground while it runs, if this one's had it, and stops
//! and goes on together with this process.

use super::Monitor;
use crate::sys::monitor as sys;
use crate::sys::process;
use crate::sys::signal::{self, Arrived, CONT, INT, QUIT, TSTP, TTIN, TTOU, WINCH};

impl Monitor<'_> {
    /// Passes a key's signal on to the program; is this one of the terminal's, which needs nothing else? A key's is for the
    /// foreground's group alone: if it comes here, the shell has given the foreground to this group, maybe without a CONT,
    /// and the program's has not got it.
    pub(super) fn passes_key(&mut self, signal: Arrived) -> bool {
        if signal.is_kernels && self.terminal.is_some() && matches!(signal.number, INT | QUIT | TSTP | WINCH) {
            if let Some(group) = self.group() {
                self.hand_over();
                sys::signal_group(group, signal.number);
                return true;
            }
            // Between two programs this is the job, alone.
            if signal.number == TSTP {
                sys::stop_group(TSTP);
            }
        }
        signal.is_kernels && matches!(signal.number, TSTP | TTIN | TTOU)
    }

    /// The program's group.
    fn group(&self) -> Option<i32> {
        self.program.and_then(sys::other_group)
    }

    /// Gives the foreground to the program if it is this group's now; whether it was given.
    pub(super) fn hand_over(&mut self) -> bool {
        if let (Some(terminal), Some(group)) = (self.terminal, self.group())
            && sys::is_foreground(terminal)
            && sys::take_foreground(terminal, group).is_ok()
        {
            self.given = group;
            return true;
        }
        false
    }

    /// The terminal has stopped the program: its shell is to see this whole job stopped, a script that has called dmz or the
    /// others of its pipeline included. Comes back when continued: in the foreground, if the shell says so.
    pub(super) fn stop_too(&mut self, signal: u32) {
        let (Some(_), Some(group)) = (self.terminal, self.group()) else { return };
        // If the shell has done that already, a program that reads or writes just goes on.
        if signal == TSTP || !self.hand_over() {
            sys::stop_group(signal);
            // What has continued this process is not passed on as well: a second one would undo the next stop.
            if signal::wait_for(signal::set(&[CONT]), Some(0)).is_ok() {
                self.given = 0;
                self.hand_over();
            } else if signal != TSTP {
                // There is no shell that could continue it, nor give it the terminal.
                return;
            }
        }
        sys::signal_group(group, CONT);
    }

    /// The program's group is no more: the terminal is ours again, unless the shell has given it to somebody else. A job of
    /// the program's own may have had it last.
    pub(super) fn take_terminal_back(&mut self) {
        if let (Some(terminal), true) = (self.terminal, self.given > 0) {
            let foreground = sys::foreground(terminal);
            if foreground == self.given || sys::is_group_gone(foreground) {
                let _ = sys::take_foreground(terminal, process::own_group());
            }
            self.given = 0;
        }
    }
}
