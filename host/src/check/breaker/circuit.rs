//! The mechanism of a breaker. It is closed, open until a time, or open while one request is evaluated as a probe.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use super::{Breaker, BreakerState, is_own};
use crate::fault::{Cause, Fault};
use crate::outcome::Outcome;
use crate::util::microseconds::nanoseconds;

/// The value of `probe_at` while the breaker is closed.
const CLOSED: u64 = 0;
/// The value of `probe_at` while a probe is evaluated.
const PROBING: u64 = u64::MAX;

/// The breaker of one check. Times are in nanoseconds since it was made.
pub(in crate::check) struct Circuit {
    settings: Breaker,
    made: Instant,
    /// The time of the next probe, or one of the two values above.
    probe_at: AtomicU64,
    /// The current pause.
    pause: AtomicU64,
    /// The faults in a row.
    faults: AtomicU32,
    opened: AtomicU64,
    denied: AtomicU64,
}

/// The permission to evaluate one request, whose outcome must be reported. A probe that is dropped without an outcome
/// leaves its place to the next request.
pub(in crate::check) struct Pass<'a> {
    circuit: &'a Circuit,
    is_probe: bool,
}

impl Circuit {
    pub(in crate::check) fn new(settings: Breaker) -> Self {
        Self {
            pause: AtomicU64::new(nanoseconds(settings.first_pause)),
            settings,
            made: Instant::now(),
            probe_at: AtomicU64::new(CLOSED),
            faults: AtomicU32::new(0),
            opened: AtomicU64::new(0),
            denied: AtomicU64::new(0),
        }
    }

    /// Lets a request pass, if the breaker is closed or the request is the next probe. While it is closed, no clock is
    /// read.
    ///
    /// # Errors
    /// A fault if the breaker is open.
    pub(in crate::check) fn pass(&self) -> Result<Pass<'_>, Fault> {
        self.pass_at(|| self.now())
    }

    fn pass_at(&self, now: impl FnOnce() -> u64) -> Result<Pass<'_>, Fault> {
        let probe_at = self.probe_at.load(Ordering::Acquire);
        if probe_at == CLOSED {
            return Ok(Pass { circuit: self, is_probe: false });
        }
        let is_due = probe_at != PROBING && now() >= probe_at;
        // Of several requests that find a probe due, one is the probe.
        let becomes_probe =
            || self.probe_at.compare_exchange(probe_at, PROBING, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if is_due && becomes_probe() {
            return Ok(Pass { circuit: self, is_probe: true });
        }
        self.denied.fetch_add(1, Ordering::Relaxed);
        Err(Fault::new(Cause::BreakerOpen, "the check kept failing, and is not evaluated for a while"))
    }

    pub(in crate::check) fn state(&self) -> BreakerState {
        BreakerState {
            is_open: self.probe_at.load(Ordering::Acquire) != CLOSED,
            faults: self.faults.load(Ordering::Relaxed),
            opened: self.opened.load(Ordering::Relaxed),
            denied: self.denied.load(Ordering::Relaxed),
        }
    }

    /// Records a fault of the plugin. Returns whether the breaker opened.
    fn fail(&self, is_probe: bool, now: u64) -> bool {
        if is_probe {
            let longest = nanoseconds(self.settings.longest_pause);
            let pause = self.pause.load(Ordering::Relaxed).saturating_mul(2).min(longest);
            self.pause.store(pause, Ordering::Relaxed);
            self.open_until(now.saturating_add(pause));
            return false;
        }
        let faults = self.faults.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let pause = nanoseconds(self.settings.first_pause);
        let probe_at = at_an_open_time(now.saturating_add(pause));
        let opens = faults >= self.settings.faults.get()
            && self.probe_at.compare_exchange(CLOSED, probe_at, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if opens {
            self.pause.store(pause, Ordering::Relaxed);
            self.faults.store(0, Ordering::Relaxed);
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        opens
    }

    /// Records an answer. Returns whether the breaker closed.
    fn succeed(&self, is_probe: bool) -> bool {
        // Most answers follow an answer, and then there is nothing to write.
        if self.faults.load(Ordering::Relaxed) != 0 {
            self.faults.store(0, Ordering::Relaxed);
        }
        if is_probe {
            self.probe_at.store(CLOSED, Ordering::Release);
        }
        is_probe
    }

    fn open_until(&self, time: u64) {
        self.probe_at.store(at_an_open_time(time), Ordering::Release);
    }

    fn now(&self) -> u64 {
        nanoseconds(self.made.elapsed())
    }
}

impl Pass<'_> {
    /// Reports the outcome of the evaluation of the check `id`.
    pub(in crate::check) fn end(mut self, outcome: &Outcome, id: &str) {
        let circuit = self.circuit;
        match self.end_at(outcome, || circuit.now()) {
            Change::Opened(cause) => {
                tracing::warn!(target: "guardhouse", check = ?id, %cause, "a check keeps failing, and its breaker opened");
            }
            Change::Closed => tracing::info!(target: "guardhouse", check = ?id, "the breaker of a check closed"),
            Change::None => {}
        }
    }

    fn end_at(&mut self, outcome: &Outcome, now: impl FnOnce() -> u64) -> Change {
        let fault = match outcome {
            Outcome::Failed(fault) => Some(fault.cause),
            Outcome::Allow | Outcome::Denied | Outcome::DeniedWithMessage(_) => None,
        };
        if fault.is_some_and(|cause| !is_own(cause)) {
            // The next request is the probe. To wait would let a caller with a short deadline hold the breaker open.
            return Change::None;
        }
        let is_probe = std::mem::take(&mut self.is_probe);
        match fault {
            Some(cause) if self.circuit.fail(is_probe, now()) => Change::Opened(cause),
            None if self.circuit.succeed(is_probe) => Change::Closed,
            _ => Change::None,
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            let _ = self.circuit.probe_at.compare_exchange(PROBING, 1, Ordering::AcqRel, Ordering::Relaxed);
        }
    }
}

