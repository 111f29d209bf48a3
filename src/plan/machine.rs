//! What the monitor decides: a table of states and events. It knows no process, no signal and no clock.

/// What the monitor is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// The program runs.
    Up,
    /// The monitor was told to stop: so was the program, and when that has ended what it left behind.
    Stop,
    /// Nothing runs; the program will be started again.
    Wait,
    /// The program has ended for good by itself; what it left behind was told to stop.
    Drain,
    /// What is left was killed.
    Kill,
}

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Event {
    /// The program has ended, and is to be started again.
    Restart,
    /// The program has ended for good.
    Ended,
    /// No child is left.
    Empty,
    /// The monitor was told to stop.
    Terminate,
    /// The time that the last action set has passed.
    Timeout,
}

/// What the monitor does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Starts the program.
    Start,
    /// Tells the program to stop, and sets the time for that.
    Stop,
    /// Sets the time until the next start.
    Delay,
    /// Tells all children to stop, and sets the time for that.
    Drain,
    /// Kills the program and all other children.
    Kill,
    /// Ends the monitor.
    Leave,
}

/// What each state makes of each event: the next state, and what to do on the way there.
#[rustfmt::skip]
const TABLE: [[(State, Action); 5]; 5] = {
    use Action::*;
    const UP: State = State::Up;
    const STOP: State = State::Stop;
    const WAIT: State = State::Wait;
    const DRAIN: State = State::Drain;
    const KILL: State = State::Kill;
    [
        //   Restart           Ended             Empty            Terminate        Timeout
        // No time is set, and the program's own end comes first.
        /* Up */
        [(WAIT, Delay),    (DRAIN, Drain),   (UP, Nothing),   (STOP, Stop),    (UP, Nothing)],
        // Whatever was asked for before, a program that was told to stop is not started again.
        /* Stop */
        [(STOP, Drain),    (STOP, Drain),    (KILL, Leave),   (KILL, Kill),    (KILL, Kill)],
        // Children of earlier runs come and go.
        /* Wait */
        [(WAIT, Nothing),  (DRAIN, Drain),   (WAIT, Nothing), (STOP, Drain),   (UP, Start)],
        // What a first request asks for is under way.
        /* Drain */
        [(DRAIN, Nothing), (DRAIN, Nothing), (KILL, Leave),   (STOP, Nothing), (KILL, Kill)],
        // A program may have been killed together with the rest.
        /* Kill */
        [(KILL, Kill),     (KILL, Kill),     (KILL, Leave),   (KILL, Kill),    (KILL, Kill)],
    ]
};

/// The next state, and what to do on the way there.
pub const fn next(state: State, event: Event) -> (State, Action) {
    TABLE[state as usize][event as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 5] = [State::Up, State::Stop, State::Wait, State::Drain, State::Kill];
    const EVENTS: [Event; 5] = [Event::Restart, Event::Ended, Event::Empty, Event::Terminate, Event::Timeout];

    #[test]
    fn a_row_and_a_column_are_those_of_their_names() {
        assert_eq!(next(State::Up, Event::Restart), (State::Wait, Action::Delay));
        assert_eq!(next(State::Up, Event::Terminate), (State::Stop, Action::Stop));
        assert_eq!(next(State::Wait, Event::Timeout), (State::Up, Action::Start));
        assert_eq!(next(State::Drain, Event::Timeout), (State::Kill, Action::Kill));
        for (index, state) in STATES.into_iter().enumerate() {
            assert_eq!(state as usize, index);
        }
        for (index, event) in EVENTS.into_iter().enumerate() {
            assert_eq!(event as usize, index);
        }
    }

    #[test]
    fn a_first_request_kills_nothing() {
        for state in [State::Up, State::Wait, State::Drain] {
            assert_ne!(next(state, Event::Terminate).1, Action::Kill, "{state:?}");
        }
    }

    #[test]
    fn what_ends_for_good_is_over_when_no_child_is_left_or_the_time_is() {
        for state in [State::Stop, State::Drain, State::Kill] {
            assert_eq!(next(state, Event::Empty).1, Action::Leave, "{state:?}");
            assert_eq!(next(state, Event::Timeout).0, State::Kill, "{state:?}");
        }
    }

    #[test]
    fn two_requests_to_stop_end_in_leaving_from_every_state() {
        for state in STATES {
            let (once, _) = next(state, Event::Terminate);
            let (twice, _) = next(once, Event::Terminate);
            assert_eq!(next(twice, Event::Empty).1, Action::Leave, "{state:?}");
        }
    }

    #[test]
    fn nothing_starts_after_a_request_to_stop() {
        for state in STATES {
            let mut reached = vec![next(state, Event::Terminate).0];
            while let Some(state) = reached.pop() {
                for event in EVENTS {
                    let (after, action) = next(state, event);
                    assert_ne!(action, Action::Start, "{state:?} {event:?}");
                    if after != state {
                        reached.push(after);
                    }
                }
            }
        }
    }
    use std::vec;
}
