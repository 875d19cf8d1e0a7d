//! The size of a snapshot, counted before the memory of the instance is copied.

use std::time::Instant;

use crate::tuning::IMAGE_RUNS;

/// The library that takes snapshots keeps this number of data segments, and joins the others over the zeros between
/// them.
const SEGMENTS: usize = 10_000;
/// The library joins runs with up to this number of zeros between them.
const JOINED_ZEROS: usize = 4;

/// The counts of a snapshot, so far. A run is a sequence of bytes other than zero, for which the library makes an entry
/// before it joins runs to segments.
#[derive(Debug)]
pub(super) struct SnapshotSize {
    cap: usize,
    bytes: usize,
    runs: usize,
    segments: usize,
}

impl SnapshotSize {
    /// A size of at most `cap` bytes.
    pub(super) fn new(cap: usize) -> Self {
        Self { cap, bytes: 0, runs: 0, segments: 0 }
    }

    /// Counts one memory. The error says what does not fit, or that `end` has passed.
    pub(super) fn add(&mut self, memory: &[u8], end: Instant) -> Result<(), String> {
        let mut zeros = usize::MAX;
        for chunk in memory.chunks(1 << 16) {
            for byte in chunk {
                if *byte == 0 {
                    zeros = zeros.saturating_add(1);
                    continue;
                }
                self.runs += usize::from(zeros > 0);
                let is_joined = zeros <= JOINED_ZEROS;
                self.segments += usize::from(!is_joined);
                self.bytes += if is_joined { zeros + 1 } else { 1 };
                zeros = 0;
            }
            self.check(end)?;
        }
        Ok(())
    }

    fn check(&self, end: Instant) -> Result<(), String> {
        let joined = self.segments.saturating_sub(SEGMENTS).saturating_mul(JOINED_ZEROS + 1);
        let (found, cap) = (self.bytes.saturating_add(joined), self.cap);
        if found > cap {
            Err(format!("an image of more than {found} bytes, over the cap of {cap} bytes (`HostLimits::image_bytes`)"))
        } else if self.runs > IMAGE_RUNS {
            Err(format!("its memory is written in more than {IMAGE_RUNS} places"))
        } else if Instant::now() >= end {
            Err("its memory was not read within `Limits::configure_deadline`".to_owned())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn add(cap: usize, memory: &[u8]) -> Result<(), String> {
        SnapshotSize::new(cap).add(memory, Instant::now() + Duration::from_secs(60))
    }

    /// A memory of 1 MiB in which every `step`th byte is written.
    fn written(step: usize) -> Vec<u8> {
        (0..1 << 20).map(|index| u8::from(index % step == 0)).collect()
    }

    #[test]
    fn zeros_add_nothing() {
        assert_eq!(add(0, &vec![0; 1 << 20]), Ok(()));
        assert_eq!(add(100, &[[0; 1_000].as_slice(), &[1; 100], &[0; 1_000]].concat()), Ok(()));
    }

    #[test]
    fn zeros_between_many_segments_are_added() {
        // Five zeros are not joined at first, but there may be only 10,000 segments.
        assert!(add(1_000_000, &written(6)).is_ok());
        assert!(add(800_000, &written(6)).unwrap_err().contains("image_bytes"));
        assert!(add(1 << 20, &written(2)).is_ok());
        assert!(add(1_000_000, &written(2)).unwrap_err().contains("image_bytes"));
        assert!(add(1_100, &written(1_000)).is_ok());
    }

    #[test]
    fn the_number_of_runs_is_bounded() {
        let memory: Vec<u8> = (0..3 * IMAGE_RUNS).map(|index| u8::from(index % 2 == 0)).collect();
        assert!(add(usize::MAX, &memory).unwrap_err().contains("places"));
    }

    #[test]
    fn the_deadline_ends_the_count() {
        let error = SnapshotSize::new(usize::MAX).add(&[0], Instant::now()).unwrap_err();
        assert!(error.contains("configure_deadline"), "{error}");
    }
}
