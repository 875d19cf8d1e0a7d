//! Watching: a test runs again when a file changes that could change what it finds.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::notes::note;

/// The shortest time between two looks at the files.
const INTERVAL: Duration = Duration::from_millis(100);

/// Looking at the files takes at most one part in this many of the time.
const REST: u32 = 10;

/// Runs `run` now and after each change of `state`, until it fails or a signal ends this process.
///
/// A change during a run, by an editor or by a tool that writes among the sources, is followed by one more run at once.
/// If that also changes the state, the files are those that the run writes itself, and the next change counts.
pub(crate) fn watch<T>(
    subject: &mut T,
    state: impl Fn(&T) -> u64,
    mut run: impl FnMut(&mut T) -> Result<()>,
) -> Result<()> {
    let mut is_repeated = false;
    loop {
        let before = state(subject);
        run(subject)?;
        let after = state(subject);
        is_repeated = after != before && !is_repeated;
        if !is_repeated {
            // The files are known now: a change that is made after this line was read is not overlooked.
            note(&"waiting for a change; Ctrl-C ends");
            wait_for_change(|| state(subject), after);
        }
    }
}

/// Waits until the state is another one, and stays the same for a moment: an editor writes a file in several steps.
fn wait_for_change(state: impl Fn() -> u64, known: u64) {
    let mut last = known;
    loop {
        let started = Instant::now();
        let found = state();
        let rest = started.elapsed().saturating_mul(REST);
        if found != known && found == last {
            return;
        }
        last = found;
        std::thread::sleep(INTERVAL.max(rest));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The files, with somebody who changes them.
    #[derive(Default)]
    struct Files {
        state: Cell<u64>,
        looks: Cell<u32>,
        /// The states in which a run began.
        begun: Vec<u64>,
    }

    impl Files {
        /// While nothing runs, a file is changed after some looks.
        fn state(&self) -> u64 {
            self.looks.set(self.looks.get() + 1);
            if self.looks.get() > 4 {
                self.looks.set(0);
                self.state.set(self.state.get() + 100);
            }
            self.state.get()
        }
    }

    /// The states in which runs began, given what each of them sets the state to.
    fn runs(changes: &[Option<u64>]) -> Vec<u64> {
        let mut files = Files::default();
        let ended = watch(&mut files, Files::state, |files| {
            let change = changes.get(files.begun.len());
            files.begun.push(files.state.get());
            files.looks.set(0);
            let Some(change) = change else { anyhow::bail!("the end") };
            files.state.set(change.unwrap_or(files.state.get()));
            Ok(())
        });
        assert_eq!(ended.unwrap_err().to_string(), "the end");
        files.begun
    }

    #[test]
    fn a_run_follows_a_change_and_a_change_during_a_run_counts_once() {
        assert_eq!(runs(&[None, None]), [0, 100, 200], "after each change");
        assert_eq!(runs(&[Some(1), None]), [0, 1, 101], "during the first run");
        assert_eq!(runs(&[Some(1), Some(2), Some(3)]), [0, 1, 102, 3], "a tool that always writes");
    }
}
