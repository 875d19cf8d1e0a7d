//! What belongs to one process only.

use std::mem::ManuallyDrop;

use pyo3::PyResult;
use pyo3::exceptions::PyRuntimeError;

/// Something with threads. A child that was forked has none of them: there it can neither be used nor ended, and is
/// left alone.
pub(crate) struct Owned<T> {
    process: u32,
    value: ManuallyDrop<T>,
}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: std::process::id(), value: ManuallyDrop::new(value) }
    }

    /// An error in a child that was forked.
    pub(crate) fn get(&self) -> PyResult<&T> {
        if self.is_ours() {
            return Ok(&self.value);
        }
        Err(PyRuntimeError::new_err("this belongs to the process that this one was forked from"))
    }

    fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<T> Drop for Owned<T> {
    #[expect(unsafe_code, reason = "it is dropped at most once, here")]
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: nothing reaches the value after `drop`.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}
