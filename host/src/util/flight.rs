//! Single flight: work that many callers wait for is done once, and its failure is remembered for a while.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::lock::lock;

/// One piece of work, which may have to be done again and again.
pub(crate) struct Flight<T, E>(Mutex<State<T, E>>);

enum State<T, E> {
    Idle,
    /// The work is being done for these callers.
    Running(Vec<oneshot::Sender<Result<T, E>>>),
    Failed {
        failure: E,
        until: Instant,
    },
}

/// The place of a caller in a flight.
pub(crate) struct Joined<T, E> {
    /// The result, once the work is done.
    pub(crate) result: oneshot::Receiver<Result<T, E>>,
    /// Whether the caller must start the work, which ends with [`Flight::finish`].
    pub(crate) is_first: bool,
}

impl<T, E> Default for Flight<T, E> {
    fn default() -> Self {
        Self(Mutex::new(State::Idle))
    }
}

impl<T: Clone, E: Clone> Flight<T, E> {
    /// Joins the callers that wait. The error is the last failure, if it is recent.
    pub(crate) fn join(&self, now: Instant) -> Result<Joined<T, E>, E> {
        let (waiter, result) = oneshot::channel();
        let mut state = lock(&self.0);
        match &mut *state {
            State::Running(waiters) => {
                if waiters.len() == waiters.capacity() {
                    // Callers that no longer wait take no more memory.
                    waiters.retain(|waiter| !waiter.is_closed());
                }
                waiters.push(waiter);
                return Ok(Joined { result, is_first: false });
            }
            State::Failed { failure, until } if now < *until => return Err(failure.clone()),
            State::Failed { .. } | State::Idle => *state = State::Running(vec![waiter]),
        }
        Ok(Joined { result, is_first: true })
    }

    /// Passes the result to every caller that waits. A failure is remembered for the time `memory`.
    pub(crate) fn finish(&self, result: &Result<T, E>, now: Instant, memory: Duration) {
        let next = match result {
            Ok(_) => State::Idle,
            Err(failure) => State::Failed { failure: failure.clone(), until: now + memory },
        };
        let before = std::mem::replace(&mut *lock(&self.0), next);
        if let State::Running(waiters) = before {
            for waiter in waiters {
                // A caller that no longer waits has dropped its receiver.
                drop(waiter.send(result.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: Duration = Duration::from_secs(5);

    #[test]
    fn the_first_caller_works_and_all_get_the_result() {
        let (flight, now) = (Flight::<u8, &str>::default(), Instant::now());
        let [first, second, dropped] = [(); 3].map(|()| flight.join(now).unwrap());
        assert_eq!([first.is_first, second.is_first, dropped.is_first], [true, false, false]);
        drop(dropped);
        flight.finish(&Ok(7), now, MEMORY);
        assert_eq!([first, second].map(|joined| joined.result.blocking_recv().unwrap()), [Ok(7), Ok(7)]);
        assert!(flight.join(now).unwrap().is_first);
    }

    #[test]
    fn callers_that_no_longer_wait_take_bounded_memory() {
        let (flight, now) = (Flight::<u8, &str>::default(), Instant::now());
        let _first = flight.join(now).unwrap();
        for _ in 0..10_000 {
            drop(flight.join(now).unwrap());
        }
        assert!(matches!(&*lock(&flight.0), State::Running(waiters) if waiters.len() < 10));
    }

    #[test]
    fn a_failure_is_remembered_for_a_while() {
        let (flight, now) = (Flight::<u8, &str>::default(), Instant::now());
        let joined = flight.join(now).unwrap();
        flight.finish(&Err("broken"), now, MEMORY);
        assert_eq!(joined.result.blocking_recv().unwrap(), Err("broken"));
        assert_eq!(flight.join(now + MEMORY - Duration::from_nanos(1)).err(), Some("broken"));
        assert!(flight.join(now + MEMORY).unwrap().is_first);
        assert!(!flight.join(now + MEMORY).unwrap().is_first, "it is being tried again");
    }
}
