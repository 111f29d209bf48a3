//! What the monitor decides: a table of states and events. It knows no process, no signal and no clock.

/// What the monitor is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// The program runs.
    Up,
    /// The program runs and was told to stop.
    Stop,
    /// Nothing runs; the program will be started again.
    Wait,
    /// The program has ended for good; what it left behind was told to stop.
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

/// The next state, and what to do on the way there.
pub const fn next(state: State, event: Event) -> (State, Action) {
    match (state, event) {
        (State::Up, Event::Restart) => (State::Wait, Action::Delay),
        // Whatever was asked for before, a program that was told to stop is not started again.
        (State::Up | State::Stop, Event::Ended) | (State::Stop, Event::Restart) => (State::Drain, Action::Drain),
        (State::Up, Event::Terminate) => (State::Stop, Action::Stop),
        // A second request, or the end of the patience.
        (State::Stop | State::Drain | State::Kill, Event::Terminate | Event::Timeout) => (State::Kill, Action::Kill),
        (State::Wait, Event::Timeout) => (State::Up, Action::Start),
        (State::Wait, Event::Terminate | Event::Ended) => (State::Drain, Action::Drain),
        // A program that is killed together with the rest.
        (State::Kill, Event::Ended | Event::Restart) => (State::Kill, Action::Kill),
        (State::Drain | State::Kill, Event::Empty) => (State::Kill, Action::Leave),
        // No time is set, nothing more can end, children come and go.
        (State::Up, Event::Timeout)
        | (State::Wait | State::Drain, Event::Restart)
        | (State::Drain, Event::Ended)
        | (State::Up | State::Stop | State::Wait, Event::Empty) => (state, Action::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 5] = [State::Up, State::Stop, State::Wait, State::Drain, State::Kill];
    const EVENTS: [Event; 5] = [Event::Restart, Event::Ended, Event::Empty, Event::Terminate, Event::Timeout];

    #[test]
    fn every_pair_has_its_answer() {
        use Action::*;
        let table = [
            // Restart, Ended, Empty, Terminate, Timeout
            [
                (State::Wait, Delay),
                (State::Drain, Drain),
                (State::Up, Nothing),
                (State::Stop, Stop),
                (State::Up, Nothing),
            ],
            [
                (State::Drain, Drain),
                (State::Drain, Drain),
                (State::Stop, Nothing),
                (State::Kill, Kill),
                (State::Kill, Kill),
            ],
            [
                (State::Wait, Nothing),
                (State::Drain, Drain),
                (State::Wait, Nothing),
                (State::Drain, Drain),
                (State::Up, Start),
            ],
            [
                (State::Drain, Nothing),
                (State::Drain, Nothing),
                (State::Kill, Leave),
                (State::Kill, Kill),
                (State::Kill, Kill),
            ],
            [(State::Kill, Kill), (State::Kill, Kill), (State::Kill, Leave), (State::Kill, Kill), (State::Kill, Kill)],
        ];
        for (state, row) in STATES.iter().zip(table) {
            for (event, answer) in EVENTS.iter().zip(row) {
                assert_eq!(next(*state, *event), answer, "{state:?} {event:?}");
            }
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
