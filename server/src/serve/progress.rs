//! The progress of a connection: what it waits for, and how long it may.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::connections::ConnectionLimits;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The end of the handshake of TLS.
    Handshake,
    /// The first byte of a request.
    Idle,
    /// The rest of the head of a request.
    Head,
    /// The rest of its body.
    Body,
    /// Its decision, whose deadline bounds it.
    Decision,
    /// The caller, who takes the answer.
    Answer,
}

/// The phase of a connection and its beginning, in one word: the phase in the lowest bits, and the microseconds since the
/// connection was accepted above them.
#[derive(Debug)]
pub(super) struct Progress {
    accepted: Instant,
    word: AtomicU64,
    /// The microseconds after which the caller did not take any more; 0 while it does.
    blocked: AtomicU64,
}

const PHASE_BITS: u32 = 3;
const PHASES: [Phase; 6] = [Phase::Idle, Phase::Handshake, Phase::Head, Phase::Body, Phase::Decision, Phase::Answer];

impl Progress {
    /// A connection that was accepted now.
    pub(super) fn new() -> Self {
        Self { accepted: Instant::now(), word: AtomicU64::new(0), blocked: AtomicU64::new(0) }
    }

    /// Enters a phase now.
    pub(super) fn enter(&self, phase: Phase) {
        let index = PHASES.iter().position(|known| *known == phase).unwrap_or_default();
        let elapsed = self.elapsed();
        let index = u64::try_from(index).unwrap_or_default();
        self.word.store(elapsed << PHASE_BITS | index, Ordering::Relaxed);
    }

    /// The phase, and the time at which it began.
    pub(super) fn phase(&self) -> (Phase, Instant) {
        let word = self.word.load(Ordering::Relaxed);
        let index = usize::try_from(word & ((1 << PHASE_BITS) - 1)).unwrap_or_default();
        let phase = PHASES.get(index).copied().unwrap_or(Phase::Idle);
        (phase, self.accepted + Duration::from_micros(word >> PHASE_BITS))
    }

    /// Notes whether the caller takes what is written.
    pub(super) fn set_blocked(&self, is_blocked: bool) {
        if !is_blocked {
            self.blocked.store(0, Ordering::Relaxed);
        } else if self.blocked.load(Ordering::Relaxed) == 0 {
            self.blocked.store(self.elapsed().max(1), Ordering::Relaxed);
        }
    }

    /// The time since which the caller takes nothing, if it does not.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        let micros = self.blocked.load(Ordering::Relaxed);
        (micros > 0).then(|| self.accepted + Duration::from_micros(micros))
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The time at which the connection is closed if its phase does not change.
    pub(super) fn end(&self, limits: &ConnectionLimits) -> Instant {
        let (phase, since) = self.phase();
        let limit = match phase {
            Phase::Idle => limits.idle_time,
            Phase::Handshake | Phase::Head => limits.head_time,
            Phase::Body => limits.body_time,
            Phase::Answer => limits.answer_time,
            Phase::Decision => guardhouse::MAX_DEADLINE,
        };
        since + limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_has_its_own_limit_from_its_own_beginning() {
        let seconds = Duration::from_secs;
        let limits = ConnectionLimits {
            idle_time: seconds(1),
            head_time: seconds(2),
            body_time: seconds(3),
            answer_time: seconds(4),
            ..ConnectionLimits::default()
        };
        let progress = Progress::new();
        assert_eq!(progress.phase(), (Phase::Idle, progress.accepted));
        for (phase, limit) in [
            (Phase::Head, seconds(2)),
            (Phase::Body, seconds(3)),
            (Phase::Decision, guardhouse::MAX_DEADLINE),
            (Phase::Answer, seconds(4)),
            (Phase::Idle, seconds(1)),
        ] {
            progress.enter(phase);
            let (entered, since) = progress.phase();
            assert_eq!(entered, phase);
            assert!(since >= progress.accepted && since <= Instant::now());
            assert_eq!(progress.end(&limits), since + limit);
        }
    }
}
