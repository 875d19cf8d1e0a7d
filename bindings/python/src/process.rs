//! Values that only the process that made them can use.

use std::mem::ManuallyDrop;

use pyo3::PyResult;
use pyo3::exceptions::PyRuntimeError;

/// A value with threads. A forked child does not have these threads: there, the value cannot be used, and is leaked
/// instead of dropped.
pub(crate) struct Owned<T> {
    process: u32,
    value: ManuallyDrop<T>,
}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: std::process::id(), value: ManuallyDrop::new(value) }
    }

    /// The value; an error in a forked child.
    pub(crate) fn get(&self) -> PyResult<&T> {
        if self.is_ours() {
            return Ok(&self.value);
        }
        Err(PyRuntimeError::new_err("this object belongs to the process from which this one was forked"))
    }

    fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<T> Drop for Owned<T> {
    #[expect(unsafe_code, reason = "the value is dropped at most once, here")]
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: the value is not used after `drop`.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}
