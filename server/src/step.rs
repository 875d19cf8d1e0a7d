//! Steps of an activation, at which tests end the process.

/// Marks a step. In a test that names its number, the process ends here as if it were killed.
#[cfg(not(test))]
pub(crate) fn step(_name: &'static str) {}

#[cfg(test)]
pub(crate) use tests::step;

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// The number of the step at which a child process of a test ends.
    pub(crate) const KILLED_AT: &str = "GUARDHOUSE_TEST_KILLED_AT";

    static STEPS: AtomicUsize = AtomicUsize::new(0);

    pub(crate) fn step(name: &'static str) {
        let number = STEPS.fetch_add(1, Ordering::SeqCst);
        if std::env::var(KILLED_AT).is_ok_and(|at| at == number.to_string()) {
            println!("killed at step {number}: {name}");
            let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            panic!("the process cannot be killed: {killed:?}");
        }
    }
}