/// What an outcome changed.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Opened(Cause),
    Closed,
    None,
}

/// A time that is neither [`CLOSED`] nor [`PROBING`].
fn at_an_open_time(time: u64) -> u64 {
    time.clamp(CLOSED + 1, PROBING - 1)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn circuit(faults: u32) -> Circuit {
        let faults = NonZeroU32::new(faults).unwrap();
        Circuit::new(Breaker { faults, longest_pause: Duration::from_secs(5), ..Breaker::default() })
    }

    fn failed(cause: Cause) -> Outcome {
        Outcome::Failed(Fault::new(cause, "test"))
    }

    /// Evaluates one request at a time. Returns whether it passed.
    fn ask(circuit: &Circuit, at: u64, outcome: &Outcome) -> bool {
        let Ok(mut pass) = circuit.pass_at(|| at) else { return false };
        pass.end_at(outcome, || at);
        true
    }

    #[test]
    fn faults_in_a_row_open_it_and_an_answer_ends_the_row() {
        let (circuit, trap) = (circuit(3), failed(Cause::Trap));
        for _ in 0..100 {
            assert!(ask(&circuit, 0, &trap) && ask(&circuit, 0, &trap) && ask(&circuit, 0, &Outcome::Denied));
        }
        assert!((0..3).all(|_| ask(&circuit, 0, &trap)));
        assert!((0..100).all(|_| !ask(&circuit, SECOND - 1, &Outcome::Allow)));
        let state = BreakerState { is_open: true, faults: 0, opened: 1, denied: 100 };
        assert_eq!(circuit.state(), state);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_an_answer_closes_it() {
        let (circuit, trap) = (circuit(1), failed(Cause::Trap));
        assert!(ask(&circuit, 0, &trap));
        let mut now = 0;
        for pause in [1, 2, 4, 5, 5] {
            now += pause * SECOND;
            assert!(!ask(&circuit, now - 1, &Outcome::Allow), "{pause}");
            assert!(ask(&circuit, now, &trap), "{pause}");
        }
        now += 5 * SECOND;
        assert!(ask(&circuit, now, &Outcome::Denied));
        assert!(!circuit.state().is_open);
        // The next time, the first pause counts again.
        assert!(ask(&circuit, now, &trap));
        assert!(!ask(&circuit, now + SECOND - 1, &trap));
        assert!(ask(&circuit, now + SECOND, &Outcome::Allow));
        assert_eq!(circuit.state().opened, 2);
    }

    #[test]
    fn one_request_is_the_probe_and_the_others_are_denied_meanwhile() {
        let circuit = circuit(1);
        assert!(ask(&circuit, 0, &failed(Cause::Trap)));
        let mut probe = circuit.pass_at(|| SECOND).unwrap();
        assert!((0..10).all(|_| circuit.pass_at(|| 1_000 * SECOND).is_err()));
        probe.end_at(&Outcome::Allow, || SECOND);
        drop(probe);
        assert!((0..10).all(|_| ask(&circuit, SECOND, &Outcome::Allow)));
    }

    #[test]
    fn a_probe_without_a_result_leaves_its_place_to_the_next_request() {
        let circuit = circuit(1);
        assert!(ask(&circuit, 0, &failed(Cause::Trap)));
        drop(circuit.pass_at(|| SECOND).unwrap());
        for cause in [Cause::Deadline, Cause::NoCapacity, Cause::OverBudget, Cause::ContextLimit] {
            assert!(ask(&circuit, SECOND, &failed(cause)), "{cause}");
            assert!(circuit.state().is_open, "{cause}");
        }
        assert!(ask(&circuit, SECOND, &Outcome::Allow));
        assert!(!circuit.state().is_open);
    }

    #[test]
    fn faults_that_a_caller_or_the_load_can_cause_neither_count_nor_end_a_row() {
        let circuit = circuit(2);
        let others = Cause::ALL.iter().filter(|cause| !is_own(**cause));
        for cause in others.clone() {
            assert!((0..10).all(|_| ask(&circuit, 0, &failed(*cause))), "{cause}");
        }
        assert!(others.clone().any(|cause| *cause == Cause::HostCallLimit));
        assert!(ask(&circuit, 0, &failed(Cause::Exit)));
        assert!(ask(&circuit, 0, &failed(Cause::Deadline)));
        assert_eq!(circuit.state().faults, 1);
        assert!(ask(&circuit, 0, &failed(Cause::CpuTimeLimit)));
        assert!(circuit.state().is_open);
    }

    #[test]
    fn evaluations_that_began_before_it_opened_do_not_change_it() {
        let circuit = circuit(1);
        let [mut first, mut second, mut third] = [(); 3].map(|()| circuit.pass_at(|| 0).unwrap());
        assert_eq!(first.end_at(&failed(Cause::Trap), || 0), Change::Opened(Cause::Trap));
        assert_eq!(second.end_at(&Outcome::Allow, || 0), Change::None);
        assert_eq!(third.end_at(&failed(Cause::Trap), || SECOND / 2), Change::None);
        drop((first, second, third));
        assert!(circuit.pass_at(|| SECOND - 1).is_err());
        assert!(circuit.pass_at(|| SECOND).is_ok());
    }

    #[test]
    fn a_closed_breaker_reads_no_clock_and_an_open_one_reads_it_once() {
        let circuit = circuit(1);
        assert!(circuit.pass_at(|| panic!("a clock")).is_ok());
        assert!(ask(&circuit, 0, &failed(Cause::Trap)));
        let mut reads = 0;
        assert!(circuit.pass_at(|| std::mem::replace(&mut reads, 1)).is_err());
        assert_eq!(reads, 1);
    }

    #[test]
    fn of_many_threads_one_is_the_probe() {
        let circuit = circuit(1);
        assert!(ask(&circuit, 0, &failed(Cause::Trap)));
        let probes = std::thread::scope(|scope| {
            let pass = || (0..1_000).filter_map(|_| circuit.pass_at(|| SECOND).ok()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(pass)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(probes.len(), 1);
    }
}
